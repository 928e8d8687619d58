//! Sessions whose agent runs in a person's terminal: shown, steered, left and taken back.

use std::time::Duration;

use ompcord::ids::ThreadId;
use ompcord::sim::{Sim, SimConfig};
use serde_json::json;

use crate::harness::{Bench, answers, footers, talk};
use crate::terminal::{NOBODY, Terminal, request};

/// What was said in the thread, in order.
fn said(bench: &Bench, thread: ThreadId) -> String {
    let messages = talk(&bench.sim, thread);
    messages
        .iter()
        .map(ompcord::sim::SeenMessage::words)
        .collect::<Vec<_>>()
        .join("\n")
}

/// A session that the daemon has run a turn of, with the agent's own id of its conversation.
async fn owned(bench: &Bench) -> (String, ThreadId, String) {
    let (session, thread) = bench.api().session().await;
    bench
        .sim
        .say("alice", thread, "SAY:I know the word plum.")
        .unwrap();
    bench.turns(thread, 1).await;
    let (_, info) = bench.api().get(&format!("/api/sessions/{session}")).await;
    let conversation = info["agent_session_id"].as_str().unwrap().to_owned();
    (session, thread, conversation)
}

#[tokio::test]
async fn what_happens_in_a_terminal_shows_in_its_thread() {
    let bench = Bench::start().await;
    let mut terminal = Terminal::attach(&bench, "one").await;
    assert!(!terminal.resumed);
    let thread = terminal.thread;
    bench.sees(thread, "In a terminal on desk").await;
    bench.card_says(thread, "Ready in a terminal").await;
    let data = json!({"cwd": "/x", "model": "stub/stub-1", "title": ""});
    terminal.does("session_start", "", data).await;
    terminal
        .does("prompt", "fix it\n@everyone", json!({"source": "terminal"}))
        .await;
    terminal.does("agent_start", "", json!({})).await;
    bench
        .board_says(&format!("🔵 <#{thread}> ⋅ working in a terminal"))
        .await;
    let tool = json!({"id": "t1", "tool": "bash", "args": {"command": "cargo test"}});
    terminal.does("tool_start", "bash: cargo test", tool).await;
    terminal
        .does(
            "tool_end",
            "bash",
            json!({"id": "t1", "tool": "bash", "is_error": false}),
        )
        .await;
    terminal
        .says("All **green**, and the key was ghp_0123456789abcdefghijklmnopqrstuvwxyz.")
        .await;
    terminal.ends("done").await;

    let messages = bench.turns(thread, 1).await;
    let typed = messages
        .iter()
        .find(|m| m.content.contains("In the terminal"))
        .unwrap();
    assert!(typed.content.contains("> fix it\n> @everyone") && typed.silent && typed.notified.is_empty());
    let answer = answers(&messages);
    assert!(
        answer.contains("All **green**") && answer.contains("[redacted:"),
        "{answer}"
    );
    let footer = messages.last().unwrap();
    assert!(!footer.silent);
    for part in ["my-project", "1 m 1 s", "12 % context", "stub/stub-1", "$0.25"] {
        assert!(footer.content.contains(part), "{part}: {}", footer.content);
    }
    let card = bench.card_says(thread, "🟢 Idle").await;
    assert!(card.words().contains("Ready in a terminal"), "{}", card.words());
    let tools = messages
        .iter()
        .find(|m| m.content.contains("1 tool"))
        .map(|m| &m.content);
    assert!(tools.is_some(), "{messages:#?}");
    bench.finish().await;
}

#[tokio::test]
async fn what_is_written_in_the_thread_wakes_the_terminal_and_steers_it() {
    let bench = Bench::start().await;
    let mut terminal = Terminal::attach(&bench, "one").await;
    let thread = terminal.thread;
    bench.sim.say("alice", thread, "wake up").unwrap();
    assert_eq!(terminal.takes().await, ["prompt wake up (alice)"]);
    terminal.does("agent_start", "", json!({})).await;
    let steer = bench.sim.say("alice", thread, "and then this").unwrap();
    assert_eq!(terminal.takes().await, ["steer and then this (alice)"]);
    bench.marked(steer, "🧭", true).await;
    bench.sim.say("alice", thread, "!quickly").unwrap();
    assert_eq!(terminal.takes().await, ["steer quickly (alice)"]);
    terminal.acknowledges().await;
    terminal.says("done").await;
    terminal.ends("done").await;
    bench.turns(thread, 1).await;
    let (_, info) = bench
        .api()
        .get(&format!("/api/sessions/{}", terminal.session))
        .await;
    assert_eq!(
        (&info["kind"], &info["status"], &info["queued"]),
        (&json!("attached"), &json!("idle"), &json!(0))
    );

    // A program that waits is answered, too.
    let path = format!("/api/sessions/{}/prompt", terminal.session);
    let (api, body) = (bench.api(), json!({"text": "and you?", "wait_s": 60}));
    let waiting = tokio::spawn(async move { api.post(&path, &body).await });
    assert_eq!(terminal.takes().await, ["prompt and you? (nobody)"]);
    terminal.answers("Fine.").await;
    let (status, answer) = waiting.await.unwrap();
    assert_eq!((status, &answer["answer"]), (200, &json!("Fine.")), "{answer}");
    bench.finish().await;
}

