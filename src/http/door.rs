//! What stands before every route: names of this machine only, no foreign page, no body that is too large or no JSON.
//!
//! The daemon listens on loopback, but a browser on this machine does too, for whoever wrote the page in it.

use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody as _};
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;

use super::error::ApiError;

/// The largest body that is read.
pub(super) const MAX_BODY: usize = 1024 * 1024;
/// How much of a body that is too large is thrown away, so that its sender is still there for the answer.
const MAX_WASTE: usize = 16 * MAX_BODY;
const MAX_WASTE_TIME: Duration = Duration::from_secs(5);

/// Refuses what must not come in at all. A body is read first, whatever becomes of the request: a connection on which one was
/// left unread is closed, and the next request on it would go with it.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let has_body = body.size_hint().exact() != Some(0);
    let chunks = body.into_data_stream();
    if let Err(error) = from_here(&parts.headers) {
        waste(chunks).await;
        return error.into_response();
    }
    match read(chunks).await {
        Err(error) => error.into_response(),
        Ok(_) if has_body && !is_json(&parts.headers) => ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not_json",
            "the body has to be application/json",
        )
        .into_response(),
        Ok(body) => next.run(Request::from_parts(parts, Body::from(body))).await,
    }
}

fn too_large() -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        "the body is larger than 1 MiB",
    )
    .hint("send less at once")
}

/// The whole body. What is too much of it is thrown away.
async fn read(mut chunks: BodyDataStream) -> Result<Vec<u8>, ApiError> {
    let mut read = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| broken())?;
        if read.len() + chunk.len() > MAX_BODY {
            waste(chunks).await;
            return Err(too_large());
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read)
}

pub(super) fn broken() -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "broken_body", "the body ended early")
}

async fn waste(mut chunks: BodyDataStream) {
    let read = async {
        let mut seen = 0;
        while let Some(Ok(chunk)) = chunks.next().await {
            seen += chunk.len();
            if seen > MAX_WASTE {
                break;
            }
        }
    };
    // Who is slower than this does not wait for an answer either.
    tokio::time::timeout(MAX_WASTE_TIME, read).await.ok();
}

/// A page on the web must not be able to use a browser on this machine against the daemon, whatever name it gives it.
fn from_here(headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(header::HOST).unwrap_or_default();
    if headers.get_all(header::HOST).iter().count() != 1 || !is_loopback(host) {
        let why = "the Host header must be a loopback address";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "bad_host", why));
    }
    // Its own pages would say exactly where they came from; it has none, but a tool may add the header.
    let own = |origin: &str| origin.strip_prefix("http://") == Some(host);
    if headers
        .get_all(header::ORIGIN)
        .iter()
        .any(|origin| !origin.to_str().is_ok_and(own))
    {
        let why = "requests from web pages are refused";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "bad_origin", why));
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    let plain = !host.contains('@');
    let is_loopback = |ip: std::net::IpAddr| ip.is_loopback();
    plain && (name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(is_loopback))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_are_loopback() {
        for yes in [
            "localhost",
            "LOCALHOST:8901",
            "127.0.0.1:8901",
            "[::1]:8901",
            "127.9.9.9",
        ] {
            assert!(is_loopback(yes), "{yes}");
        }
        for no in [
            "",
            "example.com",
            "localhost.example.com:80",
            "10.0.0.1",
            "[2001:db8::1]:80",
            "127.0.0.1.evil.test",
            "evil.test@127.0.0.1",
            "127.0.0.1:80:evil.test",
        ] {
            assert!(!is_loopback(no), "{no}");
        }
    }

    #[test]
    fn a_page_may_only_come_from_the_daemon_itself() {
        let from = |origin: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "127.0.0.1:8901".parse().unwrap());
            headers.insert(header::ORIGIN, origin.parse().unwrap());
            from_here(&headers).is_ok()
        };
        assert!(from("http://127.0.0.1:8901"));
        for foreign in [
            "null",
            "https://evil.test",
            "http://localhost:3000",
            "http://127.0.0.1:89",
            "https://127.0.0.1:8901",
        ] {
            assert!(!from(foreign), "{foreign}");
        }
    }
}
