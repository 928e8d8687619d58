//! The Discord tools for an agent in a terminal, whose extension offers them, and for whatever else speaks plain HTTP.

use axum::Json;
use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::caller::{Body, Caller, Path};
use super::error::{ApiError, ErrorBody};
use crate::tools::{self, Offer, Outcome};

/// The tools that an agent may use on Discord, with the JSON Schema of their arguments.
#[utoipa::path(
    get,
    path = "/api/tools",
    tag = "tools",
    security(("token" = [])),
    responses(
        (status = 200, description = "The tools", body = Vec<Offer>),
        (status = 401, description = "No token, or not a good one", body = ErrorBody)
    )
)]
pub(super) async fn list(_: Caller) -> Json<Vec<Offer>> {
    Json(tools::TOOLS.iter().map(tools::Definition::offer).collect())
}

/// Use a tool: the body is its arguments. A session's token acts in that session; the owner's has to say where. What the
/// tool could not do is an answer too, with `is_error`. A question to a person is withdrawn when the connection ends.
#[utoipa::path(
    post,
    path = "/api/tools/{name}",
    tag = "tools",
    security(("token" = [])),
    params(("name" = String, Path, description = "The tool")),
    request_body = Object,
    responses(
        (status = 200, description = "What came of it", body = Outcome),
        (status = 400, description = "The body is no JSON object", body = ErrorBody),
        (status = 401, description = "No token, or not a good one", body = ErrorBody),
        (status = 404, description = "There is no such tool", body = ErrorBody)
    )
)]
pub(super) async fn call(
    caller: Caller,
    Path(name): Path<String>,
    Body(arguments): Body<Map<String, Value>>,
) -> Result<Json<Outcome>, ApiError> {
    if !tools::is_known(&name) {
        let error = ApiError::new(StatusCode::NOT_FOUND, "unknown_tool", "there is no such tool");
        return Err(error.hint("GET /api/tools lists them"));
    }
    let stop = caller.api.stop.clone();
    let caller = tools::Caller::new(caller.api.deps.clone(), caller.who);
    let call = tools::call(&caller, &name, Value::Object(arguments));
    let outcome = stop.run_until_cancelled(call).await;
    outcome.map(Json).ok_or_else(|| {
        let message = "the daemon is stopping";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", message)
    })
}
