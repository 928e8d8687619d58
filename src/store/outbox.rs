//! The rows of the outbox: what Discord has yet to be told.
//!
//! The rules of sending live in `discord::outbox`; here a row is only kept. Every change to a row is one
//! read-modify-write under the write lock, because a session replaces a text while the lane that sends it
//! writes down how that went: with two plain updates one of them would be lost.

use anyhow::{Context as _, Result};

use super::{Store, now_ms};
use crate::failpoint;
use crate::ids::{ChannelId, MessageId, OutboxId, SessionId};

/// What a row asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(rename_all = "lowercase")]
pub(crate) enum RowKind {
    /// Create a message, then keep it as wanted.
    Message,
    /// Delete a message.
    Deletion,
    /// Anything else, once.
    Action,
}

/// A row as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutboxRow {
    /// Its id: rows of a channel are sent in this order.
    pub(crate) outbox_id: OutboxId,
    /// Where it goes.
    pub(crate) channel_id: ChannelId,
    /// What it asks for.
    pub(crate) kind: RowKind,
    /// What makes a second attempt the same as the first for Discord.
    pub(crate) nonce: String,
    /// What is wanted, as JSON.
    pub(crate) payload: String,
    /// The revision that is wanted.
    pub(crate) wanted: i64,
    /// The newest revision that Discord confirmed.
    pub(crate) sent: i64,
    /// The message, once the create was confirmed.
    pub(crate) message_id: Option<MessageId>,
    /// When the first attempt began whose outcome is not known.
    pub(crate) attempted_at: Option<i64>,
    /// Nobody will edit it any more.
    pub(crate) sealed: bool,
}

/// What lane selection needs of a row that has work.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent properties of a row, not a state"
)]
pub(crate) struct PendingRow {
    /// Its id.
    pub(crate) outbox_id: OutboxId,
    /// What it asks for.
    pub(crate) kind: RowKind,
    /// The message, once the create was confirmed.
    pub(crate) message_id: Option<MessageId>,
    /// The payload of an action; nothing for a message, whose text is read when it is sent.
    pub(crate) action: Option<String>,
    /// Whether its next edit is its last.
    pub(crate) sealed: bool,
    /// Whether it is made only once every earlier message is as wanted.
    pub(crate) after_edits: bool,
    /// Whether it gives way to everything else.
    pub(crate) background: bool,
    /// Whether it is to be made and notifies people: a question, an error, the end of a turn.
    pub(crate) calls: bool,
}

/// What becomes of a row after it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was only read.
    Keep,
    /// It was changed.
    Write,
    /// It is done with.
    Remove,
}

impl Store {
    /// Writes a row down. `message` is set where the message exists already.
    pub(crate) async fn outbox_insert(
        &self,
        channel: ChannelId,
        kind: RowKind,
        nonce: &str,
        payload: &str,
        message: Option<MessageId>,
    ) -> Result<OutboxId> {
        let now = now_ms();
        let done = sqlx::query!(
            "INSERT INTO outbox (channel_id, kind, nonce, payload, message_id, created_at) VALUES (?, ?, ?, ?, ?, ?)",
            channel,
            kind,
            nonce,
            payload,
            message,
            now
        )
        .execute(self.pool())
        .await
        .context("cannot write to the outbox")?;
        failpoint::at("outbox.stored");
        Ok(OutboxId(done.last_insert_rowid()))
    }

    /// Writes several messages down, all or none. `said`: up to which event of a session's terminal they say what it said.
    pub(crate) async fn outbox_insert_all(
        &self,
        channel: ChannelId,
        messages: &[(String, String)],
        said: Option<(&SessionId, i64)>,
    ) -> Result<Vec<OutboxId>> {
        let now = now_ms();
        let mut tx = self.write().await?;
        let mut rows = Vec::with_capacity(messages.len());
        for (nonce, payload) in messages {
            let done = sqlx::query!(
                "INSERT INTO outbox (channel_id, kind, nonce, payload, created_at) VALUES (?, 'message', ?, ?, ?)",
                channel,
                nonce,
                payload,
                now
            )
            .execute(&mut *tx)
            .await
            .context("cannot write to the outbox")?;
            rows.push(OutboxId(done.last_insert_rowid()));
        }
        if let Some((session, event)) = said {
            sqlx::query!(
                "UPDATE terminals SET said_event = ?2 WHERE session_id = ?1 AND said_event < ?2",
                session,
                event
            )
            .execute(&mut *tx)
            .await
            .context("cannot store what the terminal said")?;
        }
        tx.commit().await.context("cannot write to the outbox")?;
        for _ in &rows {
            failpoint::at("outbox.stored");
        }
        if said.is_some() {
            failpoint::at("terminal.said");
        }
        Ok(rows)
    }

