//! The real agent in a real terminal (tmux), with the extension and a scripted model, against the whole daemon. Skipped
//! where `OMPCORD_TEST_OMP` does not name an agent, or where there is no tmux.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use crate::harness::{Bench, answers, footers, talk};
use crate::real::{Real, real};

/// A terminal in which the agent runs with the extension.
struct Terminal {
    socket: PathBuf,
    /// What is written into it: a name of its own, because a socket of one that has ended may still be there.
    started: bool,
}

/// The steps after which a person would give up.
const PATIENCE: Duration = Duration::from_mins(2);

impl Terminal {
    fn start(bench: &Bench, home: &Path, name: &str, more: &[&str]) -> Self {
        let omp = std::env::var("OMPCORD_TEST_OMP").unwrap();
        let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("extension/dist/index.js");
        let state = bench.dir.path().join("state").display().to_string();
        let mut words = vec!["env".to_owned(), "-i".to_owned()];
        for (variable, value) in [
            ("HOME", home.display().to_string()),
            ("PATH", std::env::var("PATH").unwrap()),
            ("TERM", "xterm-256color".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("OMP_SKIP_SETUP", "1".to_owned()),
            ("OMPCORD_URL", bench.url()),
            ("OMPCORD_STATE_DIR", state),
        ] {
            words.push(format!("{variable}={value}"));
        }
        words.push(omp);
        words.extend(["--model", "rig/script", "--approval-mode", "yolo", "-e"].map(str::to_owned));
        words.push(bundle.display().to_string());
        words.extend(more.iter().map(|word| (*word).to_owned()));
        let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let terminal = Self {
            socket: home.join(format!("tmux-{name}")),
            started: true,
        };
        let size = ["new-session", "-d", "-x", "120", "-y", "50", "-c"];
        let work = bench.work().display().to_string();
        let line = quoted.join(" ");
        let args: Vec<&str> = size.into_iter().chain([work.as_str(), line.as_str()]).collect();
        let started = terminal.tmux(&args);
        assert!(started.status.success(), "{started:?}");
        terminal
    }

    fn tmux(&self, args: &[&str]) -> Output {
        Command::new("tmux")
            .arg("-S")
            .arg(&self.socket)
            .args(args)
            .output()
            .unwrap()
    }

    fn screen(&self) -> String {
        String::from_utf8_lossy(&self.tmux(&["capture-pane", "-p"]).stdout).into_owned()
    }

    /// Waits until all of this is on the screen.
    async fn shows(&self, texts: &[&str]) {
        self.until(&format!("{texts:?} on the screen"), || {
            let screen = self.screen();
            texts.iter().all(|text| screen.contains(text))
        })
        .await;
    }

    async fn until(&self, what: &str, check: impl Fn() -> bool) {
        let limit = tokio::time::Instant::now() + PATIENCE;
        while !check() {
            assert!(
                tokio::time::Instant::now() < limit,
                "waited for {what}:\n{}",
                self.screen()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Text and Enter in one go are taken for something that was pasted.
    async fn types(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
        self.shows(&[text]).await;
        self.tmux(&["send-keys", "Enter"]);
    }

    fn is_alive(&self) -> bool {
        self.tmux(&["has-session"]).status.success()
    }

    /// Ctrl-C until it is closed, as a person does it.
    async fn closes(mut self) {
        let limit = tokio::time::Instant::now() + PATIENCE;
        while self.is_alive() {
            assert!(
                tokio::time::Instant::now() < limit,
                "it does not close:\n{}",
                self.screen()
            );
            self.tmux(&["send-keys", "C-c"]);
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        self.started = false;
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if self.started {
            self.tmux(&["kill-server"]);
        }
    }
}

/// The thread of the only session, once it is there.
async fn thread_of(bench: &Bench) -> (ompcord::ids::ThreadId, String) {
    let api = bench.api();
    let (_, sessions) = api.get("/api/sessions").await;
    let session = &sessions.as_array().unwrap()[0];
    let thread = session["thread_id"].as_str().unwrap().parse().unwrap();
    (thread, session["session_id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn real_agent_in_a_terminal_is_shown_steered_left_and_taken_back() {
    if Command::new("tmux").arg("-V").output().is_err() {
        println!("skipped: there is no tmux");
        return;
    }
    let Some(Real {
        mut bench,
        _model: model,
    }) = real(Vec::new()).await
    else {
        return;
    };
    let home = model.home().to_owned();
    let terminal = Terminal::start(&bench, &home, "one", &[]);
    terminal.shows(&["Script"]).await;
    terminal.types("/discord on").await;
    terminal
        .shows(&[
            "This session is on Discord: https://discord.com/channels/",
            "● on Discord",
        ])
        .await;
    let (thread, session) = thread_of(&bench).await;
    bench.sees(thread, "In a terminal").await;

    // A prompt that is typed, and its answer.
    terminal.types("SAY:The word is plum.").await;
    let messages = bench.turns(thread, 1).await;
    assert!(
        messages
            .iter()
            .any(|m| m.content.contains("> SAY:The word is plum."))
    );
    assert!(
        answers(&messages).ends_with("The word is plum."),
        "{}",
        answers(&messages)
    );
    assert!(messages.last().unwrap().content.contains("rig/script"));

    // A message wakes it, and its echo is not shown again.
    bench
        .sim
        .say("alice", thread, "SAY:woken from the thread")
        .unwrap();
    terminal
        .shows(&["Discord · alice: SAY:woken from the thread"])
        .await;
    let messages = bench.turns(thread, 2).await;
    assert_eq!(answers(&messages).matches("woken from the thread").count(), 1);

    // One steers it while a tool waits for this test.
    let wait = r#"TOOL:bash:{"command":"until [ -e gate ]; do sleep 0.1; done; echo from-the-tool"}"#;
    terminal.types(wait).await;
    bench.sees(thread, "⏳ bash").await;
    let steer = bench
        .sim
        .say("alice", thread, "SAY:steered from the thread")
        .unwrap();
    bench.marked(steer, "🧭", true).await;
    terminal
        .shows(&["Discord · alice: SAY:steered from the thread"])
        .await;
    std::fs::write(bench.work().join("gate"), "").unwrap();
    bench.sees(thread, "steered from the thread").await;
    let idle = |sim: &ompcord::sim::Sim| {
        let card = crate::harness::card(sim, thread)?;
        card.words().contains("🟢 Idle").then_some(())
    };
    bench.sim.until("the terminal to be idle", idle).await;

    // The daemon goes and comes back, on the same port: the extension finds it by itself.
    let before = footers(&bench.sim, thread);
    bench.reboot().await;
    terminal
        .types("SAY:said while nobody was there or just after")
        .await;
    terminal.shows(&["● on Discord"]).await;
    bench.turns(thread, before + 1).await;
    bench.sees(thread, "said while nobody was there").await;

    // The terminal is closed; the conversation goes on here, with its memory.
    terminal.closes().await;
    bench.sees(thread, "The terminal was closed").await;
    bench.sim.say("alice", thread, "HISTORY").unwrap();
    let history = bench.sees(thread, "So far: ").await;
    assert!(history.content.contains("plum"), "{}", history.content);
    let (_, info) = bench.api().get(&format!("/api/sessions/{session}")).await;
    assert_eq!(info["kind"], "owned");

    // And back into a terminal, which connects by itself.
    let conversation = info["agent_session_id"].as_str().unwrap().to_owned();
    let terminal = Terminal::start(&bench, &home, "two", &["--resume", &conversation]);
    terminal.shows(&["● on Discord"]).await;
    bench.sees(thread, "A terminal has this session now").await;
    terminal.types("SAY:back in the terminal").await;
    let back = |sim: &ompcord::sim::Sim| {
        let messages = sim.messages(thread);
        messages
            .into_iter()
            .find(|m| m.by_bot && m.content == "back in the terminal")
    };
    bench.sim.until("the answer of the terminal", back).await;

    // Not shared any more: nothing is run beside it without a word.
    terminal.types("/discord off").await;
    bench.sees(thread, "does not share this session any more").await;
    bench.sim.say("alice", thread, "SAY:beside it").unwrap();
    bench.question(thread, "still has this conversation open").await;
    bench.press("alice", thread, "Ignore").await;
    terminal.closes().await;
    let said = talk(&bench.sim, thread);
    assert!(
        !said.iter().any(|m| m.by_bot && m.content == "beside it"),
        "{said:#?}"
    );
    bench.finish().await;
}
