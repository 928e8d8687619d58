//! What happens on Discord while nobody listens: edits, deletions, launches, commands. None of it is lost, and nothing
//! runs with words that were taken back.

use std::time::Duration;

use ompcord::ids::{MessageId, ThreadId};
use ompcord::sim::{Fault, Mishap, Sim, SimConfig};
use ompcord::store::Store;
use serde_json::json;

use crate::harness::{Bench, answers, footers};

async fn runs(sim: &Sim, thread: ThreadId) {
    let typing = move |sim: &Sim| sim.is_typing(thread).then_some(());
    sim.until("the turn to run", typing).await;
}

/// A prompt that waits for the only process, in a session of its own that ran before.
async fn waits_for_a_process(bench: &Bench, text: &str) -> (ThreadId, MessageId) {
    let (_, thread) = bench.launch("SAY:first").await;
    bench.turns(thread, 1).await;
    let (_, busy) = bench.launch("STEERABLE").await;
    runs(&bench.sim, busy).await;
    let message = bench.sim.say("alice", thread, text).unwrap();
    bench.sees(thread, "Every agent process is busy").await;
    (thread, message)
}

#[tokio::test]
async fn what_waits_is_edited_and_deleted_while_the_daemon_is_away_and_runs_with_its_new_words() {
    let mut bench = Bench::with_vars(|_| vec![("OMP_MAX_PROCESSES", "1".to_owned())]).await;
    let (thread, first) = waits_for_a_process(&bench, "SAY:old words").await;
    let sim = bench.sim.clone();
    let say = |text: &str| sim.say("alice", thread, text).unwrap();
    let (deleted, kept, command, blank) = (
        say("SAY:taken back"),
        say("SAY:kept"),
        say("SAY:no command yet"),
        say("SAY:soon nothing"),
    );
    for message in [deleted, kept, command, blank] {
        bench.marked(message, "📥", true).await;
    }
    bench.abort().await;
    sim.edit("alice", first, "SAY:new words").unwrap();
    sim.delete(deleted).unwrap();
    sim.edit("alice", command, "!omp cancel").unwrap();
    sim.edit("alice", blank, "!").unwrap();
    // Nothing runs before Discord has said what the messages are now, however it answers.
    for route in ["/channels/{}/messages", "/channels/{}/messages/{}"] {
        sim.fault(Fault::next("GET", route, Mishap::status(503)).times(4));
    }
    bench.boot().await;
    bench.marked(first, "✏️", true).await;
    bench.turns(thread, 3).await;
    assert_eq!(
        bench.history(thread).await,
        "History: SAY:first | SAY:new words | SAY:kept | HISTORY"
    );
    for message in [command, blank] {
        bench.marked(message, "✏️", true).await;
        bench.marked(message, "📥", false).await;
    }
    bench.marked(kept, "✏️", false).await;
    bench.finish().await;
}

#[tokio::test]
async fn what_waits_is_edited_and_deleted_while_the_gateway_is_away() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let api = bench.api();
    let (session, thread) = api.session().await;
    let prompt = format!("/api/sessions/{session}/prompt");
    api.post(&prompt, &json!({"text": "STEERABLE"})).await;
    runs(sim, thread).await;
    let edited = sim.say("alice", thread, "SAY:old words").unwrap();
    let deleted = sim.say("alice", thread, "SAY:taken back").unwrap();
    bench.marked(edited, "📥", true).await;
    bench.marked(deleted, "📥", true).await;
    let (identified, _) = sim.logins();
    sim.refuse_resumes(1);
    sim.set_gateway_down(true);
    sim.until("the daemon to notice", |sim| {
        (!sim.gateway_connected()).then_some(())
    })
    .await;
    sim.edit("alice", edited, "SAY:new words").unwrap();
    sim.delete(deleted).unwrap();
    // The turn ends while nothing is heard of Discord; requests are answered.
    let (_, sent) = api.post(&prompt, &json!({"text": "go", "mode": "steer"})).await;
    assert!(sent["error"].is_null(), "{sent}");
    bench.turns(thread, 2).await;
    sim.set_gateway_down(false);
    let back = |sim: &Sim| (sim.logins().0 > identified && sim.gateway_connected()).then_some(());
    sim.until("the gateway to be back", back).await;
    bench.marked(edited, "✏️", true).await;
    assert_eq!(
        bench.history(thread).await,
        "History: STEERABLE | go | SAY:new words | HISTORY"
    );
    bench.finish().await;
}

#[tokio::test]
async fn a_message_that_cannot_be_seen_any_more_is_not_taken_for_deleted() {
    use ompcord::sim::permission;
    let mut bench = Bench::with_vars(|_| vec![("OMP_MAX_PROCESSES", "1".to_owned())]).await;
    let (thread, _) = waits_for_a_process(&bench, "SAY:still wanted").await;
    for text in ["SAY:two", "SAY:three", "SAY:four"] {
        let message = bench.sim.say("alice", thread, text).unwrap();
        bench.marked(message, "📥", true).await;
    }
    bench.abort().await;
    bench
        .sim
        .set_permissions(permission::ALL_OF_A_BOT & !permission::READ_MESSAGE_HISTORY);
    bench.boot().await;
    bench.turns(thread, 5).await;
    bench.sim.set_permissions(permission::ALL_OF_A_BOT);
    assert_eq!(
        bench.history(thread).await,
        "History: SAY:first | SAY:still wanted | SAY:two | SAY:three | SAY:four | HISTORY"
    );
    let _refusals = bench.sim.take_complaints();
    bench.finish().await;
}

