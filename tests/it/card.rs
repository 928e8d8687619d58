//! The card of a session in its thread: its colour, its buttons, where it stands, and that there is one.

use ompcord::ids::ThreadId;
use ompcord::sim::{RateLimits, SeenMessage, Sim, SimConfig};

use crate::harness::{Bench, Setup, card, is_card, is_footer, talk};

/// Colour and first words of a card.
fn look(card: &SeenMessage) -> String {
    let embed = &card.embeds[0];
    let colour = embed["color"]
        .as_u64()
        .map_or_else(|| "none".to_owned(), |c| format!("{c:06X}"));
    format!("{colour} {}", embed["title"].as_str().unwrap())
}

fn labels(card: &SeenMessage) -> Vec<&str> {
    card.buttons.iter().map(|button| button.label.as_str()).collect()
}

async fn looks(bench: &Bench, thread: ThreadId, wanted: &str) -> SeenMessage {
    let ready = |sim: &Sim| card(sim, thread).filter(|card| look(card) == wanted);
    bench.sim.until(&format!("a card that is {wanted}"), ready).await
}

/// When the card was edited, in milliseconds.
fn edits(sim: &Sim, card: &SeenMessage) -> Vec<i64> {
    let path = format!("/channels/{}/messages/{}", card.channel, card.id);
    let calls = sim.requests().into_iter();
    calls
        .filter(|call| call.method == "PATCH" && call.path == path)
        .map(|call| call.at_ms)
        .collect()
}

#[tokio::test]
async fn it_shows_each_state_in_its_colour_and_a_failure_is_not_forgotten() {
    let mut bench = Bench::start().await;
    let (_, thread) = bench
        .launch("TOOLMS:3000 TOOL:bash:{\"command\":\"make\"}\nCONFIRM:Ship it?|To production.\nSAY:Shipped.")
        .await;
    let busy = looks(&bench, thread, "5865F2 🔵 Busy").await;
    assert!(busy.silent && busy.content.is_empty(), "{busy:?}");
    assert_eq!(labels(&busy), ["Cancel", "Queue", "Log", "Stop"]);
    bench.card_says(thread, "🔧 `bash`").await;
    let waiting = looks(&bench, thread, "F1C40F 🟡 Waiting").await;
    assert_eq!(labels(&waiting), ["Cancel", "Queue", "Log", "Stop"]);
    bench.press("alice", thread, "Yes").await;
    bench.turns(thread, 1).await;
    let idle = looks(&bench, thread, "2ECC71 🟢 Idle").await;
    assert_eq!(
        labels(&idle),
        ["Queue", "Log", "Stop"],
        "there is nothing to cancel"
    );
    assert!(idle.words().contains("scripted/scripted-1 ⋅"), "{}", idle.words());
    let session = idle.button("Stop").unwrap().custom_id.clone();
    assert!(session.starts_with("omp:card:stop:session_"), "{session}");

    bench
        .sim
        .say("alice", thread, "ERROR:the model is on holiday")
        .unwrap();
    let degraded = looks(&bench, thread, "E67E22 🟠 Degraded").await;
    assert!(degraded.words().contains("The last turn failed"));
    bench.shut_down().await;
    let offline = card(&bench.sim, thread).unwrap();
    assert_eq!(
        (look(&offline).as_str(), labels(&offline).len()),
        ("E74C3C 🔴 Failed", 0)
    );
    assert!(offline.words().contains("ompcord is offline"));
    bench.boot().await;
    let again = looks(&bench, thread, "E67E22 🟠 Degraded").await;
    assert_eq!(again.id, offline.id, "it is the same message");

    bench.sim.say("alice", thread, "CRASH:3").unwrap();
    let failed = looks(&bench, thread, "E74C3C 🔴 Failed").await;
    assert!(failed.words().contains("The agent's process died"));
    bench
        .sim
        .say("alice", thread, "NOTIFY:fine\nSAY:Well again.")
        .unwrap();
    looks(&bench, thread, "2ECC71 🟢 Idle").await;
    bench.finish().await;
}

#[tokio::test]
async fn an_agent_that_cannot_start_is_red() {
    let bench = Bench::with_vars(|_| vec![("OMP_COMMAND", "/nowhere/omp".to_owned())]).await;
    let (_, thread) = bench.launch("SAY:never").await;
    let failed = looks(&bench, thread, "E74C3C 🔴 Failed").await;
    assert!(
        failed.words().contains("could not be started"),
        "{}",
        failed.words()
    );
    bench.finish().await;
}

