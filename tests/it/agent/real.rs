//! The real agent, where `OMPCORD_TEST_OMP` names it. Its model is a small scripted server on loopback, so
//! no key and no network are needed: what is tested is whether we understand the agent.

use std::sync::Arc;

use axum::extract::Json;
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::*;

/// A rig whose agents are the real one. `None`: it is not installed, and the test is skipped.
async fn real() -> Option<(Rig, AgentSpec)> {
    let Ok(omp) = std::env::var("OMPCORD_TEST_OMP") else {
        println!("skipped: OMPCORD_TEST_OMP does not name the agent");
        return None;
    };
    let rig = Rig::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let app = axum::Router::new()
        .route(
            "/v1/models",
            get(|| async { Json(json!({"object": "list", "data": [{"id": "stub-1"}]})) }),
        )
        .route("/v1/chat/completions", post(complete));
    // It ends with the runtime of its test.
    drop(Arc::new(TaskTracker::new()).spawn(async move { axum::serve(listener, app).await }));
    let home = rig.path().join("home");
    let config = home.join(".omp/agent");
    let workspace = rig.path().join("workspace");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::create_dir_all(&workspace).unwrap();
    let models = format!(
        "providers:\n  stub:\n    baseUrl: http://127.0.0.1:{port}/v1\n    apiKey: none\n    api: openai-completions\n    \
         models:\n      - id: stub-1\n        name: Stub\n        reasoning: false\n        input: [text, image]\n        \
         cost: {{input: 1, output: 2, cacheRead: 0, cacheWrite: 0}}\n        contextWindow: 128000\n        \
         maxTokens: 8192\n"
    );
    std::fs::write(config.join("models.yml"), models).unwrap();
    let mut spec = rig.spec();
    spec.program = vec![omp];
    spec.cwd = workspace;
    spec.model = Some("stub/stub-1".into());
    spec.approval_mode = "yolo".into();
    spec.extra_env = vec![("HOME".into(), home.display().to_string())];
    Some((rig, spec))
}

/// Answers like a model: `TOOL:name:{json}` calls a tool, `HISTORY` tells all user messages.
async fn complete(Json(request): Json<Value>) -> impl axum::response::IntoResponse {
    let text = |message: &Value| {
        let text: String = match &message["content"] {
            Value::String(text) => text.clone(),
            parts => parts
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|part| part["text"].as_str())
                .collect(),
        };
        // The agent puts its own reminders in front of the first message.
        text.rsplit("</system-reminder>")
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let messages = request["messages"].as_array().cloned().unwrap_or_default();
    let last = messages.last().cloned().unwrap_or_default();
    let said = text(&last);
    let users = || {
        messages
            .iter()
            .filter(|message| message["role"] == "user")
            .map(text)
            .collect::<Vec<_>>()
    };
    let mut deltas = vec![json!({"role": "assistant", "content": ""})];
    let mut reason = "stop";
    if last["role"] == "tool" {
        deltas.push(json!({"content": format!("Tool said: {said}")}));
    } else if let Some((_, call)) = said.split_once("TOOL:") {
        let (name, arguments) = call.split_once(':').unwrap();
        let function = json!({"name": name, "arguments": arguments});
        deltas.push(
            json!({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]}),
        );
        reason = "tool_calls";
    } else if said.contains("HISTORY") {
        deltas.push(json!({"content": format!("History: {}", users().join(" | "))}));
    } else {
        deltas.extend(["You ", "said: ", &said].map(|word| json!({"content": word})));
    }
    let chunk = |choice: Value| {
        format!(
            "data: {}\n\n",
            json!({"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "stub-1", "choices": [choice],
                "usage": {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107}})
        )
    };
    let mut body: String = deltas
        .iter()
        .map(|delta| chunk(json!({"index": 0, "delta": delta})))
        .collect();
    body += &chunk(json!({"index": 0, "delta": {}, "finish_reason": reason}));
    body += "data: [DONE]\n\n";
    ([("content-type", "text/event-stream")], body)
}