#[tokio::test]
async fn a_turn_is_cancelled_from_either_side() {
    let mut bench = Bench::on(Sim::start(SimConfig::default()).await.unwrap(), Vec::new(), None);
    bench.patience.abort = Duration::from_millis(50);
    bench.boot().await;
    let mut terminal = Terminal::attach(&bench, "one").await;
    let thread = terminal.thread;
    terminal.does("agent_start", "", json!({})).await;
    bench.card_says(thread, "🔵 Busy").await;
    bench.sim.say("alice", thread, "!omp cancel").unwrap();
    assert_eq!(terminal.takes().await, ["cancel  (nobody)"]);
    // It does not listen: said, and it can be told again.
    bench.sees(thread, "goes on").await;
    bench.sim.say("alice", thread, "!omp cancel").unwrap();
    assert_eq!(terminal.takes().await, ["cancel  (nobody)"]);
    terminal.ends("stopped").await;
    let messages = bench.turns(thread, 1).await;
    assert!(messages.last().unwrap().content.starts_with("⏹️ Cancelled"));
    // Escape in the terminal.
    terminal.does("agent_start", "", json!({})).await;
    terminal.ends("stopped").await;
    let messages = bench.turns(thread, 2).await;
    assert!(messages.last().unwrap().content.starts_with("⏹️ Cancelled"));
    // A turn that fails says why.
    terminal.does("agent_start", "", json!({})).await;
    terminal
        .does("error", "no credit left", json!({"final": true}))
        .await;
    terminal.ends("failed").await;
    bench.sees(thread, "no credit left").await;
    bench.card_says(thread, "🟠 Degraded").await;
    terminal.acknowledges().await;
    bench.finish().await;
}

#[tokio::test]
async fn what_the_terminal_asks_is_said_and_is_answered_there() {
    let bench = Bench::start().await;
    let mut terminal = Terminal::attach(&bench, "one").await;
    let thread = terminal.thread;
    terminal.does("agent_start", "", json!({})).await;
    let asks = json!({"id": "t1", "tool": "bash", "resolved": false});
    terminal
        .does("approval", "The terminal asks whether bash may run", asks)
        .await;
    let asked = bench.sees(thread, "whether bash may run").await;
    assert!(!asked.silent && asked.buttons.is_empty(), "{asked:?}");
    bench.card_says(thread, "🟡 Waiting").await;
    terminal
        .does(
            "approval",
            "",
            json!({"id": "t1", "resolved": true, "approved": true}),
        )
        .await;
    bench.card_says(thread, "🔵 Busy").await;
    assert!(bench.sees(thread, "it is answered").await.id == asked.id);
    terminal.ends("done").await;
    bench.turns(thread, 1).await;
    // What only whoever sits there can change.
    bench.sim.say("alice", thread, "!omp model stub/other").unwrap();
    bench.sees(thread, "runs in a terminal").await;
    bench.finish().await;
}

#[tokio::test]
async fn a_conversation_goes_to_a_terminal_and_back_with_its_memory() {
    let bench = Bench::start().await;
    let (session, thread, conversation) = owned(&bench).await;
    // The idle process gives way: one writer at a time.
    let mut terminal = Terminal::attach(&bench, &conversation).await;
    assert_eq!(
        (&terminal.session, terminal.thread, terminal.resumed),
        (&session, thread, true)
    );
    bench.sees(thread, "A terminal has this session now").await;
    terminal.types("what now?", "We go on.").await;
    bench.turns(thread, 2).await;
    terminal.leaves("closed").await;
    bench
        .sees(thread, "The terminal was closed. The next message here continues")
        .await;
    bench.card_says(thread, "🟠 Degraded").await;
    assert!(bench.history(thread).await.contains("plum"));
    bench.card_says(thread, "🟢 Idle").await;
    // And back, while the daemon's process is idle; while it works it is not.
    terminal.again(&bench).await;
    assert_eq!(terminal.thread, thread);
    terminal.answers("Here again.").await;
    bench.turns(thread, 4).await;
    terminal.leaves("closed").await;
    bench
        .sim
        .until("it to be said twice", |sim| {
            let closed = |m: &&ompcord::sim::SeenMessage| m.content.contains("The terminal was closed");
            (sim.messages(thread).iter().filter(closed).count() == 2).then_some(())
        })
        .await;
    bench.sim.say("alice", thread, "STEERABLE").unwrap();
    bench.card_says(thread, "🔵 Busy").await;
    let (status, refused) = bench
        .api()
        .post("/api/sessions/attach", &request(&conversation, NOBODY))
        .await;
    assert_eq!(
        (status, &refused["error"]["code"]),
        (409, &json!("owned_running")),
        "{refused}"
    );
    bench.sim.say("alice", thread, "!go").unwrap();
    bench.turns(thread, 5).await;
    bench.finish().await;
}