    /// Wants the opening line of a session; that it was wanted is stored in the same step, so that no crash says it twice.
    pub(crate) async fn session_greeted(
        &self,
        id: &SessionId,
        channel: ChannelId,
        (nonce, payload): (&str, &str),
    ) -> Result<OutboxId> {
        let now = now_ms();
        let mut tx = self.write().await?;
        let done = sqlx::query!(
            "INSERT INTO outbox (channel_id, kind, nonce, payload, created_at) VALUES (?, 'message', ?, ?, ?)",
            channel,
            nonce,
            payload,
            now
        )
        .execute(&mut *tx)
        .await
        .context("cannot write to the outbox")?;
        sqlx::query!("UPDATE agent_sessions SET greeted = 1 WHERE session_id = ?1", id)
            .execute(&mut *tx)
            .await
            .context("cannot store that the session was announced")?;
        tx.commit().await.context("cannot write to the outbox")?;
        Ok(OutboxId(done.last_insert_rowid()))
    }

    /// Reads a row and changes it in one transaction; nothing where it is gone.
    pub(crate) async fn outbox_change<T>(
        &self,
        id: OutboxId,
        change: impl FnOnce(&mut OutboxRow) -> Result<(Fate, T)> + Send,
    ) -> Result<Option<T>> {
        let mut tx = self.write().await?;
        let row = sqlx::query_as!(
            OutboxRow,
            r#"SELECT outbox_id AS "outbox_id: OutboxId", channel_id AS "channel_id: ChannelId", kind AS "kind: RowKind",
                      nonce, payload, wanted, sent, message_id AS "message_id: MessageId", attempted_at, sealed AS "sealed: bool"
               FROM outbox WHERE outbox_id = ?"#,
            id
        )
        .fetch_optional(&mut *tx)
        .await
        .context("cannot read the outbox")?;
        let Some(mut row) = row else { return Ok(None) };
        let (fate, value) = change(&mut row)?;
        match fate {
            Fate::Keep => return Ok(Some(value)),
            Fate::Remove => sqlx::query!("DELETE FROM outbox WHERE outbox_id = ?", id).execute(&mut *tx).await,
            Fate::Write => {
                sqlx::query!(
                    "UPDATE outbox SET kind = ?, payload = ?, wanted = ?, sent = ?, message_id = ?, attempted_at = ?, sealed = ?
                     WHERE outbox_id = ?",
                    row.kind,
                    row.payload,
                    row.wanted,
                    row.sent,
                    row.message_id,
                    row.attempted_at,
                    row.sealed,
                    id
                )
                .execute(&mut *tx)
                .await
            }
        }
        .context("cannot write to the outbox")?;
        tx.commit().await.context("cannot write to the outbox")?;
        Ok(Some(value))
    }

    /// A channel's rows that have work, in order.
    pub(crate) async fn outbox_pending(&self, channel: ChannelId) -> Result<Vec<PendingRow>> {
        sqlx::query_as!(
            PendingRow,
            r#"SELECT outbox_id AS "outbox_id: OutboxId", kind AS "kind: RowKind", message_id AS "message_id: MessageId",
                      CASE WHEN kind = 'action' THEN payload END AS "action: String", sealed AS "sealed: bool",
                      kind = 'message' AND message_id IS NULL
                          AND coalesce(json_extract(payload, '$.draft.after_edits'), 0) AS "after_edits!: bool",
                      kind <> 'action' AND coalesce(json_extract(payload, '$.draft.background'), 0) AS "background!: bool",
                      kind = 'message' AND message_id IS NULL AND NOT coalesce(json_extract(payload, '$.draft.silent'), 0)
                          AND NOT coalesce(json_extract(payload, '$.draft.background'), 0) AS "calls!: bool"
               FROM outbox WHERE channel_id = ? AND (kind <> 'message' OR sent < wanted) ORDER BY outbox_id"#,
            channel
        )
        .fetch_all(self.pool())
        .await
        .context("cannot read the outbox")
    }

