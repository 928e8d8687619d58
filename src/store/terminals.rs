//! Agents in people's terminals, and the commands that wait for them. A command is here until it is acknowledged, so
//! neither a crash of the daemon nor one of the terminal loses it.

use anyhow::{Context, Result};

use super::{Store, now_ms};
use crate::ids::{MessageId, SessionId, UserId};

/// What an agent in a terminal is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(rename_all = "lowercase")]
pub enum CommandKind {
    /// A prompt for when it is idle.
    Prompt,
    /// Something for the running turn.
    Steer,
    /// End the turn.
    Cancel,
    /// End the attachment.
    Detach,
}

/// A command to be kept for a terminal.
#[derive(Debug, Clone)]
pub struct NewCommand {
    /// What.
    pub kind: CommandKind,
    /// The prompt's words; empty for the others.
    pub text: String,
    /// Who says so; `None` for the owner's own programs.
    pub author: Option<(UserId, String)>,
    /// The message that it came in.
    pub message: Option<MessageId>,
}

/// A command that waits for a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalCommand {
    /// Grows, and is never used again.
    pub id: i64,
    /// What.
    pub kind: CommandKind,
    /// The prompt's words.
    pub text: String,
    /// Who says so.
    pub author: Option<UserId>,
    /// How they are called.
    pub author_name: Option<String>,
    /// The message that it came in.
    pub message: Option<MessageId>,
    /// When it was stored, in unix milliseconds.
    pub at: i64,
}

/// A terminal that attaches.
#[derive(Debug, Clone)]
pub struct NewTerminal {
    /// The agent's own id of the conversation.
    pub agent_session: String,
    /// The machine.
    pub host: Option<String>,
    /// The agent's process.
    pub pid: i64,
    /// The agent's version.
    pub agent_version: String,
    /// The extension's version.
    pub extension_version: String,
}

impl Store {
    /// The terminal of this session is attached from now on, whatever it was before.
    pub async fn attach_terminal(&self, session: &SessionId, new: &NewTerminal) -> Result<()> {
        let now = now_ms();
        sqlx::query!(
            "INSERT INTO terminals (session_id, agent_session_id, host, pid, agent_version, extension_version, attached_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (session_id) DO UPDATE SET agent_session_id = excluded.agent_session_id,
                 host = excluded.host, pid = excluded.pid, agent_version = excluded.agent_version,
                 extension_version = excluded.extension_version, attached_at = excluded.attached_at,
                 detached_at = NULL, detach_reason = NULL",
            session,
            new.agent_session,
            new.host,
            new.pid,
            new.agent_version,
            new.extension_version,
            now
        )
        .execute(self.pool())
        .await
        .context("cannot store the terminal")?;
        Ok(())
    }

    /// The terminal of this session is gone: `off` or `closed`. `false` where none was attached.
    pub async fn detach_terminal(&self, session: &SessionId, reason: &str) -> Result<bool> {
        let now = now_ms();
        let done = sqlx::query!(
            "UPDATE terminals SET detached_at = ?2, detach_reason = ?3 WHERE session_id = ?1 AND detached_at IS NULL",
            session,
            now,
            reason
        )
        .execute(self.pool())
        .await
        .context("cannot store that the terminal is gone")?;
        Ok(done.rows_affected() > 0)
    }

    /// Whether the session's agent runs in a terminal that is attached.
    pub async fn is_attached(&self, session: &SessionId) -> Result<bool> {
        sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM terminals WHERE session_id = ?1 AND detached_at IS NULL) AS "there!: bool""#,
            session
        )
        .fetch_one(self.pool())
        .await
        .context("cannot read the terminals")
    }

    /// The session of a conversation that is or was in a terminal.
    pub async fn session_of_conversation(&self, agent_session: &str) -> Result<Option<SessionId>> {
        sqlx::query_scalar!(
            r#"SELECT session_id AS "session!: SessionId" FROM terminals WHERE agent_session_id = ?1"#,
            agent_session
        )
        .fetch_optional(self.pool())
        .await
        .context("cannot read the terminals")
    }

    /// The session whose agent the daemon itself runs with this conversation, and that is not over.
    pub async fn owned_conversation(&self, agent_session: &str) -> Result<Option<SessionId>> {
        sqlx::query_scalar!(
            r#"SELECT session_id AS "session!: SessionId" FROM agent_sessions
               WHERE agent_session_id = ?1 AND phase IN ('opening', 'open') AND NOT EXISTS (
                   SELECT 1 FROM terminals t WHERE t.session_id = agent_sessions.session_id AND detached_at IS NULL)"#,
            agent_session
        )
        .fetch_optional(self.pool())
        .await
        .context("cannot read the sessions")
    }

    /// Keeps a command for the terminal. `None`: this message is one already.
    pub async fn enqueue_command(&self, session: &SessionId, new: &NewCommand) -> Result<Option<i64>> {
        let now = now_ms();
        let (author, name) = new
            .author
            .as_ref()
            .map_or((None, None), |(id, name)| (Some(*id), Some(name)));
        sqlx::query_scalar!(
            r#"INSERT INTO terminal_commands (session_id, kind, text, author_id, author_name, message_id, created_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
               ON CONFLICT (message_id) DO NOTHING
               RETURNING command_id AS "id!: i64""#,
            session,
            new.kind,
            new.text,
            author,
            name,
            new.message,
            now
        )
        .fetch_optional(self.pool())
        .await
        .context("cannot store the command")
    }

    /// What waits for the terminal, oldest first.
    pub async fn waiting_commands(&self, session: &SessionId, limit: u32) -> Result<Vec<TerminalCommand>> {
        sqlx::query_as!(
            TerminalCommand,
            r#"SELECT command_id AS "id!", kind AS "kind!: CommandKind", text, author_id AS "author: UserId",
                   author_name, message_id AS "message: MessageId", created_at AS at
               FROM terminal_commands WHERE session_id = ?1 ORDER BY command_id LIMIT ?2"#,
            session,
            limit
        )
        .fetch_all(self.pool())
        .await
        .context("cannot read the commands")
    }

    /// The terminal has taken every command up to this one.
    pub async fn acknowledge_commands(&self, session: &SessionId, up_to: i64) -> Result<()> {
        sqlx::query!(
            "DELETE FROM terminal_commands WHERE session_id = ?1 AND command_id <= ?2",
            session,
            up_to
        )
        .execute(self.pool())
        .await
        .context("cannot take the commands away")?;
        Ok(())
    }
}
