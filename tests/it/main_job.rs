//! The main job: a message becomes a session in a thread, with the scripted agent.

use crate::harness::{Bench, answers, is_footer};

#[tokio::test]
async fn a_rocket_makes_a_thread_that_streams_the_answer_and_ends_with_a_footer() {
    let bench = Bench::start().await;
    let (message, thread) = bench
        .launch("**fix** the <@1> login\nSAY:All done, the login works.")
        .await;
    let seen = bench.sim.thread(thread).unwrap();
    assert_eq!(seen.name, "Run: fix the login SAY:Al");
    let messages = bench.turns(thread, 1).await;
    let seen = bench.sim.thread(thread).unwrap();
    assert!(seen.members.contains(&"alice".to_owned()), "{:?}", seen.members);
    assert!(
        messages[0].content.starts_with("-# ") && messages[0].silent,
        "{:?}",
        messages[0]
    );
    assert!(messages[0].content.contains("my-project") && messages[0].content.contains("yolo"));
    assert_eq!(answers(&messages), "All done, the login works.");
    assert!(is_footer(messages.last().unwrap()) && !messages.last().unwrap().silent);
    let unpinned = |sim: &ompcord::sim::Sim| (!sim.message(message)?.pinned).then_some(());
    bench.sim.until("the prompt to be unpinned", unpinned).await;
    assert!(
        bench
            .sim
            .requests()
            .iter()
            .any(|call| call.method == "PUT" && call.route.contains("pins"))
    );
    bench.finish().await;
}
