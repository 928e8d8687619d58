//! Prompts by programs, and their answers for whoever waits.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::caller::{Body, Caller, Owner, Path, Query, number};
use super::error::{ApiError, ErrorBody};
use crate::ids::{PromptId, SessionId};
use crate::ingress::Ask;
use crate::ingress::owner::Outcome;
use crate::store::answers::Answered;
use crate::store::prompts::PromptState;

/// The longest wait, in seconds. Whoever wants to wait longer asks again.
const LONGEST: u32 = 600;
/// A change that nobody tells of is seen after this.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// More is a file, not a prompt.
const LONGEST_TEXT: usize = 200_000;

/// A prompt.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct NewPrompt {
    #[schema(min_length = 1, max_length = 200_000)]
    text: String,
    #[serde(default)]
    #[schema(inline)]
    mode: Mode,
    /// How many seconds to wait for the answer.
    #[schema(minimum = 0, maximum = 600)]
    wait_s: Option<u32>,
}

/// When the prompt reaches the agent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    /// After what is running, and after what waits.
    #[default]
    Queue,
    /// In the running turn.
    Steer,
}

/// A prompt, and what came of it so far.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct PromptInfo {
    prompt_id: String,
    /// How many prompts were to run before it when it was queued.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u32>,
    outcome: PromptOutcome,
    /// The agent's last words, once it is over.
    #[schema(required)]
    answer: Option<String>,
    /// The error that it ended with.
    #[schema(required)]
    error: Option<String>,
}

/// Where a prompt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PromptOutcome {
    /// It waits for its turn.
    Queued,
    /// It waits until somebody continues the queue, or decides about it.
    Held,
    /// The agent works on it.
    Running,
    /// The daemon went down while it was running; a person decides.
    Interrupted,
    /// Over, with an answer.
    Done,
    /// Over, with an error.
    Failed,
    /// Over, because somebody cancelled it.
    Dropped,
}

impl PromptOutcome {
    fn of(state: PromptState) -> Self {
        match state {
            PromptState::Queued => Self::Queued,
            PromptState::Held | PromptState::Asking => Self::Held,
            PromptState::Running => Self::Running,
            PromptState::Interrupted => Self::Interrupted,
            PromptState::Done => Self::Done,
            PromptState::Failed => Self::Failed,
            PromptState::Dropped => Self::Dropped,
        }
    }
}

impl PromptInfo {
    fn new(answered: Answered, position: Option<usize>) -> Self {
        let over = answered.is_over();
        Self {
            prompt_id: answered.id.to_string(),
            position: position.map(|ahead| u32::try_from(ahead).unwrap_or(u32::MAX)),
            outcome: PromptOutcome::of(answered.state),
            answer: answered.answer.filter(|_| over),
            error: answered.error.filter(|_| over),
        }
    }

    fn status(&self) -> StatusCode {
        match self.outcome {
            PromptOutcome::Queued | PromptOutcome::Held | PromptOutcome::Running => StatusCode::ACCEPTED,
            PromptOutcome::Interrupted
            | PromptOutcome::Done
            | PromptOutcome::Failed
            | PromptOutcome::Dropped => StatusCode::OK,
        }
    }
}

/// How long somebody wants to wait for an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience(Duration);

impl Patience {
    /// As the body says, or the header `Prefer: wait=<seconds>`, which is only a wish and so cut down where it is large.
    pub(super) fn of(headers: &HeaderMap, wait_s: Option<u32>) -> Result<Self, ApiError> {
        let seconds = match wait_s {
            Some(seconds) if seconds <= LONGEST => seconds,
            Some(_) => {
                return Err(ApiError::field("wait_s", format!("expected at most {LONGEST}")));
            }
            None => preferred(headers).unwrap_or_default().min(LONGEST),
        };
        Ok(Self(Duration::from_secs(seconds.into())))
    }
}

fn preferred(headers: &HeaderMap) -> Option<u32> {
    let wishes = headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok());
    wishes
        .flat_map(|value| value.split([',', ';']))
        .filter_map(|wish| wish.trim().split_once('='))
        .find_map(|(name, value)| {
            let seconds = value.trim().trim_matches('"').parse();
            seconds.ok().filter(|_| name.trim().eq_ignore_ascii_case("wait"))
        })
}

/// What an agent can be told.
pub(super) fn check_text(field: &str, text: &str) -> Result<(), ApiError> {
    if text.trim().is_empty() {
        return Err(ApiError::field(field, "it is empty"));
    }
    if text.chars().count() > LONGEST_TEXT {
        return Err(
            ApiError::field(field, format!("more than {LONGEST_TEXT} characters"))
                .hint("put it into a file in the workspace, and name that"),
        );
    }
    if text.contains('\0') {
        return Err(ApiError::field(field, "there is a null character in it"));
    }
    Ok(())
}

