//! The first answers to interactions.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;

use super::App;
use super::body::Form;
use super::error::ApiError;
use crate::sim::Shared;
use crate::sim::world::InteractionId;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/interactions/{interaction}/{token}/callback", post(callback))
}

async fn callback(
    State(sim): App,
    Path((id, token)): Path<(u64, String)>,
    form: Form,
) -> Result<StatusCode, ApiError> {
    sim.change(|world| world.respond(InteractionId::from(id), &token, form))?;
    Ok(StatusCode::NO_CONTENT)
}
