//! Terminals come and go: an extension attaches its session to a thread, and detaches it.
//!
//! Here is what such a request has to say and what is answered; the ingress makes the thread, the session mirrors the
//! events into it.

use axum::Json;
use axum::http::StatusCode;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::{Body, Caller, Owner, Path};
use super::error::{ApiError, ErrorBody};
use super::sessions::thread_url;
use crate::about::numbers;
use crate::ids::{SessionId, ThreadId};
use crate::ingress::terminals::{self, Refused};
use crate::store::terminals::{Gone, NewTerminal};

/// The oldest extension that the daemon works with.
pub(super) const MIN_EXTENSION: &str = "0.1.0";
const SHORT: usize = 200;
const LONG: usize = 4_096;

/// A terminal that wants a thread. Every text has a bounded length and no control characters.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub(super) struct Terminal {
    /// The agent's own id of the conversation. Attaching it again gives the same session.
    #[schema(min_length = 1, max_length = 200)]
    agent_session_id: String,
    /// The directory that it runs in.
    #[schema(min_length = 1, max_length = 4096)]
    cwd: String,
    /// What it is about.
    #[schema(max_length = 200)]
    title: Option<String>,
    /// The model.
    #[schema(max_length = 200)]
    model: Option<String>,
    /// The agent's process.
    #[schema(minimum = 1)]
    pid: u32,
    /// The machine.
    #[schema(max_length = 200)]
    host: Option<String>,
    /// The agent's version.
    #[schema(min_length = 1, max_length = 200)]
    agent_version: String,
    /// The extension's version.
    #[schema(min_length = 1, max_length = 200, example = "0.1.0")]
    extension_version: String,
    /// Whether the conversation has begun, so that it can be resumed.
    #[serde(default)]
    resumable: bool,
}

/// Why a terminal goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Detached {
    /// A person said so.
    Off,
    /// The terminal ended.
    Closed,
}

/// The session of a terminal.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AttachedInfo {
    #[schema(value_type = String)]
    session_id: SessionId,
    /// Good for this session only.
    token: String,
    #[schema(value_type = String)]
    thread_id: ThreadId,
    thread_url: String,
    /// Whether it had the thread before.
    resumed: bool,
    daemon_version: &'static str,
}

/// Why a terminal is detached.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Leaving {
    reason: Detached,
}

/// It is detached.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Left {
    /// `false`: it was detached before.
    detached: bool,
}

impl From<Terminal> for terminals::Terminal {
    fn from(terminal: Terminal) -> Self {
        Self {
            known: NewTerminal {
                agent_session: terminal.agent_session_id,
                host: terminal.host,
                pid: terminal.pid.into(),
                agent_version: terminal.agent_version,
                extension_version: terminal.extension_version,
                resumable: terminal.resumable,
            },
            cwd: terminal.cwd,
            title: terminal.title,
        }
    }
}

impl Terminal {
    fn check(&self) -> Result<(), ApiError> {
        let texts = [
            ("agent_session_id", Some(&self.agent_session_id), SHORT),
            ("cwd", Some(&self.cwd), LONG),
            ("title", self.title.as_ref(), SHORT),
            ("model", self.model.as_ref(), SHORT),
            ("host", self.host.as_ref(), SHORT),
            ("agent_version", Some(&self.agent_version), SHORT),
            ("extension_version", Some(&self.extension_version), SHORT),
        ];
        for (field, text, most) in texts {
            let Some(text) = text else { continue };
            let optional = matches!(field, "title" | "model" | "host");
            if (text.trim().is_empty() && !optional) || text.chars().count() > most {
                return Err(ApiError::field(field, format!("expected 1 to {most} characters")));
            }
            if text.contains(|c: char| c.is_control()) {
                return Err(ApiError::field(field, "there are control characters in it"));
            }
        }
        if !identifies(&self.agent_session_id) {
            return Err(ApiError::field(
                "agent_session_id",
                "expected an id: no slashes, and neither a dash nor a dot in front",
            ));
        }
        if !self.cwd.starts_with('/') {
            return Err(ApiError::field("cwd", "expected an absolute path"));
        }
        if self.pid == 0 {
            return Err(ApiError::field("pid", "expected the agent's process id"));
        }
        if numbers(&self.extension_version) < numbers(MIN_EXTENSION) {
            return Err(ApiError::new(
                StatusCode::UPGRADE_REQUIRED,
                "extension_too_old",
                format!(
                    "the extension is version {}; this daemon needs {MIN_EXTENSION} or later",
                    self.extension_version
                ),
            )
            .hint("run `ompcord extension install`, then start omp again"));
        }
        Ok(())
    }
}

