//! Which message is the card of a session, and which the board. Without these rows a restart would post each of them anew.

use std::fmt;

use anyhow::{Context as _, Result};

use super::{Store, now_ms};
use crate::ids::{ChannelId, MessageId, OutboxId, SessionId};

const BOARD: &str = "board";

/// Whose message it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// The one of the home channel.
    Board,
    /// The one in a session's thread.
    Card(SessionId),
}

impl Place {
    fn key(&self) -> &str {
        match self {
            Self::Board => BOARD,
            Self::Card(session) => session.as_str(),
        }
    }

    fn read(key: &str) -> Option<Self> {
        match key {
            BOARD => Some(Self::Board),
            _ => key.parse().ok().map(Self::Card),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// A message that is edited in place for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Painted {
    /// Where it is.
    pub channel: ChannelId,
    /// The row of the outbox that stands for it.
    pub row: OutboxId,
    /// What it became, where that is known.
    pub message: Option<MessageId>,
    /// A fingerprint of what it was last told to say.
    pub fingerprint: String,
}

impl Store {
    /// The message of a place.
    pub async fn painted(&self, place: &Place) -> Result<Option<Painted>> {
        let key = place.key();
        sqlx::query_as!(
            Painted,
            r#"SELECT d.channel_id AS "channel!: ChannelId", d.outbox_id AS "row!: OutboxId",
                   coalesce(d.message_id, o.message_id) AS "message: MessageId", d.painted AS fingerprint
               FROM dashboards d LEFT JOIN outbox o ON o.outbox_id = d.outbox_id WHERE d.place = ?1"#,
            key
        )
        .fetch_optional(self.pool())
        .await
        .context("cannot read which message is the card")
    }

    /// Every place that has a message, with the row that stands for it.
    pub async fn painted_places(&self) -> Result<Vec<(Place, OutboxId)>> {
        let rows = sqlx::query!(
            r#"SELECT place AS "place!: String", outbox_id AS "row!: OutboxId" FROM dashboards"#
        )
        .fetch_all(self.pool())
        .await
        .context("cannot read which messages are cards")?;
        Ok(rows
            .into_iter()
            .filter_map(|row| Some((Place::read(&row.place)?, row.row)))
            .collect())
    }

    /// Wants a new message for a place: the outbox's row and the place's are one step.
    pub(crate) async fn dashboard_post(
        &self,
        place: &Place,
        channel: ChannelId,
        (nonce, payload): (&str, &str),
        painted: &str,
    ) -> Result<OutboxId> {
        let (key, now) = (place.key(), now_ms());
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
        let row = OutboxId(done.last_insert_rowid());
        sqlx::query!(
            "INSERT INTO dashboards (place, channel_id, outbox_id, message_id, painted) VALUES (?1, ?2, ?3, NULL, ?4)
             ON CONFLICT (place) DO UPDATE SET channel_id = excluded.channel_id, outbox_id = excluded.outbox_id,
                 message_id = NULL, painted = excluded.painted",
            key,
            channel,
            row,
            painted
        )
        .execute(&mut *tx)
        .await
        .context("cannot store which message is the card")?;
        tx.commit().await.context("cannot write to the outbox")?;
        Ok(row)
    }

    /// The message was told to say something else.
    pub async fn repainted(&self, place: &Place, row: OutboxId, fingerprint: &str) -> Result<()> {
        let key = place.key();
        sqlx::query!(
            "UPDATE dashboards SET outbox_id = ?2, painted = ?3 WHERE place = ?1",
            key,
            row,
            fingerprint
        )
        .execute(self.pool())
        .await
        .context("cannot store what the card says")?;
        Ok(())
    }

    /// The message exists.
    pub async fn card_sent(&self, row: OutboxId, message: MessageId) -> Result<()> {
        sqlx::query!(
            "UPDATE dashboards SET message_id = ?2 WHERE outbox_id = ?1",
            row,
            message
        )
        .execute(self.pool())
        .await
        .context("cannot store which message is the card")?;
        Ok(())
    }

    /// The place has no message (any more).
    pub async fn unpainted(&self, place: &Place) -> Result<()> {
        let key = place.key();
        sqlx::query!("DELETE FROM dashboards WHERE place = ?1", key)
            .execute(self.pool())
            .await
            .context("cannot forget a card")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_a_name_and_is_known_by_it() {
        let card = Place::Card(SessionId::random());
        for place in [Place::Board, card] {
            assert_eq!(Place::read(&place.to_string()), Some(place));
        }
        assert_eq!(Place::read("something else"), None);
    }
}
