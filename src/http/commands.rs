//! What waits for an agent in a terminal: its extension asks, and the answer comes as soon as there is one.

use std::time::Duration;

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::{Caller, Query, number};
use super::error::{ApiError, ErrorBody};
use crate::store::terminal_commands::{CommandKind, TerminalCommand};

/// The longest wait, in seconds.
const LONGEST: i64 = 30;

/// Whose commands.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Poll {
    /// The session.
    #[param(value_type = String, pattern = "^session_[0-9a-f]{8}$")]
    session_id: Option<String>,
    /// How many seconds to wait for a command when there is none.
    #[param(value_type = Option<i64>, minimum = 0, maximum = 30)]
    wait: Option<String>,
    /// The newest command that was taken: this one and all before it are not given again.
    #[param(value_type = Option<i64>, minimum = 0)]
    after: Option<String>,
}

/// What waits, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Commands {
    commands: Vec<Command>,
}

/// A command for the agent in a terminal.
#[derive(Debug, Serialize, ToSchema)]
struct Command {
    /// Grows. Acknowledge with `after`.
    id: i64,
    /// What to do.
    kind: CommandWord,
    /// The words of a prompt.
    text: String,
    /// Who says so; null for the owner's own programs.
    #[schema(required)]
    author: Option<Author>,
    /// The Discord message that it came in.
    #[schema(required, value_type = Option<String>)]
    message_id: Option<crate::ids::MessageId>,
    /// When it was given, in unix milliseconds.
    at: i64,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CommandWord {
    Prompt,
    Steer,
    Cancel,
    Detach,
}

/// A person on Discord.
#[derive(Debug, Serialize, ToSchema)]
struct Author {
    #[schema(value_type = String)]
    id: crate::ids::UserId,
    name: String,
}

impl From<TerminalCommand> for Command {
    fn from(command: TerminalCommand) -> Self {
        let name = command.author_name.unwrap_or_default();
        Self {
            id: command.id,
            kind: match command.kind {
                CommandKind::Prompt => CommandWord::Prompt,
                CommandKind::Steer => CommandWord::Steer,
                CommandKind::Cancel => CommandWord::Cancel,
                CommandKind::Detach => CommandWord::Detach,
            },
            text: command.text,
            author: command.author.map(|id| Author { id, name }),
            message_id: command.message,
            at: command.at,
        }
    }
}

/// Ask for commands, and wait for them. What is not acknowledged with `after` is given again. A session has one poll:
/// a newer one ends the earlier with an empty list.
#[utoipa::path(
    get,
    path = "/api/commands/poll",
    tag = "terminals",
    security(("token" = [])),
    params(Poll),
    responses(
        (status = 200, description = "What waits, perhaps nothing", body = Commands),
        (status = 400, description = "A parameter is wrong", body = ErrorBody),
        (status = 401, description = "No token, or not a good one", body = ErrorBody),
        (status = 403, description = "Another session's token", body = ErrorBody),
        (status = 404, description = "There is no such session", body = ErrorBody)
    )
)]
pub(super) async fn poll(caller: Caller, Query(poll): Query<Poll>) -> Result<Json<Commands>, ApiError> {
    let id = poll
        .session_id
        .as_deref()
        .ok_or_else(|| ApiError::field("session_id", "`session_id` is missing"))?;
    let wait = number("wait", poll.wait.as_deref(), 0..=LONGEST)?.unwrap_or_default();
    let after = number("after", poll.after.as_deref(), 0..=i64::MAX)?;
    let session = caller.session(id).await?;
    let api = &caller.api;
    let wait = Duration::from_secs(wait.unsigned_abs());
    let waiting = api
        .deps
        .commands
        .poll(&session.id, after, wait, &api.stop)
        .await?;
    Ok(Json(Commands {
        commands: waiting.into_iter().map(Command::from).collect(),
    }))
}
