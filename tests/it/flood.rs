//! More output than a thread can take: the transcript has all of it, the thread the ends, Discord few requests.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use ompcord::ids::ThreadId;
use ompcord::sim::{RateLimits, SeenMessage, Sim, SimConfig};

use crate::harness::{Bench, is_footer};

/// The numbers of the lines that `LINES:` printed, as they stand in a text.
fn numbers(text: &str) -> Vec<u64> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("line "));
    lines
        .filter_map(|rest| rest.split(' ').next()?.parse().ok())
        .collect()
}

/// The transcripts of all sessions.
fn transcripts(state: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(state.join("transcripts")).unwrap();
    let files = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file());
    files.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// Every line that a reader can find in the thread, in the messages or in the files below them.
fn readable(messages: &[SeenMessage]) -> Vec<u64> {
    let mut all = Vec::new();
    for message in messages.iter().filter(|m| m.by_bot) {
        match message.attachments.first() {
            Some(file) => all.extend(numbers(&file.text())),
            None => all.extend(numbers(&message.content)),
        }
    }
    all
}

/// The most memory that a process has used, in KiB.
fn peak(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The daemon as a process of its own, so that its memory can be measured.
struct Program {
    child: Child,
}

impl Program {
    async fn start(bench: &Bench) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_ompcord"))
            .arg("run")
            .arg("--env-file")
            .arg(bench.dir.path().join("empty.env"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("OMPCORD_HTTP_ADDR", "127.0.0.1:0")
            .envs(bench.vars().iter())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let connected = |sim: &Sim| sim.gateway_connected().then_some(());
        bench.sim.until("the daemon to connect", connected).await;
        Self { child }
    }

    /// Ends it as a service manager does.
    async fn end(mut self) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().try_into().unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        let status = tokio::task::spawn_blocking(move || self.child.wait())
            .await
            .unwrap()
            .unwrap();
        assert!(status.success(), "{status}");
    }
}

#[tokio::test]
async fn two_hundred_thousand_lines_at_once_leave_memory_flat_and_lose_nothing() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let bench = Bench::on(sim, Vec::new(), None);
    // Writes the empty environment file.
    let state = bench.config().state_dir;
    let program = Program::start(&bench).await;
    let (_, thread) = bench.launch("SAY:Ready.").await;
    bench.turns(thread, 1).await;
    let before = peak(&program.child);
    bench
        .sim
        .say("alice", thread, "LINES:200000:0 SAY:Printed.")
        .unwrap();
    let messages = bench.turns(thread, 2).await;
    let grown = peak(&program.child) - before;
    assert!(grown < 60 << 10, "memory grew by {grown} KiB, from {before}");

    let all: Vec<u64> = (1..=200_000).collect();
    let there = transcripts(&state);
    assert_eq!(there.len(), 1);
    assert!(numbers(&there[0]) == all, "lines are missing in the transcript");
    let read = readable(&messages);
    let odd = read.windows(2).find(|pair| pair[0] + 1 != pair[1]);
    assert!(
        read == all,
        "a reader finds {} lines, {odd:?}\n{}",
        read.len(),
        bench.sim.picture()
    );
    let ours = messages.iter().filter(|m| m.by_bot).count();
    assert!(ours < 25, "{ours} messages\n{}", bench.sim.picture());
    let flood = messages
        .iter()
        .find(|m| m.content.contains("more lines, all in log.txt"))
        .unwrap();
    assert!(
        flood.content.starts_with("```\nline ") && flood.silent,
        "{}",
        flood.content
    );
    let last = messages
        .iter()
        .rev()
        .find(|m| m.content.starts_with("```"))
        .unwrap();
    assert!(last.content.contains("line 200000 of 200000"), "{}", last.content);
    assert!(is_footer(messages.last().unwrap()));
    assert_eq!(bench.sim.rate_limited(), 0);
    program.end().await;
    bench.finish().await;
}

