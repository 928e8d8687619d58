//! How whoever drives the simulator names people and places, and what they hear when that cannot be.

use crate::ids::{ChannelId, ThreadId, UserId};

/// Something that a person's client would not let them do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

impl Refused {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// A user, by name or id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// By name.
    Name(String),
    /// By id.
    Id(UserId),
}

impl From<&str> for Who {
    fn from(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::Name(text.trim_start_matches('@').to_owned()), Self::Id)
    }
}

impl From<UserId> for Who {
    fn from(id: UserId) -> Self {
        Self::Id(id)
    }
}

/// A channel or thread, by name or id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Where {
    /// By name.
    Name(String),
    /// By id.
    Id(ChannelId),
}

impl From<&str> for Where {
    fn from(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::Name(text.trim_start_matches('#').to_owned()), Self::Id)
    }
}

impl From<ChannelId> for Where {
    fn from(id: ChannelId) -> Self {
        Self::Id(id)
    }
}

impl From<ThreadId> for Where {
    fn from(id: ThreadId) -> Self {
        Self::Id(id.channel())
    }
}
