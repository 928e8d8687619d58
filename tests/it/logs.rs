//! What the program logs: lines that a machine can read, each with whose it is, and nothing of what was said.

use std::os::unix::fs::MetadataExt as _;

use nix::sys::signal::Signal;
use ompcord::ids::ThreadId;
use ompcord::sim::{Sim, SimConfig};
use serde_json::Value;

use crate::commands_table::session_of;
use crate::harness::Bench;
use crate::restart::Program;

/// Stands in everything that is said here, and in nothing that is logged.
const SAID: &str = "zebrafish";

/// A session with two prompts in a daemon that runs as a program, and what it logged.
async fn logged(bench: &Bench) -> (ThreadId, String, String) {
    let program = Program::run(bench).await;
    let prompt =
        format!("LOG:{SAID} on stderr\nTOOL:bash:{{\"command\":\"{SAID}\"}}\nSAY:{SAID} is the answer");
    let (_, thread) = bench.launch(&prompt).await;
    bench.turns(thread, 1).await;
    let session = session_of(bench, thread).await.to_string();
    bench
        .sim
        .say("alice", thread, &format!("ERROR:{SAID} failed"))
        .unwrap();
    bench.turns(thread, 2).await;
    program.signal(Signal::SIGTERM);
    assert!(program.ended().await.success());
    let log = Program::log(bench);
    assert!(!log.contains(SAID), "what was said is nobody's business:\n{log}");
    assert!(!log.contains(&bench.sim.bot_token()), "{log}");
    (thread, session, log)
}

/// A field of the spans that a line is in.
fn of_span<'a>(line: &'a Value, span: &str, field: &str) -> Option<&'a Value> {
    let spans = line["spans"].as_array()?;
    spans.iter().find(|found| found["name"] == span)?.get(field)
}

#[tokio::test]
async fn json_lines_say_whose_they_are_and_not_what_was_said() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let vars = vec![
        ("OMPCORD_LOG_FORMAT", "json".to_owned()),
        ("OMPCORD_LOG", "info".to_owned()),
    ];
    let mut bench = Bench::on(sim, vars, None);
    let (thread, session, log) = logged(&bench).await;
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    let text = |line: &Value| line["message"].as_str().unwrap_or_default().to_owned();
    let mut prompts = Vec::new();
    for line in &lines {
        assert!(
            line["timestamp"].is_string() && line["level"].is_string(),
            "{line}"
        );
        let target = line["target"].as_str().unwrap();
        if target.starts_with("ompcord::session") || target.starts_with("ompcord::agent::process") {
            assert_eq!(
                of_span(line, "session", "session"),
                Some(&session.clone().into()),
                "{line}"
            );
            assert_eq!(
                of_span(line, "session", "thread"),
                Some(&thread.to_string().into()),
                "{line}"
            );
        }
        if text(line) == "the turn is over" {
            assert!(line["duration_ms"].is_u64(), "{line}");
            prompts.push((
                of_span(line, "prompt", "prompt"),
                line["outcome"].as_str().unwrap(),
            ));
        }
        if text(line) == "a prompt goes to the agent" {
            assert_eq!(of_span(line, "prompt", "prompt"), line.get("prompt"), "{line}");
        }
    }
    assert_eq!(prompts, [(Some(&1.into()), "done"), (Some(&2.into()), "failed")]);
    let has = |what: &str| lines.iter().any(|line| text(line).contains(what));
    assert!(has("the agent was started") && has("the agent is gone"), "{log}");
    bench.set(
        "OMPCORD_LOG",
        format!("error,[session{{session={session}}}]=info"),
    );
    only_of(&bench, thread, &session).await;
    bench.finish().await;
}

/// With such a filter one session of two is logged.
async fn only_of(bench: &Bench, thread: ThreadId, session: &str) {
    let program = Program::run(bench).await;
    bench.launch("SAY:another session").await;
    bench.barrier().await;
    bench.sim.say("alice", thread, "SAY:once more").unwrap();
    bench.turns(thread, 3).await;
    program.signal(Signal::SIGTERM);
    assert!(program.ended().await.success());
    let log = Program::log(bench);
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let own = |line: &Value| of_span(line, "session", "session") == Some(&session.into());
    assert!(lines.iter().all(own), "{log}");
    assert!(log.contains("the turn is over"), "{log}");
}

#[tokio::test]
async fn lines_for_the_journal_have_its_priorities_and_no_time_of_their_own() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let mut bench = Bench::on(sim, Vec::new(), None);
    // The program is given the same file, emptied.
    let journal = std::fs::File::create(bench.dir.path().join("log.txt")).unwrap();
    let meta = journal.metadata().unwrap();
    bench.set("JOURNAL_STREAM", format!("{}:{}", meta.dev(), meta.ino()));
    let (thread, session, log) = logged(&bench).await;
    for line in log.lines() {
        let (priority, rest) = line
            .strip_prefix('<')
            .and_then(|line| line.split_once('>'))
            .expect(line);
        assert!(["3", "4", "6", "7"].contains(&priority), "{line}");
        assert!(!rest.contains('\u{1b}'), "no colours: {line}");
        assert!(rest.starts_with(char::is_alphabetic), "no time: {line}");
    }
    let wanted =
        format!("<6>session{{session={session} thread={thread}}}:prompt{{prompt=2}}: ompcord::session::");
    assert!(log.contains(&wanted), "{wanted} in\n{log}");
    bench.finish().await;
}
