//! The control API over HTTP.

use std::sync::Arc;

use axum::Router;

use super::Shared;

pub(super) fn routes(_sim: &Arc<Shared>) -> Router<Arc<Shared>> {
    Router::new()
}
