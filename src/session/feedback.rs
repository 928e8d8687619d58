//! What became of the messages that the painter and the sessions wanted: made, deleted by somebody, refused.

use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use super::dashboard::Painter;
use super::view::{SessionView, view_of};
use crate::discord::draft::Draft;
use crate::discord::outbox::{Act, Deed, OutboxEvent};
use crate::ids::{ChannelId, MessageId, OutboxId};
use crate::render::card;
use crate::store::dashboards::Place;

/// How long a place is left alone where Discord wants no message.
const AFTER_REFUSAL: Duration = Duration::from_mins(10);
/// The thread is archived, and what was to be done does not open it or may not.
const ARCHIVED: u32 = 50_083;
const MISSING_ACCESS: u32 = 50_001;
const MISSING_PERMISSIONS: u32 = 50_013;

impl Painter {
    pub(super) async fn outbox(&mut self, event: OutboxEvent) -> Result<()> {
        match event {
            OutboxEvent::Sent {
                row,
                channel,
                message,
            } => self.sent(row, channel, message).await,
            OutboxEvent::MessageGone { row, .. } => self.gone(row).await,
            OutboxEvent::ChannelGone { channel } => {
                if let Some(id) = self.threads.get(&channel).cloned() {
                    return self.forget(&id).await;
                }
                if channel == self.deps.config.home_channel {
                    self.deps.store.unpainted(&Place::Board).await?;
                    self.board.not_before = Some(Instant::now() + AFTER_REFUSAL);
                }
                Ok(())
            }
            OutboxEvent::Refused {
                channel,
                row,
                deed,
                code,
                ..
            } => self.refused((channel, row), deed, code).await,
            OutboxEvent::Unauthorized => Ok(()),
        }
    }

    async fn sent(&mut self, row: OutboxId, channel: ChannelId, message: MessageId) -> Result<()> {
        if let Some(id) = self.threads.get(&channel) {
            self.deps.sessions.set_blocked(id, None);
        }
        if !self.rows.contains_key(&row) {
            self.more_below(channel, 1);
            return Ok(());
        }
        self.below.insert(channel, 0);
        self.deps.store.card_sent(row, message).await?;
        if self.board.to_pin.take_if(|to_pin| *to_pin == row).is_some() {
            self.deps.outbox.act(channel, Act::Pin { message }).await?;
        }
        Ok(())
    }

    /// Somebody deleted a message. What had changed then is shown by a new one, and nothing before it changes again:
    /// whoever goes on deleting it is not flooded.
    async fn gone(&mut self, row: OutboxId) -> Result<()> {
        let Some(place) = self.rows.get(&row).cloned() else {
            return Ok(());
        };
        if self
            .deps
            .store
            .painted(&place)
            .await?
            .is_none_or(|known| known.row != row)
        {
            self.rows.remove(&row);
            return Ok(());
        }
        self.deps.store.unpainted(&place).await?;
        self.rows.remove(&row);
        match place {
            Place::Board => self.board.dirty = true,
            Place::Card(id) => self.cards.entry(id).or_default().is_gone(),
        }
        Ok(())
    }

    async fn refused(&mut self, (channel, row): (ChannelId, OutboxId), deed: Deed, code: u32) -> Result<()> {
        let Some(place) = self.rows.get(&row) else {
            // A reaction or a pin that may not be made is a pity; what a session says arrives all the same.
            return match deed {
                Deed::Create => self.blocked(channel, code).await,
                Deed::Edit | Deed::Delete | Deed::Act => Ok(()),
            };
        };
        if code == ARCHIVED {
            // It is painted when something has opened the thread.
            return Ok(());
        }
        let later = Some(Instant::now() + AFTER_REFUSAL);
        match place {
            Place::Board => self.board.not_before = later,
            Place::Card(id) => self.cards.entry(id.clone()).or_default().not_before = later,
        }
        Ok(())
    }

    /// What a session says does not arrive. Said where it can be read, and not again soon: what may be written in one
    /// minute and not in the next would fill the home channel.
    async fn blocked(&mut self, channel: ChannelId, code: u32) -> Result<()> {
        let why = match code {
            ARCHIVED => "it is locked. Unlock it, or give me **Manage Threads**.",
            MISSING_ACCESS => "I cannot see it any more. Give me **View Channel** there.",
            MISSING_PERMISSIONS => "I may not. Give me **Send Messages in Threads**.",
            _ => return Ok(()),
        };
        let session = self.deps.store.session_of_thread(channel.thread()).await?;
        let Some(session) = session else { return Ok(()) };
        let Some(view) = view_of(&self.deps, &session.id).await? else {
            return Ok(());
        };
        if !self
            .deps
            .sessions
            .set_blocked(&session.id, Some("cannot write in its thread"))
        {
            return Ok(());
        }
        tracing::warn!(session = %view.id, code, "session {} cannot write in its thread {channel}", view.id);
        let now = Instant::now();
        let said = self.complained.get(&view.id);
        if said.is_some_and(|said| now < *said + AFTER_REFUSAL) {
            return Ok(());
        }
        self.complained.insert(view.id.clone(), now);
        self.say_blocked(&view, why).await
    }

    async fn say_blocked(&self, view: &SessionView, why: &str) -> Result<()> {
        let said = Draft::text(card::blocked(view, why));
        let row = self.deps.outbox.post(self.deps.config.home_channel, said).await?;
        self.deps.outbox.seal(row).await
    }
}
