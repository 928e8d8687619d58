//! Events: posted once, followed from anywhere.

use std::time::Duration;

use serde_json::{Value, json};

use super::code;
use crate::harness::{Bench, Http};

fn event(session: &str, id: Option<&str>, content: &str) -> Value {
    json!({"session_id": session, "event_type": "message", "content": content, "timestamp": 1_700_000_000_000_i64,
        "id": id, "data": {"n": 1}, "unknown": true})
}

/// Reads a stream of events.
pub struct Stream {
    response: reqwest::Response,
    buffer: String,
}

impl Stream {
    pub async fn open(api: &Http, query: &str, last: Option<&str>) -> Self {
        let mut request = api
            .client
            .get(format!("{}/api/events{query}", api.url))
            .bearer_auth(&api.token);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            buffer: String::new(),
        }
    }

    /// The id (0 where there is none), the type and the data of the next event; nothing when the stream ends.
    pub async fn next(&mut self) -> Option<(i64, String, Value)> {
        loop {
            if let Some(end) = self.buffer.find("\n\n") {
                let rest = self.buffer.split_off(end + 2);
                let block = std::mem::replace(&mut self.buffer, rest);
                let field = |name: &str| {
                    let line = block.lines().find_map(|line| line.strip_prefix(name));
                    line.map(|line| line.trim_start().to_owned())
                };
                let found = field("event:").map(|kind| {
                    let data = serde_json::from_str(&field("data:").unwrap()).unwrap();
                    (field("id:").map_or(0, |id| id.parse().unwrap()), kind, data)
                });
                match found {
                    Some(found) => return Some(found),
                    None => continue,
                }
            }
            let chunk = tokio::time::timeout(Duration::from_secs(30), self.response.chunk()).await;
            let chunk = chunk.expect("an event").ok().flatten()?;
            self.buffer.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

#[tokio::test]
async fn an_event_counts_once_and_the_field_that_is_wrong_is_named() {
    let bench = Bench::start().await;
    let api = bench.api();
    let (session, _) = api.session().await;
    let post = |body: Value| {
        let api = api.clone();
        async move { api.post("/api/webhook/event", &body).await }
    };
    let done = post(event(&session, Some("a"), "one")).await;
    assert_eq!(done, (202, json!({"accepted": 1, "duplicates": 0})));
    let both = post(json!([
        event(&session, Some("a"), "again"),
        event(&session, Some("b"), "two"),
        event(&session, None, "")
    ]))
    .await;
    assert_eq!(both, (202, json!({"accepted": 2, "duplicates": 1})));
    assert_eq!(
        post(json!([])).await,
        (202, json!({"accepted": 0, "duplicates": 0}))
    );

    let broken = |field: &str, value: Value| {
        let mut all = vec![event(&session, None, "fine"); 4];
        all[3][field] = value;
        json!(all)
    };
    for (field, value) in [
        ("event_type", json!("two words")),
        ("event_type", json!("")),
        ("event_type", json!(7)),
        ("session_id", json!("me")),
        ("session_id", json!("session_00000000")),
        ("timestamp", json!("now")),
        ("timestamp", json!(-1)),
        ("content", json!(["x"])),
        ("content", Value::Null),
        ("id", json!("")),
        ("data", json!([1])),
    ] {
        let (status, body) = post(broken(field, value.clone())).await;
        assert_eq!(status, 400, "{field} {value} {body}");
        assert_eq!(
            body["error"]["field"],
            format!("events[3].{field}"),
            "{value} {body}"
        );
    }
    let (status, body) = post(json!({"session_id": session, "event_type": "x", "content": ""})).await;
    assert_eq!(
        (status, &body["error"]["field"]),
        (400, &json!("timestamp")),
        "{body}"
    );
    let (status, body) = post(json!(vec![event(&session, None, ""); 1_001])).await;
    assert_eq!((status, code(&body)), (400, "bad_field"));
    // Nothing of a request that was refused is stored.
    let mut stream = Stream::open(&api, &format!("?after=0&session_id={session}"), None).await;
    let mut contents = Vec::new();
    while contents.len() < 3 {
        let (_, kind, data) = stream.next().await.unwrap();
        if kind == "message" {
            contents.push(data["content"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(contents, ["one", "two", ""]);
    bench.finish().await;
}

#[tokio::test]
async fn whoever_follows_goes_on_where_they_were_across_a_restart() {
    let mut bench = Bench::start().await;
    let api = bench.api();
    let (session, thread) = api.session().await;
    let mut live = Stream::open(&api, "", None).await;
    let (status, _) = api
        .post(
            &format!("/api/sessions/{session}/prompt"),
            &json!({"text": "SAY:Hello there."}),
        )
        .await;
    assert_eq!(status, 202);
    let mut kinds = Vec::new();
    let last = loop {
        let (id, kind, data) = live.next().await.unwrap();
        assert_eq!(data["session_id"], session.as_str());
        kinds.push(kind.clone());
        if kind == "turn_ended" {
            assert_eq!(data["content"], "Hello there.");
            assert_eq!(data["data"]["outcome"], "done");
            break id;
        }
    };
    let order = ["prompt_queued", "prompt_started", "prompt_done", "turn_ended"];
    let mut at = kinds.iter();
    for kind in order {
        assert!(at.any(|seen| seen == kind), "{kind} in {kinds:?}");
    }
    bench.turns(thread, 1).await;
    bench.shut_down().await;
    assert!(live.next().await.is_none(), "the stream ends with the daemon");
    bench.boot().await;
    let api = bench.api();
    let body = event(&session, Some("later"), "naïve\u{0} \u{2028} 🚀\nline");
    assert_eq!(api.post("/api/webhook/event", &body).await.0, 202);
    let mut again = Stream::open(&api, "?after=0", Some(&last.to_string())).await;
    loop {
        let (id, kind, data) = again.next().await.unwrap();
        assert!(id > last, "the header wins over the query");
        if kind == "message" {
            assert_eq!(data["content"], "naïve\u{fffd} \u{2028} 🚀\nline");
            assert_eq!(data["data"], json!({"n": 1}));
            assert_eq!(
                (&data["source"], &data["timestamp"]),
                (&json!("agent"), &json!(1_700_000_000_000_i64))
            );
            break;
        }
    }
    bench.finish().await;
}
