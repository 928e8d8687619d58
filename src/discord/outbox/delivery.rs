//! Sends one message, or reacts to one, and waits for what comes of it: for programs, which have to be told.
//!
//! The outbox goes on trying for as long as it takes. Who waits here does not, and says then that the message is under
//! way, so that nobody sends it again.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::sync::mpsc;

use super::letter::Letter;
use super::{Act, Deed, Outbox, OutboxEvent, nonce};
use crate::discord::draft::Draft;
use crate::discord::rest::{Haste, RestError};
use crate::ids::{ChannelId, MessageId, OutboxId, SessionId};
use crate::store::outbox::RowKind;

/// Nobody who reacts wants to wait longer than this for a limit to pass.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It is there.
    Sent(MessageId),
    /// Discord said no, for good.
    Refused {
        /// Discord's code; 0 where it gave none.
        code: u32,
        /// What Discord said.
        message: String,
    },
    /// The channel or thread does not exist any more.
    Gone,
    /// It goes out as soon as Discord takes it.
    UnderWay,
}

impl Outbox {
    /// Wants a message that nobody will edit, whole or not at all, and waits so long for what comes of it.
    pub async fn deliver(&self, channel: ChannelId, draft: Draft, patience: Duration) -> Result<Delivery> {
        ensure!(!draft.is_empty(), "cannot send an empty message");
        let draft = Draft { whole: true, ..draft };
        let payload = Letter::new(draft).text()?;
        // Before there is a row: a lane that runs already may send it at once.
        let mut events = self.inner.listen();
        let store = &self.inner.store;
        let row = store
            .outbox_insert(channel, RowKind::Message, &nonce(), &payload, None)
            .await?;
        self.seal(row).await?;
        self.inner.wake(channel).await?;
        let outcome = tokio::time::timeout(patience, outcome(&mut events, row, channel)).await;
        Ok(outcome.unwrap_or(Delivery::UnderWay))
    }

    /// Wants several messages, all or none of them after a crash. They are on disk when this returns. `said`: up to which
    /// event of a session's terminal they say what it said, which is stored in the same step.
    pub async fn post_all(
        &self,
        channel: ChannelId,
        drafts: Vec<Draft>,
        said: Option<(&SessionId, i64)>,
    ) -> Result<Vec<OutboxId>> {
        let letter = |draft: Draft| {
            ensure!(!draft.is_empty(), "cannot send an empty message");
            Ok((nonce(), Letter::new(draft).text()?))
        };
        let messages = drafts.into_iter().map(letter).collect::<Result<Vec<_>>>()?;
        let rows = self
            .inner
            .store
            .outbox_insert_all(channel, &messages, said)
            .await?;
        self.inner.wake(channel).await?;
        Ok(rows)
    }

    /// Reacts to a message now. Unlike an act it is not repeated at the next start: whoever asked is told.
    pub async fn react(&self, channel: ChannelId, message: MessageId, emoji: &str) -> Result<(), RestError> {
        let emoji = emoji.to_owned();
        let act = Act::React { message, emoji };
        let path = act.emoji();
        let mut waited = Duration::ZERO;
        loop {
            self.inner.rest.turn(Haste::Person).await;
            match self.inner.rest.send(act.call(channel, &path)).await {
                Ok(_) => return Ok(()),
                Err(RestError::Limited { retry_after, .. }) if waited + retry_after <= PATIENCE => {
                    let wait = retry_after.max(Duration::from_millis(20));
                    waited += wait;
                    tokio::time::sleep(wait).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

async fn outcome(
    events: &mut mpsc::UnboundedReceiver<OutboxEvent>,
    own: OutboxId,
    own_channel: ChannelId,
) -> Delivery {
    while let Some(event) = events.recv().await {
        match event {
            OutboxEvent::Sent { row, message, .. } if row == own => return Delivery::Sent(message),
            OutboxEvent::Refused {
                row,
                deed: Deed::Create,
                code,
                message,
                ..
            } if row == own => return Delivery::Refused { code, message },
            OutboxEvent::ChannelGone { channel } if channel == own_channel => return Delivery::Gone,
            _ => {}
        }
    }
    Delivery::UnderWay
}
