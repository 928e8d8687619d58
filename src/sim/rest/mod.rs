//! The REST API: one file per resource, and what every request passes on its way.
//!
//! Each request is recorded, authorized, met by faults and held by rate limits before its handler sees it. A
//! route that does not exist here is a mistake of the bot or a hole in the simulator, so it is recorded too.

mod applications;
pub(crate) mod body;
pub(crate) mod channels;
pub(crate) mod error;
mod guilds;
mod interactions;
mod messages;
mod pins;
mod reactions;
mod threads;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::header::{AUTHORIZATION, DATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use tokio::time::Instant;

use self::error::ApiError;
use super::config::permission;
use super::faults::Mishap;
use super::io::Switch;
use super::origin::{only_bots_from_here, only_from_here};
use super::ratelimit::Verdict;
use super::seen::RestCall;
use super::world::{Channel, Clock, World};
use super::{Shared, control_http, gateway, page};
use crate::ids::ChannelId;

type App = State<Arc<Shared>>;

const PREFIXES: [&str; 2] = ["/api/v10", "/api"];

/// Everything that the simulator serves.
pub(crate) fn router(sim: Arc<Shared>, pages: Router) -> Router {
    let api = Router::new()
        .merge(applications::routes())
        .merge(channels::routes())
        .merge(guilds::routes())
        .merge(interactions::routes())
        .merge(messages::routes())
        .merge(pins::routes())
        .merge(reactions::routes())
        .merge(threads::routes())
        .merge(webhooks::routes())
        .route_layer(from_fn_with_state(Arc::clone(&sim), guard))
        .method_not_allowed_fallback(unknown)
        // The simulator's own limit is Discord's and answers with Discord's error.
        .layer(DefaultBodyLimit::disable());
    let mut bots = Router::new().route("/gateway", get(gateway::connect));
    for prefix in PREFIXES {
        bots = bots.nest(prefix, api.clone());
    }
    let people = Router::new()
        .route("/attachments/{channel}/{file}/{name}", get(channels::attachment))
        .merge(page::routes())
        .merge(control_http::routes());
    Router::new()
        .merge(bots.fallback(unknown).layer(from_fn(only_bots_from_here)))
        .merge(people.route_layer(from_fn(only_from_here)))
        .with_state(sim)
        .merge(pages.layer(from_fn(only_from_here)))
}

/// The part of a path that follows the API's prefix.
fn below(path: &str) -> &str {
    PREFIXES
        .iter()
        .find_map(|prefix| path.strip_prefix(prefix))
        .unwrap_or(path)
}

async fn unknown(State(sim): App, method: Method, uri: Uri) -> Response {
    if !uri.path().starts_with("/api/") {
        // A browser asks for its icons; that is no mistake of the bot.
        return StatusCode::NOT_FOUND.into_response();
    }
    sim.change(|world| {
        world.record(RestCall {
            at_ms: Clock::now_ms(),
            method: method.to_string(),
            route: String::new(),
            path: below(uri.path()).to_owned(),
            status: Some(404),
            wait: Duration::ZERO,
            mishap: None,
            limit: None,
        });
        world.complain(format!("unknown route: {method} {}", uri.path()));
    });
    ApiError::new(404, 0, "404: Not Found").into_response()
}

/// A request on its way in.
struct Passage {
    sim: Arc<Shared>,
    switch: Switch,
    method: String,
    route: String,
    path: String,
    call: u64,
    began: Instant,
}

async fn guard(
    State(sim): App,
    ConnectInfo(switch): ConnectInfo<Switch>,
    matched: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    let mut passage = Passage {
        switch,
        method: request.method().to_string(),
        route: below(matched.as_str()).to_owned(),
        path: below(request.uri().path()).to_owned(),
        call: 0,
        began: Instant::now(),
        sim,
    };
    passage.record();
    let authorized = passage.authorized(request.headers());
    let mut response = if authorized {
        passage.through(request, next).await
    } else {
        ApiError::unauthorized().into_response()
    };
    let ahead = passage.sim.look(|world| world.config.clock_ahead_s);
    let now = std::time::SystemTime::now() + Duration::from_secs(ahead);
    if let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(now)) {
        response.headers_mut().insert(DATE, date);
    }
    passage.settle(response.status());
    response
}

