//! Ends a turn or a session, as the commands and the buttons do.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::caller::{Owner, Path};
use super::error::{ApiError, ErrorBody};
use crate::ids::ChannelId;
use crate::ingress::Ask;
use crate::ingress::owner::Outcome;

/// What the session says to it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Said {
    /// For people.
    said: String,
}

async fn control(api: &Api, id: &str, ask: impl FnOnce(ChannelId) -> Ask) -> Result<Json<Said>, ApiError> {
    let session = api.open_session(id).await?;
    let thread = session.thread.ok_or_else(ApiError::unknown_session)?;
    let said = match api.ingress.take_from_owner(ask(thread.channel())).await? {
        Outcome::Said(said) => said,
        Outcome::Founded(_) | Outcome::Queued { .. } => String::new(),
    };
    Ok(Json(Said { said }))
}

/// End the running turn. What waits is held until somebody continues the queue.
#[utoipa::path(
    post,
    path = "/api/sessions/{id}/cancel",
    tag = "sessions",
    security(("token" = [])),
    params(("id" = String, Path, description = "The session's id")),
    responses(
        (status = 200, description = "What the session says to it", body = Said),
        (status = 401, description = "No token, or not a good one", body = ErrorBody),
        (status = 403, description = "Only the owner may", body = ErrorBody),
        (status = 404, description = "There is no such session", body = ErrorBody),
        (status = 409, description = "The session has ended, or is only just being made", body = ErrorBody)
    )
)]
pub(super) async fn cancel(Owner(api): Owner, Path(id): Path<String>) -> Result<Json<Said>, ApiError> {
    control(&api, &id, |channel| Ask::Cancel { channel }).await
}

/// End the session. Its thread is archived; the agent's conversation is kept.
#[utoipa::path(
    post,
    path = "/api/sessions/{id}/stop",
    tag = "sessions",
    security(("token" = [])),
    params(("id" = String, Path, description = "The session's id")),
    responses(
        (status = 200, description = "What the session says to it", body = Said),
        (status = 401, description = "No token, or not a good one", body = ErrorBody),
        (status = 403, description = "Only the owner may", body = ErrorBody),
        (status = 404, description = "There is no such session", body = ErrorBody),
        (status = 409, description = "The session has ended, or is only just being made", body = ErrorBody)
    )
)]
pub(super) async fn stop(Owner(api): Owner, Path(id): Path<String>) -> Result<Json<Said>, ApiError> {
    control(&api, &id, |channel| Ask::Stop { channel }).await
}
