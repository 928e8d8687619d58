//! Sessions: list them, start one, end its turn, end it. The same things that the commands do, through the same way in.

use std::collections::{BTreeMap, HashMap};

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::caller::{Body, Caller, Owner, Path, Query};
use super::error::{ApiError, ErrorBody};
use super::prompts::{Patience, PromptInfo};
use crate::ids::{ChannelId, GuildId, SessionId, ThreadId};
use crate::ingress::Ask;
use crate::ingress::owner::Outcome;
use crate::session::view::{self, SessionView};
use crate::store::sessions::SessionPhase;
use crate::store::summaries::Summary;

/// How long a text may be that a person will see in a list.
const TOPIC: usize = 200;
const WORD: usize = 200;
const PATH: usize = 4_096;

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionInfo {
    #[schema(value_type = String)]
    session_id: SessionId,
    /// Null while the thread is being made.
    #[schema(required, value_type = Option<String>)]
    thread_id: Option<ThreadId>,
    #[schema(required)]
    thread_url: Option<String>,
    name: String,
    status: SessionStatus,
    kind: SessionKind,
    /// The directory that the agent runs in.
    workspace: String,
    /// Null is the agent's own choice.
    #[schema(required)]
    model: Option<String>,
    /// Prompts that wait.
    queued: u32,
    created_at: i64,
    last_active_at: i64,
    /// The agent's own id, for `omp --resume`.
    #[schema(required)]
    agent_session_id: Option<String>,
}

/// How a session is doing.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SessionStatus {
    /// Its thread is being made.
    Opening,
    /// Ready for a prompt.
    Idle,
    /// A turn is running.
    Busy,
    /// It asks a person something.
    Waiting,
    /// The last turn failed or warned, or the agent retries.
    Degraded,
    /// It could not begin, or its thread is gone.
    Failed,
    /// A person ended it.
    Stopped,
}

/// Who runs the agent.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SessionKind {
    /// The daemon.
    Owned,
    /// A person, in a terminal.
    Attached,
}

impl SessionStatus {
    fn of(summary: &Summary, view: Option<&SessionView>) -> Self {
        match (summary.phase, view.map(|view| view.status)) {
            (SessionPhase::Opening, _) => Self::Opening,
            (SessionPhase::Stopped, _) => Self::Stopped,
            (SessionPhase::Failed, _) | (_, Some(view::Status::Failed)) => Self::Failed,
            (SessionPhase::Open, Some(view::Status::Waiting)) => Self::Waiting,
            (SessionPhase::Open, Some(view::Status::Degraded)) => Self::Degraded,
            (SessionPhase::Open, Some(view::Status::Busy)) => Self::Busy,
            (SessionPhase::Open, _) if summary.running => Self::Busy,
            (SessionPhase::Open, _) => Self::Idle,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Idle => "idle",
            Self::Busy => "busy",
            Self::Waiting => "waiting",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// The address of a thread, for people.
pub(super) fn thread_url(guild: GuildId, thread: ThreadId) -> String {
    format!("https://discord.com/channels/{guild}/{thread}")
}

impl Api {
    fn info(&self, summary: Summary, view: Option<&SessionView>) -> SessionInfo {
        let guild = self.deps.config.guild;
        SessionInfo {
            status: SessionStatus::of(&summary, view),
            kind: if summary.attached {
                SessionKind::Attached
            } else {
                SessionKind::Owned
            },
            session_id: summary.id,
            thread_id: summary.thread,
            thread_url: summary.thread.map(|thread| thread_url(guild, thread)),
            name: summary.name,
            workspace: summary.workspace,
            model: view.and_then(|view| view.model.clone()).or(summary.model),
            queued: u32::try_from(summary.queued).unwrap_or(u32::MAX),
            created_at: summary.created_at,
            last_active_at: summary.last_active_at,
            agent_session_id: summary.agent_session,
        }
    }

    async fn info_of(&self, id: &SessionId) -> Result<SessionInfo, ApiError> {
        let found = self.deps.store.summaries(Some(id), true).await?.pop();
        let view = view::view_of(&self.deps, id).await?;
        found
            .map(|summary| self.info(summary, view.as_ref()))
            .ok_or_else(ApiError::unknown_session)
    }

    async fn views(&self) -> Result<HashMap<SessionId, SessionView>, ApiError> {
        let views = view::all_views(&self.deps).await?.into_iter();
        Ok(views.map(|view| (view.id.clone(), view)).collect())
    }

    /// How many open sessions are how.
    pub(super) async fn counts(&self) -> Result<BTreeMap<&'static str, usize>, ApiError> {
        let all = [
            SessionStatus::Opening,
            SessionStatus::Idle,
            SessionStatus::Busy,
            SessionStatus::Waiting,
            SessionStatus::Degraded,
            SessionStatus::Failed,
        ];
        let mut counts: BTreeMap<_, _> = all.map(|status| (status.word(), 0)).into();
        let views = self.views().await?;
        for summary in self.deps.store.summaries(None, false).await? {
            let status = SessionStatus::of(&summary, views.get(&summary.id));
            *counts.entry(status.word()).or_default() += 1;
        }
        Ok(counts)
    }
}

/// Which sessions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// `open`, which is the default, or `all`.
    #[param(inline, value_type = Option<Listed>)]
    state: Option<String>,
}

/// Which sessions.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the parameter")]
enum Listed {
    Open,
    All,
}

/// The sessions, newest first.
#[utoipa::path(
    get,
    path = "/api/sessions",
    tag = "sessions",
    security(("token" = [])),
    params(Which),
    responses(
        (status = 200, description = "The sessions", body = Vec<SessionInfo>),
        (status = 400, description = "A parameter is wrong", body = ErrorBody),
        (status = 401, description = "No token, or not a good one", body = ErrorBody),
        (status = 403, description = "Only the owner may ask", body = ErrorBody)
    )
)]
pub(super) async fn list(
    Owner(api): Owner,
    Query(which): Query<Which>,
) -> Result<Json<Vec<SessionInfo>>, ApiError> {
    let all = match which.state.as_deref() {
        None | Some("open") => false,
        Some("all") => true,
        Some(_) => return Err(ApiError::field("state", "expected open or all")),
    };
    let summaries = api.deps.store.summaries(None, all).await?;
    let views = api.views().await?;
    let shown = summaries.into_iter().map(|summary| {
        let view = views.get(&summary.id);
        api.info(summary, view)
    });
    Ok(Json(shown.collect()))
}

