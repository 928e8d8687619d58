//! What becomes of an agent that misbehaves, seen from the thread: it is told, it can be tried again, the card has the
//! right state, and nothing is left running.

use std::time::Duration;

use ompcord::sim::{Sim, SimConfig};

use crate::harness::{Bench, eventually, processes};

#[tokio::test]
async fn an_agent_that_dies_in_a_turn_is_told_offers_retry_and_leaves_nothing_running() {
    let bench = Bench::start().await;
    let agents = format!("--cwd {}", bench.work().display());
    for (n, (script, told)) in [
        ("CRASH:0", "ended with exit code 0"),
        ("CRASH:3", "ended with exit code 3"),
        ("KILLSELF", "was killed by signal 9"),
        ("MIDLINE", "ended with exit code"),
        ("GARBAGE\nCRASH:4", "ended with exit code 4"),
        ("GRANDCHILD:86399\nCRASH:5", "ended with exit code 5"),
    ]
    .into_iter()
    .enumerate()
    {
        let (_, thread) = bench.launch(&format!("SAY:so far {n}\n{script}")).await;
        let said = bench.sees(thread, told).await;
        assert!(
            said.content.contains("in the middle of the turn"),
            "{script}: {said:?}"
        );
        assert!(
            said.button("Retry").is_some() && !said.silent,
            "{script}: {said:?}"
        );
        let card = bench.card_says(thread, "Failed").await;
        assert!(card.words().contains("🔴"), "{script}: {card:?}");
        eventually("the agent to be gone", || {
            processes(&agents).is_empty() && processes("sleep 86399").is_empty()
        })
        .await;
        // The session lives: the next prompt has a new process and the old conversation.
        bench.sim.say("alice", thread, &format!("SAY:alive {n}")).unwrap();
        bench.sees(thread, &format!("alive {n}")).await;
        bench.card_says(thread, "🟢").await;
        let stop = bench.sim.slash("alice", thread, "omp stop", &[]).unwrap();
        bench.sim.reply(stop).await;
        eventually("the new one to be gone", || processes(&agents).is_empty()).await;
    }
    bench.finish().await;
}

#[tokio::test]
async fn an_agent_that_obeys_nothing_is_ended_by_a_cancel_and_what_it_left_as_well() {
    let mut bench = Bench::on(Sim::start(SimConfig::default()).await.unwrap(), Vec::new(), None);
    bench.patience.abort = Duration::from_millis(300);
    bench.patience.rung = Duration::from_millis(300);
    bench.boot().await;
    let agents = format!("--cwd {}", bench.work().display());
    let (_, thread) = bench
        .launch("SAY:I begin.\nGRANDCHILD:86398\nIGNORE_TERM HANG")
        .await;
    bench.sees(thread, "grandchild").await;
    eventually("its child to run", || !processes("sleep 86398").is_empty()).await;
    let waiting = bench.sim.say("alice", thread, "SAY:I waited").unwrap();
    bench.marked(waiting, "📥", true).await;
    let cancel = bench.sim.slash("alice", thread, "omp cancel", &[]).unwrap();
    bench.sim.reply(cancel).await;
    bench.sees(thread, "Cancelled").await;
    eventually("everything to be gone", || {
        processes(&agents).is_empty() && processes("sleep 86398").is_empty()
    })
    .await;
    bench.press("alice", thread, "Continue queue").await;
    bench.sees(thread, "I waited").await;
    bench.finish().await;
}
