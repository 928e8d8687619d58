//! What is said to the terminals of sessions: each command waits in order until the terminal says that it has it.

use anyhow::{Context, Result};

use super::prompts::PromptState;
use super::{Store, now_ms};
use crate::failpoint;
use crate::ids::{MessageId, PromptId, SessionId, UserId};

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
    /// The prompt that it carries.
    pub prompt: Option<PromptId>,
}

impl NewCommand {
    /// One without words, of nobody in particular.
    #[must_use]
    pub fn bare(kind: CommandKind) -> Self {
        Self {
            kind,
            text: String::new(),
            author: None,
            message: None,
            prompt: None,
        }
    }
}

/// A prompt that the terminal has not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unacknowledged {
    /// Which.
    pub prompt: PromptId,
    /// Whether the terminal may have read it.
    pub given: bool,
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

impl Store {
    /// The prompts that wait for the terminal of this session, in order.
    pub async fn unacknowledged(&self, session: &SessionId) -> Result<Vec<Unacknowledged>> {
        sqlx::query_as!(
            Unacknowledged,
            r#"SELECT prompt_id AS "prompt!: PromptId", given_at IS NOT NULL AS "given!: bool" FROM terminal_commands
               WHERE session_id = ?1 AND prompt_id IS NOT NULL ORDER BY command_id"#,
            session
        )
        .fetch_all(self.pool())
        .await
        .context("cannot read the commands")
    }

    /// Gives a prompt to the terminal: it runs there from now on. One step, so that no crash makes it run twice or
    /// never. `false` where it was given before, or is not wanted any more.
    pub async fn hand_to_terminal(
        &self,
        session: &SessionId,
        prompt: PromptId,
        new: &NewCommand,
    ) -> Result<bool> {
        let now = now_ms();
        let mut tx = self.write().await?;
        let taken = sqlx::query!(
            "UPDATE prompts SET state = ?2, started_at = ?3, ended_at = NULL
             WHERE prompt_id = ?1 AND state NOT IN ('running', 'done', 'dropped')",
            prompt,
            PromptState::Running,
            now
        )
        .execute(&mut *tx)
        .await?;
        if taken.rows_affected() == 0 {
            return Ok(false);
        }
        let new = NewCommand {
            prompt: Some(prompt),
            ..new.clone()
        };
        insert(&mut tx, session, &new, now).await?;
        tx.commit()
            .await
            .context("cannot give the prompt to the terminal")?;
        failpoint::at("terminal.handed");
        Ok(true)
    }

    /// Keeps a command for the terminal. `None`: this message is one already.
    pub async fn enqueue_command(&self, session: &SessionId, new: &NewCommand) -> Result<Option<i64>> {
        let mut connection = self.pool().acquire().await?;
        insert(&mut connection, session, new, now_ms()).await
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

    /// These commands are being given to the terminal.
    pub async fn commands_given(&self, session: &SessionId, up_to: i64) -> Result<()> {
        let now = now_ms();
        sqlx::query!(
            "UPDATE terminal_commands SET given_at = ?3 WHERE session_id = ?1 AND command_id <= ?2 AND given_at IS NULL",
            session,
            up_to,
            now
        )
        .execute(self.pool())
        .await
        .context("cannot store that the commands are given")?;
        failpoint::at("terminal.given");
        Ok(())
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
        failpoint::at("terminal.acknowledged");
        Ok(())
    }
}

pub(super) async fn insert(
    connection: &mut sqlx::SqliteConnection,
    session: &SessionId,
    new: &NewCommand,
    now: i64,
) -> Result<Option<i64>> {
    let (author, name) = new
        .author
        .as_ref()
        .map_or((None, None), |(id, name)| (Some(*id), Some(name)));
    sqlx::query_scalar!(
        r#"INSERT INTO terminal_commands (session_id, kind, text, author_id, author_name, message_id, prompt_id, created_at)
           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
           ON CONFLICT (message_id) DO NOTHING
           RETURNING command_id AS "id!: i64""#,
        session,
        new.kind,
        new.text,
        author,
        name,
        new.message,
        new.prompt,
        now
    )
    .fetch_optional(connection)
    .await
    .context("cannot store the command")
}
