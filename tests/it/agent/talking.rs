//! What is said to an agent and what it says.

use ompcord::event::{Dialog, DialogKind};

use super::*;

#[tokio::test]
async fn a_turn_is_told_from_its_beginning_to_its_end() {
    let rig = Rig::new();
    let mut spec = rig.spec();
    spec.model = Some("acme/model-1".into());
    let mut agent = rig.spawn(spec);
    let started = agent.started().await;
    assert_eq!(started.model.as_deref(), Some("acme/model-1"));
    assert!(Path::new(&format!("/proc/{}", started.pid)).exists());

    agent.handle.prompt("p1", "SLOW:1 SAY:one two three", &[]);
    assert_eq!(agent.next().await, AgentEvent::TurnStarted);
    assert_eq!(agent.next().await, AgentEvent::MessageStarted);
    let mut text = String::new();
    let ended = loop {
        match agent.next().await {
            AgentEvent::TextDelta { block: 0, delta } => text.push_str(&delta),
            AgentEvent::MessageEnded(ended) => break ended,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(text, "one two three");
    assert_eq!(ended.texts, [(0, text)]);
    assert_eq!(ended.model.as_deref(), Some("acme/model-1"));
    assert!(ended.cost > 0.0 && ended.stop_reason == "stop");
    assert_eq!(agent.next().await, AgentEvent::TurnEnded);
    let exit = agent.stopped().await;
    assert_eq!((exit.how, exit.requested), (ExitHow::Code(0), true));
}

#[tokio::test]
async fn a_prompt_may_be_given_before_the_agent_is_up() {
    let rig = Rig::new();
    let mut agent = rig.spawn(rig.spec());
    agent.handle.prompt("early", "SAY:hello", &[]);
    assert!(matches!(agent.next().await, AgentEvent::Started(_)));
    assert_eq!(agent.message().await.texts, [(0, "hello".into())]);
    agent.stopped().await;
}

#[tokio::test]
async fn tools_errors_retries_notices_and_titles_are_told() {
    let rig = Rig::new();
    let mut agent = rig.up().await;
    agent.handle.prompt(
        "p",
        "TOOL:bash:{\"command\":\"ls\"} TOOLMS:1 RETRY:1 NOTIFY:look\nTITLE:A title\nERROR:no credit",
        &[],
    );
    let mut seen = Vec::new();
    loop {
        match agent.next().await {
            AgentEvent::TurnEnded => break,
            AgentEvent::ToolStarted { id, tool, args } => seen.push(format!("{id} {tool} {args}")),
            AgentEvent::ToolEnded { id, is_error } => seen.push(format!("{id} {is_error}")),
            AgentEvent::Retrying {
                attempt,
                delay,
                error,
            } => seen.push(format!("{attempt} {delay:?} {error}")),
            AgentEvent::RetryEnded { success, .. } => seen.push(format!("retried {success}")),
            AgentEvent::Notice { text, .. } => seen.push(text),
            AgentEvent::Title(title) => seen.push(title),
            AgentEvent::MessageEnded(ended) => seen.push(format!("{} {:?}", ended.stop_reason, ended.error)),
            _ => {}
        }
    }
    assert_eq!(
        seen,
        [
            "toolUse None",
            "call_1 bash {\"command\":\"ls\"}",
            "call_1 false",
            "1 20.5ms 503 overloaded",
            "retried true",
            "look",
            "A title",
            "error Some(\"no credit\")",
        ]
    );
    agent.stopped().await;
}

async fn dialog(agent: &mut Running) -> Dialog {
    agent
        .until(|event| match event {
            AgentEvent::Dialog(dialog) => Some(dialog.clone()),
            _ => None,
        })
        .await
}

/// A prompt that asks, what is answered, and what is said then.
fn dialogs() -> Vec<(&'static str, Vec<DialogAnswer>, &'static str)> {
    vec![
        (
            "ASK:Which?|A|B",
            vec![DialogAnswer::Value("B".into())],
            "You chose: B",
        ),
        (
            "ASK:Which?|A|B",
            vec![
                DialogAnswer::Value("Other (type your own)".into()),
                DialogAnswer::Value("mine".into()),
            ],
            "You chose: mine",
        ),
        (
            "APPROVE:bash:rm -r build",
            vec![DialogAnswer::Value("Approve".into())],
            "bash ran: rm -r build",
        ),
        (
            "APPROVE:bash:rm -r build",
            vec![DialogAnswer::Value("Deny".into())],
            "I may not run: rm -r build",
        ),
        (
            "CONFIRM:Sure?|Really",
            vec![DialogAnswer::Confirmed(true)],
            "You said yes.",
        ),
        (
            "INPUT:Name?|like Bob",
            vec![DialogAnswer::Cancelled],
            "You did not answer.",
        ),
        (
            "EDITOR:Text?|draft",
            vec![DialogAnswer::Value("final\n\"text\"".into())],
            "You wrote: final\n\"text\"",
        ),
    ]
}

#[tokio::test]
async fn dialogs_wait_for_their_answer() {
    let rig = Rig::new();
    let mut agent = rig.up().await;
    for (prompt, answers, said) in dialogs() {
        agent.handle.prompt("p", prompt, &[]);
        for answer in answers {
            let dialog = dialog(&mut agent).await;
            if prompt.starts_with("APPROVE") {
                assert_eq!(dialog.title, "Allow tool: bash\nCommand: rm -r build");
                assert!(matches!(dialog.kind, DialogKind::Select { .. }));
            }
            agent.handle.answer(&dialog.id, &answer);
        }
        let mut text = String::new();
        while text.is_empty() {
            text = agent
                .message()
                .await
                .texts
                .into_iter()
                .map(|(_, text)| text)
                .collect();
        }
        assert_eq!(text, said);
        agent.turn_ended().await;
    }
    agent.stopped().await;
}

#[tokio::test]
async fn an_abort_withdraws_the_dialog_and_keeps_the_process() {
    let rig = Rig::new();
    let mut agent = rig.up().await;
    agent.handle.prompt("p", "ASK:Which?|A", &[]);
    let asked = dialog(&mut agent).await.id;
    agent.handle.abort();
    let withdrawn = agent
        .until(|event| match event {
            AgentEvent::DialogWithdrawn { id } => Some(id.clone()),
            _ => None,
        })
        .await;
    assert_eq!(asked, withdrawn);
    agent.turn_ended().await;
    assert_eq!(agent.say("SAY:still here").await, "still here");
    agent.stopped().await;
}

#[tokio::test]
async fn steering_reaches_a_running_turn() {
    let rig = Rig::new();
    let mut agent = rig.up().await;
    agent.handle.prompt("p", "STEERABLE", &[]);
    assert_eq!(agent.next().await, AgentEvent::TurnStarted);
    agent.handle.steer("steer-1", "to the left", &[]);
    assert_eq!(agent.message().await.texts, [(0, "Steered: to the left".into())]);
    agent.turn_ended().await;
    agent.stopped().await;
}

#[tokio::test]
async fn steering_an_idle_agent_begins_a_turn() {
    let rig = Rig::new();
    let mut agent = rig.up().await;
    agent.handle.steer("steer-1", "SAY:so be it", &[]);
    assert_eq!(agent.next().await, AgentEvent::TurnStarted);
    assert_eq!(agent.message().await.texts, [(0, "so be it".into())]);
    agent.turn_ended().await;
    agent.stopped().await;
}

#[tokio::test]
async fn the_demo_is_a_whole_session() {
    let rig = Rig::new();
    let mut spec = rig.spec();
    spec.extra_env
        .push(("OMPCORD_SCRIPTED_SPEED".into(), "1000".into()));
    let mut agent = rig.spawn(spec);
    agent.started().await;
    agent.handle.prompt("p", "DEMO TOOLMS:1", &[]);
    let (mut tools, mut lines, mut answer) = (Vec::new(), 0, String::new());
    let mut choices = vec!["Approve", "Double the wait each time"];
    loop {
        match agent.next().await {
            AgentEvent::ToolStarted { tool, .. } => tools.push(tool),
            AgentEvent::Line(_) => lines += 1,
            AgentEvent::Dialog(dialog) => {
                let choice = choices.pop().unwrap();
                agent
                    .handle
                    .answer(&dialog.id, &DialogAnswer::Value(choice.into()));
            }
            AgentEvent::MessageEnded(message) => {
                answer = message.texts.into_iter().map(|(_, text)| text).collect();
            }
            AgentEvent::TurnEnded => break,
            _ => {}
        }
    }
    assert_eq!(
        tools,
        ["grep", "read", "read", "ask", "edit", "write", "edit", "bash"]
    );
    assert_eq!(lines, 4);
    assert!(answer.starts_with("**42 tests pass**") && answer.contains("```bash\n"));
    assert!(answer.contains("| busy for ever |"), "{answer}");
    agent.stopped().await;
}

/// What a visitor of the demo writes, what they answer, and what is said in the end.
fn wishes() -> Vec<(&'static str, Vec<DialogAnswer>, &'static str)> {
    let value = |text: &str| DialogAnswer::Value(text.into());
    let other = value("Other (type your own)");
    vec![
        ("Hi!", vec![], "I only pretend to work"),
        (
            "Why is the page so slow to load?",
            vec![],
            "nothing behaves differently",
        ),
        ("Why does the login page load so slowly?", vec![], "try_join!"),
        (
            "ask me to confirm it",
            vec![DialogAnswer::Confirmed(true)],
            "All seven are gone",
        ),
        (
            "ask me to confirm it",
            vec![DialogAnswer::Confirmed(false)],
            "Then they stay",
        ),
        (
            "Draft a commit message",
            vec![value("Wait\nlonger")],
            "Committed as **Wait**.",
        ),
        (
            "Draft a commit message",
            vec![DialogAnswer::Cancelled],
            "no commit",
        ),
        (
            "I need some input",
            vec![value("patience")],
            "`patience` is there",
        ),
        ("Ask me something", vec![value("Only a plan")], "It looks good"),
        (
            "Ask me something",
            vec![other.clone(), value("Your way")],
            "It looks good",
        ),
        ("Please run the tests", vec![value("Approve")], "42 passed"),
        (
            "Please run the tests",
            vec![value("Deny")],
            "what I would have run",
        ),
        ("Show me a table", vec![], "| `client.rs` |"),
        ("Whatever this may be", vec![], ""),
        (
            "The tour, please",
            vec![other, value("Ask the server nicely"), value("Deny")],
            "differently?",
        ),
    ]
}

#[tokio::test]
async fn the_demo_has_an_answer_to_everything() {
    let rig = Rig::new();
    let mut spec = rig.with_traits("demo");
    spec.extra_env
        .push(("OMPCORD_SCRIPTED_SPEED".into(), "1000".into()));
    let mut agent = rig.spawn(spec);
    agent.started().await;
    for (prompt, answers, said) in wishes() {
        agent.handle.prompt("p", prompt, &[]);
        let mut answers = answers.into_iter();
        let mut all = String::new();
        loop {
            match agent.next().await {
                AgentEvent::Dialog(dialog) => {
                    agent.handle.answer(&dialog.id, &answers.next().expect(prompt));
                }
                AgentEvent::MessageEnded(message) => {
                    all.extend(message.texts.into_iter().map(|(_, text)| text));
                }
                AgentEvent::TurnEnded => break,
                _ => {}
            }
        }
        assert!(all.contains(said) && all.len() > 20, "{prompt}: {all}");
        assert!(!all.contains("You said"), "{prompt}: {all}");
        assert_eq!(answers.count(), 0, "{prompt}");
    }
    agent.handle.prompt("p", "make an error", &[]);
    let failed = agent
        .until(|event| match event {
            AgentEvent::MessageEnded(message) => message.error.clone(),
            _ => None,
        })
        .await;
    assert!(failed.contains("insufficient credit"), "{failed}");
    agent.stopped().await;
}

#[tokio::test]
async fn the_state_is_told_and_a_new_title_arrives_as_an_event() {
    let rig = Rig::new();
    let mut agent = rig.up().await;
    let state = agent.handle.state().await.unwrap();
    assert_eq!((state.title, state.messages, state.streaming), (None, 0, false));
    agent.handle.set_model("acme/fast").await.unwrap();
    agent.handle.set_thinking("high").await.unwrap();
    agent.say("Fix the broken parser please, now").await;
    let state = agent.handle.state().await.unwrap();
    assert_eq!(state.title.as_deref(), Some("Fix the broken parser please,"));
    assert_eq!(state.model.as_deref(), Some("acme/fast"));
    assert_eq!(state.thinking.as_deref(), Some("high"));
    assert_eq!(
        (state.context_percent, state.context_window),
        (Some(1.0), Some(10_000))
    );
    assert_eq!(
        agent.next().await,
        AgentEvent::Title("Fix the broken parser please,".into())
    );
    agent.handle.state().await.unwrap();
    agent.handle.compact(None).await.unwrap();
    assert_eq!(
        agent.next().await,
        AgentEvent::Compacting(true),
        "the title is told once"
    );
    assert_eq!(agent.handle.models().await.unwrap()[0].id, "scripted/scripted-1");
    assert!(agent.handle.stats().await.unwrap().cost > 0.0);
    assert!(agent.handle.set_model("no-provider").await.is_err());
    agent.stopped().await;
}

#[tokio::test]
async fn images_go_along() {
    let rig = Rig::new();
    let mut agent = rig.up().await;
    let image = Image {
        mime: "image/png".into(),
        base64: "iVBORw0KGgo=".into(),
    };
    agent
        .handle
        .prompt("p", "SAY:what is it", &[image.clone(), image]);
    assert_eq!(
        agent.message().await.texts,
        [(0, "I see 2 image(s). what is it".into())]
    );
    agent.stopped().await;
}

#[tokio::test]
async fn an_agent_that_refuses_version_2_works() {
    let rig = Rig::new();
    let mut agent = rig.spawn(rig.with_traits("old"));
    agent.started().await;
    assert_eq!(agent.say("SAY:hi").await, "hi");
    agent.stopped().await;
}

#[tokio::test]
async fn resuming_continues_the_conversation() {
    let rig = Rig::new();
    let mut agent = rig.spawn(rig.spec());
    let first = agent.started().await.agent_session;
    agent.say("remember the milk").await;
    agent.stopped().await;

    let mut spec = rig.spec();
    spec.resume = Some(first.clone());
    let mut agent = rig.spawn(spec);
    assert_eq!(agent.started().await.agent_session, first);
    assert_eq!(agent.next().await, AgentEvent::Title("remember the milk".into()));
    assert_eq!(agent.say("HISTORY").await, "History: remember the milk | HISTORY");
    agent.stopped().await;
}

#[tokio::test]
async fn garbage_is_a_line_and_the_session_goes_on() {
    let rig = Rig::new();
    let mut agent = rig.up().await;
    agent.handle.prompt("p", "GARBAGE SAY:fine", &[]);
    let mut lines = Vec::new();
    let text = loop {
        match agent.next().await {
            AgentEvent::Line(line) => lines.push(line),
            AgentEvent::MessageEnded(message) => break message.texts[0].1.clone(),
            _ => {}
        }
    };
    assert_eq!(
        lines,
        [
            "\0\u{fffd}\u{fffd}\u{7} bytes",
            "Segmentation fault?",
            "{not json}",
            "{\"half\": ",
            "[1,2]",
        ]
    );
    assert_eq!(text, "fine");
    agent.stopped().await;
}

#[tokio::test]
async fn split_frames_are_put_together_and_too_large_ones_are_counted() {
    let rig = Rig::new();
    let mut agent = rig.up().await;
    agent.handle.prompt("p", "CHUNKED:3 BIGFRAME:70 SAY:fine", &[]);
    let mut seen = Vec::new();
    loop {
        match agent.next().await {
            AgentEvent::Notice { text, .. } => seen.push(text),
            AgentEvent::FrameTooLarge { bytes } => seen.push(format!("{bytes} bytes")),
            AgentEvent::TurnEnded => break,
            _ => {}
        }
    }
    // The frame is 70 MiB of padding between `{"type":"big_frame","pad":"` and `"}`.
    assert_eq!(
        seen,
        ["put together".to_owned(), format!("{} bytes", (70 << 20) + 29)]
    );
    assert!(peak_memory_mib() < 400, "{} MiB", peak_memory_mib());
    agent.stopped().await;
}

/// The most memory that this test's own process ever had: nextest runs each test in one.
fn peak_memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}

#[tokio::test]
async fn a_flood_waits_in_the_pipe_for_a_slow_reader() {
    let rig = Rig::new();
    let mut agent = rig.spawn_with(rig.spec(), 16);
    agent.started().await;
    agent.handle.prompt("p", "LINES:200000:0:stdout SAY:done", &[]);
    let mut count = 0;
    let before = peak_memory_mib();
    loop {
        match agent.next().await {
            AgentEvent::Line(line) => {
                count += 1;
                assert_eq!(line, format!("line {count} of 200000"));
            }
            AgentEvent::TurnEnded => break,
            _ => {}
        }
    }
    assert_eq!(count, 200_000, "no line is lost");
    assert!(peak_memory_mib() - before < 50, "the flood is not held in memory");
    agent.stopped().await;
}

#[tokio::test]
async fn agents_do_not_see_the_daemons_secrets() {
    let rig = Rig::new();
    let mut spec = rig.spec();
    // A shell stands in for the agent, to show what it is given.
    spec.program = vec!["/bin/sh".into(), "-c".into(), "env; exit 3".into()];
    spec.extra_env.push(("EXTRA".into(), "given".into()));
    let marker = spec.marker.clone();
    let mut agent = rig.spawn(spec);
    let mut names = Vec::new();
    loop {
        match agent.next().await {
            AgentEvent::Line(line) => names.push(line),
            AgentEvent::Exited(exit) => {
                assert_eq!((exit.how, exit.requested), (ExitHow::Code(3), false));
                break;
            }
            _ => {}
        }
    }
    assert!(names.contains(&format!("OMPCORD_AGENT={marker}")) && names.contains(&"EXTRA=given".to_owned()));
    assert!(names.iter().any(|line| line.starts_with("PATH=")));
    // Cargo and nextest set many variables for this process, none of which is a tool's business.
    assert!(std::env::vars().any(|(name, _)| name == "CARGO_MANIFEST_DIR"));
    assert!(
        !names
            .iter()
            .any(|line| line.starts_with("CARGO_MANIFEST_DIR=") || line.starts_with("NEXTEST"))
    );
}
