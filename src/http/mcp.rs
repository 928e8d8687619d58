//! `/mcp`: the Discord tools over MCP's streamable HTTP, with the API's tokens.
//!
//! The protocol is the SDK's; here it is only decided whose server a request reaches.

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;

use super::caller::Caller;
use super::door;
use super::error::{ApiError, ErrorBody};
use crate::token::Principal;

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
    Ok(server.handle(request).await.map(Body::new))
}
