//! Every route, once: the router and the OpenAPI document are made of the same list, so neither has what the other
//! lacks.

use std::sync::{Arc, LazyLock};

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::response::IntoResponse;
use axum::{Json, Router};
use serde_json::Value;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::{
    Health, commands, control, door, events, feed, guild, health, mcp, metrics, notify, prompts, sessions,
    terminals, tools,
};

/// The router without its state, and the document.
pub(super) fn routes() -> (Router<Arc<Health>>, OpenApi) {
    let (router, mut document) = OpenApiRouter::with_openapi(beginning())
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .routes(routes!(metrics::metrics))
        .routes(routes!(openapi))
        .routes(routes!(guild::status))
        .routes(routes!(guild::channels))
        .routes(routes!(notify::notify))
        .routes(routes!(events::ingest))
        .routes(routes!(feed::follow))
        .routes(routes!(commands::poll))
        .routes(routes!(sessions::list, sessions::create))
        .routes(routes!(terminals::attach))
        .routes(routes!(sessions::show))
        .routes(routes!(prompts::prompt))
        .routes(routes!(prompts::answer))
        .routes(routes!(control::cancel))
        .routes(routes!(control::stop))
        .routes(routes!(terminals::detach))
        .routes(routes!(tools::list))
        .routes(routes!(tools::call))
        .routes(routes!(mcp::post, mcp::get, mcp::delete))
        .split_for_parts();
    if let Some(components) = &mut document.components {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
    let router = router
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_that_way)
        .layer(DefaultBodyLimit::max(door::MAX_BODY))
        .layer(middleware::from_fn(door::guard));
    (router, document)
}

fn beginning() -> OpenApi {
    let info = InfoBuilder::new()
        .title("ompcord")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "The daemon's API on loopback. Times are unix milliseconds, ids are strings. See docs/api.md.",
        ))
        .build();
    OpenApiBuilder::new().info(info).build()
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(super::document);

/// This document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "daemon",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = Value))
)]
async fn openapi() -> Json<&'static Value> {
    Json(&DOCUMENT)
}

async fn nothing_here() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "there is nothing at this address",
    )
    .hint("GET /openapi.json lists every route")
}

async fn not_that_way() -> impl IntoResponse {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "bad_method",
        "this address does not take this method",
    )
    .hint("the Allow header lists those that it takes")
}