    /// How many messages of a channel are not as wanted yet, and how many of them do not exist. Those that give way to
    /// everything do not count: nobody has to wait for them.
    pub(crate) async fn outbox_waiting(&self, channel: ChannelId) -> Result<(usize, usize)> {
        let counts = sqlx::query!(
            r#"SELECT count(*) AS waiting, count(*) - count(message_id) AS "unmade!: i64"
               FROM outbox WHERE channel_id = ? AND kind = 'message' AND sent < wanted
                 AND NOT coalesce(json_extract(payload, '$.draft.background'), 0)"#,
            channel
        )
        .fetch_one(self.pool())
        .await
        .context("cannot read the outbox")?;
        let count = |count| usize::try_from(count).unwrap_or_default();
        Ok((count(counts.waiting), count(counts.unmade)))
    }

    /// How many rows have work, in all channels, and since when the oldest of them has.
    pub async fn outbox_backlog(&self) -> Result<(usize, Option<i64>)> {
        let found = sqlx::query!(
            r#"SELECT count(*) AS "rows!: i64", min(coalesce(CASE WHEN json_valid(payload) THEN json_extract(payload, '$.since') END, created_at)) AS "since: i64"
               FROM outbox WHERE kind <> 'message' OR sent < wanted"#
        )
        .fetch_one(self.pool())
        .await
        .context("cannot read the outbox")?;
        Ok((usize::try_from(found.rows).unwrap_or_default(), found.since))
    }

    /// How many rows have work, in all channels.
    pub async fn outbox_left(&self) -> Result<usize> {
        let count =
            sqlx::query_scalar!("SELECT count(*) FROM outbox WHERE kind <> 'message' OR sent < wanted")
                .fetch_one(self.pool())
                .await
                .context("cannot read the outbox")?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    /// The channels with work.
    pub(crate) async fn outbox_channels(&self) -> Result<Vec<ChannelId>> {
        sqlx::query_scalar!(
            r#"SELECT DISTINCT channel_id AS "channel_id: ChannelId" FROM outbox WHERE kind <> 'message' OR sent < wanted"#
        )
        .fetch_all(self.pool())
        .await
        .context("cannot read the outbox")
    }

    /// The message that a row became; nothing where it was not created yet or the row is gone.
    pub(crate) async fn outbox_message(&self, id: OutboxId) -> Result<Option<MessageId>> {
        let found = sqlx::query_scalar!(
            r#"SELECT message_id AS "message_id: MessageId" FROM outbox WHERE outbox_id = ?"#,
            id
        )
        .fetch_optional(self.pool())
        .await
        .context("cannot read the outbox")?;
        Ok(found.flatten())
    }

    /// The row that stands for a message.
    pub(crate) async fn outbox_row_of(
        &self,
        channel: ChannelId,
        message: MessageId,
    ) -> Result<Option<OutboxId>> {
        sqlx::query_scalar!(
            r#"SELECT outbox_id AS "outbox_id!: OutboxId" FROM outbox
               WHERE channel_id = ? AND message_id = ? AND kind = 'message' LIMIT 1"#,
            channel,
            message
        )
        .fetch_optional(self.pool())
        .await
        .context("cannot read the outbox")
    }

    /// The newest message of a channel that a row stands for.
    pub(crate) async fn outbox_newest_message(&self, channel: ChannelId) -> Result<Option<MessageId>> {
        sqlx::query_scalar!(
            r#"SELECT max(message_id) AS "message_id: MessageId" FROM outbox WHERE channel_id = ?"#,
            channel
        )
        .fetch_one(self.pool())
        .await
        .context("cannot read the outbox")
    }

    /// Forgets a row.
    pub(crate) async fn outbox_remove(&self, id: OutboxId) -> Result<()> {
        sqlx::query!("DELETE FROM outbox WHERE outbox_id = ?", id)
            .execute(self.pool())
            .await
            .context("cannot write to the outbox")?;
        Ok(())
    }

    /// Forgets all rows of a channel.
    pub(crate) async fn outbox_remove_channel(&self, channel: ChannelId) -> Result<()> {
        sqlx::query!("DELETE FROM outbox WHERE channel_id = ?", channel)
            .execute(self.pool())
            .await
            .context("cannot write to the outbox")?;
        Ok(())
    }

    /// Forgets messages that are as wanted, were never sealed, and whose writer can hardly be there any more. A question
    /// waits for as long as its agent does, and its message has yet to say how it ended.
    pub(crate) async fn outbox_sweep(&self, created_before: i64) -> Result<()> {
        sqlx::query!(
            "DELETE FROM outbox WHERE kind = 'message' AND sent >= wanted AND (sealed OR created_at < ?)
                 AND outbox_id NOT IN (SELECT outbox_id FROM dialogs WHERE state = 'open' AND outbox_id IS NOT NULL)",
            created_before
        )
        .execute(self.pool())
        .await
        .context("cannot write to the outbox")?;
        Ok(())
    }
}
