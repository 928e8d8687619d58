//! Who may come in, and what every refusal looks like.

use serde_json::{Value, json};

use super::{code, session_token};
use crate::harness::{Bench, Http};

/// Routes that need no token.
const OPEN: [&str; 4] = ["/healthz", "/readyz", "/metrics", "/openapi.json"];

/// Every route of the document with its method, and something for each part of its path.
async fn routes(api: &Http) -> Vec<(String, String)> {
    let (status, document) = api.get("/openapi.json").await;
    assert_eq!(status, 200);
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path
            .replace("{id}", "session_00000000")
            .replace("{prompt_id}", "1");
        for method in item.as_object().unwrap().keys() {
            routes.push((method.to_uppercase(), path.clone()));
        }
    }
    assert!(routes.len() >= 17, "{routes:?}");
    routes
}

fn request(api: &Http, method: &str, path: &str) -> reqwest::RequestBuilder {
    let request = api
        .client
        .request(method.parse().unwrap(), format!("{}{path}", api.url));
    if method == "POST" {
        request.header("content-type", "application/json").body("{}")
    } else {
        request
    }
}

#[tokio::test]
async fn every_route_wants_a_token_and_no_foreign_page_reaches_one() {
    let bench = Bench::start().await;
    let api = bench.api();
    for (method, path) in routes(&api).await {
        let open = OPEN.contains(&path.as_str());
        let about = format!("{method} {path}");
        if !open {
            let bare = request(&api, &method, &path).send().await.unwrap();
            assert_eq!(bare.status(), 401, "{about}");
            assert_eq!(bare.headers()["www-authenticate"], "Bearer");
            let body: Value = serde_json::from_str(&bare.text().await.unwrap()).unwrap();
            assert_eq!(code(&body), "no_token", "{about}");
            for wrong in [
                "nonsense",
                "ompo_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "omps_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            ] {
                let (status, body) = api.with_token(wrong).send(request(&api, &method, &path)).await;
                assert_eq!((status, code(&body)), (401, "bad_token"), "{about}");
            }
        }
        for (name, value, wanted) in [
            ("origin", "https://evil.test", "bad_origin"),
            ("origin", "null", "bad_origin"),
            ("origin", "http://localhost:1", "bad_origin"),
            ("host", "evil.test", "bad_host"),
            ("host", "evil.test:8901", "bad_host"),
            ("host", "127.0.0.1.evil.test", "bad_host"),
        ] {
            let (status, body) = api.send(request(&api, &method, &path).header(name, value)).await;
            assert_eq!((status, code(&body)), (403, wanted), "{about} {name}: {value}");
        }
        // A page asks first whether it may, and is told nothing that it could take for a yes.
        let preflight = request(&api, "OPTIONS", &path)
            .header("origin", "https://evil.test")
            .header("access-control-request-method", &method)
            .header("access-control-request-headers", "authorization");
        let preflight = preflight.send().await.unwrap();
        assert_eq!(preflight.status(), 403, "{about}");
        assert!(
            !preflight
                .headers()
                .keys()
                .any(|name| name.as_str().starts_with("access-control")),
            "{about}"
        );
        let own = request(&api, &method, &path)
            .header("origin", &api.url)
            .header("range", "bytes=0-1");
        let own = own.send().await.unwrap().status().as_u16();
        assert_ne!(own, 403, "{about}");
    }
    bench.finish().await;
}

#[tokio::test]
async fn a_token_of_one_session_is_good_for_nothing_else() {
    let bench = Bench::start().await;
    let api = bench.api();
    let (own, _) = api.session().await;
    let (other, other_thread) = api.session().await;
    let mine = api.with_token(&session_token(&bench, &own).await);
    let event =
        |session: &str| json!({"session_id": session, "event_type": "x", "content": "", "timestamp": 1});
    assert_eq!(mine.post("/api/webhook/event", &event(&own)).await.0, 202);
    assert_eq!(mine.get(&format!("/api/sessions/{own}")).await.0, 200);
    assert_eq!(
        mine.get(&format!("/api/commands/poll?session_id={own}")).await.0,
        200
    );
    let refused = [
        mine.post("/api/webhook/event", &event(&other)).await,
        mine.post("/api/webhook/event", &json!([event(&own), event(&other)]))
            .await,
        mine.get(&format!("/api/sessions/{other}")).await,
        mine.get(&format!("/api/sessions/{other}/prompts/1")).await,
        mine.get("/api/sessions/session_00000000").await,
        mine.get("/api/sessions").await,
        mine.get("/channels").await,
        mine.get(&format!("/api/commands/poll?session_id={other}")).await,
        mine.get(&format!("/api/events?session_id={other}")).await,
        mine.post("/api/sessions", &json!({})).await,
        mine.post("/api/sessions/attach", &json!({})).await,
        mine.post(&format!("/api/sessions/{own}/prompt"), &json!({"text": "x"}))
            .await,
        mine.post(&format!("/api/sessions/{own}/stop"), &json!({})).await,
        mine.post(&format!("/api/sessions/{own}/cancel"), &json!({}))
            .await,
        mine.post(
            &format!("/api/sessions/{other}/detach"),
            &json!({"reason": "off"}),
        )
        .await,
        mine.post(
            "/notify",
            &json!({"content": "x", "channel_id": other_thread.to_string()}),
        )
        .await,
    ];
    for (status, body) in refused {
        assert_eq!((status, code(&body)), (403, "not_yours"), "{body}");
    }
    // A fresh token ends the earlier one, at once.
    let fresh = session_token(&bench, &own).await;
    assert_eq!(
        api.with_token(&fresh)
            .get(&format!("/api/sessions/{own}"))
            .await
            .0,
        200
    );
    bench.finish().await;
}

