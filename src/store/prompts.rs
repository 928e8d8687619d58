//! The durable queue: a prompt is here before anything else happens, so nothing that ends the daemon loses it.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{Store, now_ms};
use crate::failpoint;
use crate::ids::{ChannelId, MessageId, PromptId, SessionId, UserId};

/// Where a prompt is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(rename_all = "lowercase")]
pub enum PromptState {
    /// Waits for its turn.
    Queued,
    /// Set aside by a cancel until a person continues the queue.
    Held,
    /// Came while the daemon was away; a person decides.
    Asking,
    /// Was given to the agent.
    Running,
    /// Was running when the daemon died; a person decides.
    Interrupted,
    /// Over, with an answer.
    Done,
    /// Over, with an error.
    Failed,
    /// Over, because a person said so.
    Dropped,
}

impl PromptState {
    /// Whether a person has to decide before it runs.
    #[must_use]
    pub const fn is_undecided(self) -> bool {
        matches!(self, Self::Asking | Self::Interrupted)
    }

    /// Where a test ends the daemon.
    const fn place(self) -> &'static str {
        match self {
            Self::Queued => "prompt.queued",
            Self::Held => "prompt.held",
            Self::Asking => "prompt.asking",
            Self::Running => "prompt.running",
            Self::Interrupted => "prompt.interrupted",
            Self::Done => "prompt.done",
            Self::Failed => "prompt.failed",
            Self::Dropped => "prompt.dropped",
        }
    }
}

/// A file that came with a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The name as written by a person: never a path.
    pub name: String,
    /// Where it can be fetched.
    pub url: String,
    /// Its MIME type as Discord says.
    #[serde(default)]
    pub mime: Option<String>,
    /// Its size in bytes as Discord says.
    pub size: u64,
}

/// A prompt to be made durable.
#[derive(Debug, Clone)]
pub struct NewPrompt {
    /// The message that it came in, where it came in one.
    pub message: Option<MessageId>,
    /// Who wrote it.
    pub author: UserId,
    /// How they are called; `None` for a program.
    pub author_name: Option<String>,
    /// What was written.
    pub text: String,
    /// What came with it.
    pub attachments: Vec<Attachment>,
    /// `Queued` or `Asking`.
    pub state: PromptState,
}

impl NewPrompt {
    /// One that comes in no message, by a command, and waits for its turn.
    #[must_use]
    pub fn by_command(author: UserId, author_name: Option<String>, text: String) -> Self {
        Self {
            message: None,
            author,
            author_name,
            text,
            attachments: Vec::new(),
            state: PromptState::Queued,
        }
    }
}

/// A prompt that is not over, as the session's actor knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenPrompt {
    /// The row.
    pub id: PromptId,
    /// The message that it came in.
    pub message: Option<MessageId>,
    /// Discord's order of writing.
    pub position: i64,
    /// Where it is.
    pub state: PromptState,
}

/// A prompt that waits, as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingPrompt {
    /// The row.
    pub id: PromptId,
    /// Who wrote it.
    pub author: UserId,
    /// How it begins.
    pub text: String,
    /// Whether files came with it.
    pub has_files: bool,
    /// `Queued`, `Held`, `Asking` or `Interrupted`.
    pub state: PromptState,
}

/// A whole prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The row.
    pub id: PromptId,
    /// The message that it came in.
    pub message: Option<MessageId>,
    /// Who wrote it.
    pub author: UserId,
    /// How they are called; `None` for a program.
    pub author_name: Option<String>,
    /// What was written.
    pub text: String,
    /// What came with it.
    pub attachments: Vec<Attachment>,
    /// Where it is.
    pub state: PromptState,
}

/// Orders prompts that came in no message among those that did: the time as a snowflake.
fn position(message: Option<MessageId>, now: i64) -> i64 {
    message.map_or((now - 1_420_070_400_000) << 22, |m| m.get().cast_signed())
}

pub(super) async fn insert(
    tx: &mut sqlx::SqliteConnection,
    session: &SessionId,
    new: &NewPrompt,
    now: i64,
) -> Result<Option<OpenPrompt>> {
    let position = position(new.message, now);
    let attachments = serde_json::to_string(&new.attachments)?;
    let row = sqlx::query_scalar!(
        r#"INSERT INTO prompts (session_id, discord_message_id, author_id, position, text, attachments, state, created_at,
               author_name)
           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
           ON CONFLICT (discord_message_id) DO NOTHING
           RETURNING prompt_id AS "id!: PromptId""#,
        session,
        new.message,
        new.author,
        position,
        new.text,
        attachments,
        new.state,
        now,
        new.author_name,
    )
    .fetch_optional(tx)
    .await
    .context("cannot store the prompt")?;
    Ok(row.map(|id| OpenPrompt {
        id,
        message: new.message,
        position,
        state: new.state,
    }))
}