#[tokio::test]
async fn a_rocket_given_while_the_daemon_was_away_launches_or_asks() {
    let mut bench = Bench::on(Sim::start(SimConfig::default()).await.unwrap(), Vec::new(), None);
    let sim = bench.sim.clone();
    // Before the daemon came here for the first time a rocket meant something else.
    let ancient = sim.say("alice", "home", "SAY:we shipped it").unwrap();
    sim.react("alice", ancient, "🚀").unwrap();
    bench.boot().await;
    bench.barrier().await;
    let threads = sim.threads().len();
    let mine = sim.say("alice", "home", "SAY:a fresh one").unwrap();
    bench.abort().await;
    let strangers = sim.say("mallory", "home", "SAY:of a stranger").unwrap();
    for (who, message, emoji) in [
        ("alice", mine, "🚀"),
        ("mallory", mine, "🚀"),
        ("mallory", strangers, "🚀"),
        ("alice", strangers, "🚀"),
    ] {
        sim.react(who, message, emoji).unwrap();
    }
    let other = sim.say("alice", "home", "SAY:only a thumb").unwrap();
    sim.react("alice", other, "👍").unwrap();
    sim.fault(Fault::next(
        "GET",
        "/channels/{}/messages/{}/reactions/{}",
        Mishap::status(500),
    ));
    bench.boot().await;
    bench.turns(mine.thread(), 1).await;
    // Again: what was launched has its row.
    bench.abort().await;
    bench.boot().await;
    bench.barrier().await;
    assert_eq!(footers(&sim, mine.thread()), 1);
    assert_eq!(sim.threads().len(), threads + 2, "{}", sim.picture());
    bench.finish().await;
}

#[tokio::test]
async fn an_old_message_with_a_new_rocket_is_asked_about() {
    let mut bench = Bench::on(Sim::start(SimConfig::default()).await.unwrap(), Vec::new(), None);
    let sim = bench.sim.clone();
    let ago = |text: &str, minutes| {
        sim.say_ago("alice", "home", text, Duration::from_mins(minutes))
            .unwrap()
    };
    let first = ago("the channel is older than the daemon", 120);
    bench.boot().await;
    bench.barrier().await;
    bench.abort().await;
    // As if it had come here two hours ago.
    let store = Store::open(&bench.config().database_path()).await.unwrap();
    let name = format!("launches_since:{}", sim.home_channel());
    assert!(store.fact(&name).await.unwrap().is_some());
    store.set_fact(&name, &first.to_string()).await.unwrap();
    store.close().await;
    let old = ago("SAY:an hour ago", 60);
    sim.react("alice", old, "🚀").unwrap();
    bench.boot().await;
    let thread = old.thread();
    let asked = bench.sees(thread, "while ompcord was away").await;
    assert!(asked.content.contains("SAY:an hour ago"), "{asked:?}");
    assert_eq!(footers(&sim, thread), 0);
    bench.press("alice", thread, "Run").await;
    let messages = bench.turns(thread, 1).await;
    assert!(answers(&messages).contains("an hour ago"));
    bench.finish().await;
}

#[tokio::test]
async fn a_command_given_while_the_daemon_was_away_is_answered_and_not_run() {
    let mut bench = Bench::start().await;
    let (_, thread) = bench.launch("SAY:one").await;
    bench.turns(thread, 1).await;
    bench.abort().await;
    bench.sim.say("mallory", thread, "!omp stop").unwrap();
    let command = bench.sim.say("alice", thread, "!omp stop").unwrap();
    // It is older than the moment from which events are heard, by the clock of both.
    bench.boot().await;
    let said = bench.sees(thread, "commands are not carried out late").await;
    assert_eq!(said.reply_to, Some(command));
    assert_eq!(bench.history(thread).await, "History: SAY:one | HISTORY");
    bench.abort().await;
    bench.boot().await;
    bench.barrier().await;
    let messages = bench.sim.messages(thread);
    let said = messages
        .iter()
        .filter(|m| m.content.contains("commands are not carried out late"));
    assert_eq!(said.count(), 1);
    bench.finish().await;
}

#[tokio::test]
async fn what_ran_when_the_daemon_died_does_not_seem_to_run_for_ever() {
    let mut bench = Bench::start().await;
    let (_, thread) = bench
        .launch("TOOLMS:600000\nTOOL:bash:{\"command\":\"sleep 600\"}")
        .await;
    let running = bench.sees(thread, "⏳ bash").await;
    let waiting = bench.sim.say("alice", thread, "SAY:I waited").unwrap();
    bench.marked(waiting, "📥", true).await;
    bench.abort().await;
    bench.boot().await;
    let notice = bench.sees(thread, "ompcord was interrupted").await;
    assert!(notice.content.contains("1 prompt is waiting"), "{notice:?}");
    let stopped = move |sim: &Sim| {
        let seen = sim.message(running.id)?;
        seen.content.contains("■ bash").then_some(seen)
    };
    let stopped = bench.sim.until("the tool's line to end", stopped).await;
    assert!(
        stopped.content.contains("interrupted") && !stopped.content.contains('⏳'),
        "{stopped:?}"
    );
    // What is written now is told what it waits for.
    bench.sim.say("alice", thread, "SAY:me too").unwrap();
    bench.sees(thread, "it runs when somebody has chosen").await;
    bench.press("alice", thread, "Discard").await;
    bench.turns(thread, 2).await;
    bench.finish().await;
}
