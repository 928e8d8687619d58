//! Dialogs of the real agent with a scripted model. Skipped where `OMPCORD_TEST_OMP` does not name an agent.

use ompcord::ids::ThreadId;
use ompcord::sim::Sim;

use crate::harness::{Bench, answers};
use crate::real::{Real, real};

async fn asking() -> Option<Real> {
    real(vec![("OMP_APPROVAL_MODE", "always-ask".to_owned())]).await
}

/// What the model was told, in all its words.
async fn said(bench: &Bench, thread: ThreadId, turns: usize) -> String {
    answers(&bench.turns(thread, turns).await)
}

#[tokio::test]
async fn real_agent_runs_what_was_approved_and_hears_why_something_was_denied() {
    let Some(Real { bench, _model }) = asking().await else {
        return;
    };
    let marker = bench.work().join("made-by-the-tool");
    let command = format!("touch {}", marker.display());
    let (_, thread) = bench
        .launch(&format!(r#"TOOL:bash:{{"command":"{command}"}}"#))
        .await;
    let question = bench.question(thread, "touch ").await;
    assert!(
        question.content.starts_with("🟡 **Allow bash?**"),
        "{}",
        question.content
    );
    assert!(question.content.contains(&command), "{}", question.content);
    assert!(!marker.exists(), "nothing runs before it is approved");
    bench.press("alice", thread, "Approve").await;
    let text = bench.closed(question.id).await;
    assert!(text.contains("Approved by alice"), "{text}");
    bench.turns(thread, 1).await;
    assert!(marker.exists());

    bench
        .sim
        .say("alice", thread, r#"TOOL:bash:{"command":"echo denied-one"}"#)
        .unwrap();
    let question = bench.question(thread, "denied-one").await;
    bench
        .writes(question.id, "Deny with reason…", "use the purple one")
        .await;
    let text = bench.closed(question.id).await;
    assert!(text.contains("Denied by alice: use the purple one"), "{text}");
    // The model answers what it was told last.
    let answer = bench
        .sees(thread, "The user denied bash: use the purple one")
        .await;
    assert_ne!(answer.id, question.id);
    bench.turns(thread, 2).await;
    bench.finish().await;
}

#[tokio::test]
async fn real_agent_does_not_ask_again_for_a_tool_that_was_approved_for_the_session() {
    let Some(Real { bench, _model }) = asking().await else {
        return;
    };
    let (_, thread) = bench.launch(r#"TOOL:bash:{"command":"echo first-one"}"#).await;
    bench.question(thread, "first-one").await;
    bench.press("alice", thread, "Approve for session").await;
    bench.turns(thread, 1).await;
    bench
        .sim
        .say("alice", thread, r#"TOOL:bash:{"command":"echo second-one"}"#)
        .unwrap();
    bench
        .sees(thread, "approved for this session: bash  `echo second-one`")
        .await;
    let said = said(&bench, thread, 2).await;
    assert!(said.contains("The tool said: second-one"), "{said}");
    bench.finish().await;
}

#[tokio::test]
async fn real_agent_shows_a_command_whole_that_its_own_gate_cuts() {
    let Some(Real { bench, _model }) = asking().await else {
        return;
    };
    let long = format!(
        "echo {} {}; echo the-hidden-end",
        "a".repeat(1_990),
        "b".repeat(300)
    );
    let script = format!(r#"TOOL:bash:{{"command":"{long}","cwd":"/"}}"#);
    let message = bench
        .sim
        .say_with_files("alice", "home", "Do this", &[("script.txt", script.as_bytes())])
        .unwrap();
    bench.sim.react("alice", message, "🚀").unwrap();
    let thread = bench.sim.until("a thread", |sim| sim.thread_on(message)).await.id;
    let question = bench.question(thread, "more characters").await;
    assert!(question.content.contains("cwd: `/`"), "{}", question.content);
    let more = bench.sim.click("alice", question.id, "See more").unwrap();
    let whole = bench
        .sim
        .until("the end of the command", |sim| {
            let words = sim.reply_to(more)?.words();
            words.contains("; echo the-hidden-end").then_some(words)
        })
        .await;
    assert!(!whole.contains("elided"), "{whole}");
    bench.press("alice", thread, "Deny").await;
    bench.turns(thread, 1).await;
    bench.finish().await;
}

#[tokio::test]
async fn real_agent_asks_with_options_and_takes_another_answer() {
    let Some(Real { bench, _model }) = real(Vec::new()).await else {
        return;
    };
    let ask = r#"TOOL:ask:{"questions":[{"id":"q","question":"Which flavour do you want?","options":[{"label":"Mint","description":"fresh"},{"label":"Lemon"}]}]}"#;
    let (_, thread) = bench.launch(ask).await;
    let question = bench.question(thread, "Which flavour").await;
    assert!(
        question.content.contains("- **Mint**: fresh"),
        "{}",
        question.content
    );
    bench.press("alice", thread, "Lemon").await;
    let text = bench.closed(question.id).await;
    assert!(text.ends_with("Lemon ⋅ alice"), "{text}");
    let first = said(&bench, thread, 1).await;
    assert!(
        first.contains("The tool said:") && first.contains("Lemon"),
        "{first}"
    );

    bench.sim.say("alice", thread, ask).unwrap();
    let open = |sim: &Sim| {
        let messages = sim.messages(thread);
        messages.into_iter().find(|m| m.button("Other…").is_some())
    };
    let question = bench.sim.until("the second question", open).await;
    bench.writes(question.id, "Other…", "pistachio, please").await;
    let both = said(&bench, thread, 2).await;
    assert!(both.contains("pistachio, please"), "{both}");
    let asked = bench.sim.messages(thread);
    let asked = asked
        .iter()
        .filter(|m| m.content.contains("Which flavour"))
        .count();
    assert_eq!(asked, 2 + 1, "two questions and the prompt that asks again");
    bench.finish().await;
}

#[tokio::test]
async fn real_agent_is_not_left_hanging_by_a_question_when_the_daemon_ends() {
    let Some(Real { mut bench, _model }) = real(Vec::new()).await else {
        return;
    };
    let ask = r#"TOOL:ask:{"questions":[{"id":"q","question":"Shall we?","options":[{"label":"Yes"},{"label":"No"}]}]}"#;
    let (_, thread) = bench.launch(ask).await;
    let question = bench.question(thread, "Shall we?").await;
    bench.shut_down().await;
    let text = bench.closed(question.id).await;
    assert!(text.contains("expired; nothing was run"), "{text}");
    let cut_off = |sim: &Sim| {
        sim.messages(thread)
            .iter()
            .any(|m| m.content.contains("was interrupted"))
    };
    assert!(
        !cut_off(&bench.sim),
        "the turn ended by itself: {}",
        bench.sim.picture()
    );
    bench.boot().await;
    // It goes on where it was, with the same conversation.
    bench.sim.say("alice", thread, "HISTORY").unwrap();
    let told = bench.sees(thread, "So far:").await;
    assert!(told.content.contains("Shall we?"), "{}", told.content);
    bench.finish().await;
}
