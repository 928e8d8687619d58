//! The same tools as host tools: over the protocol of the agents that the daemon runs.

use ompcord::ids::MessageId;
use ompcord::sim::Sim;
use serde_json::Value;

use super::bench;
use crate::harness::{Bench, answers};

async fn over(bench: &Bench, question: MessageId) -> String {
    let over = move |sim: &Sim| {
        let seen = sim.message(question)?;
        seen.buttons.is_empty().then_some(seen.content)
    };
    bench.sim.until("the question to be over", over).await
}

#[tokio::test]
async fn an_agent_asks_waits_and_hears_the_answer_in_its_turn() {
    let bench = Bench::start().await;
    let (_, thread) = bench
        .launch(r#"HOST:discord_ask:{"question":"Which flavour?","choices":["Mint","Lemon"]}"#)
        .await;
    bench.question(thread, "Which flavour?").await;
    // It is told that it takes its time.
    bench.sees(thread, "progress: Discord, or a person there").await;
    bench.press("alice", thread, "Mint").await;
    let said = answers(&bench.turns(thread, 1).await);
    let answer = said
        .split_once("The tool said: ")
        .unwrap()
        .1
        .lines()
        .next()
        .unwrap();
    let answer: Value = serde_json::from_str(answer).unwrap();
    assert_eq!(
        (&answer["answer"], &answer["by"]),
        (&"Mint".into(), &"alice".into())
    );

    bench
        .sim
        .say("alice", thread, r#"HOST:discord_send:{"text":""}"#)
        .unwrap();
    bench.sees(thread, "The tool failed: `text` is wrong").await;
    bench.sim.say("alice", thread, "HOST:discord_fly:{}").unwrap();
    bench
        .sees(thread, "The tool failed: there is no tool `discord_fly`")
        .await;
    bench.turns(thread, 3).await;
    bench.finish().await;
}

#[tokio::test]
async fn a_turn_that_is_cancelled_takes_its_question_back() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch(r#"HOST:discord_ask:{"question":"Shall I?"}"#).await;
    let question = bench.question(thread, "Shall I?").await;
    bench.sim.say("alice", thread, "!omp cancel").unwrap();
    let text = over(&bench, question.id).await;
    assert!(
        text.contains("expired; nothing was run (the turn was ended)") || text.contains("withdrawn"),
        "{text}"
    );
    bench.turns(thread, 1).await;
    // The process that asked dies.
    bench
        .sim
        .say("alice", thread, "HOST:discord_ask:{\"question\":\"And now?\"}")
        .unwrap();
    let question = bench.question(thread, "And now?").await;
    bench.sim.say("alice", thread, "!omp stop").unwrap();
    over(&bench, question.id).await;
    let archived = move |sim: &Sim| sim.thread(thread)?.archived.then_some(());
    bench.sim.until("the thread to be archived", archived).await;
    bench.finish().await;
}

#[tokio::test]
async fn addresses_of_channels_can_be_read_where_the_tools_may_be_used() {
    let bench = bench().await;
    let open = bench.sim.channel("other").unwrap();
    bench
        .sim
        .say("mallory", "other", "a word in the other channel")
        .unwrap();
    let home = bench.sim.home_channel();
    let (_, thread) = bench
        .launch(&format!("READ:discord://channel/{open}/messages"))
        .await;
    bench.sees(thread, "a word in the other channel").await;
    bench
        .sim
        .say(
            "alice",
            thread,
            &format!("READ:discord://channel/{home}/messages"),
        )
        .unwrap();
    bench.sees(thread, "is not open to you").await;
    bench.sim.say("alice", thread, "READ:discord://guild/1").unwrap();
    bench.sees(thread, "there is no address").await;
    bench.turns(thread, 3).await;
    bench.finish().await;
}

#[tokio::test]
async fn the_daemons_own_tools_are_approved_by_the_owners_configuration() {
    let approve = "APPROVE:discord_reply:hello";
    let bench = Bench::with_vars(|_| vec![("OMP_APPROVAL_MODE", "write".to_owned())]).await;
    let (_, thread) = bench.launch(approve).await;
    let said = answers(&bench.turns(thread, 1).await);
    assert!(said.contains("discord_reply ran: hello"), "{said}");
    bench.finish().await;

    let bench = Bench::with_vars(|_| vec![("OMP_APPROVAL_MODE", "always-ask".to_owned())]).await;
    let (_, thread) = bench.launch(&format!("APPROVE:discord_ask:a\n{approve}")).await;
    let question = bench.question(thread, "Allow").await;
    assert!(
        question.content.contains("Allow discord\\_reply?"),
        "asking needs no asking: {}",
        question.content
    );
    bench.press("alice", thread, "Approve").await;
    bench.turns(thread, 1).await;
    bench.finish().await;
}
