//! `ompcord demo` as a newcomer runs it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::StreamExt as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ompcord::ids::ThreadId;
use ompcord::sim::{Sim, SimConfig};
use serde_json::{Value, json};

use crate::harness::{Bench, answers, scripted_command};

fn demo(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ompcord"));
    command
        .args(["demo", "--port", "0"])
        .args(args)
        .stdin(Stdio::null());
    command
}

#[test]
fn the_demo_plays_a_launch_and_ends_when_it_is_told_to() {
    let out = demo(&["--agent", "scripted", "--once"])
        .args([
            "--prompt",
            "TOOL:bash:{\"command\":\"cargo test\"}\nSAY:All tests pass.",
        ])
        .output()
        .unwrap();
    let shown = String::from_utf8(out.stdout).unwrap();
    assert!(
        out.status.success(),
        "{shown}\n{}",
        String::from_utf8_lossy(&out.stderr)
    );
    for expected in [
        "Open       http://127.0.0.1:",
        "alice reacts with 🚀",
        "#Run: ",
        "All tests pass.",
        "playground ⋅ ",
    ] {
        assert!(shown.contains(expected), "{expected:?} is missing in\n{shown}");
    }
    assert_eq!(String::from_utf8_lossy(&out.stderr), "");
}

#[test]
fn the_demo_says_what_is_wrong_with_its_arguments() {
    for (args, said) in [
        (
            vec!["--workdir", "/nowhere/at/all"],
            "the workspace /nowhere/at/all cannot be used",
        ),
        (vec!["--agent", "omp"], "the agent omp was not found"),
    ] {
        let out = demo(&["--once"])
            .args(&args)
            .env("OMP_COMMAND", "no-such-agent")
            .output()
            .unwrap();
        let error = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(1), "{error}");
        assert!(error.contains(said) && error.contains("hint: "), "{error}");
    }
    let out = demo(&["--fault", "POST letters 500"]).output().unwrap();
    let error = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(2), "{error}");
    assert!(error.contains("there is no route \"letters\""), "{error}");
}

#[test]
fn a_port_that_is_taken_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let out = Command::new(env!("CARGO_BIN_EXE_ompcord"))
        .args(["demo", "--agent", "scripted", "--port", &port])
        .output()
        .unwrap();
    let error = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{error}");
    assert!(
        error.contains(&format!("cannot listen on 127.0.0.1:{port}"))
            && error.contains("hint: choose another port"),
        "{error}"
    );
}

#[test]
fn a_demo_whose_agent_fails_says_so_and_ends() {
    let out = demo(&["--agent", "scripted", "--once"])
        .args(["--prompt", "ERROR:no key for this model"])
        .output()
        .unwrap();
    let shown = String::from_utf8(out.stdout).unwrap();
    let error = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{shown}\n{error}");
    assert!(shown.contains("no key for this model"), "{shown}");
    assert!(
        error.contains("the agent did not answer") && error.contains("hint: "),
        "{error}"
    );
}

/// A demo that runs, and is ended as Ctrl-C does.
struct Running {
    child: Child,
    base: String,
}

impl Running {
    fn start(args: &[&str]) -> Self {
        let mut child = demo(&["--agent", "scripted"])
            .args(args)
            .env("OMPCORD_SCRIPTED_SPEED", "10")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let base = lines
            .find_map(|line| Some(line.unwrap().trim().strip_prefix("Open ")?.trim().to_owned()))
            .unwrap();
        Self {
            child,
            base: base.trim_end_matches('/').to_owned(),
        }
    }

    async fn get(&self, path: &str) -> Value {
        let response = reqwest::get(format!("{}{path}", self.base)).await.unwrap();
        serde_json::from_str(&response.text().await.unwrap()).unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let request = reqwest::Client::new()
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/json")
            .body(body.to_string());
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (
            status,
            serde_json::from_str(&response.text().await.unwrap()).unwrap(),
        )
    }