#[tokio::test]
async fn what_a_terminal_did_not_take_when_it_was_closed_runs_here() {
    let bench = Bench::start().await;
    let (_, thread, conversation) = owned(&bench).await;
    let mut terminal = Terminal::attach(&bench, &conversation).await;
    // In the middle of a turn, with one prompt that it has taken, one that it may have, and one that it has not.
    bench.sim.say("alice", thread, "SAY:taken").unwrap();
    assert_eq!(terminal.takes().await, ["prompt SAY:taken (alice)"]);
    terminal.acknowledges().await;
    terminal.does("agent_start", "", json!({})).await;
    let maybe = bench.sim.say("alice", thread, "SAY:given").unwrap();
    bench.marked(maybe, "🧭", true).await;
    assert_eq!(terminal.takes().await, ["steer SAY:given (alice)"]);
    let not = bench.sim.say("alice", thread, "SAY:not given").unwrap();
    bench.marked(not, "🧭", true).await;
    terminal.leaves("closed").await;
    bench.sees(thread, "closed in the middle of a turn").await;
    // The one that it never saw runs by itself, here.
    bench.turns(thread, 3).await;
    let all = said(&bench, thread);
    assert!(all.contains("not given"), "{all}");
    bench.question(thread, "it may have begun").await;
    bench.press("alice", thread, "Run here").await;
    bench.turns(thread, 4).await;
    bench.press("alice", thread, "Retry").await;
    bench.turns(thread, 5).await;
    let history = bench.history(thread).await;
    for once in ["SAY:taken", "SAY:given", "SAY:not given"] {
        assert_eq!(history.matches(once).count(), 1, "{once}: {history}");
    }
    bench.finish().await;
}

#[tokio::test]
async fn a_terminal_that_does_not_share_any_more_keeps_its_conversation() {
    let bench = Bench::start().await;
    let (_, thread, conversation) = owned(&bench).await;
    // This process lives, as a terminal does after `/discord off`.
    let terminal = Terminal::attach_as(&bench, &conversation, std::process::id()).await;
    terminal.leaves("off").await;
    bench.sees(thread, "does not share this session any more").await;
    bench.sim.say("alice", thread, "SAY:one").unwrap();
    bench.question(thread, "still has this conversation open").await;
    bench.press("alice", thread, "Ignore").await;
    bench.sim.say("alice", thread, "SAY:two").unwrap();
    bench.question(thread, "> SAY:two").await;
    assert_eq!(footers(&bench.sim, thread), 1, "nothing was run");
    bench.press("alice", thread, "Run here").await;
    bench.turns(thread, 2).await;
    // It is not asked again.
    let history = bench.history(thread).await;
    assert!(
        history.contains("SAY:two") && !history.contains("SAY:one"),
        "{history}"
    );
    bench.finish().await;
}

#[tokio::test]
async fn a_terminal_that_is_not_heard_of_is_gone() {
    let mut bench = Bench::on(Sim::start(SimConfig::default()).await.unwrap(), Vec::new(), None);
    bench.boot().await;
    let (_, thread, conversation) = owned(&bench).await;
    bench.shut_down().await;
    bench.patience.terminal = Duration::from_secs(2);
    bench.boot().await;
    let mut terminal = Terminal::attach(&bench, &conversation).await;
    // It is heard of for as long as it waits for commands.
    let nothing = tokio::time::Instant::now();
    let path = format!("/api/commands/poll?session_id={}&wait=4", terminal.session);
    assert_eq!(terminal.http.get(&path).await.1, json!({"commands": []}));
    assert!(nothing.elapsed() >= Duration::from_secs(4));
    terminal.does("agent_start", "", json!({})).await;
    bench
        .sees(thread, "The terminal is gone in the middle of a turn")
        .await;
    assert_eq!(
        terminal.http.get(&path).await.0,
        401,
        "its token is not good any more"
    );
    assert!(bench.history(thread).await.contains("plum"));
    // It was only slow: it comes back, and takes over again.
    terminal.again(&bench).await;
    let before = footers(&bench.sim, thread);
    terminal.answers("I am here.").await;
    bench.turns(thread, before + 1).await;
    bench.finish().await;
}