/// What a session's token may besides its own session, which no route with a session in it allows.
/// Where a tool acts, each tool decides (`tools::doing`), also for MCP, whose sessions are their token's own.
const HARMLESS: [&str; 6] = [
    "GET /status",
    "GET /api/tools",
    "POST /api/tools/{name}",
    "POST /mcp",
    "GET /mcp",
    "DELETE /mcp",
];

/// Of every route there is: one that is added is refused here or named above.
#[tokio::test]
async fn no_route_lets_a_session_touch_another_one() {
    let bench = Bench::start().await;
    let api = bench.api();
    let (own, _) = api.session().await;
    let (other, thread) = api.session().await;
    let mine = api.with_token(&session_token(&bench, &own).await);
    let body = |path: &str| match path {
        "/api/webhook/event" => {
            json!({"session_id": other, "event_type": "x", "content": "", "timestamp": 1})
        }
        "/notify" => json!({"content": "x", "channel_id": thread.to_string()}),
        _ if path.ends_with("/prompt") => json!({"text": "x"}),
        _ if path.ends_with("/detach") => json!({"reason": "off"}),
        _ => json!({}),
    };
    for (method, path) in routes(&api).await {
        let about = format!("{method} {path}");
        if OPEN.contains(&path.as_str()) || HARMLESS.contains(&about.as_str()) {
            continue;
        }
        let path = path.replace("session_00000000", &other);
        let path = match path.as_str() {
            "/api/commands/poll" | "/api/events" => format!("{path}?session_id={other}"),
            _ => path,
        };
        let (status, answer) = match method.as_str() {
            "GET" => mine.get(&path).await,
            _ => mine.post(&path, &body(&path)).await,
        };
        assert_eq!((status, code(&answer)), (403, "not_yours"), "{about}: {answer}");
    }
    bench.finish().await;
}

#[tokio::test]
async fn whatever_is_wrong_has_the_same_shape() {
    let bench = Bench::start().await;
    let api = bench.api();
    let at = |path: &str| format!("{}{path}", api.url);
    let large = "x".repeat(1_100_000);
    let nested = "[".repeat(100_000);
    let json = "application/json";
    let cases = [
        (api.client.get(at("/nothing")), 404, "not_found"),
        (api.client.get(at("/api/sessions/%ff")), 404, "not_found"),
        (api.client.get(at("/api/sessions/x")), 404, "unknown_session"),
        (api.client.delete(at("/status")), 405, "bad_method"),
        (
            api.client
                .post(at("/notify"))
                .body("{}")
                .header("content-type", "text/plain"),
            415,
            "not_json",
        ),
        (api.client.post(at("/notify")).body("{}"), 415, "not_json"),
        (
            api.client
                .post(at("/notify"))
                .body(large.clone())
                .header("content-type", json),
            413,
            "too_large",
        ),
        (
            api.client
                .post(at("/healthz"))
                .body(large.clone())
                .header("content-type", json),
            413,
            "too_large",
        ),
        (
            api.client
                .post(at("/api/webhook/event"))
                .body(reqwest::Body::wrap_stream(futures_util::stream::iter([Ok::<
                    _,
                    std::io::Error,
                >(
                    large
                )])))
                .header("content-type", json),
            413,
            "too_large",
        ),
        (
            api.client.post(at("/notify")).header("content-type", json),
            400,
            "bad_field",
        ),
        (
            api.client
                .post(at("/notify"))
                .body("{")
                .header("content-type", json),
            400,
            "bad_json",
        ),
        (
            api.client
                .post(at("/notify"))
                .body("{} {}")
                .header("content-type", json),
            400,
            "bad_json",
        ),
        (
            api.client
                .post(at("/api/webhook/event"))
                .body(nested)
                .header("content-type", json),
            400,
            "bad_field",
        ),
        (
            api.client.get(at("/api/commands/poll?wait=1&wait=2")),
            400,
            "bad_query",
        ),
        (api.client.get(at("/api/events?after=-1")), 400, "bad_field"),
    ];
    for (n, (request, wanted, word)) in cases.into_iter().enumerate() {
        let (status, body) = api.send(request).await;
        assert_eq!((status, code(&body)), (wanted, word), "case {n}: {body}");
        let error = body["error"].as_object().unwrap();
        assert!(
            error["message"].is_string() && error.contains_key("hint"),
            "{body}"
        );
    }
    let allow = api.client.delete(at("/status")).send().await.unwrap();
    assert!(allow.headers()["allow"].to_str().unwrap().contains("GET"));
    bench.finish().await;
}

#[tokio::test]
async fn the_daemon_says_how_it_does_and_where_it_is() {
    let bench = Bench::start().await;
    let api = bench.api();
    let ready = async {
        loop {
            let (_, status) = api.get("/status").await;
            if status["ready"] == true {
                return status;
            }
            tokio::task::yield_now().await;
        }
    };
    let status = tokio::time::timeout(std::time::Duration::from_secs(30), ready).await;
    let status = status.expect("it gets ready");
    assert_eq!(status["guilds"][0]["id"], bench.sim.guild_id().to_string());
    assert!(!status["guilds"][0]["name"].as_str().unwrap().is_empty());
    assert!(status["bot"]["name"].is_string() && status["version"].is_string());
    assert_eq!(status["sessions"]["idle"], 0);
    let (_, channels) = api.get("/channels").await;
    let home = bench.sim.home_channel().to_string();
    let there = channels
        .as_array()
        .unwrap()
        .iter()
        .any(|c| c["id"] == home.as_str());
    assert!(there, "{channels}");
    let mode =
        std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(bench.config().api_token_path()).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    bench.finish().await;
}
