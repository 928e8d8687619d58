//! Events that agents post about themselves. They are on the disk before they are acknowledged.

use std::sync::PoisonError;

use axum::Json;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Api;
use super::caller::{Caller, Raw, read_json};
use super::error::{ApiError, ErrorBody};
use crate::failpoint;
use crate::ids::SessionId;
use crate::store::events::{NewEvent, Source};

/// How many events a request may bring.
const MOST: usize = 1_000;
/// The last millisecond of the year 9999.
const LAST_MS: i64 = 253_402_300_799_999;
const MAX_TYPE: usize = 64;
const MAX_ID: usize = 200;

/// Something that happened in a session.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct PostedEvent {
    /// The session's id.
    #[schema(value_type = String, pattern = "^session_[0-9a-f]{8}$", example = "session_1a2b3c4d")]
    session_id: Option<String>,
    /// What kind of event: `message`, `tool_start`, `agent_end` …
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_.-]{1,64}$", example = "message")]
    event_type: Option<String>,
    /// What a person would read; may be empty.
    #[schema(value_type = String)]
    content: Option<String>,
    /// When it happened, in unix milliseconds.
    #[schema(value_type = i64, minimum = 0, maximum = 253_402_300_799_999_i64)]
    timestamp: Option<i64>,
    /// The sender's own id of the event. One that comes again counts once.
    #[schema(min_length = 1, max_length = 200)]
    id: Option<String>,
    /// More about it.
    #[schema(value_type = Object)]
    data: Option<Value>,
}

/// One event, or up to 1,000.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(
    dead_code,
    reason = "describes the body; it is read by hand, so that errors name the field"
)]
enum PostedEvents {
    One(PostedEvent),
    Many(PostedList),
}

/// Up to 1,000 events.
#[derive(ToSchema)]
#[schema(max_items = 1000)]
#[expect(dead_code, reason = "describes the body")]
struct PostedList(Vec<PostedEvent>);

/// What became of them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Accepted {
    /// How many are stored now.
    accepted: usize,
    /// How many were stored before.
    duplicates: usize,
}

/// Store events. They are on the disk when this answers.
#[utoipa::path(
    post,
    path = "/api/webhook/event",
    tag = "terminals",
    security(("token" = [])),
    request_body = PostedEvents,
    responses(
        (status = 202, description = "Stored", body = Accepted),
        (status = 400, description = "A field is wrong; `field` names it", body = ErrorBody),
        (status = 401, description = "No token, or not a good one", body = ErrorBody),
        (status = 403, description = "Another session's token", body = ErrorBody),
        (status = 413, description = "More than 1 MiB", body = ErrorBody),
        (status = 415, description = "Not JSON", body = ErrorBody)
    )
)]
pub(super) async fn ingest(caller: Caller, Raw(body): Raw) -> Result<(StatusCode, Json<Accepted>), ApiError> {
    let (events, at) = read(&body)?;
    for (n, event) in events.iter().enumerate() {
        caller.may(&event.session)?;
        if !caller.api.knows(&event.session).await? {
            return Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "unknown_session",
                "there is no such session",
            )
            .at(at.field(n, "session_id")));
        }
    }
    let done = caller.api.deps.events.append(events).await?;
    failpoint::at("terminal.heard");
    let accepted = Accepted {
        accepted: done.new,
        duplicates: done.repeated,
    };
    Ok((StatusCode::ACCEPTED, Json(accepted)))
}

/// How the fields of a body are named in errors.
#[derive(Debug, Clone, Copy)]
enum Shape {
    One,
    Many,
}

impl Shape {
    fn field(self, n: usize, field: &str) -> String {
        match self {
            Self::One => field.to_owned(),
            Self::Many => format!("events[{n}].{field}"),
        }
    }
}

/// What a body says, if it is one.
fn read(body: &[u8]) -> Result<(Vec<NewEvent>, Shape), ApiError> {
    let many = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let (shape, posted): (Shape, Vec<PostedEvent>) = if many {
        (Shape::Many, read_json(body, "events")?)
    } else {
        (Shape::One, vec![read_json(body, "")?])
    };
    if posted.len() > MOST {
        return Err(ApiError::field(
            "events",
            format!("{} events are more than {MOST}", posted.len()),
        ));
    }
    let events = posted.into_iter().enumerate();
    let events = events.map(|(n, event)| checked(event, &|field: &str| shape.field(n, field)));
    Ok((events.collect::<Result<_, _>>()?, shape))
}

/// Whether a body would be taken, as far as that can be seen from it alone.
#[must_use]
pub fn holds_events(body: &[u8]) -> bool {
    read(body).is_ok()
}

fn checked(posted: PostedEvent, at: &impl Fn(&str) -> String) -> Result<NewEvent, ApiError> {
    let missing = |field: &str| ApiError::field(at(field), format!("`{field}` is missing"));
    let session = posted.session_id.ok_or_else(|| missing("session_id"))?;
    let session: SessionId = session
        .parse()
        .map_err(|_| ApiError::field(at("session_id"), "expected session_ and eight hexadecimal digits"))?;
    let kind = posted.event_type.ok_or_else(|| missing("event_type"))?;
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if kind.is_empty() || kind.len() > MAX_TYPE || !kind.bytes().all(letter) {
        let expected = "expected up to 64 letters, digits, _, - and .";
        return Err(ApiError::field(at("event_type"), expected));
    }
    let content = posted.content.ok_or_else(|| missing("content"))?;
    let happened_at = posted.timestamp.ok_or_else(|| missing("timestamp"))?;
    if !(0..=LAST_MS).contains(&happened_at) {
        return Err(ApiError::field(at("timestamp"), "expected unix milliseconds"));
    }
    if let Some(id) = &posted.id
        && !(1..=MAX_ID).contains(&id.chars().count())
    {
        return Err(ApiError::field(at("id"), "expected 1 to 200 characters"));
    }
    let data = posted.data.filter(|data| !data.is_null());
    if data.as_ref().is_some_and(|data| !data.is_object()) {
        return Err(ApiError::field(at("data"), "expected an object"));
    }
    Ok(NewEvent {
        session,
        source: Source::Agent,
        kind,
        content: whole(content),
        data: data.map(|data| data.to_string()),
        sender_id: posted.id.map(whole),
        happened_at,
    })
}

/// The database would end a text at a null character.
fn whole(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}")
    } else {
        text
    }
}

impl Api {
    /// Whether there is such a session.
    async fn knows(&self, session: &SessionId) -> Result<bool, ApiError> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known().contains(session) {
            return Ok(true);
        }
        let exists = self.deps.store.session(session).await?.is_some();
        if exists {
            known().insert(session.clone());
        }
        Ok(exists)
    }
}
