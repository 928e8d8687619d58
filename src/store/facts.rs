//! How far each channel was read, and small facts about the installation.

use anyhow::{Context, Result};

use super::Store;
use crate::ids::{ChannelId, MessageId};

pub(super) async fn advance(
    tx: &mut sqlx::SqliteConnection,
    channel: ChannelId,
    message: MessageId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO channel_cursors (channel_id, last_message_id) VALUES (?1, ?2)
         ON CONFLICT (channel_id) DO UPDATE SET last_message_id = max(last_message_id, excluded.last_message_id)",
        channel,
        message
    )
    .execute(tx)
    .await?;
    Ok(())
}

impl Store {
    /// A message was seen and needs nothing (any more). The cursor never moves backwards.
    pub async fn advance_cursor(&self, channel: ChannelId, message: MessageId) -> Result<()> {
        let mut connection = self.pool.acquire().await.context("cannot reach the database")?;
        advance(&mut connection, channel, message)
            .await
            .context("cannot store the last seen message")
    }

    /// The newest message of a channel that was seen.
    pub async fn cursor(&self, channel: ChannelId) -> Result<Option<MessageId>> {
        sqlx::query_scalar!(
            r#"SELECT last_message_id AS "id!: MessageId" FROM channel_cursors WHERE channel_id = ?1"#,
            channel
        )
        .fetch_optional(&self.pool)
        .await
        .context("cannot read the last seen message")
    }

    /// A small fact by name.
    pub async fn fact(&self, name: &str) -> Result<Option<String>> {
        sqlx::query_scalar!("SELECT value FROM facts WHERE name = ?1", name)
            .fetch_optional(&self.pool)
            .await
            .context("cannot read a stored fact")
    }

    /// Stores a small fact.
    pub async fn set_fact(&self, name: &str, value: &str) -> Result<()> {
        sqlx::query!(
            "INSERT INTO facts (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            name,
            value
        )
        .execute(&self.pool)
        .await
        .context("cannot store a fact")?;
        Ok(())
    }
}