impl Store {
    /// Makes a prompt durable. `None`: this message is a prompt already.
    /// The channel's cursor moves in the same transaction, so a crash can neither skip nor repeat the message.
    pub async fn add_prompt(
        &self,
        session: &SessionId,
        channel: Option<ChannelId>,
        new: &NewPrompt,
    ) -> Result<Option<OpenPrompt>> {
        let now = now_ms();
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let added = insert(&mut tx, session, new, now).await?;
        if let (Some(channel), Some(message)) = (channel, new.message) {
            super::facts::advance(&mut tx, channel, message).await?;
        }
        sqlx::query!(
            "UPDATE agent_sessions SET last_active_at = ?2 WHERE session_id = ?1",
            session,
            now
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await.context("cannot store the prompt")?;
        failpoint::at("prompt.stored");
        Ok(added)
    }

    /// Every prompt of a session that is not over, or that failed and may be tried again, in order.
    pub async fn open_prompts(&self, session: &SessionId) -> Result<Vec<OpenPrompt>> {
        sqlx::query_as!(
            OpenPrompt,
            r#"SELECT prompt_id AS "id!: PromptId", discord_message_id AS "message: MessageId", position,
                   state AS "state!: PromptState"
               FROM prompts
               WHERE session_id = ?1 AND state NOT IN ('done', 'dropped')
               ORDER BY position, prompt_id"#,
            session
        )
        .fetch_all(&self.pool)
        .await
        .context("cannot read the queue")
    }

    /// The prompts of a session that wait for their turn or for a person, in order.
    pub async fn waiting_prompts(&self, session: &SessionId) -> Result<Vec<WaitingPrompt>> {
        // Nobody is shown more than the first words, but a secret in them must be there whole to be recognised.
        sqlx::query_as!(
            WaitingPrompt,
            r#"SELECT prompt_id AS "id!: PromptId", author_id AS "author!: UserId",
                   substr(text, 1, 8000) AS "text!: String", attachments <> '[]' AS "has_files!: bool",
                   state AS "state!: PromptState"
               FROM prompts
               WHERE session_id = ?1 AND state IN ('queued', 'held', 'asking', 'interrupted')
               ORDER BY position, prompt_id"#,
            session
        )
        .fetch_all(&self.pool)
        .await
        .context("cannot read the queue")
    }

    /// A whole prompt.
    pub async fn prompt(&self, id: PromptId) -> Result<Option<Prompt>> {
        let row = sqlx::query!(
            r#"SELECT discord_message_id AS "message: MessageId", author_id AS "author!: UserId", author_name, text,
                   attachments, state AS "state!: PromptState"
               FROM prompts WHERE prompt_id = ?1"#,
            id
        )
        .fetch_optional(&self.pool)
        .await
        .context("cannot read the prompt")?;
        row.map(|r| {
            Ok(Prompt {
                id,
                message: r.message,
                author: r.author,
                author_name: r.author_name,
                text: r.text,
                attachments: serde_json::from_str(&r.attachments)
                    .context("cannot read the prompt's attachments")?,
                state: r.state,
            })
        })
        .transpose()
    }

    /// Moves a prompt on.
    pub async fn mark_prompt(&self, id: PromptId, state: PromptState) -> Result<()> {
        let now = now_ms();
        let over = matches!(
            state,
            PromptState::Done | PromptState::Failed | PromptState::Dropped
        );
        let running = state == PromptState::Running;
        sqlx::query!(
            "UPDATE prompts SET state = ?2, started_at = CASE WHEN ?3 THEN ?5 ELSE started_at END,
                 ended_at = CASE WHEN ?4 THEN ?5 ELSE NULL END
             WHERE prompt_id = ?1",
            id,
            state,
            running,
            over,
            now
        )
        .execute(&self.pool)
        .await
        .context("cannot store the prompt's state")?;
        failpoint::at(state.place());
        Ok(())
    }

    /// A person edited a message. `Some` when it is a prompt that still waits and whose text changed.
    pub async fn edit_waiting(&self, message: MessageId, text: &str) -> Result<Option<SessionId>> {
        sqlx::query_scalar!(
            r#"UPDATE prompts SET text = ?2
               WHERE discord_message_id = ?1 AND state IN ('queued', 'held', 'asking') AND text <> ?2
               RETURNING session_id AS "session!: SessionId""#,
            message,
            text
        )
        .fetch_optional(&self.pool)
        .await
        .context("cannot edit the prompt")
    }

    /// A person deleted a message. `Some` when it was a prompt that still waited; it is dropped.
    pub async fn drop_waiting(&self, message: MessageId) -> Result<Option<(SessionId, PromptId)>> {
        let now = now_ms();
        let row = sqlx::query!(
            r#"UPDATE prompts SET state = 'dropped', ended_at = ?2
               WHERE discord_message_id = ?1 AND state IN ('queued', 'held', 'asking')
               RETURNING session_id AS "session!: SessionId", prompt_id AS "id!: PromptId""#,
            message,
            now
        )
        .fetch_optional(&self.pool)
        .await
        .context("cannot drop the prompt")?;
        Ok(row.map(|r| (r.session, r.id)))
    }

    /// Sessions that have something to do after a start: a thread to make, a prompt to run or to ask about, a message to
    /// unpin, a terminal to listen to.
    pub async fn sessions_to_wake(&self) -> Result<Vec<SessionId>> {
        sqlx::query_scalar!(
            r#"SELECT DISTINCT s.session_id AS "session!: SessionId"
               FROM agent_sessions s LEFT JOIN prompts p USING (session_id)
               WHERE s.phase = 'opening' OR (s.phase = 'open' AND (p.state IN ('queued', 'running')
                   OR s.pinned_message_id IS NOT NULL
                   OR EXISTS (SELECT 1 FROM terminals t WHERE t.session_id = s.session_id AND t.detached_at IS NULL)))"#
        )
        .fetch_all(&self.pool)
        .await
        .context("cannot read the sessions that have work")
    }
}