#[tokio::test]
async fn a_restart_loses_nothing_of_a_terminal_and_says_nothing_twice() {
    let mut bench = Bench::start().await;
    let mut terminal = Terminal::attach(&bench, "one").await;
    let thread = terminal.thread;
    terminal.types("first", "The first answer.").await;
    bench.turns(thread, 1).await;
    bench.sim.say("alice", thread, "second").unwrap();
    assert_eq!(terminal.takes().await, ["prompt second (alice)"]);
    terminal.acknowledges().await;
    terminal.does("agent_start", "", json!({})).await;
    terminal.says("The second answer begins.").await;
    bench.sees(thread, "The second answer begins.").await;
    bench.barrier().await;
    // What was posted last is on the disk, and shown or not: the next run knows which.
    bench.abort().await;
    bench.boot().await;
    let (after, was) = (terminal.session.clone(), terminal.thread);
    terminal.again(&bench).await;
    assert_eq!(
        (&terminal.session, terminal.thread, terminal.resumed),
        (&after, was, true)
    );
    bench.card_says(thread, "🔵 Busy").await;
    terminal.says("And it ends.").await;
    terminal.ends("done").await;
    bench.turns(thread, 2).await;
    // Also with a goodbye.
    terminal.does("agent_start", "", json!({})).await;
    bench.shut_down().await;
    bench.boot().await;
    terminal.again(&bench).await;
    terminal.says("The third answer.").await;
    terminal.ends("done").await;
    bench.turns(thread, 3).await;
    let all = said(&bench, thread);
    for once in [
        "> first",
        "The first answer.",
        "The second answer begins.",
        "And it ends.",
        "The third answer.",
    ] {
        assert_eq!(all.matches(once).count(), 1, "{once}: {all}");
    }
    assert!(!all.contains("interrupted"), "{all}");
    bench.finish().await;
}

#[tokio::test]
async fn two_terminals_have_two_threads_and_one_conversation_has_one() {
    let bench = Bench::start().await;
    let (one, two) = tokio::join!(Terminal::attach(&bench, "one"), Terminal::attach(&bench, "one"));
    assert_eq!((&one.session, one.thread), (&two.session, two.thread));
    let mut other = Terminal::attach(&bench, "other").await;
    assert_ne!(other.thread, one.thread);
    // Who came last has the conversation; the other one's token is not good any more.
    let poll = format!("/api/commands/poll?session_id={}", one.session);
    let (first, second) = (one.http.get(&poll).await.0, two.http.get(&poll).await.0);
    assert!(
        matches!((first, second), (401, 200) | (200, 401)),
        "{first} {second}"
    );
    let elsewhere = format!("/api/commands/poll?session_id={}", other.session);
    assert!(matches!(one.http.get(&elsewhere).await.0, 401 | 403));
    bench.sim.say("alice", other.thread, "only for you").unwrap();
    assert_eq!(other.takes().await, ["prompt only for you (alice)"]);
    other.answers("Mine alone.").await;
    bench.turns(other.thread, 1).await;
    assert_eq!(footers(&bench.sim, one.thread), 0);
    bench.finish().await;
}

#[tokio::test]
async fn a_session_that_is_stopped_lets_its_terminal_go() {
    let bench = Bench::start().await;
    let mut terminal = Terminal::attach(&bench, "one").await;
    let thread = terminal.thread;
    terminal.types("hello", "Hello.").await;
    bench.turns(thread, 1).await;
    bench.sim.say("alice", thread, "!omp stop").unwrap();
    assert_eq!(terminal.takes().await, ["detach  (nobody)"]);
    let path = format!("/api/sessions/{}/detach", terminal.session);
    let (status, left) = terminal.http.post(&path, &json!({"reason": "off"})).await;
    assert_eq!((status, &left["detached"]), (200, &json!(false)));
    bench.sees(thread, "Session stopped").await;
    bench.sees(thread, "Stopping the session").await;
    // Sharing it again begins a new thread.
    let again = Terminal::attach(&bench, "one").await;
    assert!(again.thread != thread && !again.resumed);
    bench.finish().await;
}
