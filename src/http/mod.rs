//! The loopback HTTP server: says whether the daemon lives and whether it is ready.
//!
//! It is the first thing that answers after a start and the last that stops, so a supervisor can always tell "still
//! starting" from "gone".

use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What the server can say.
#[derive(Debug, Clone)]
pub struct Health {
    /// Whether the gateway is connected.
    pub gateway: watch::Receiver<bool>,
    /// Whether the store is open and everything was started.
    pub booted: watch::Receiver<bool>,
}

/// Listens where the configuration says.
pub async fn listen(addr: SocketAddr) -> Result<TcpListener, crate::error::Fatal> {
    TcpListener::bind(addr)
        .await
        .map_err(|source| crate::error::Fatal::ListenerLost { addr, source })
}

/// Serves until `stop`.
pub async fn run(listener: TcpListener, health: Health, stop: CancellationToken) -> Result<()> {
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .fallback(|| async {
            error(
                StatusCode::NOT_FOUND,
                "not_found",
                "there is nothing at this address",
            )
        })
        .layer(middleware::from_fn(loopback_only))
        .with_state(Arc::new(health));
    axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .into_future()
        .await
        .context("the HTTP server ended")
}

async fn readyz(State(health): State<Arc<Health>>) -> Response {
    let (gateway, booted) = (*health.gateway.borrow(), *health.booted.borrow());
    let status = if gateway && booted {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        Json(json!({"ready": gateway && booted, "gateway": gateway, "booted": booted})),
    )
        .into_response()
}

/// A page on the web must not be able to use a browser on this machine against the daemon, whatever name it gives it.
async fn loopback_only(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let foreign = |origin: &str| !is_loopback(origin.split_once("://").map_or("", |(_, host)| host));
    if !is_loopback(host) {
        return error(
            StatusCode::FORBIDDEN,
            "foreign_host",
            "the Host header must be a loopback address",
        );
    }
    if headers
        .get(header::ORIGIN)
        .is_some_and(|origin| origin.to_str().map_or(true, foreign))
    {
        return error(
            StatusCode::FORBIDDEN,
            "foreign_origin",
            "requests from web pages are refused",
        );
    }
    next.run(request).await
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, _)) => v6,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn error(status: StatusCode, code: &str, message: &str) -> Response {
    (
        status,
        Json(json!({"error": {"code": code, "message": message, "hint": null}})),
    )
        .into_response()
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
        ] {
            assert!(!is_loopback(no), "{no}");
        }
    }
}