#[tokio::test]
async fn a_hundred_tools_are_a_handful_of_edits_and_never_faster_than_is_due() {
    let bench = Bench::start().await;
    let tools = "TOOL:bash:{} ".repeat(100);
    let (_, thread) = bench.launch(&format!("TOOLMS:60 {tools} SAY:Done.")).await;
    bench.turns(thread, 1).await;
    let card = looks(&bench, thread, "2ECC71 🟢 Idle").await;
    let times = edits(&bench.sim, &card);
    let sooner: Vec<i64> = times
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .filter(|gap| *gap < 1_450)
        .collect();
    assert!(sooner.is_empty(), "{times:?}");
    let calls = bench.sim.requests();
    let took = times.last().unwrap() - calls.iter().map(|call| call.at_ms).min().unwrap();
    let most = usize::try_from(took / 5_000).unwrap() + 4;
    assert!(times.len() <= most, "{} edits in {took} ms", times.len());
    bench.finish().await;
}

#[tokio::test]
async fn words_go_first_where_discord_limits() {
    let bench = Bench::with(Setup {
        sim: SimConfig {
            rate_limits: RateLimits::On,
            ..SimConfig::default()
        },
        ..Setup::default()
    })
    .await;
    let text = "word ".repeat(120);
    let (_, thread) = bench
        .launch(&format!(
            "SLOW:60 SAY:{text}\nTOOLMS:200 TOOL:bash:{{\"command\":\"true\"}} SAY:end"
        ))
        .await;
    let messages = bench.turns(thread, 1).await;
    assert!(is_footer(messages.last().unwrap()), "{}", bench.sim.picture());
    let card = looks(&bench, thread, "2ECC71 🟢 Idle").await;
    let ours = edits(&bench.sim, &card).len();
    let all = bench.sim.count("PATCH", "/channels/{}/messages/{}");
    assert!(
        ours <= 4 && all >= ours + 3,
        "{ours} of {all} edits were the card's"
    );
    bench.finish().await;
}

#[tokio::test]
async fn a_restart_and_a_crash_edit_the_same_message() {
    let mut bench = Bench::start().await;
    let (_, thread) = bench.launch("SAY:Hello.").await;
    let first = looks(&bench, thread, "2ECC71 🟢 Idle").await;
    bench.sim.say("alice", thread, "STEERABLE").unwrap();
    looks(&bench, thread, "5865F2 🔵 Busy").await;
    bench.abort().await;
    bench.boot().await;
    let interrupted = looks(&bench, thread, "E67E22 🟠 Degraded").await;
    assert!(
        interrupted.words().contains("Interrupted"),
        "{}",
        interrupted.words()
    );
    assert_eq!(interrupted.id, first.id);
    bench.press("alice", thread, "Discard").await;
    looks(&bench, thread, "2ECC71 🟢 Idle").await;
    bench.shut_down().await;
    bench.boot().await;
    bench.sim.say("alice", thread, "SAY:Back.").unwrap();
    bench.turns(thread, 2).await;
    let last = looks(&bench, thread, "2ECC71 🟢 Idle").await;
    assert_eq!(last.id, first.id);
    bench.finish().await;
}

#[tokio::test]
async fn a_crash_before_it_is_known_which_message_it_is_makes_no_second_one() {
    use ompcord::sim::{Fault, Mishap};
    let mut bench = Bench::start().await;
    bench.board_says("online").await;
    // The opening line is made; the answer about the card never comes.
    let (_, thread) = {
        let message = bench.sim.say("alice", "home", "SAY:Hello.").unwrap();
        let fault = Fault::next(
            "POST",
            &format!("/channels/{message}/messages"),
            Mishap::LoseReply,
        );
        bench.sim.fault(fault.times(4));
        bench.sim.react("alice", message, "🚀").unwrap();
        (message, message.thread())
    };
    let made = |sim: &Sim| card(sim, thread);
    bench.sim.until("a card", made).await;
    bench.abort().await;
    bench.sim.clear_faults();
    bench.boot().await;
    bench.sim.say("alice", thread, "SAY:Again.").unwrap();
    bench.turns(thread, 2).await;
    looks(&bench, thread, "2ECC71 🟢 Idle").await;
    bench.finish().await;
}