impl Passage {
    fn record(&mut self) {
        let call = RestCall {
            at_ms: Clock::now_ms(),
            method: self.method.clone(),
            route: self.route.clone(),
            path: self.path.clone(),
            status: None,
            wait: Duration::ZERO,
            mishap: None,
            limit: None,
        };
        self.call = self.sim.change(|world| world.record(call));
    }

    fn settle(&self, status: StatusCode) {
        let wait = self.began.elapsed();
        self.sim.change(|world| {
            if let Some(call) = world.calls.get_mut(&self.call) {
                call.status = Some(status.as_u16());
                call.wait = wait;
            }
        });
    }

    fn authorized(&self, headers: &HeaderMap) -> bool {
        // These carry their own token in the path, or need none.
        let open = self.route == "/gateway"
            || self.route.starts_with("/interactions/")
            || self.route.starts_with("/webhooks/");
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(|value| value.strip_prefix("Bot "));
        open || self.sim.look(|world| given == Some(world.config.token.as_str()))
    }

    async fn through(&self, request: Request, next: Next) -> Response {
        let mishap = self.sim.change(|world| {
            let mishap = world.faults.meet(&self.method, &self.path);
            if let (Some(mishap), Some(call)) = (&mishap, world.calls.get_mut(&self.call)) {
                call.mishap = Some(mishap.clone());
            }
            mishap
        });
        match mishap {
            Some(Mishap::Status { status, retry_after }) => return failure(status, retry_after),
            Some(Mishap::Cut) => return self.cut().await,
            Some(Mishap::Slow { ms }) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Some(Mishap::LoseReply | Mishap::Hang) | None => {}
        }
        let verdict = self
            .sim
            .change(|world| world.limiter.judge(&self.method, &self.route, &self.path));
        if let Some(verdict) = &verdict
            && verdict.exceeded.is_some()
        {
            self.sim.change(|world| {
                if let Some(call) = world.calls.get_mut(&self.call) {
                    call.limit = verdict.exceeded;
                }
            });
            return limited(verdict);
        }
        let mut response = next.run(request).await;
        if let Some(verdict) = verdict {
            verdict.write(response.headers_mut());
        }
        match mishap {
            Some(Mishap::LoseReply) => self.cut().await,
            Some(Mishap::Hang) => self.hang().await,
            _ => response,
        }
    }

    async fn cut(&self) -> Response {
        self.switch.0.cancel();
        self.hang().await
    }

    /// Never answers. The wait ends when the client gives up, since that drops this future, or with the simulator.
    async fn hang(&self) -> Response {
        self.sim.shutdown.cancelled().await;
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    }
}

fn failure(status: u16, retry_after: Option<f64>) -> Response {
    if status == 429 {
        let after = retry_after.unwrap_or(1.0);
        let body = json!({"message": "You are being rate limited.", "retry_after": after, "global": false});
        let mut response = (StatusCode::TOO_MANY_REQUESTS, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(&format!("{after:.3}")) {
            headers.insert("retry-after", value);
        }
        headers.insert("x-ratelimit-scope", HeaderValue::from_static("shared"));
        return response;
    }
    let what = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("error");
    ApiError::new(status, 0, &format!("{status}: {what}")).into_response()
}

fn limited(verdict: &Verdict) -> Response {
    let global = verdict.exceeded == Some("global");
    let body = json!({
        "message": "You are being rate limited.", "retry_after": verdict.retry_after(), "global": global,
    });
    let mut response = (StatusCode::TOO_MANY_REQUESTS, axum::Json(body)).into_response();
    verdict.write(response.headers_mut());
    response
}

impl World {
    /// A channel in which the bot may do this.
    pub(crate) fn may(&self, id: ChannelId, needed: u64) -> Result<&Channel, ApiError> {
        let channel = self.channel(id)?;
        let have = self.permissions_in(channel);
        if have & permission::VIEW_CHANNEL == 0 {
            return Err(ApiError::missing_access());
        }
        if have & needed != needed {
            return Err(ApiError::missing_permissions());
        }
        Ok(channel)
    }

    /// A channel that is no archived thread.
    pub(crate) fn may_now(&self, id: ChannelId, needed: u64) -> Result<&Channel, ApiError> {
        let channel = self.may(id, needed)?;
        if channel.thread.as_ref().is_some_and(|thread| thread.archived) {
            return Err(ApiError::archived());
        }
        Ok(channel)
    }
}
