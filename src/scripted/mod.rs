//! An agent that plays a script over the real protocol.
//!
//! The prompt says what it does (`SAY:`, `TOOL:`, `ASK:` … see `script`), so a test or the demo can have any
//! behaviour, and any misbehaviour, of an agent without a model, a key or a network. It is a process of its
//! own because that is what can hang, crash, flood and leave children behind. What it says is shaped after
//! frames that were recorded from the real agent, down to the order of the keys.

mod demo;
mod dialogs;
mod history;
mod host;
mod improvise;
mod player;
mod script;
mod step;
mod turn;
mod wire;

use std::io::{BufRead as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use nix::sys::signal::{SigSet, Signal};

use self::history::History;
use self::player::Player;
use self::wire::Wire;

/// How it is started: what matters of the real agent's flags, and of its own environment.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent traits that a test combines"
)]
struct Options {
    model: Option<String>,
    thinking: Option<String>,
    resume: Option<String>,
    /// Never says that it is ready.
    mute: bool,
    /// Refuses version 2 of the protocol.
    old: bool,
    /// Begins a new session where the one to resume is missing.
    forgetful: bool,
    /// Behaves as a real agent would, for people who have a look.
    believable: bool,
}

/// What arrives on stdin.
enum Input {
    Command(serde_json::Value),
    Closed,
}

/// What the threads know of each other.
#[derive(Debug, Default)]
struct Moods {
    /// Neither SIGTERM nor a closed stdin ends it.
    stubborn: AtomicBool,
    /// It stops reading its stdin.
    deaf: AtomicBool,
}

/// Runs the scripted agent until its stdin is closed. Takes the arguments after the subcommand and returns
/// the exit code. `OMPCORD_SCRIPTED` may name traits (`noready,old,forgetful,demo`), `OMPCORD_SCRIPTED_DIR` is
/// where conversations are kept, `OMPCORD_SCRIPTED_SPEED` makes the demo faster.
#[must_use]
pub fn run(args: &[String]) -> i32 {
    if args.iter().any(|arg| arg == "--version") {
        let version = concat!("scripted agent ", env!("CARGO_PKG_VERSION"));
        return i32::from(writeln!(std::io::stdout(), "{version}").is_err());
    }
    let options = Options::read(args, &std::env::var("OMPCORD_SCRIPTED").unwrap_or_default());
    let history = match History::open(options.resume.as_deref(), options.forgetful) {
        Ok(history) => history,
        Err(error) => {
            wire::log(&format!("Error: {error}"));
            wire::log("Run `omp --resume` without an argument to pick from recent sessions.");
            return 1;
        }
    };
    let moods = Arc::new(Moods::default());
    // Before there is any thread, so that every one of them inherits it and only the watcher is told.
    let watched = watch_for_term(&moods);
    let (sender, inputs) = mpsc::channel();
    let reader = {
        let moods = Arc::clone(&moods);
        std::thread::Builder::new()
            .name("stdin".into())
            .spawn(move || read_stdin(&sender, &moods))
    };
    if let (Err(error), _) | (_, Err(error)) = (watched, reader) {
        wire::log(&format!("scripted: cannot start: {error}"));
        return 1;
    }
    Player::new(Wire::new(), inputs, moods, history, options).run()
}

impl Options {
    fn read(args: &[String], traits: &str) -> Self {
        let mut options = Self::default();
        let has = |name: &str| traits.split(',').any(|given| given.trim() == name);
        (options.mute, options.old, options.forgetful) = (has("noready"), has("old"), has("forgetful"));
        options.believable = has("demo");
        let mut args = args.iter();
        while let Some(flag) = args.next() {
            let place = match flag.as_str() {
                "--model" => &mut options.model,
                "--thinking" => &mut options.thinking,
                "--resume" => &mut options.resume,
                _ => continue,
            };
            *place = args.next().cloned();
        }
        options
    }
}

/// The real agent exits 143 on SIGTERM; this one does unless it is stubborn.
fn watch_for_term(moods: &Arc<Moods>) -> std::io::Result<()> {
    let mut term = SigSet::empty();
    term.add(Signal::SIGTERM);
    term.thread_block()?;
    let moods = Arc::clone(moods);
    std::thread::Builder::new()
        .name("sigterm".into())
        .spawn(move || {
            while term.wait().is_ok() {
                if moods.stubborn.load(Ordering::Relaxed) {
                    wire::log("scripted: SIGTERM, ignored");
                } else {
                    die(143);
                }
            }
        })?;
    Ok(())
}

fn read_stdin(inputs: &mpsc::Sender<Input>, moods: &Moods) {
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        if let Ok(command) = serde_json::from_str(&line)
            && inputs.send(Input::Command(command)).is_err()
        {
            return;
        }
        if moods.deaf.load(Ordering::Relaxed) {
            loop {
                std::thread::park();
            }
        }
    }
    if moods.stubborn.load(Ordering::Relaxed) {
        wire::log("scripted: stdin closed, ignored");
        loop {
            // The channel stays open, so that the player waits instead of spinning.
            std::thread::park();
        }
    }
    // Nobody listens when the player is done already.
    drop(inputs.send(Input::Closed));
}

/// Ends the process at once, wherever it is.
#[expect(
    clippy::disallowed_methods,
    reason = "a crash is what is played, and this process has nothing to drain"
)]
fn die(code: i32) -> ! {
    std::process::exit(code)
}
