//! Commands for terminals: nothing is lost, and nothing that was acknowledged comes again.

use std::time::Duration;

use serde_json::{Value, json};

use super::{code, terminal};
use crate::harness::Bench;

fn texts(answer: &Value) -> Vec<String> {
    let commands = answer["commands"].as_array().unwrap();
    commands
        .iter()
        .map(|c| format!("{} {}", c["kind"].as_str().unwrap(), c["text"].as_str().unwrap()))
        .collect()
}

fn newest(answer: &Value) -> i64 {
    answer["commands"].as_array().unwrap().last().unwrap()["id"]
        .as_i64()
        .unwrap()
}

#[tokio::test]
async fn a_command_is_given_until_it_is_acknowledged_also_across_a_restart() {
    let mut bench = Bench::start().await;
    let (session, mine) = terminal(&bench).await;
    let api = bench.api();
    let poll = |more: &str| format!("/api/commands/poll?session_id={session}{more}");
    assert_eq!(mine.get(&poll("")).await, (200, json!({"commands": []})));
    let prompt = format!("/api/sessions/{session}/prompt");
    let (status, sent) = api.post(&prompt, &json!({"text": "first"})).await;
    assert_eq!((status, &sent["position"]), (202, &json!(0)), "{sent}");
    api.post(&prompt, &json!({"text": "now", "mode": "steer"})).await;
    // The session answers when the terminal was told.
    let cancel = format!("/api/sessions/{session}/cancel");
    assert_eq!(api.post(&cancel, &json!({})).await.0, 200);
    api.post(&cancel, &json!({})).await;
    let (_, given) = mine.get(&poll("&wait=5")).await;
    assert_eq!(texts(&given), ["prompt first", "steer now", "cancel "]);
    let (_, again) = mine.get(&poll("")).await;
    assert_eq!(given, again, "it was not acknowledged");
    let first = given["commands"][0]["id"].as_i64().unwrap();
    let (_, rest) = mine.get(&poll(&format!("&after={first}"))).await;
    assert_eq!(texts(&rest), ["steer now", "cancel "]);

    bench.abort().await;
    bench.boot().await;
    let api = bench.api();
    let mine = api.with_token(&mine.token);
    let (_, rest) = mine.get(&poll("")).await;
    assert_eq!(texts(&rest), ["steer now", "cancel "]);
    let last = newest(&rest);
    assert_eq!(
        mine.get(&poll(&format!("&after={last}"))).await.1,
        json!({"commands": []})
    );
    let (_, info) = api.get(&format!("/api/sessions/{session}")).await;
    assert_eq!(
        (&info["kind"], &info["queued"]),
        (&json!("attached"), &json!(0)),
        "{info}"
    );
    assert_eq!(
        api.post(&format!("/api/sessions/{session}/stop"), &json!({}))
            .await
            .0,
        200
    );
    let (_, given) = mine.get(&poll("&wait=5")).await;
    assert_eq!(texts(&given), ["detach "]);
    assert!(newest(&given) > last, "ids grow, also when the queue was empty");
    mine.get(&poll(&format!("&after={}", newest(&given)))).await;
    bench.finish().await;
}

#[tokio::test]
async fn a_poll_waits_for_a_command_and_gives_way_to_a_newer_poll() {
    let bench = Bench::start().await;
    let (session, mine) = terminal(&bench).await;
    let api = bench.api();
    let poll = format!("/api/commands/poll?session_id={session}&wait=30");
    let (early, path) = (mine.clone(), poll.clone());
    let early = tokio::spawn(async move { early.get(&path).await });
    // The newer one may come first; then it is the one that gives way, to the earlier.
    let (late, path) = (mine.clone(), poll.clone());
    let mut late = tokio::spawn(async move { late.get(&path).await });
    let mut early = early;
    let waits = tokio::select! {
        ended = &mut early => { assert_eq!(ended.unwrap().1, json!({"commands": []})); late }
        ended = &mut late => { assert_eq!(ended.unwrap().1, json!({"commands": []})); early }
    };
    api.post(
        &format!("/api/sessions/{session}/prompt"),
        &json!({"text": "hello"}),
    )
    .await;
    let (_, given) = tokio::time::timeout(Duration::from_secs(20), waits)
        .await
        .expect("it is woken")
        .unwrap();
    assert_eq!(texts(&given), ["prompt hello"]);
    mine.get(&format!("{poll}&after={}&wait=0", newest(&given)).replace("&wait=30", ""))
        .await;

    let (status, body) = mine
        .get(&format!("/api/commands/poll?session_id={session}&wait=31"))
        .await;
    assert_eq!((status, &body["error"]["field"]), (400, &json!("wait")));
    let (status, body) = api.get("/api/commands/poll").await;
    assert_eq!((status, &body["error"]["field"]), (400, &json!("session_id")));
    let (status, body) = api.get("/api/commands/poll?session_id=session_00000000").await;
    assert_eq!((status, code(&body)), (404, "unknown_session"));
    bench.finish().await;
}

