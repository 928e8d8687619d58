//! Commands with the real agent and a scripted model. Skipped where `OMPCORD_TEST_OMP` does not name an agent.

use ompcord::sim::Sim;

use crate::commands::{named, slash};
use crate::commands_table::session_of;
use crate::harness::answers;
use crate::real::{Real, real};

#[tokio::test]
async fn real_agent_takes_another_model_and_another_level_of_thinking() {
    let Some(Real { bench, _model }) = real(Vec::new()).await else {
        return;
    };
    let (_, thread) = bench.launch("SAY:with the first model").await;
    let messages = bench.turns(thread, 1).await;
    assert!(
        messages.last().unwrap().content.contains("rig/script"),
        "{messages:#?}"
    );
    let ask = async |what: &str, options: &[(&str, &str)]| {
        slash(&bench, "alice", thread.channel(), what, options).await
    };
    let reply = ask("omp model", &[("name", "rig/scirpt-2")]).await;
    assert!(reply.content().contains("`rig/script-2`"), "{reply:?}");
    let reply = ask("omp model", &[("name", "script-2")]).await;
    assert!(
        reply.content().contains("→ `rig/script-2`, from now on"),
        "{reply:?}"
    );
    let reply = ask("omp thinking", &[("level", "high")]).await;
    assert!(reply.content().contains("Thinking"), "{reply:?}");
    bench
        .sim
        .say("alice", thread, "SAY:with the second model")
        .unwrap();
    let messages = bench.turns(thread, 2).await;
    let footer = &messages.last().unwrap().content;
    assert!(footer.contains("rig/script-2"), "{footer}");
    bench.finish().await;
}

#[tokio::test]
async fn real_agent_compacts_and_keeps_its_transcript() {
    let Some(Real { bench, _model }) = real(Vec::new()).await else {
        return;
    };
    let (_, thread) = bench.launch("LONG:80").await;
    bench.turns(thread, 1).await;
    for (turn, text) in [(2, "LONG:81"), (3, "LONG:82")] {
        bench.sim.say("alice", thread, text).unwrap();
        bench.turns(thread, turn).await;
    }
    let reply = slash(&bench, "alice", thread.channel(), "omp compact", &[]).await;
    assert!(reply.content().contains("🗜️ Compacted"), "{reply:?}");
    assert!(reply.content().contains("tokens"), "{reply:?}");
    bench.sim.say("alice", thread, "SAY:after the cut").unwrap();
    let messages = bench.turns(thread, 4).await;
    assert!(answers(&messages).contains("after the cut"));
    let log = slash(&bench, "alice", thread.channel(), "omp log", &[]).await;
    let text = log.message.unwrap().attachments[0].text();
    assert!(
        text.contains("after the cut") && text.len() > 240 << 10,
        "{} bytes",
        text.len()
    );
    bench.finish().await;
}

#[tokio::test]
async fn real_agent_resumes_a_stopped_session_in_a_new_thread_with_its_memory() {
    let Some(Real { bench, _model }) = real(Vec::new()).await else {
        return;
    };
    let (_, thread) = bench.launch("remember the word xylophone").await;
    bench.turns(thread, 1).await;
    let id = session_of(&bench, thread).await.to_string();
    slash(&bench, "alice", thread.channel(), "omp stop", &[]).await;
    let archived = |sim: &Sim| sim.thread(thread)?.archived.then_some(());
    bench.sim.until("the thread to be archived", archived).await;
    let home = bench.sim.home_channel();
    let reply = slash(&bench, "alice", home, "omp resume", &[("session", &id)]).await;
    let again = named(&reply);
    assert_ne!(again, thread);
    bench.sim.say("alice", again, "HISTORY").unwrap();
    let messages = bench.turns(again, 1).await;
    assert!(answers(&messages).contains("xylophone"), "{}", answers(&messages));
    bench.finish().await;
}
