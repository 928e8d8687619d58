//! What makes a phone buzz: a turn that is done, a failure, a question. Nothing else.

use ompcord::ids::ThreadId;
use ompcord::sim::{SeenMessage, Sim};

use crate::harness::{Bench, is_card, is_footer};

/// What kind of message it is, and whether it buzzes.
fn kind(message: &SeenMessage) -> Option<(&'static str, bool)> {
    let text = &message.content;
    let words = message.words();
    let kinds = [
        (is_card(message), "card"),
        (is_footer(message), "footer"),
        (text.contains("never asks (yolo)"), "opening line"),
        (text.contains("**The turn failed.**"), "failure"),
        (text.contains("process ended with exit code"), "death"),
        (
            text.contains("Continue queue") || text.contains("waiting until you continue"),
            "held",
        ),
        (
            !message.buttons.is_empty() && words.contains("Ship it?"),
            "question",
        ),
        (text.contains("📥 Queued"), "queued"),
        (text.starts_with("```"), "log"),
        (text.contains("Retry 1 in"), "remark"),
        (
            text.starts_with("-# ✓") || text.starts_with("⏳") || text.starts_with("✓"),
            "activity",
        ),
        (text.contains("Session stopped"), "stopped"),
        (text.contains("Shipped."), "answer"),
    ];
    let kind = kinds.iter().find(|(is, _)| *is).map(|(_, kind)| *kind);
    message.by_bot.then(|| (kind.unwrap_or("other"), !message.silent))
}

fn kinds(sim: &Sim, thread: ThreadId) -> Vec<(&'static str, bool)> {
    let mut kinds: Vec<_> = sim.messages(thread).iter().filter_map(kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

#[tokio::test]
async fn a_phone_buzzes_when_a_person_is_needed_or_a_turn_is_done_and_never_else() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let (_, thread) = bench
        .launch("LOG:a line\nRETRY:1 TOOLMS:1200 TOOL:bash:{\"command\":\"make\"}\nCONFIRM:Ship it?|To production.\nSAY:Shipped.")
        .await;
    bench.question(thread, "Ship it?").await;
    let open = kinds(sim, thread);
    assert!(open.contains(&("question", true)), "{open:?}");
    let waiting = sim.say("alice", thread, "ERROR:no more money").unwrap();
    bench.marked(waiting, "📥", true).await;
    bench.press("alice", thread, "Yes").await;
    bench.turns(thread, 2).await;
    bench.sees(thread, "The turn failed").await;
    sim.say("alice", thread, "CRASH:3").unwrap();
    bench.sees(thread, "ended with exit code 3").await;
    bench.card_says(thread, "🔴 Failed").await;
    sim.say("alice", thread, "!omp stop").unwrap();
    bench.sees(thread, "Session stopped").await;
    let archived = |sim: &Sim| sim.thread(thread)?.archived.then_some(());
    sim.until("the thread to be archived", archived).await;
    let all = kinds(sim, thread);
    for (kind, buzzes) in [
        ("opening line", false),
        ("card", false),
        ("log", false),
        ("remark", false),
        ("activity", false),
        ("answer", false),
        ("queued", false),
        ("stopped", false),
        ("footer", true),
        ("failure", true),
        ("death", true),
    ] {
        assert!(
            all.contains(&(kind, buzzes)),
            "{kind} {buzzes}: {all:?}\n{}",
            sim.picture()
        );
        // The footer of a turn that failed leaves it to the failure.
        assert!(
            kind == "footer" || !all.contains(&(kind, !buzzes)),
            "{kind}: {all:?}"
        );
    }
    let loud: Vec<_> = sim
        .messages(thread)
        .into_iter()
        .filter(|m| m.by_bot && !m.silent)
        .collect();
    let footers = loud.iter().filter(|m| is_footer(m)).count();
    assert_eq!(footers, 1, "one turn went well");
    assert!(
        sim.messages("home").iter().all(|m| !m.by_bot || m.silent),
        "the board never does"
    );
    bench.finish().await;
}
