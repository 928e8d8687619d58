//! The care of threads: their names, and those that are locked, archived or deleted.

use ompcord::ids::ThreadId;
use ompcord::sim::{Sim, SimConfig, permission};

use crate::harness::{Bench, Setup, answers};

fn name(sim: &Sim, thread: ThreadId) -> String {
    sim.thread(thread).unwrap().name
}

async fn named(bench: &Bench, thread: ThreadId, wanted: &str) {
    let is = |sim: &Sim| (name(sim, thread) == wanted).then_some(());
    bench.sim.until(&format!("a thread named {wanted}"), is).await;
}

fn renames(sim: &Sim, thread: ThreadId) -> usize {
    let path = format!("/channels/{thread}");
    let calls = sim.requests().into_iter();
    calls
        .filter(|call| call.method == "PATCH" && call.path == path)
        .count()
}

#[tokio::test]
async fn a_thread_takes_its_agents_title_once() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("TITLE:Fix the **login** page\nSAY:On it.").await;
    named(&bench, thread, "Fix the login page").await;
    bench.turns(thread, 1).await;
    bench
        .sim
        .say("alice", thread, "TITLE:Something else\nSAY:Done.")
        .unwrap();
    bench.turns(thread, 2).await;
    bench.barrier().await;
    assert_eq!(name(&bench.sim, thread), "Fix the login page");
    assert_eq!(renames(&bench.sim, thread), 1);
    bench.finish().await;
}

#[tokio::test]
async fn a_topic_that_a_person_gave_stays() {
    let bench = Bench::start().await;
    let options = [("topic", "The garden"), ("prompt", "TITLE:Of weeds\nSAY:Yes.")];
    let made = bench.sim.slash("alice", "home", "omp new", &options).unwrap();
    let made = bench.sim.reply(made).await;
    let thread = made.content().split(['#', '>']).nth(1).unwrap().parse().unwrap();
    bench.turns(thread, 1).await;
    bench.barrier().await;
    assert_eq!(name(&bench.sim, thread), "Session: The garden");
    bench.finish().await;
}

#[tokio::test]
async fn a_name_that_a_person_chose_stays_also_when_nobody_saw_it() {
    let mut bench = Bench::start().await;
    let (_, seen) = bench.launch("STEERABLE").await;
    let (_, unseen) = bench.launch("STEERABLE").await;
    for thread in [seen, unseen] {
        bench.card_says(thread, "🔵 Busy").await;
    }
    bench.sim.rename(seen, "Mine").unwrap();
    bench.barrier().await;
    bench.abort().await;
    bench.sim.rename(unseen, "Mine too").unwrap();
    bench.boot().await;
    for thread in [seen, unseen] {
        bench.press("alice", thread, "Discard").await;
        bench
            .sim
            .say("alice", thread, "TITLE:The agent's\nSAY:three")
            .unwrap();
        bench.turns(thread, 1).await;
    }
    bench.barrier().await;
    for thread in [seen, unseen] {
        assert_eq!(renames(&bench.sim, thread), 0);
    }
    assert_eq!(
        (name(&bench.sim, seen), name(&bench.sim, unseen)),
        ("Mine".into(), "Mine too".into())
    );
    bench.finish().await;
}

#[tokio::test]
async fn a_rename_that_hangs_keeps_nothing_waiting() {
    use ompcord::sim::{Fault, Mishap};
    let bench = Bench::start().await;
    bench
        .sim
        .fault(Fault::next("PATCH", "/channels/{}", Mishap::Hang));
    let (_, thread) = bench.launch("TITLE:Never\nSAY:one").await;
    bench.turns(thread, 1).await;
    bench.sim.say("alice", thread, "TITLE:Nor this\nSAY:two").unwrap();
    let messages = bench.turns(thread, 2).await;
    assert_eq!(answers(&messages), "one\ntwo");
    assert_eq!(renames(&bench.sim, thread), 1, "it is not tried again");
    bench.finish().await;
}

#[tokio::test]
async fn a_locked_thread_is_told_once_where_it_can_be_read() {
    let bench = Bench::with(Setup {
        sim: SimConfig {
            permissions: permission::ALL_OF_A_BOT & !permission::MANAGE_THREADS,
            ..SimConfig::default()
        },
        ..Setup::default()
    })
    .await;
    let sim = &bench.sim;
    let (_, thread) = bench.launch("SAY:Ready to go.\nSTEERABLE").await;
    bench.sees(thread, "Ready to").await;
    let session = bench.card_says(thread, "session_").await.words();
    sim.lock(thread, true);
    sim.archive(thread, true);
    let session = session
        .rsplit(" ⋅ ")
        .next()
        .unwrap()
        .split('\n')
        .next()
        .unwrap()
        .to_owned();
    let calls = sim.requests().len();
    let say = |text: &str| {
        let options = [("prompt", text), ("session", session.as_str()), ("mode", "steer")];
        sim.slash("alice", "home", "omp say", &options).unwrap()
    };
    sim.reply(say("go on")).await;
    let told = |sim: &Sim| {
        let messages = sim.messages("home");
        messages
            .into_iter()
            .find(|m| m.content.contains("I cannot write in"))
    };
    let told = sim.until("it to be told", told).await;
    assert!(
        !told.silent && told.content.contains("Manage Threads"),
        "{told:?}"
    );
    bench.board_says("🟠 <#").await;
    sim.reply(say("LINES:200:0\nSAY:and on")).await;
    bench.barrier().await;
    let said = sim.messages("home");
    assert_eq!(
        said.iter()
            .filter(|m| m.content.contains("I cannot write in"))
            .count(),
        1
    );
    let more = sim.requests().len() - calls;
    assert!(more < 60, "{more} requests");
    // Unlocked, it goes on.
    sim.lock(thread, false);
    sim.archive(thread, false);
    sim.say("alice", thread, "SAY:There you are.").unwrap();
    bench.sees(thread, "There you are.").await;
    bench.board_says(&format!("🟢 <#{thread}>")).await;
    bench.finish().await;
}

#[tokio::test]
async fn a_deleted_thread_leaves_the_board_and_a_person_can_be_added_to_the_next() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let (_, thread) = bench.launch("SAY:one").await;
    bench.turns(thread, 1).await;
    bench.board_says(&format!("<#{thread}>")).await;
    assert!(sim.thread(thread).unwrap().members.contains(&"alice".to_owned()));
    sim.delete_channel(thread).unwrap();
    bench.board_says("No session is open").await;
    bench.finish().await;
}