/// One session.
#[utoipa::path(
    get,
    path = "/api/sessions/{id}",
    tag = "sessions",
    security(("token" = [])),
    params(("id" = String, Path, description = "The session's id")),
    responses(
        (status = 200, description = "The session", body = SessionInfo),
        (status = 401, description = "No token, or not a good one", body = ErrorBody),
        (status = 403, description = "Another session's token", body = ErrorBody),
        (status = 404, description = "There is no such session", body = ErrorBody)
    )
)]
pub(super) async fn show(caller: Caller, Path(id): Path<String>) -> Result<Json<SessionInfo>, ApiError> {
    let session = caller.session(&id).await?;
    Ok(Json(caller.api.info_of(&session.id).await?))
}

/// A session to be started.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct NewSession {
    /// The first prompt; without one the session waits.
    prompt: Option<String>,
    /// What it is about, for the thread's name; without it the prompt is.
    #[schema(max_length = 200)]
    topic: Option<String>,
    /// The model; without it the configured one, or the agent's own choice.
    #[schema(max_length = 200)]
    model: Option<String>,
    /// The directory; without it the configured one.
    #[schema(max_length = 4096)]
    workspace: Option<String>,
    /// The channel that the thread is made in; without it the home channel.
    #[schema(pattern = "^[0-9]{1,19}$")]
    channel_id: Option<String>,
    /// How many seconds to wait for the answer.
    #[schema(minimum = 0, maximum = 600)]
    wait_s: Option<u32>,
}

/// A session that was started.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Started {
    #[serde(flatten)]
    session: SessionInfo,
    /// What came of the first prompt so far, where there is one.
    #[schema(required)]
    prompt: Option<PromptInfo>,
}

impl NewSession {
    fn check(&self) -> Result<(), ApiError> {
        let texts = [
            ("topic", &self.topic, TOPIC),
            ("model", &self.model, WORD),
            ("workspace", &self.workspace, PATH),
        ];
        for (field, text, most) in texts {
            let Some(text) = text else { continue };
            if text.trim().is_empty() {
                return Err(ApiError::field(field, "it is empty; leave it out instead"));
            }
            if text.chars().count() > most || text.contains(|c: char| c.is_control()) {
                return Err(ApiError::field(
                    field,
                    format!("expected one line of up to {most} characters"),
                ));
            }
        }
        if let Some(prompt) = &self.prompt {
            super::prompts::check_text("prompt", prompt)?;
        }
        Ok(())
    }
}

/// Start a session in a new thread.
#[utoipa::path(
    post,
    path = "/api/sessions",
    tag = "sessions",
    security(("token" = [])),
    request_body = NewSession,
    params(("Prefer" = Option<String>, Header, description = "`wait=<seconds>`, as `wait_s`")),
    responses(
        (status = 201, description = "It is started", body = Started),
        (status = 400, description = "A field is wrong; `field` names it", body = ErrorBody),
        (status = 401, description = "No token, or not a good one", body = ErrorBody),
        (status = 403, description = "Only the owner may", body = ErrorBody),
        (status = 404, description = "There is no such channel", body = ErrorBody),
        (status = 409, description = "It could not be started; `message` says why", body = ErrorBody),
        (status = 413, description = "More than 1 MiB", body = ErrorBody),
        (status = 415, description = "Not JSON", body = ErrorBody),
        (status = 502, description = "Discord did not answer", body = ErrorBody)
    )
)]
pub(super) async fn create(
    Owner(api): Owner,
    headers: HeaderMap,
    Body(new): Body<NewSession>,
) -> Result<(StatusCode, Json<Started>), ApiError> {
    new.check()?;
    let patience = Patience::of(&headers, new.wait_s)?;
    let channel = match new.channel_id.as_deref().map(str::parse::<ChannelId>) {
        None => api.deps.config.home_channel,
        Some(Ok(channel)) if api.takes_messages(channel).await? => channel,
        Some(Ok(_)) => return Err(ApiError::unknown_channel()),
        Some(Err(_)) => return Err(ApiError::field("channel_id", "expected the id of a channel")),
    };
    let ask = Ask::New {
        channel,
        topic: new.topic,
        prompt: new.prompt,
        model: new.model,
        workspace: new.workspace,
    };
    let Outcome::Founded(founded) = api.ingress.take_from_owner(ask).await? else {
        return Err(anyhow::anyhow!("no session was made").into());
    };
    let prompt = match founded.prompt {
        Some(prompt) => Some(api.wait_for(&founded.session, prompt.id, 0, patience).await?),
        None => None,
    };
    let session = api.info_of(&founded.session).await?;
    Ok((StatusCode::CREATED, Json(Started { session, prompt })))
}
