//! Messages to people by programs.

use serde_json::{Value, json};

use super::{code, session_token};
use crate::harness::Bench;

#[tokio::test]
async fn a_notice_arrives_where_it_should_and_says_which_field_is_wrong() {
    let bench = Bench::start().await;
    let api = bench.api();
    let (session, thread) = api.session().await;
    let home = bench.sim.home_channel();
    assert_eq!(
        api.post("/notify", &json!({"content": "The build is @everyone green"}))
            .await,
        (202, json!({"queued": true}))
    );
    let card = json!({"title": "Deploy", "description": "done", "color": 255, "fields": [{"name": "took", "value": "3 s"}], "unknown": 1});
    let (status, _) = api
        .post(
            "/notify",
            &json!({"embed": card, "channel_id": thread.to_string()}),
        )
        .await;
    assert_eq!(status, 202);
    let mine = api.with_token(&session_token(&bench, &session).await);
    assert_eq!(
        mine.post("/notify", &json!({"content": "from the agent"}))
            .await
            .0,
        202
    );
    bench.sees(thread, "from the agent").await;
    bench.sees(thread, "Deploy").await;
    let in_home = |sim: &ompcord::sim::Sim| {
        let messages = sim.messages(home.thread());
        messages
            .into_iter()
            .find(|m| m.by_bot && m.content.contains("green"))
    };
    bench.sim.until("the notice in the home channel", in_home).await;

    let long = "x".repeat(2_001);
    let wrong: [(Value, &str); 10] = [
        (json!({}), "content"),
        (json!({"content": "  "}), "content"),
        (json!({"content": long}), "content"),
        (json!({"content": 7}), "content"),
        (json!({"content": "x", "channel_id": "home"}), "channel_id"),
        (json!({"embed": {}}), "embed"),
        (json!({"embed": {"title": "x".repeat(257)}}), "embed.title"),
        (
            json!({"embed": {"title": "x", "url": "javascript:alert(1)"}}),
            "embed.url",
        ),
        (
            json!({"embed": {"fields": [{"name": "x", "value": ""}]}}),
            "embed.fields[0].value",
        ),
        (
            json!({"embed": {"title": "x", "color": 16_777_216}}),
            "embed.color",
        ),
    ];
    for (body, field) in wrong {
        let (status, answer) = api.post("/notify", &body).await;
        assert_eq!(
            (status, &answer["error"]["field"]),
            (400, &json!(field)),
            "{answer}"
        );
    }
    let (status, answer) = api
        .post("/notify", &json!({"content": "x", "channel_id": "123"}))
        .await;
    assert_eq!((status, code(&answer)), (404, "unknown_channel"));
    bench.finish().await;
}

#[tokio::test]
async fn a_secret_in_a_notice_stays_here() {
    let bench = Bench::start().await;
    let api = bench.api();
    let token = bench.sim.bot_token();
    let body =
        json!({"content": format!("it is {token}"), "embed": {"description": format!("or {}", api.token)}});
    assert_eq!(api.post("/notify", &body).await.0, 202);
    let home = bench.sim.home_channel();
    let arrived = |sim: &ompcord::sim::Sim| {
        let messages = sim.messages(home.thread());
        messages
            .into_iter()
            .find(|m| m.by_bot && m.content.starts_with("it is "))
    };
    let seen = bench.sim.until("the notice", arrived).await;
    assert!(
        !seen.words().contains(&token) && !seen.words().contains(&api.token),
        "{seen:?}"
    );
    bench.finish().await;
}