/// Attach the session of a terminal to a thread. The same conversation gets the same thread again.
#[utoipa::path(
    post,
    path = "/api/sessions/attach",
    tag = "terminals",
    security(("token" = [])),
    request_body = Terminal,
    responses(
        (status = 200, description = "It is attached", body = AttachedInfo),
        (status = 400, description = "A field is wrong; `field` names it", body = ErrorBody),
        (status = 401, description = "No token, or not a good one", body = ErrorBody),
        (status = 403, description = "Only the owner may", body = ErrorBody),
        (status = 409, description = "The daemon itself runs this conversation", body = ErrorBody),
        (status = 413, description = "More than 1 MiB", body = ErrorBody),
        (status = 415, description = "Not JSON", body = ErrorBody),
        (status = 426, description = "The extension is too old", body = ErrorBody)
    )
)]
pub(super) async fn attach(
    Owner(api): Owner,
    Body(terminal): Body<Terminal>,
) -> Result<Json<AttachedInfo>, ApiError> {
    terminal.check()?;
    let attached = api.ingress.attach(terminal.into()).await?;
    let attached = attached.map_err(|refused| match refused {
        Refused::Occupied => ApiError::new(
            StatusCode::CONFLICT,
            "owned_running",
            "the daemon itself runs this conversation right now",
        )
        .hint("end it with `/omp stop` in its thread, or wait until it is idle"),
        Refused::Over => ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "ending",
            "the session is just ending",
        )
        .hint("try again in a moment")
        .retry_after(1),
    })?;
    Ok(Json(AttachedInfo {
        thread_url: thread_url(api.deps.config.guild, attached.thread),
        session_id: attached.session,
        token: attached.token.expose_secret().to_owned(),
        thread_id: attached.thread,
        resumed: attached.resumed,
        daemon_version: env!("CARGO_PKG_VERSION"),
    }))
}

/// Detach the session of a terminal.
#[utoipa::path(
    post,
    path = "/api/sessions/{id}/detach",
    tag = "terminals",
    security(("token" = [])),
    params(("id" = String, Path, description = "The session's id")),
    request_body = Leaving,
    responses(
        (status = 200, description = "It is detached", body = Left),
        (status = 400, description = "A field is wrong; `field` names it", body = ErrorBody),
        (status = 401, description = "No token, or not a good one", body = ErrorBody),
        (status = 403, description = "Another session's token", body = ErrorBody),
        (status = 404, description = "There is no such session", body = ErrorBody),
        (status = 413, description = "More than 1 MiB", body = ErrorBody),
        (status = 415, description = "Not JSON", body = ErrorBody)
    )
)]
pub(super) async fn detach(
    caller: Caller,
    Path(id): Path<String>,
    Body(leaving): Body<Leaving>,
) -> Result<Json<Left>, ApiError> {
    let session = caller.session(&id).await?;
    let how = match leaving.reason {
        Detached::Off => Gone::Off,
        Detached::Closed => Gone::Closed,
    };
    let detached = caller.api.ingress.detach(&session.id, how).await?;
    Ok(Json(Left { detached }))
}

/// Whether it can be the agent's name for a conversation. It is given back on the agent's command line, where a dash in
/// front would be an option and a slash a file.
fn identifies(text: &str) -> bool {
    !text.starts_with(['-', '.']) && !text.contains(['/', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for (older, newer) in [
            ("0.0.9", "0.1.0"),
            ("0.9.0", "0.10.0"),
            ("1.0", "1.0.1"),
            ("nonsense", "0.0.1"),
        ] {
            assert!(numbers(older) < numbers(newer), "{older} {newer}");
        }
        assert_eq!(numbers("v1.2.3-beta+5"), numbers("1.2.3"));
    }
}
