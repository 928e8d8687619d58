//! What has to be looked at again after a time in which nobody listened to Discord.

use anyhow::{Context as _, Result};

use super::Store;
use crate::ids::{ChannelId, MessageId, OutboxId, SessionId};

impl Store {
    /// The messages of a session's prompts that still wait, in the order in which they were written.
    pub async fn waiting_messages(&self, session: &SessionId) -> Result<Vec<MessageId>> {
        sqlx::query_scalar!(
            r#"SELECT discord_message_id AS "message!: MessageId" FROM prompts
               WHERE session_id = ?1 AND state IN ('queued', 'held', 'asking') AND discord_message_id IS NOT NULL
               ORDER BY discord_message_id"#,
            session
        )
        .fetch_all(&self.pool)
        .await
        .context("cannot read the queue")
    }

    /// What is stored of a message that still waits.
    pub async fn waiting_text(&self, message: MessageId) -> Result<Option<String>> {
        sqlx::query_scalar!(
            "SELECT text FROM prompts WHERE discord_message_id = ?1 AND state IN ('queued', 'held', 'asking')",
            message
        )
        .fetch_optional(&self.pool)
        .await
        .context("cannot read the prompt")
    }

    /// Whether files came with a message that still waits.
    pub async fn waiting_has_files(&self, message: MessageId) -> Result<bool> {
        sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM prompts WHERE discord_message_id = ?1
                   AND state IN ('queued', 'held', 'asking') AND attachments <> '[]') AS "has_files!: bool""#,
            message
        )
        .fetch_one(&self.pool)
        .await
        .context("cannot read the prompt")
    }

    /// When the oldest of a session's prompts was stored that still waits and came in a message.
    pub async fn waits_since(&self, session: &SessionId) -> Result<Option<i64>> {
        sqlx::query_scalar!(
            r#"SELECT min(created_at) AS "since: i64" FROM prompts
               WHERE session_id = ?1 AND state IN ('queued', 'held', 'asking') AND discord_message_id IS NOT NULL"#,
            session
        )
        .fetch_one(&self.pool)
        .await
        .context("cannot read the queue")
    }

    /// The open sessions in which prompts wait that came in messages.
    pub async fn sessions_that_wait(&self) -> Result<Vec<SessionId>> {
        sqlx::query_scalar!(
            r#"SELECT DISTINCT s.session_id AS "session!: SessionId"
               FROM agent_sessions s JOIN prompts p USING (session_id)
               WHERE s.phase = 'open' AND p.state IN ('queued', 'held', 'asking') AND p.discord_message_id IS NOT NULL"#
        )
        .fetch_all(&self.pool)
        .await
        .context("cannot read the sessions in which prompts wait")
    }

    /// Whether a message was launched, is a prompt, or began a session.
    pub async fn is_known_message(&self, message: MessageId) -> Result<bool> {
        sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM launches WHERE message_id = ?1
                   UNION SELECT 1 FROM prompts WHERE discord_message_id = ?1
                   UNION SELECT 1 FROM agent_sessions WHERE origin_message_id = ?1) AS "known!: bool""#,
            message
        )
        .fetch_one(&self.pool)
        .await
        .context("cannot read the launches")
    }

    /// The messages whose writer is gone: never sealed, and neither a card, the board nor an open question, which are
    /// edited for longer than a daemon lives.
    pub(crate) async fn outbox_abandoned(&self) -> Result<Vec<(OutboxId, ChannelId)>> {
        let rows = sqlx::query!(
            r#"SELECT outbox_id AS "row!: OutboxId", channel_id AS "channel!: ChannelId" FROM outbox
               WHERE kind = 'message' AND NOT sealed
                 AND outbox_id NOT IN (SELECT outbox_id FROM dashboards)
                 AND outbox_id NOT IN (SELECT outbox_id FROM dialogs WHERE state = 'open' AND outbox_id IS NOT NULL)"#
        )
        .fetch_all(&self.pool)
        .await
        .context("cannot read the outbox")?;
        Ok(rows.into_iter().map(|row| (row.row, row.channel)).collect())
    }
}