    /// Waits until the state of the simulated Discord is so.
    async fn until<T>(&self, what: &str, ready: impl Fn(&Value) -> Option<T>) -> T {
        let limit = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            let state = self.get("/sim/state").await;
            if let Some(found) = ready(&state) {
                return found;
            }
            assert!(
                tokio::time::Instant::now() < limit,
                "waited for {what}\n{state:#}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn connected(&self, wanted: bool) {
        self.until(&format!("connected: {wanted}"), |state| {
            (state["connected"] == wanted).then_some(())
        })
        .await;
    }

    fn end(mut self) {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGINT).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed leaves it running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The words of every message in the newest thread.
fn thread_texts(state: &Value) -> Vec<String> {
    let thread = state["threads"].as_array().and_then(|threads| threads.last());
    let messages = thread.and_then(|thread| thread["messages"].as_array());
    messages
        .into_iter()
        .flatten()
        .map(|message| message["content"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test]
async fn the_demo_describes_itself_and_restarts_its_daemon() {
    let demo = Running::start(&["--no-play", "--seed", "5", "--messages", "60", "--fault", "slow"]);
    let about = demo.get("/demo.json").await;
    assert_eq!(
        (&about["agent"]["kind"], &about["restart"]),
        (&json!("scripted"), &json!(true))
    );
    assert_eq!(about["users"][1]["allowed"], false);
    assert!(about["try"].as_array().unwrap().len() >= 10);
    assert_eq!(about["faults"][0]["name"], "rate-limits");
    let page = demo.get("/sim/channels/home/messages").await;
    assert_eq!(
        (page["messages"].as_array().unwrap().len(), &page["more"]),
        (50, &json!(true))
    );
    demo.connected(true).await;
    assert_eq!(
        demo.get("/sim/faults").await[0]["mishap"],
        json!({"slow": {"ms": 1500}})
    );
    // Every suggestion of trouble is understood as it stands.
    for fault in about["faults"].as_array().unwrap() {
        let path = if fault["fault"].is_null() {
            "/sim/gateway"
        } else {
            "/sim/faults"
        };
        let body = if fault["fault"].is_null() {
            &fault["gateway"]
        } else {
            &fault["fault"]
        };
        assert_eq!(demo.post(path, body.clone()).await.0, 200, "{fault}");
    }
    let cleared = reqwest::Client::new()
        .delete(format!("{}/sim/faults", demo.base))
        .send()
        .await;
    assert_eq!(cleared.unwrap().status(), 200);
    assert_eq!(demo.get("/sim/faults").await, json!([]));
    demo.post("/sim/gateway", json!({"down": false})).await;
    demo.connected(true).await;

    let said = json!({"user": "alice", "channel": "home", "text": "SAY:It is under way now\nSTEERABLE"});
    let message = demo.post("/sim/say", said).await.1["message"].clone();
    let rocket = json!({"user": "alice", "message": message, "emoji": "🚀"});
    demo.post("/sim/react", rocket).await;
    // Until the agent has said something its turn may not have begun, and one that has not is simply run afterwards.
    demo.until("the turn to be under way", |state| {
        let texts = thread_texts(state);
        texts.iter().any(|text| text.contains("under way")).then_some(())
    })
    .await;
    let say = |text: &str| {
        let body = json!({"user": "alice", "channel": message, "text": text});
        demo.post("/sim/say", body)
    };
    assert_eq!(say("SAY:The queue was kept.").await.0, 200);

    let mut page = reqwest::get(format!("{}/sim/events", demo.base))
        .await
        .unwrap()
        .bytes_stream();
    assert_eq!(
        demo.post("/demo/restart", json!({})).await,
        (202, json!({"restarting": true}))
    );
    // A page that is left open sees it go and come back.
    let mut heard = String::new();
    for connected in [false, true] {
        let told = format!("event: bot\ndata: {{\"connected\":{connected}");
        let waiting = async {
            while !heard.contains(&told) {
                heard.push_str(&String::from_utf8_lossy(&page.next().await.unwrap().unwrap()));
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(30), waiting).await;
        assert!(waited.is_ok(), "waited for {told:?} in\n{heard}");
    }
    demo.connected(true).await;
    let gone_on = demo
        .until("what became of the turn", |state| {
            let texts = thread_texts(state);
            texts.iter().find(|text| text.contains("interrupted")).cloned()
        })
        .await;
    assert!(!gone_on.is_empty());

    let client = reqwest::Client::new();
    for (path, header, value) in [
        ("/demo.json", "host", "evil.example"),
        ("/demo.json", "origin", "https://evil.example"),
    ] {
        let request = client.get(format!("{}{path}", demo.base)).header(header, value);
        assert_eq!(request.send().await.unwrap().status(), 403, "{path} {header}");
    }
    let restart = client
        .post(format!("{}/demo/restart", demo.base))
        .header("origin", "https://evil.example");
    assert_eq!(restart.send().await.unwrap().status(), 403);
    demo.end();
}

#[tokio::test]
async fn the_first_thread_waits_for_somebody_who_looks() {
    let demo = Running::start(&[]);
    demo.connected(true).await;
    assert_eq!(demo.get("/sim/state").await["threads"], json!([]));
    let viewer = reqwest::get(format!("{}/sim/events", demo.base)).await.unwrap();
    demo.until("a thread with a question", |state| {
        let texts = thread_texts(state);
        texts
            .iter()
            .any(|text| text.contains("How should the client behave"))
            .then_some(())
    })
    .await;
    drop(viewer);
    demo.end();
}

/// The daemon with the agent of the demo, ten times as fast.
async fn with_demo_agent() -> Bench {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let mut bench = Bench::on(sim, Vec::new(), None);
    let command = scripted_command(bench.dir.path());
    let traits = "env OMPCORD_SCRIPTED=demo OMPCORD_SCRIPTED_SPEED=10 ";
    bench.set("OMP_COMMAND", command.replacen("env ", traits, 1));
    bench.boot().await;
    bench
}

async fn text_after(bench: &Bench, thread: ThreadId, turns: usize) -> String {
    answers(&bench.turns(thread, turns).await)
}

#[tokio::test]
async fn the_tour_shows_everything() {
    let bench = with_demo_agent().await;
    let (_, thread) = bench.launch("Can you fix the retries?").await;
    bench
        .press("alice", thread, "Wait as long as the server says")
        .await;
    bench.press("alice", thread, "Approve").await;
    let text = text_after(&bench, thread, 1).await;
    for part in [
        "```diff",
        "42 tests pass",
        "busy for ever",
        "differently?",
        "Retry-After",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let messages = bench.sim.messages(thread);
    let with = |part: &str| messages.iter().position(|m| m.content.contains(part)).unwrap();
    assert!(
        with("What happened") < with("differently?"),
        "the answer is split"
    );
    with("529 overloaded");
    bench.finish().await;
}

#[tokio::test]
async fn a_denial_is_taken_well() {
    let bench = with_demo_agent().await;
    let (_, thread) = bench.launch("Give me the tour").await;
    bench.press("alice", thread, "Give up at once").await;
    bench.press("alice", thread, "Deny").await;
    let text = text_after(&bench, thread, 1).await;
    for part in ["a refusal becomes an error", "I run nothing", "differently?"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    bench.finish().await;
}

#[tokio::test]
async fn long_work_can_be_steered_queued_behind_and_cancelled() {
    let bench = with_demo_agent().await;
    let (_, thread) = bench.launch("Take your time and tidy up").await;
    bench.sees(thread, "file by file").await;
    bench.sim.say("alice", thread, "!Keep it small").unwrap();
    bench.sees(thread, "Understood: *Keep it small*").await;
    let waits = bench.sim.say("alice", thread, "hello").unwrap();
    bench.marked(waits, "📥", true).await;
    let text = text_after(&bench, thread, 2).await;
    assert!(
        text.contains("8 of 8") && text.contains("I only pretend to work"),
        "{text}"
    );
    bench.sim.say("alice", thread, "and slow work once more").unwrap();
    bench.sees(thread, "1 of 8").await;
    let cancel = bench.sim.slash("alice", thread, "omp cancel", &[]).unwrap();
    bench.sim.reply(cancel).await;
    bench.finish().await;
}