/// The processes that run exactly this, such as `sleep 4711`.
fn running(command: &str) -> usize {
    let wanted: Vec<u8> = command
        .split(' ')
        .flat_map(|word| [word.as_bytes(), b"\0"].concat())
        .collect();
    let listing = std::fs::read_dir("/proc").unwrap().flatten();
    listing
        .filter(|item| std::fs::read(item.path().join("cmdline")).is_ok_and(|line| line == wanted))
        .count()
}

/// The shell of the agent has a `sleep` of its own, so tools that are to be processes run `env sleep`.
async fn until_running(command: &str) {
    let seen = async {
        while running(command) == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, seen).await.expect("the tool runs");
}

#[tokio::test]
async fn real_turns_tools_and_state() {
    let Some((rig, spec)) = real().await else { return };
    let mut agent = rig.spawn(spec);
    let started = agent.started().await;
    assert_eq!(started.model.as_deref(), Some("stub/stub-1"));
    assert_eq!(agent.say("hello there").await, "You said: hello there");
    let said = agent
        .say("TOOL:bash:{\"command\":\"echo from-the-tool; pwd\"}")
        .await;
    assert!(
        said.contains("from-the-tool") && said.contains("workspace"),
        "{said}"
    );
    let state = agent.handle.state().await.unwrap();
    assert_eq!(state.agent_session, started.agent_session);
    assert!(
        state.context_percent.is_some() && state.messages > 3 && !state.streaming,
        "{state:?}"
    );
    assert!(agent.handle.stats().await.unwrap().cost > 0.0);
    assert!(
        agent
            .handle
            .models()
            .await
            .unwrap()
            .iter()
            .any(|model| model.id == "stub/stub-1")
    );
    agent.handle.set_model("stub/stub-1").await.unwrap();
    assert!(agent.handle.set_model("stub/nothing").await.is_err());
    assert_eq!(
        agent.say("/rename Fix the parser").await,
        "",
        "a local command ends its turn"
    );
    assert_eq!(
        agent.handle.state().await.unwrap().title.as_deref(),
        Some("Fix the parser")
    );
    let exit = agent.stopped().await;
    assert_eq!(
        (exit.how, exit.requested, exit.swept),
        (ExitHow::Code(0), true, 0)
    );
}

#[tokio::test]
async fn real_approvals_and_questions_wait_for_a_person() {
    let Some((rig, mut spec)) = real().await else {
        return;
    };
    spec.approval_mode = "always-ask".into();
    let mut agent = rig.spawn(spec);
    agent.started().await;
    let question = json!({"questions": [{"id": "q", "question": "Which?", "options": [{"label": "A"}, {"label": "B"}]}]});
    for (prompt, answer, wanted) in [
        (
            "TOOL:bash:{\"command\":\"echo approved\"}".to_owned(),
            "Approve",
            "approved",
        ),
        (
            "TOOL:bash:{\"command\":\"touch never\"}".to_owned(),
            "Deny",
            "denied",
        ),
        (format!("TOOL:ask:{question}"), "B", "B"),
    ] {
        agent.handle.prompt("p", &prompt, &[]);
        let dialog = agent
            .until(|event| match event {
                AgentEvent::Dialog(dialog) => Some(dialog.clone()),
                _ => None,
            })
            .await;
        agent
            .handle
            .answer(&dialog.id, &DialogAnswer::Value(answer.into()));
        let mut said = String::new();
        while said.is_empty() {
            said = agent
                .message()
                .await
                .texts
                .into_iter()
                .map(|(_, text)| text)
                .collect();
        }
        assert!(said.to_lowercase().contains(&wanted.to_lowercase()), "{said}");
        agent.turn_ended().await;
    }
    assert!(!rig.path().join("workspace/never").exists());
    agent.stopped().await;
}

#[tokio::test]
async fn real_abort_ends_the_tool_and_keeps_the_process() {
    let Some((rig, spec)) = real().await else { return };
    let mut agent = rig.spawn(spec);
    agent.started().await;
    agent
        .handle
        .prompt("p", "TOOL:bash:{\"command\":\"env sleep 4711\"}", &[]);
    until_running("sleep 4711").await;
    agent.handle.abort();
    agent.turn_ended().await;
    assert_eq!(agent.say("still there?").await, "You said: still there?");
    assert_eq!(running("sleep 4711"), 0);
    agent.stopped().await;
}

