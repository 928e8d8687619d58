//! Who may talk to the simulator at all.
//!
//! It listens on loopback only, but a browser on the same machine reaches loopback on behalf of any page that it
//! shows, and whoever can write here can make an agent act.

use axum::Json;
use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Refuses other names than loopback's (a page that rebinds its name to 127.0.0.1) and foreign pages.
pub(super) async fn only_from_here(request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !(is_loopback(host(headers)) && from_same_origin(headers)) {
        let body = json!({"error": "only pages of this simulator, by a name of loopback, may do that"});
        return (StatusCode::FORBIDDEN, Json(body)).into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    // Images and scripts are fetched across origins without saying so; the browser refuses to show these there.
    headers.insert(
        "cross-origin-resource-policy",
        HeaderValue::from_static("same-origin"),
    );
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}

/// The same for the bot's side. `discord.com` is a name there, since a listener may stand for it (see `Sim::serve`)
/// and no one else can have a page with that name.
pub(super) async fn only_bots_from_here(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let name = host(headers);
    let known = is_loopback(name) || name == "discord.com" || name.ends_with(".discord.com");
    if known && from_same_origin(headers) {
        return next.run(request).await;
    }
    let body = json!({"message": "403: Forbidden", "code": 0});
    (StatusCode::FORBIDDEN, Json(body)).into_response()
}

/// The name in the `Host` header, without its port.
fn host(headers: &HeaderMap) -> &str {
    let host = headers
        .get(HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn is_loopback(name: &str) -> bool {
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

/// Whether a request comes from no page at all, or from one that is served here. A bot sends no origin, while a
/// foreign page in the same browser cannot leave it out: the demo's token is no secret to it.
fn from_same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    text(ORIGIN).is_none_or(|origin| origin.split_once("://").map(|(_, host)| host) == text(HOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    axum::http::HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn names_are_read_with_and_without_a_port() {
        for (given, name) in [
            ("127.0.0.1:8900", "127.0.0.1"),
            ("localhost", "localhost"),
            ("[::1]", "[::1]"),
            ("[::1]:8900", "[::1]"),
            ("127.0.0.1.evil.example:8900", "127.0.0.1.evil.example"),
        ] {
            assert_eq!(host(&headers(&[("host", given)])), name);
        }
        assert_eq!(host(&headers(&[])), "");
    }

    #[test]
    fn an_origin_has_to_be_this_one() {
        let from = |origin| from_same_origin(&headers(&[("host", "localhost:8900"), ("origin", origin)]));
        assert!(from("http://localhost:8900"));
        for foreign in ["http://localhost:8901", "http://evil.example", "null", ""] {
            assert!(!from(foreign), "{foreign}");
        }
        assert!(from_same_origin(&headers(&[("host", "localhost:8900")])));
    }
}
