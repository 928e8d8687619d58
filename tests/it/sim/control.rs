//! The simulator's controls over HTTP, as the demo's page uses them.

use futures_util::StreamExt as _;
use ompcord::sim::{Sim, SimConfig};
use serde_json::{Value, json};

async fn call(sim: &Sim, verb: &str, body: Value) -> (u16, Value) {
    let request = reqwest::Client::new()
        .post(format!("{}/sim/{verb}", sim.base_url()))
        .header("content-type", "application/json")
        .body(body.to_string());
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (
        status,
        serde_json::from_str(&response.text().await.unwrap()).unwrap(),
    )
}

#[tokio::test]
async fn people_act_over_http() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let file = json!({"name": "a.txt", "base64": "aGk="});
    let said = json!({"user": "alice", "channel": "home", "text": "hello", "files": [file]});
    let (status, answer) = call(&sim, "say", said).await;
    assert_eq!(status, 200);
    let message = answer["message"].as_str().unwrap();
    call(
        &sim,
        "react",
        json!({"user": "bob", "message": message, "emoji": "🚀"}),
    )
    .await;
    let seen = sim.message(message.parse().unwrap()).unwrap();
    assert_eq!(seen.attachments[0].text(), "hi");
    assert_eq!(seen.reactions[0].users, ["bob"]);
    let (status, refused) = call(
        &sim,
        "say",
        json!({"user": "nobody", "channel": "home", "text": "x"}),
    )
    .await;
    assert_eq!(status, 409);
    assert!(refused["error"].as_str().unwrap().contains("nobody"));
    let fault =
        json!({"method": "POST", "route": "/channels/{}/messages", "mishap": {"status": {"status": 502}}});
    assert_eq!(call(&sim, "faults", fault).await.0, 200);
    assert_eq!(sim.faults().len(), 1);
    let state = reqwest::get(format!("{}/sim/state", sim.base_url()))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let state: Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["channels"][0]["messages"][0]["content"], "hello");
}

#[tokio::test]
async fn foreign_pages_and_names_are_refused() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let get = |name: &'static str, value: &'static str| {
        let request = reqwest::Client::new().get(format!("{}/sim/state", sim.base_url()));
        request.header(name, value).send()
    };
    assert_eq!(get("origin", "http://evil.example").await.unwrap().status(), 403);
    assert_eq!(get("origin", "null").await.unwrap().status(), 403);
    assert_eq!(get("host", "evil.example").await.unwrap().status(), 403);
    assert_eq!(get("accept", "*/*").await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_stream_says_everything_and_then_what_changes() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    sim.say("alice", "home", "before").unwrap();
    let response = reqwest::get(format!("{}/sim/events", sim.base_url()))
        .await
        .unwrap();
    let mut stream = response.bytes_stream();
    let mut heard = String::new();
    let mut message = None;
    let mut deleted = false;
    let all = async {
        while !heard.contains("event: gone") {
            heard.push_str(std::str::from_utf8(&stream.next().await.unwrap().unwrap()).unwrap());
            if message.is_none() && heard.contains("\"before\"") {
                let id = sim.say("bob", "home", "after").unwrap();
                sim.edit("bob", id, "later").unwrap();
                message = Some(id);
            }
            if !deleted && heard.contains("\"later\"") {
                sim.delete(message.unwrap()).unwrap();
                deleted = true;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), all)
        .await
        .unwrap();
    let at = |text: &str| heard.find(text).unwrap();
    assert!(at("event: channel") < at("\"before\"") && at("\"before\"") < at("\"later\""));
}
