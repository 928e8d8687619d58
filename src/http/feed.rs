//! The event log as server-sent events: replayed from the database, then as it grows.
//!
//! A reader asks the database at its own pace and is only woken by what is new, so one that is slow, or asleep, costs
//! nothing and misses nothing.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::stream::{Stream, unfold};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::watch;
use utoipa::IntoParams;

use super::Api;
use super::caller::{Caller, Query, number};
use super::error::{ApiError, ErrorBody};
use crate::ids::SessionId;
use crate::store::events::{Source, StoredEvent};
use crate::store::now_ms;
use crate::token::Principal;

/// How many events are read at once.
const PAGE: u32 = 200;
/// A line now and then keeps connections alive that would be taken for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Those after this one; 0 is everything that is kept. Without it, and without `Last-Event-ID`: from now on.
    #[param(value_type = Option<i64>, minimum = 0)]
    after: Option<String>,
    /// Those of this session only.
    #[param(pattern = "^session_[0-9a-f]{8}$")]
    session_id: Option<String>,
}

/// Follow what happens. `id` is the place in the log, `event` the type, `data` JSON with `session_id`, `event_type`,
/// `content`, `data`, `timestamp` and `source` (`agent` or `daemon`). Where some after the reader's place are not kept any
/// more, an `events_forgotten` without an `id` says so first.
#[utoipa::path(
    get,
    path = "/api/events",
    tag = "events",
    security(("token" = [])),
    params(
        Which,
        ("Last-Event-ID" = Option<String>, Header, description = "Goes on after this event; wins over `after`")
    ),
    responses(
        (status = 200, description = "A stream that does not end", body = String, content_type = "text/event-stream"),
        (status = 400, description = "A parameter is wrong", body = ErrorBody),
        (status = 401, description = "No token, or not a good one", body = ErrorBody),
        (status = 403, description = "Another session's token", body = ErrorBody)
    )
)]
pub(super) async fn follow(
    caller: Caller,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let session = match (&which.session_id, &caller.who) {
        (Some(id), _) => {
            let id: SessionId = id.parse().map_err(|_| {
                ApiError::field("session_id", "expected session_ and eight hexadecimal digits")
            })?;
            caller.may(&id)?;
            Some(id)
        }
        (None, Principal::Session(own)) => Some(own.clone()),
        (None, Principal::Owner) => None,
    };
    let last = headers
        .get("last-event-id")
        .map(|last| last.to_str().unwrap_or("not a number"))
        .filter(|last| !last.is_empty());
    let after = match number("Last-Event-ID", last, 0..=i64::MAX)? {
        Some(last) => Some(last),
        None => number("after", which.after.as_deref(), 0..=i64::MAX)?,
    };
    let newest = caller.api.deps.events.newest();
    let after = after.unwrap_or_else(|| *newest.borrow());
    let reader = Reader {
        api: caller.api,
        session,
        after,
        newest,
        page: VecDeque::new(),
        told: 0,
    };
    Ok(Sse::new(unfold(reader, Reader::next)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

struct Reader {
    api: Arc<Api>,
    session: Option<SessionId>,
    after: i64,
    newest: watch::Receiver<i64>,
    page: VecDeque<StoredEvent>,
    /// Up to which event it knows that some were forgotten.
    told: i64,
}

impl Reader {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(event) = self.page.pop_front() {
                return Some((Ok(shown(&event)), self));
            }
            let newest = *self.newest.borrow_and_update();
            if newest > self.after {
                let store = &self.api.deps.store;
                let page = store
                    .events_kept_after(self.after, self.session.as_ref(), PAGE)
                    .await;
                match page {
                    Ok((_, forgotten)) if forgotten > self.after.max(self.told) => {
                        // The page is read again: by then it begins where this says.
                        self.told = forgotten;
                        return Some((Ok(gap(self.session.as_ref(), forgotten)), self));
                    }
                    Ok((page, _)) => {
                        let full = u32::try_from(page.len()).is_ok_and(|len| len >= PAGE);
                        let last = page.last().map_or(self.after, |event| event.id);
                        // Nothing of this session is between the last and the newest.
                        self.after = if full { last } else { last.max(newest) };
                        self.page = page.into();
                        continue;
                    }
                    Err(error) => {
                        // The reader comes again with the last id that it saw.
                        tracing::error!("a stream of events ends: {error:#}");
                        return None;
                    }
                }
            }
            tokio::select! {
                () = self.api.stop.cancelled() => return None,
                changed = self.newest.changed() => changed.ok()?,
            }
        }
    }
}

/// An event as it is sent.
#[derive(serde::Serialize)]
struct Shown<'a> {
    session_id: Option<&'a SessionId>,
    event_type: &'a str,
    content: &'a str,
    data: Option<&'a RawValue>,
    timestamp: i64,
    source: &'static str,
}

/// Events up to this one are not kept any more. It has no place in the log, so whoever comes again still has its own.
fn gap(session: Option<&SessionId>, up_to: i64) -> Event {
    const KIND: &str = "events_forgotten";
    let content = format!("events up to {up_to} are not kept any more: some after your place are missing");
    let data = RawValue::from_string(format!("{{\"up_to\":{up_to}}}")).ok();
    let shown = Shown {
        session_id: session,
        event_type: KIND,
        content: &content,
        data: data.as_deref(),
        timestamp: now_ms(),
        source: Source::Daemon.as_str(),
    };
    Event::default()
        .event(KIND)
        .data(serde_json::to_string(&shown).unwrap_or_default())
}

fn shown(event: &StoredEvent) -> Event {
    let shown = Shown {
        session_id: Some(&event.session),
        event_type: &event.kind,
        content: &event.content,
        data: event
            .data
            .as_deref()
            .and_then(|data| serde_json::from_str(data).ok()),
        timestamp: event.happened_at,
        source: event.source.as_str(),
    };
    Event::default()
        .id(event.id.to_string())
        .event(&event.kind)
        .data(serde_json::to_string(&shown).unwrap_or_default())
}
