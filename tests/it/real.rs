//! The main job with the real agent and a scripted model. Skipped where `OMPCORD_TEST_OMP` does not name an agent.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use ompcord::sim::SimConfig;

use crate::harness::{Bench, Setup, answers, eventually, processes};

/// A scripted model on loopback, and a home directory whose agent uses it. It ends with its standard input.
pub struct Model {
    child: Child,
    home: tempfile::TempDir,
    pub name: String,
}

impl Model {
    /// The home directory.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/rig/model.mjs");
        let mut child = Command::new("node")
            .arg(script)
            .arg("--home")
            .arg(home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let hello: serde_json::Value = serde_json::from_str(&line).unwrap();
        Self {
            child,
            home,
            name: hello["model"].as_str().unwrap().to_owned(),
        }
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().ok();
    }
}

pub struct Real {
    pub bench: Bench,
    pub _model: Model,
}

/// The daemon with the real agent; `None` where there is none.
pub async fn real(vars: Vec<(&'static str, String)>) -> Option<Real> {
    let Ok(omp) = std::env::var("OMPCORD_TEST_OMP") else {
        println!("skipped: OMPCORD_TEST_OMP names no agent");
        return None;
    };
    let model = Model::start();
    let mut all = vec![
        ("OMP_COMMAND", omp),
        ("OMP_MODEL", model.name.clone()),
        ("OMPCORD_AGENT_ENV", "HOME".to_owned()),
        ("HOME", model.home.path().display().to_string()),
    ];
    all.extend(vars);
    let bench = Bench::with(Setup {
        sim: SimConfig::default(),
        vars: all,
        client: None,
    })
    .await;
    Some(Real { bench, _model: model })
}

#[tokio::test]
async fn real_agent_answers_in_a_thread_and_keeps_its_process_for_the_second_prompt() {
    let Some(Real { bench, _model }) = real(Vec::new()).await else {
        return;
    };
    let (_, thread) = bench.launch("SAY:Good morning from the **model**.").await;
    let messages = bench.turns(thread, 1).await;
    assert_eq!(answers(&messages), "Good morning from the **model**.");
    let footer = messages.last().unwrap();
    assert!(
        footer.content.contains("rig/script") && footer.content.contains('%'),
        "{}",
        footer.content
    );
    let agents = processes(&format!("--cwd {}", bench.work().display()));
    bench.sim.say("alice", thread, "HISTORY").unwrap();
    let messages = bench.turns(thread, 2).await;
    assert!(
        answers(&messages).contains("Good morning from the"),
        "{}",
        answers(&messages)
    );
    assert_eq!(
        processes(&format!("--cwd {}", bench.work().display())),
        agents,
        "it is the same process"
    );
    bench.finish().await;
}

#[tokio::test]
async fn real_agent_tools_are_shown_and_cancel_leaves_no_child() {
    let Some(Real { bench, _model }) = real(Vec::new()).await else {
        return;
    };
    let (_, thread) = bench
        .launch(r#"TOOL:bash:{"command":"echo from-the-tool"}"#)
        .await;
    bench.sees(thread, "The tool said:").await;
    let messages = bench.turns(thread, 1).await;
    assert!(
        messages.iter().any(|m| m.content.contains("1 tool")),
        "{messages:#?}"
    );

    bench
        .sim
        .say(
            "alice",
            thread,
            r#"TOOL:bash:{"command":"sh -c 'sleep 86399; true'"}"#,
        )
        .unwrap();
    bench.sees(thread, "sleep 86399").await;
    eventually("the tool's child", || !processes("sleep 86399").is_empty()).await;
    bench.sim.say("alice", thread, "!omp cancel").unwrap();
    bench.sees(thread, "Cancelled").await;
    eventually("the tool's child to be gone", || {
        processes("sleep 86399").is_empty()
    })
    .await;
    bench.finish().await;
}

#[tokio::test]
async fn real_agent_queues_steers_and_stops() {
    let Some(Real { bench, _model }) = real(Vec::new()).await else {
        return;
    };
    let (_, thread) = bench.launch(r#"TOOL:bash:{"command":"sleep 5"}"#).await;
    bench.sees(thread, "sleep 5").await;
    let queued = bench.sim.say("alice", thread, "SAY:this was queued").unwrap();
    let has_inbox = |m: ompcord::sim::SeenMessage| m.reactions.iter().any(|r| r.emoji == "📥");
    bench
        .sim
        .until("📥", |sim| sim.message(queued).filter(|m| has_inbox(m.clone())))
        .await;
    let steered = bench.sim.say("alice", thread, "!mind the gap").unwrap();
    bench
        .sim
        .until("🧭", |sim| sim.message(steered)?.reactions.first().map(|_| ()))
        .await;
    bench.sees(thread, "mind the gap").await;
    bench.sees(thread, "this was queued").await;
    bench.turns(thread, 2).await;
    bench
        .sim
        .until("📥 to go", |sim| {
            sim.message(queued).filter(|m| m.reactions.is_empty())
        })
        .await;
    bench.sim.say("alice", thread, "!omp stop").unwrap();
    bench
        .sim
        .until("the thread to be archived", |sim| {
            sim.thread(thread)?.archived.then_some(())
        })
        .await;
    assert!(
        bench
            .sim
            .messages(thread)
            .iter()
            .any(|m| m.content.contains("omp --resume"))
    );
    bench.finish().await;
}

#[tokio::test]
async fn real_agent_is_evicted_when_idle_and_remembers_when_resumed() {
    let Some(Real { bench, _model }) = real(vec![("OMP_IDLE_TIMEOUT", "1s".to_owned())]).await else {
        return;
    };
    let (_, thread) = bench.launch("remember the word xylophone").await;
    bench.turns(thread, 1).await;
    let agents = format!("--cwd {}", bench.work().display());
    eventually("the idle process to end", || processes(&agents).is_empty()).await;
    bench.sim.say("alice", thread, "HISTORY").unwrap();
    let messages = bench.turns(thread, 2).await;
    assert!(answers(&messages).contains("xylophone"), "{}", answers(&messages));
    bench.finish().await;
}

#[tokio::test]
async fn real_agent_long_answers_are_complete() {
    let Some(Real { bench, _model }) = real(Vec::new()).await else {
        return;
    };
    let (_, thread) = bench.launch("LONG:60").await;
    let messages = bench.turns(thread, 1).await;
    let files: Vec<_> = messages.iter().flat_map(|m| &m.attachments).collect();
    assert_eq!(files.len(), 1, "{messages:#?}");
    assert!(
        (60 * 1024..62 * 1024).contains(&files[0].size),
        "{}",
        files[0].size
    );
    let said: Vec<_> = messages
        .iter()
        .filter(|m| m.by_bot && !m.content.starts_with("-# "))
        .collect();
    assert!((1..=5).contains(&said.len()));
    let whole = files[0].text();
    for piece in said {
        assert!(
            whole.contains(piece.content.trim()),
            "a piece is not part of the answer"
        );
    }
    bench.finish().await;
}