impl Api {
    /// What came of a prompt, once it is over or patience is.
    pub(super) async fn wait_for(
        &self,
        session: &SessionId,
        prompt: PromptId,
        ahead: impl Into<Option<usize>>,
        Patience(patience): Patience,
    ) -> Result<PromptInfo, ApiError> {
        let ahead = ahead.into();
        let until = Instant::now() + patience;
        let mut newest = self.deps.events.newest();
        loop {
            newest.mark_unchanged();
            let answered = self.deps.store.answer(session, prompt).await?;
            let answered = answered.ok_or_else(|| {
                ApiError::new(StatusCode::NOT_FOUND, "unknown_prompt", "there is no such prompt")
            })?;
            let now = Instant::now();
            if answered.is_over() || now >= until || self.stop.is_cancelled() {
                return Ok(PromptInfo::new(answered, ahead));
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                _ = newest.changed() => {}
                () = tokio::time::sleep_until(until.min(now + LOOK_AGAIN)) => {}
            }
        }
    }
}

/// Give a session a prompt, and perhaps wait for the answer.
#[utoipa::path(
    post,
    path = "/api/sessions/{id}/prompt",
    tag = "sessions",
    security(("token" = [])),
    params(
        ("id" = String, Path, description = "The session's id"),
        ("Prefer" = Option<String>, Header, description = "`wait=<seconds>`, as `wait_s`")
    ),
    request_body = NewPrompt,
    responses(
        (status = 200, description = "It is over", body = PromptInfo),
        (status = 202, description = "It waits, or runs", body = PromptInfo),
        (status = 400, description = "A field is wrong; `field` names it", body = ErrorBody),
        (status = 401, description = "No token, or not a good one", body = ErrorBody),
        (status = 403, description = "Only the owner may", body = ErrorBody),
        (status = 404, description = "There is no such session", body = ErrorBody),
        (status = 409, description = "The session has ended, or is only just being made", body = ErrorBody),
        (status = 413, description = "More than 1 MiB", body = ErrorBody),
        (status = 415, description = "Not JSON", body = ErrorBody)
    )
)]
pub(super) async fn prompt(
    Owner(api): Owner,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(new): Body<NewPrompt>,
) -> Result<(StatusCode, Json<PromptInfo>), ApiError> {
    check_text("text", &new.text)?;
    let patience = Patience::of(&headers, new.wait_s)?;
    let session = api.open_session(&id).await?;
    let thread = session.thread.ok_or_else(ApiError::unknown_session)?;
    let ask = Ask::Say {
        channel: thread.channel(),
        session: None,
        text: new.text,
        steer: new.mode == Mode::Steer,
    };
    let answer = match api.ingress.take_from_owner(ask).await? {
        Outcome::Queued { prompt, ahead } => api.wait_for(&session.id, prompt, ahead, patience).await?,
        Outcome::Founded(_) | Outcome::Said(_) => {
            return Err(anyhow::anyhow!("the prompt came to nothing").into());
        }
    };
    Ok((answer.status(), Json(answer)))
}

/// How long.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wait {
    /// How many seconds to wait until it is over.
    #[param(value_type = Option<i64>, minimum = 0, maximum = 600)]
    wait: Option<String>,
}

/// What came of a prompt so far; waits for its end if asked to.
#[utoipa::path(
    get,
    path = "/api/sessions/{id}/prompts/{prompt_id}",
    tag = "sessions",
    security(("token" = [])),
    params(
        ("id" = String, Path, description = "The session's id"),
        ("prompt_id" = String, Path, description = "The prompt's id"),
        Wait
    ),
    responses(
        (status = 200, description = "It is over", body = PromptInfo),
        (status = 202, description = "It waits, or runs", body = PromptInfo),
        (status = 400, description = "A parameter is wrong", body = ErrorBody),
        (status = 401, description = "No token, or not a good one", body = ErrorBody),
        (status = 403, description = "Another session's token", body = ErrorBody),
        (status = 404, description = "There is no such session or prompt", body = ErrorBody)
    )
)]
pub(super) async fn answer(
    caller: Caller,
    Path((id, prompt)): Path<(String, String)>,
    Query(wait): Query<Wait>,
) -> Result<(StatusCode, Json<PromptInfo>), ApiError> {
    let wait = number("wait", wait.wait.as_deref(), 0..=LONGEST.into())?.unwrap_or_default();
    let session = caller.session(&id).await?;
    // What is no number is no prompt's id, and no prompt has this one.
    let prompt = PromptId(prompt.parse().unwrap_or(-1));
    let patience = Patience(Duration::from_secs(wait.unsigned_abs()));
    let answer = caller.api.wait_for(&session.id, prompt, None, patience).await?;
    Ok((answer.status(), Json(answer)))
}