#[tokio::test]
async fn real_killed_agents_leave_nothing_behind() {
    let Some((rig, spec)) = real().await else { return };
    let mut agent = rig.spawn(spec);
    let started = agent.started().await;
    agent
        .handle
        .prompt("p", "TOOL:bash:{\"command\":\"env sleep 4712\"}", &[]);
    until_running("sleep 4712").await;
    let pid = nix::unistd::Pid::from_raw(started.pid.cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    let exit = agent.exited().await;
    assert_eq!((exit.how, exit.requested), (ExitHow::Signal(9), false));
    assert!(exit.swept > 0, "the tool's child was left and found");
    assert_eq!(running("sleep 4712"), 0);
}

#[tokio::test]
async fn real_stop_in_the_middle_of_a_tool_leaves_nothing_behind() {
    let Some((rig, spec)) = real().await else { return };
    let mut agent = rig.spawn(spec);
    agent.started().await;
    agent
        .handle
        .prompt("p", "TOOL:bash:{\"command\":\"env sleep 4713\"}", &[]);
    until_running("sleep 4713").await;
    let exit = agent.stopped().await;
    assert_eq!((exit.how, exit.requested), (ExitHow::Code(0), true));
    assert_eq!(running("sleep 4713"), 0);
}

#[tokio::test]
async fn real_sessions_are_resumed() {
    let Some((rig, spec)) = real().await else { return };
    let mut agent = rig.spawn(spec.clone());
    let first = agent.started().await.agent_session;
    agent.say("remember the milk").await;
    agent.stopped().await;
    let mut agent = rig.spawn(AgentSpec {
        resume: Some(first.clone()),
        ..spec
    });
    assert_eq!(agent.started().await.agent_session, first);
    let said = agent.say("HISTORY").await;
    assert!(said.contains("remember the milk |"), "{said}");
    agent.stopped().await;
}

#[tokio::test]
async fn real_steering_an_idle_agent_begins_a_turn() {
    let Some((rig, spec)) = real().await else {
        return;
    };
    let mut agent = rig.spawn(spec);
    agent.started().await;
    agent.say("hello").await;
    agent.handle.steer("steer-1", "and another thing", &[]);
    agent
        .until(|event| (*event == AgentEvent::TurnStarted).then_some(()))
        .await;
    assert!(agent.message().await.texts[0].1.contains("and another thing"));
    agent.turn_ended().await;
    agent.stopped().await;
}

#[tokio::test]
async fn real_missing_sessions_are_told() {
    let Some((rig, spec)) = real().await else { return };
    let resume = Some("01999999-aaaa-7bbb-8ccc-123456789abc".to_owned());
    let exit = rig
        .spawn(AgentSpec {
            resume,
            ..spec.clone()
        })
        .exited()
        .await;
    assert_eq!(exit.how, ExitHow::SessionMissing, "{:?}", exit.last_lines);

    // A session in which nothing was ever said has no file.
    let mut agent = rig.spawn(spec.clone());
    let unsaid = agent.started().await.agent_session;
    agent.stopped().await;
    let exit = rig
        .spawn(AgentSpec {
            resume: Some(unsaid),
            ..spec
        })
        .exited()
        .await;
    assert_eq!(exit.how, ExitHow::SessionMissing, "{:?}", exit.last_lines);
}

#[tokio::test]
async fn real_prompt_that_meets_a_turn_runs_after_it() {
    let Some((rig, spec)) = real().await else { return };
    let mut agent = rig.spawn(spec);
    agent.started().await;
    agent
        .handle
        .prompt("p1", "TOOL:bash:{\"command\":\"sleep 1\"}", &[]);
    agent
        .until(|event| matches!(event, AgentEvent::ToolStarted { .. }).then_some(()))
        .await;
    agent.handle.prompt("p2", "and then this", &[]);
    let mut said = Vec::new();
    loop {
        match agent.next().await {
            AgentEvent::MessageEnded(message) => said.extend(message.texts.into_iter().map(|(_, text)| text)),
            AgentEvent::PromptFailed { error, .. } => panic!("{error}"),
            AgentEvent::TurnEnded => break,
            _ => {}
        }
    }
    assert!(said.last().unwrap().contains("and then this"), "{said:?}");
    agent.stopped().await;
}
