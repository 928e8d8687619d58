//! What became of what was wanted, for those who have to do something about it: a question that was refused hangs its
//! agent, and a card that was deleted is painted again.

use crate::ids::{ChannelId, MessageId, OutboxId};

/// What the outbox has to tell the rest of the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutboxEvent {
    /// A message was created; once per row.
    Sent {
        /// Its row.
        row: OutboxId,
        /// Where it is.
        channel: ChannelId,
        /// What it became.
        message: MessageId,
    },
    /// The channel or thread does not exist any more; all its rows were forgotten.
    ChannelGone {
        /// Which.
        channel: ChannelId,
    },
    /// Somebody deleted the message; its row was forgotten.
    MessageGone {
        /// Its row.
        row: OutboxId,
        /// Where it was.
        channel: ChannelId,
        /// Which it was.
        message: MessageId,
    },
    /// Discord refused for good, even the words alone. A message that exists keeps its row and its last text;
    /// anything else was forgotten.
    Refused {
        /// Where.
        channel: ChannelId,
        /// What.
        row: OutboxId,
        /// What it was to do.
        deed: Deed,
        /// Discord's code; 0 where it gave none.
        code: u32,
        /// What Discord said.
        message: String,
    },
    /// The token is not accepted. Nothing is sent any more; every row stays for the next start.
    Unauthorized,
}

/// What a row was to do when Discord refused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Make a message.
    Create,
    /// Make a message that exists say something else.
    Edit,
    /// Delete a message.
    Delete,
    /// Something that is no message.
    Act,
}