#[tokio::test]
async fn twenty_sessions_that_print_all_at_once_stay_within_the_limits() {
    const SESSIONS: usize = 20;
    const LINES: u64 = 1_000;
    let sim = Sim::start(SimConfig {
        rate_limits: RateLimits::On,
        ..SimConfig::default()
    });
    let vars = vec![("OMP_MAX_PROCESSES", SESSIONS.to_string())];
    let mut bench = Bench::on(sim.await.unwrap(), vars, None);
    bench.boot().await;
    let (mut threads, mut prompts) = (Vec::new(), Vec::new());
    for _ in 0..SESSIONS {
        let text = format!("LINES:{LINES}:200");
        let message = bench.sim.say("alice", "home", &text).unwrap();
        bench.sim.react("alice", message, "🚀").unwrap();
        threads.push(message.thread());
        prompts.push(message);
    }
    let began = std::time::Instant::now();
    for thread in &threads {
        turn_of(&bench.sim, *thread).await;
    }
    let seconds = began.elapsed().as_secs();
    let all: Vec<u64> = (1..=LINES).collect();
    for transcript in transcripts(&bench.config().state_dir) {
        assert_eq!(numbers(&transcript), all, "lines are missing in a transcript");
    }
    // What a channel takes in that time: five creates and five edits in each five seconds that began.
    let windows = usize::try_from(seconds.div_ceil(5) + 1).unwrap();
    for thread in &threads {
        let messages = bench.sim.messages(*thread);
        assert_eq!(readable(&messages), all, "{}", bench.sim.picture());
        let last = messages
            .iter()
            .rev()
            .find(|m| m.content.starts_with("```"))
            .unwrap();
        assert!(
            last.content.contains(&format!("line {LINES} of {LINES}")),
            "{}",
            last.content
        );
        for method in ["POST", "PATCH"] {
            let route = if method == "POST" {
                "messages"
            } else {
                "messages/{}"
            };
            let calls = bench.sim.count(method, &format!("/channels/{thread}/{route}"));
            assert!(calls <= 5 * windows, "{calls} × {method} in {seconds} s");
            // And by far fewer than there were lines, however slow this machine is.
            assert!(calls <= 100, "{calls} × {method}");
        }
    }
    // Pins are limited like messages, and those of twenty launches take their time.
    patiently(&bench.sim, "every prompt to be unpinned", |sim| {
        let calls = sim.requests();
        let unpinned = calls.iter().filter(|call| {
            call.method == "DELETE" && call.route.contains("pins") && call.status == Some(204)
        });
        (unpinned.count() >= SESSIONS).then_some(())
    })
    .await;
    assert!(
        prompts
            .iter()
            .all(|prompt| !bench.sim.message(*prompt).unwrap().pinned)
    );
    let refused = bench.sim.rate_limited();
    assert!(refused <= SESSIONS, "{refused} × 429: {:?}", limited(&bench.sim));
    bench.finish().await;
}

/// Which requests were refused for a limit.
fn limited(sim: &Sim) -> Vec<String> {
    let calls = sim.requests().into_iter();
    let limited = calls.filter(|call| call.status == Some(429));
    limited
        .map(|call| format!("{} {}", call.method, call.path))
        .collect()
}

async fn turn_of(sim: &Sim, thread: ThreadId) {
    let done = |sim: &Sim| sim.messages(thread).iter().any(is_footer).then_some(());
    patiently(sim, &format!("the footer in {thread}"), done).await;
}

/// Twenty launches at once take longer than other things: the limits are the real ones.
async fn patiently(sim: &Sim, what: &str, mut done: impl FnMut(&Sim) -> Option<()>) {
    for _ in 0..4 {
        let patience = std::time::Duration::from_secs(25);
        if tokio::time::timeout(patience, sim.until(what, &mut done))
            .await
            .is_ok()
        {
            return;
        }
    }
    panic!("waited for {what}\n{}", sim.picture());
}
