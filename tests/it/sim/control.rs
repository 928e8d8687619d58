//! The simulator's controls over HTTP, as the demo's page uses them.

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