#[tokio::test]
async fn one_that_was_deleted_is_made_again_at_the_next_change_and_not_before() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let (_, thread) = bench.launch("SAY:Hello.").await;
    let first = looks(&bench, thread, "2ECC71 🟢 Idle").await;
    sim.delete(first.id).unwrap();
    bench.barrier().await;
    assert_eq!(card(sim, thread), None, "nothing has changed since");
    sim.say("alice", thread, "SAY:Again.").unwrap();
    bench.turns(thread, 2).await;
    let second = looks(&bench, thread, "2ECC71 🟢 Idle").await;
    assert!(second.id != first.id && second.silent);
    bench.finish().await;
}

#[tokio::test]
async fn it_comes_to_the_bottom_when_it_is_out_of_sight() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let (_, thread) = bench.launch("SAY:Hello.").await;
    let first = looks(&bench, thread, "2ECC71 🟢 Idle").await;
    bench.sim.say("alice", thread, "SAY:One more.").unwrap();
    bench.turns(thread, 2).await;
    bench.sim.say("alice", thread, "SAY:And another.").unwrap();
    bench.turns(thread, 3).await;
    let last_is_card = |sim: &Sim| {
        let messages = sim.messages(thread);
        messages
            .last()
            .filter(|m| is_card(m) && look(m) == "2ECC71 🟢 Idle")
            .cloned()
    };
    let moved = sim.until("the card at the bottom", last_is_card).await;
    assert!(moved.id != first.id && moved.silent);
    assert!(card(sim, thread).is_some(), "and the other one is gone");
    bench.finish().await;
}

#[tokio::test]
async fn a_flood_moves_it_once_and_once_more_at_the_end() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let parts: Vec<String> = (0..16)
        .map(|n| format!("SAY:Part {n}.\nTOOLMS:900 TOOL:bash:{{\"command\":\"true\"}} LOG:line {n}"))
        .collect();
    let says = parts.join("\n");
    let (_, thread) = bench.launch(&says).await;
    bench.turns(thread, 1).await;
    let card = looks(&bench, thread, "2ECC71 🟢 Idle").await;
    let below = sim
        .messages(thread)
        .iter()
        .rev()
        .take_while(|m| m.id != card.id)
        .count();
    assert!(below < 5, "{below}\n{}", sim.picture());
    let here = format!("/channels/{thread}/messages/");
    let calls = sim.requests().into_iter();
    let deleted = calls
        .filter(|call| call.method == "DELETE" && call.path.starts_with(&here))
        .count();
    assert!((1..=2).contains(&deleted), "{deleted} moves\n{}", sim.picture());
    bench.finish().await;
}

#[tokio::test]
async fn a_session_that_ends_leaves_a_card_without_buttons() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let (_, thread) = bench.launch("SAY:Hello.").await;
    looks(&bench, thread, "2ECC71 🟢 Idle").await;
    sim.say("alice", thread, "!omp stop").unwrap();
    let archived = |sim: &Sim| sim.thread(thread)?.archived.then_some(());
    sim.until("the thread to be archived", archived).await;
    let ended = card(sim, thread).unwrap();
    assert_eq!(
        (look(&ended).as_str(), labels(&ended).len()),
        ("none ⏹️ Ended", 0)
    );
    bench.finish().await;
}

#[tokio::test]
async fn it_opens_no_thread_that_was_put_away() {
    let mut bench = Bench::start().await;
    let (_, thread) = bench.launch("SAY:Hello.").await;
    let first = looks(&bench, thread, "2ECC71 🟢 Idle").await;
    bench.sim.archive(thread, true);
    bench.shut_down().await;
    bench.boot().await;
    bench.barrier().await;
    assert!(
        bench.sim.thread(thread).unwrap().archived,
        "{}",
        bench.sim.picture()
    );
    // A prompt does, and then it is painted again.
    bench.sim.say("alice", thread, "STEERABLE").unwrap();
    let busy = looks(&bench, thread, "5865F2 🔵 Busy").await;
    assert_eq!(busy.id, first.id);
    bench.sim.say("alice", thread, "!go").unwrap();
    bench.turns(thread, 2).await;
    assert_eq!(
        talk(&bench.sim, thread).iter().filter(|m| is_footer(m)).count(),
        2
    );
    bench.finish().await;
}
