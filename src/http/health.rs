//! Whether the daemon lives and whether it is ready: for a supervisor, without a token.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::Health;

/// What is ready.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Readiness {
    /// Everything.
    ready: bool,
    /// The connection to Discord.
    gateway: bool,
    /// The database, and everything that is started once.
    booted: bool,
}

/// The daemon lives.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "daemon",
    responses((status = 200, description = "It does", body = String, content_type = "text/plain"))
)]
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// The daemon is ready: its database is open and the gateway is connected.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "daemon",
    responses(
        (status = 200, description = "It is", body = Readiness),
        (status = 503, description = "Not yet, or not any more", body = Readiness)
    )
)]
pub(super) async fn ready(State(health): State<Arc<Health>>) -> (StatusCode, Json<Readiness>) {
    let host = &health.host;
    let (gateway, booted) = (host.gateway().connected, host.is_booted());
    let ready = gateway && booted;
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let readiness = Readiness {
        ready,
        gateway,
        booted,
    };
    (status, Json(readiness))
}
