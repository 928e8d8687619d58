//! The page in which a person sees and uses the simulated Discord.
//!
//! Everything is in the program: there is nothing to install, to build or to fetch from elsewhere. The page can make
//! an agent act, and shows what agents write, so the headers let it load and reach nothing but this server, and let
//! no text become script even if the page had a mistake.

use axum::Router;
use axum::extract::Path;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// Only what is served here, no markup from strings, no forms to elsewhere, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

const INDEX: &str = "index.html";
const CALLS: &str = "calls.html";

macro_rules! assets {
    ($($name:literal),* $(,)?) => {
        /// Every file by its name below `/page/`.
        const ASSETS: &[(&str, &str)] = &[$(($name, include_str!($name))),*];
    };
}

assets![
    "actions.js",
    "app.js",
    "attachment.js",
    "base.css",
    "calls.css",
    "calls.html",
    "calls.js",
    "command-form.js",
    "components.js",
    "composer.css",
    "composer.js",
    "dom.js",
    "embed.js",
    "feed.js",
    "floating.css",
    "floating.js",
    "hands.js",
    "header.js",
    "highlight.js",
    "history.js",
    "icon.svg",
    "index.html",
    "layout.css",
    "markdown-dom.js",
    "markdown.js",
    "message.css",
    "message.js",
    "modal.js",
    "notice.js",
    "panel.js",
    "sidebar.js",
    "slash.js",
    "store.js",
    "suggestions.js",
    "timeline.js",
    "vendor/LICENSE-highlight.js",
    "vendor/highlight.min.js",
];

pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(async |headers: HeaderMap| asset(INDEX, &headers)))
        .route("/calls", get(async |headers: HeaderMap| asset(CALLS, &headers)))
        .route(
            "/page/{*name}",
            get(async |Path(name): Path<String>, headers: HeaderMap| asset(&name, &headers)),
        )
}

fn asset(name: &str, asked: &HeaderMap) -> Response {
    let Some((_, text)) = ASSETS.iter().find(|(known, _)| *known == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = tag(text);
    let headers = [
        (CONTENT_TYPE, content_type(name)),
        (CONTENT_SECURITY_POLICY, POLICY),
        // Another version of the program may be on the same port tomorrow.
        (CACHE_CONTROL, "no-cache"),
        (ETAG, &tag),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    if asked
        .get(IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == tag.as_bytes())
    {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, *text).into_response()
}

/// A name for this very content.
fn tag(text: &str) -> String {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ if name.starts_with("vendor/LICENSE") => "text/plain; charset=utf-8",
        _ => "text/javascript; charset=utf-8",
    }
}
