//! What becomes of refusals, and of a store that fails once: what people are told, and what is painted after all.

use ompcord::ids::ThreadId;
use ompcord::sim::{SeenMessage, Sim, permission};
use sqlx::{Connection as _, Executor as _, SqliteConnection};

use crate::harness::{Bench, card};

fn complaints(sim: &Sim) -> Vec<SeenMessage> {
    let mut messages = sim.messages("home");
    messages.retain(|m| m.by_bot && m.content.contains("I cannot write in"));
    messages
}

#[tokio::test]
async fn a_reaction_that_may_not_be_put_is_no_thread_that_cannot_be_written_in() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let (_, thread) = bench.launch("STEERABLE").await;
    bench.card_says(thread, "🔵 Busy").await;
    sim.set_permissions(permission::ALL_OF_A_BOT & !permission::ADD_REACTIONS);
    for n in 0..3 {
        sim.say("alice", thread, &format!("SAY:number {n}")).unwrap();
    }
    let refused = |sim: &Sim| {
        let calls = sim.requests();
        let refused = calls
            .iter()
            .filter(|call| call.path.contains("/reactions/") && call.status == Some(403));
        (refused.count() >= 3).then_some(())
    };
    sim.until("the reactions to be refused", refused).await;
    sim.say("alice", thread, "!go").unwrap();
    bench.turns(thread, 4).await;
    bench.card_says(thread, "🟢 Idle").await;
    bench.barrier().await;
    assert!(complaints(sim).is_empty(), "{:?}", complaints(sim));
    bench.finish().await;
}

/// Says something that cannot be answered, and waits until the board knows.
async fn muted(bench: &Bench, thread: ThreadId) {
    bench
        .sim
        .set_permissions(permission::ALL_OF_A_BOT & !permission::SEND_MESSAGES_IN_THREADS);
    bench.sim.say("alice", thread, "SAY:unheard").unwrap();
    bench.board_says("cannot write in its thread").await;
    bench.sim.set_permissions(permission::ALL_OF_A_BOT);
}

#[tokio::test]
async fn a_thread_that_cannot_be_written_in_now_and_then_is_told_of_once() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("SAY:ready").await;
    bench.turns(thread, 1).await;
    muted(&bench, thread).await;
    let told = |sim: &Sim| (complaints(sim).len() == 1).then_some(());
    bench.sim.until("the home channel to be told", told).await;
    bench.sim.say("alice", thread, "SAY:heard").unwrap();
    bench.sees(thread, "heard").await;
    bench.board_says(&format!("🟢 <#{thread}>")).await;
    muted(&bench, thread).await;
    bench.barrier().await;
    assert_eq!(complaints(&bench.sim).len(), 1);
    bench.finish().await;
}

#[tokio::test]
async fn a_card_is_painted_though_the_store_failed_once() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let path = bench.config().database_path();
    let mut store = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
    let message = sim.say("alice", "home", "SAY:hello").unwrap();
    let thread = message.thread();
    let fails = format!(
        "CREATE TRIGGER fails BEFORE INSERT ON dashboards WHEN NEW.channel_id = {thread}
         BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
    );
    store.execute(sqlx::AssertSqlSafe(fails)).await.unwrap();
    sim.react("alice", message, "🚀").unwrap();
    bench.turns(thread, 1).await;
    // A card that was due later than this one is there.
    let (_, other) = bench.launch("SAY:hello").await;
    bench.turns(other, 1).await;
    bench.card_says(other, "🟢 Idle").await;
    assert_eq!(card(sim, thread), None);
    store.execute("DROP TRIGGER fails").await.unwrap();
    bench.card_says(thread, "🟢 Idle").await;
    store.close().await.unwrap();
    bench.finish().await;
}