#[tokio::test]
async fn a_daemon_that_goes_down_lets_polls_go() {
    let mut bench = Bench::start().await;
    let (session, mine) = terminal(&bench).await;
    let poll = format!("/api/commands/poll?session_id={session}&wait=30");
    let waiting = tokio::spawn(async move { mine.get(&poll).await });
    bench.shut_down().await;
    // Refused before it waited, or let go: it does not hold the daemon up, and does not hang.
    drop(
        tokio::time::timeout(Duration::from_secs(20), waiting)
            .await
            .expect("an end"),
    );
    bench.finish().await;
}

#[tokio::test]
async fn attaching_is_checked() {
    let bench = Bench::start().await;
    let api = bench.api();
    let terminal = |field: &str, value: Value| {
        let mut terminal = json!({"agent_session_id": "abc", "cwd": "/tmp", "pid": 7, "agent_version": "18.2.3",
            "extension_version": "0.1.0"});
        terminal[field] = value;
        terminal
    };
    let attach = |body: Value| {
        let api = api.clone();
        async move { api.post("/api/sessions/attach", &body).await }
    };
    let (status, body) = attach(terminal("title", json!("Fix the build"))).await;
    assert_eq!(status, 200, "{body}");
    assert!(body["token"].as_str().unwrap().starts_with("omps_") && body["daemon_version"].is_string());
    let thread = body["thread_id"].as_str().unwrap().parse().unwrap();
    bench.sees(thread, "In a terminal").await;
    let (status, body) = attach(terminal("extension_version", json!("0.0.9"))).await;
    assert_eq!((status, code(&body)), (426, "extension_too_old"));
    assert!(
        body["error"]["hint"]
            .as_str()
            .unwrap()
            .contains("ompcord extension install")
    );
    for (field, value) in [
        ("cwd", json!("")),
        ("cwd", json!("project")),
        ("agent_session_id", json!("--model")),
        ("agent_session_id", json!("../../etc/passwd")),
        ("pid", json!(0)),
        ("pid", json!("x")),
        ("host", json!("a\nb")),
    ] {
        let (status, body) = attach(terminal(field, value)).await;
        assert_eq!((status, &body["error"]["field"]), (400, &json!(field)), "{body}");
    }
    // The daemon itself runs this conversation.
    let (session, thread) = api.session().await;
    api.post(
        &format!("/api/sessions/{session}/prompt"),
        &json!({"text": "STEERABLE"}),
    )
    .await;
    let busy = async {
        loop {
            let (_, info) = api.get(&format!("/api/sessions/{session}")).await;
            if info["status"] == "busy" && info["agent_session_id"].is_string() {
                return info;
            }
            tokio::task::yield_now().await;
        }
    };
    let info = tokio::time::timeout(Duration::from_secs(30), busy)
        .await
        .expect("a turn");
    let (status, body) = attach(terminal("agent_session_id", info["agent_session_id"].clone())).await;
    assert_eq!((status, code(&body)), (409, "owned_running"), "{body}");
    api.post(&format!("/api/sessions/{session}/cancel"), &json!({}))
        .await;
    bench.turns(thread, 1).await;
    bench.finish().await;
}
