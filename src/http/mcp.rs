//! `/mcp`: the Discord tools over MCP's streamable HTTP, with the API's tokens.
//!
//! The protocol is the SDK's; here it is only decided whose server a request reaches.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::caller::Caller;
use super::door;
use super::error::{ApiError, ErrorBody};
use crate::token::Principal;

/// No explanation is longer.
const MAX_WORDS: usize = 4_096;

/// Send MCP messages (JSON-RPC).
#[utoipa::path(
    post,
    path = "/mcp",
    tag = "tools",
    security(("token" = [])),
    request_body = Object,
    responses(
        (status = 200, description = "The answer, as JSON or as a stream of events"),
        (status = 202, description = "Taken; there is nothing to answer"),
        (status = 400, description = "Not a message of JSON-RPC: answered as JSON-RPC does", body = Object),
        (status = 401, description = "No token, or not a good one", body = ErrorBody),
        (status = 404, description = "The MCP session is over: begin another one")
    )
)]
pub(super) async fn post(caller: Caller, request: Request) -> Result<Response, ApiError> {
    serve(caller, request).await
}

/// Listen to MCP messages of a session.
#[utoipa::path(
    get,
    path = "/mcp",
    tag = "tools",
    security(("token" = [])),
    responses(
        (status = 200, description = "A stream of events"),
        (status = 401, description = "No token, or not a good one", body = ErrorBody),
        (status = 404, description = "The MCP session is over: begin another one")
    )
)]
pub(super) async fn get(caller: Caller, request: Request) -> Result<Response, ApiError> {
    serve(caller, request).await
}

/// End an MCP session.
#[utoipa::path(
    delete,
    path = "/mcp",
    tag = "tools",
    security(("token" = [])),
    responses(
        (status = 202, description = "It is over"),
        (status = 401, description = "No token, or not a good one", body = ErrorBody)
    )
)]
pub(super) async fn delete(caller: Caller, request: Request) -> Result<Response, ApiError> {
    serve(caller, request).await
}

async fn serve(caller: Caller, request: Request) -> Result<Response, ApiError> {
    let Caller { api, who } = caller;
    if !api.mcp.has(&who) {
        // Sessions end, and their servers with them.
        let open = api.deps.store.open_sessions().await?;
        api.mcp.keep(|known| match known {
            Principal::Owner => true,
            Principal::Session(id) => open.iter().any(|session| session.id == *id),
        });
    }
    let server = api.mcp.of(&api.deps, &who, door::MAX_BODY, &api.stop);
    let asked_in = session_of(request.headers());
    let response = server.handle(request).await.map(Body::new);
    let begun = session_of(response.headers()).filter(|_| asked_in.is_none());
    if let Some(session) = begun.as_ref().or(asked_in.as_ref()) {
        api.mcp.used(&who, session, begun.is_some()).await;
    }
    explained(response).await
}

fn session_of(headers: &HeaderMap) -> Option<String> {
    let session = headers.get("mcp-session-id")?;
    session.to_str().ok().map(str::to_owned)
}

/// The SDK says in plain text what it does not take, and calls a message that it cannot read a wrong media type.
async fn explained(response: Response) -> Result<Response, ApiError> {
    let status = response.status();
    let json = response.headers().get(header::CONTENT_TYPE);
    if !status.is_client_error() || json.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
    {
        return Ok(response);
    }
    let said = to_bytes(response.into_body(), MAX_WORDS)
        .await
        .unwrap_or_default();
    let said = String::from_utf8_lossy(&said).into_owned();
    if status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        let error = json!({"code": -32600, "message": said});
        let answer = json!({"jsonrpc": "2.0", "id": null, "error": error});
        return Ok((StatusCode::BAD_REQUEST, Json(answer)).into_response());
    }
    Err(ApiError::new(status, "mcp", said))
}
