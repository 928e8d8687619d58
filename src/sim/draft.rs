//! A message before it is one: what it will say, where and when.

use super::world::{Mentions, Message};
use crate::ids::{ChannelId, MessageId, UserId};

/// A message that is about to be.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) message: Message,
    pub(crate) when: When,
}

/// When a message was written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum When {
    #[default]
    Now,
    /// So many milliseconds ago.
    Ago(u64),
    /// At this time, in unix milliseconds; the same time gives the same id.
    At(i64),
}

impl Draft {
    pub(crate) fn new(channel: ChannelId, author: UserId) -> Self {
        let message = Message {
            id: MessageId::from(0),
            channel,
            author,
            webhook: None,
            kind: 0,
            content: String::new(),
            embeds: Vec::new(),
            components: Vec::new(),
            files: Vec::new(),
            reactions: Vec::new(),
            pinned: false,
            flags: 0,
            edited: None,
            nonce: None,
            reference: None,
            mentions: Mentions::default(),
            interaction: None,
            visible_to: None,
        };
        Self {
            message,
            when: When::Now,
        }
    }
}
