//! What a viewer reads when it looks somewhere: a channel's messages, its pins, and what the bot asked for.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::stream::Stream;
use serde::Deserialize;
use serde_json::{Value, json};

use super::feed::{self, Subject, Thing};
use super::seen::{RestCall, SeenMessage};
use super::world::World;
use super::{Shared, Where, Who};
use crate::ids::{ChannelId, MessageId, UserId};

type App = State<Arc<Shared>>;

/// How many messages are given at most, and when nobody says how many.
const MOST_MESSAGES: usize = 100;
const USUAL_MESSAGES: usize = 50;
/// The same for requests.
const MOST_CALLS: usize = 1_000;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/sim/channels/{channel}/messages", get(messages))
        .route("/sim/channels/{channel}/pins", get(pins))
        .route("/sim/calls", get(calls))
        .route("/sim/calls/stream", get(calls_stream))
}

fn not_found(channel: &str) -> Response {
    let body = json!({"error": format!("there is no channel {channel}")});
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

/// Which part of a channel is looked at.
#[derive(Debug, Default, Deserialize)]
struct Part {
    before: Option<MessageId>,
    after: Option<MessageId>,
    around: Option<MessageId>,
    limit: Option<usize>,
    /// Who looks: only they see what was said to them alone.
    user: Option<String>,
}

/// A piece of a channel's history, oldest first.
struct Page {
    messages: Vec<SeenMessage>,
    /// Whether there is something older, and something newer.
    older: bool,
    newer: bool,
}

async fn messages(State(sim): App, Path(channel): Path<String>, Query(part): Query<Part>) -> Response {
    let page = sim.look(|world| {
        let id = world.find_channel(&Where::from(channel.as_str())).ok()?;
        world.page(id, &part)
    });
    match page {
        Some(Page {
            messages,
            older,
            newer,
        }) => Json(json!({"messages": messages, "more": older, "newer": newer})).into_response(),
        None => not_found(&channel),
    }
}

async fn pins(State(sim): App, Path(channel): Path<String>) -> Response {
    let pins: Option<Vec<SeenMessage>> = sim.look(|world| {
        let id = world.find_channel(&Where::from(channel.as_str())).ok()?;
        let all = world.channels.get(&id)?.messages.iter().rev();
        let pinned = all
            .filter_map(|id| world.messages.get(id))
            .filter(|message| message.pinned);
        Some(pinned.map(|message| world.seen(message)).collect())
    });
    match pins {
        Some(pins) => Json(pins).into_response(),
        None => not_found(&channel),
    }
}

impl World {
    fn page(&self, channel: ChannelId, part: &Part) -> Option<Page> {
        let ids = &self.channels.get(&channel)?.messages;
        let limit = part.limit.unwrap_or(USUAL_MESSAGES).clamp(1, MOST_MESSAGES);
        let upto = |id: MessageId| ids.partition_point(|other| *other < id);
        let (from, to) = match (part.around, part.after, part.before) {
            (Some(id), ..) => {
                let from = upto(id).saturating_sub(limit / 2);
                (from, (from + limit).min(ids.len()))
            }
            (None, Some(id), _) => {
                let from = ids.partition_point(|other| *other <= id);
                (from, (from + limit).min(ids.len()))
            }
            (None, None, before) => {
                let to = before.map_or(ids.len(), upto);
                (to.saturating_sub(limit), to)
            }
        };
        // What was said to one person alone is in no list; it belongs where its time is.
        let first = if from == 0 { None } else { ids.get(from) };
        let last = ids.get(to).copied().into_iter().chain(part.before).min();
        let user = part
            .user
            .as_deref()
            .and_then(|name| self.find_user(&Who::from(name)).ok());
        let mut all: Vec<MessageId> = self.whispered(channel, user, first.copied(), last);
        all.extend(ids.iter().take(to).skip(from));
        all.sort_unstable();
        Some(Page {
            messages: all
                .iter()
                .filter_map(|id| self.messages.get(id))
                .map(|message| self.seen(message))
                .collect(),
            older: from > 0,
            newer: to < ids.len(),
        })
    }

    /// What only this person sees of a channel, from one id on and before another.
    fn whispered(
        &self,
        channel: ChannelId,
        user: Option<UserId>,
        first: Option<MessageId>,
        last: Option<MessageId>,
    ) -> Vec<MessageId> {
        let Some(user) = user else {
            return Vec::new();
        };
        let until = |id: MessageId| last.is_none_or(|last| id < last);
        self.messages
            .range(first.unwrap_or(MessageId::from(0))..)
            .take_while(|(id, _)| until(**id))
            .filter(|(_, message)| message.channel == channel && message.visible_to == Some(user))
            .map(|(id, _)| *id)
            .collect()
    }
}

#[derive(Debug, Deserialize)]
struct Calls {
    after: Option<u64>,
    limit: Option<usize>,
}

/// What follows a number, oldest first; without one, the newest.
async fn calls(State(sim): App, Query(wanted): Query<Calls>) -> Json<Value> {
    let limit = wanted.limit.unwrap_or(MOST_CALLS).clamp(1, MOST_CALLS);
    sim.look(|world| {
        let found: Vec<(u64, &RestCall)> = if let Some(after) = wanted.after {
            let later = world.calls.range(after.saturating_add(1)..);
            later.take(limit).map(|(number, call)| (*number, call)).collect()
        } else {
            let newest = world.calls.iter().rev().take(limit);
            let mut newest: Vec<_> = newest.map(|(number, call)| (*number, call)).collect();
            newest.reverse();
            newest
        };
        let next = found.last().map(|(number, _)| *number).or(wanted.after);
        let calls: Vec<Value> = found
            .into_iter()
            .map(|(number, seen)| call(number, seen))
            .collect();
        Json(json!({"calls": calls, "next": next.unwrap_or(0)}))
    })
}

fn call(number: u64, call: &RestCall) -> Value {
    json!({
        "number": number, "at_ms": call.at_ms, "method": call.method, "route": call.route, "path": call.path,
        "status": call.status, "wait_ms": u64::try_from(call.wait.as_millis()).unwrap_or(u64::MAX),
        "mishap": call.mishap.as_ref().map(ToString::to_string),
    })
}

async fn calls_stream(
    State(sim): App,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let subject = Subject {
        all: |_| Vec::new(),
        since: calls_since,
        bot: false,
    };
    feed::serve(sim, &headers, subject)
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "what was forgotten of very old requests is no reason to begin anew"
)]
fn calls_since(world: &World, revision: u64) -> Option<Vec<Thing>> {
    let mut numbers: Vec<u64> = world.calls.since(revision).collect();
    numbers.sort_unstable();
    let known = numbers
        .into_iter()
        .filter_map(|number| Some((number, world.calls.get(&number)?)));
    Some(known.map(|(number, seen)| ("call", call(number, seen))).collect())
}
