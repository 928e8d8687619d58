//! What Prometheus reads: figures without a name in them, so that it needs no token.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use super::Health;
use crate::status::{CONTENT_TYPE, StatusSnapshot, exposition};

/// What happened since the start, and how it stands, in Prometheus' text format. See docs/metrics.md.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "daemon",
    responses((status = 200, description = "What is known", body = String, content_type = "text/plain"))
)]
pub(super) async fn metrics(State(health): State<Arc<Health>>) -> impl IntoResponse {
    let api = health.api.borrow().clone();
    let seen = match &api {
        Some(api) => Some(StatusSnapshot::take(&api.deps).await),
        // While the daemon starts or stops there is less to know.
        None => None,
    };
    (
        [(header::CONTENT_TYPE, CONTENT_TYPE)],
        exposition(&health.host, seen.as_ref()),
    )
}
