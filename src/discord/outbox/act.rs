//! What the outbox does besides messages: reactions, pins, the state of a thread.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::json;
use serenity::http::{LightMethod, Route};

use crate::discord::rest::Call;
use crate::ids::{ChannelId, MessageId, UserId};

/// Something to do in a channel, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// React to a message.
    React {
        /// The message.
        message: MessageId,
        /// A character, or `name:id` of a custom emoji.
        emoji: String,
    },
    /// Take the bot's own reaction back.
    Unreact {
        /// The message.
        message: MessageId,
        /// A character, or `name:id` of a custom emoji.
        emoji: String,
    },
    /// Pin a message.
    Pin {
        /// The message.
        message: MessageId,
    },
    /// Unpin a message.
    Unpin {
        /// The message.
        message: MessageId,
    },
    /// Archive the thread, after everything else that waits for it.
    Archive {
        /// Whether only moderators may open it again.
        locked: bool,
    },
    /// Open the thread again; an archive that still waits is forgotten.
    Unarchive,
    /// Add a person to the thread.
    AddMember {
        /// The person.
        user: UserId,
    },
    /// Rename the thread: tried once per name and never again, because Discord lets the third call hang.
    Rename {
        /// The new name, at most 100 characters.
        name: String,
    },
}

/// When an act may go, seen from the messages of its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Before everything else.
    Overtakes,
    /// After the messages that were written before it.
    InOrder,
    /// When nothing else waits.
    Last,
}

impl Act {
    pub(super) fn place(&self) -> Place {
        match self {
            Self::React { .. } | Self::Unreact { .. } | Self::Unarchive | Self::Rename { .. } => {
                Place::Overtakes
            }
            Self::Pin { .. } | Self::Unpin { .. } | Self::AddMember { .. } => Place::InOrder,
            Self::Archive { .. } => Place::Last,
        }
    }

    /// Whether this makes an earlier act pointless that still waits.
    pub(super) fn replaces(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::Archive { .. } | Self::Unarchive, Self::Archive { .. } | Self::Unarchive) => true,
            (
                Self::Pin { message } | Self::Unpin { message },
                Self::Pin { message: other } | Self::Unpin { message: other },
            ) => message == other,
            _ => false,
        }
    }

    /// Whether there may be such an earlier act.
    pub(super) fn may_replace(&self) -> bool {
        matches!(
            self,
            Self::Archive { .. } | Self::Unarchive | Self::Pin { .. } | Self::Unpin { .. }
        )
    }

    /// Gives the request to `send`; a reaction's route borrows its emoji.
    pub(super) fn call<'a>(&self, channel: ChannelId, emoji: &'a str) -> Call<'a> {
        let channel_id = channel.get().into();
        let reaction = |message: MessageId| Route::ChannelMessageReactionMe {
            channel_id,
            message_id: message.get().into(),
            reaction: emoji,
        };
        let pin = |message: MessageId| Route::ChannelPin {
            channel_id,
            message_id: message.get().into(),
        };
        let change = |body| Call::new(LightMethod::Patch, Route::Channel { channel_id }).json(body);
        match self {
            Self::React { message, .. } => Call::new(LightMethod::Put, reaction(*message)),
            Self::Unreact { message, .. } => Call::new(LightMethod::Delete, reaction(*message)),
            Self::Pin { message } => Call::new(LightMethod::Put, pin(*message)),
            Self::Unpin { message } => Call::new(LightMethod::Delete, pin(*message)),
            Self::Archive { locked: false } => change(json!({ "archived": true })),
            Self::Archive { locked: true } => change(json!({ "archived": true, "locked": true })),
            Self::Unarchive => change(json!({ "archived": false })),
            Self::Rename { name } => change(json!({ "name": name })),
            Self::AddMember { user } => {
                let user_id = user.get().into();
                Call::new(
                    LightMethod::Put,
                    Route::ChannelThreadMember { channel_id, user_id },
                )
            }
        }
    }

    /// The emoji as it stands in a path: `name:id` without its brackets, everything else escaped.
    pub(super) fn emoji(&self) -> String {
        let (Self::React { emoji, .. } | Self::Unreact { emoji, .. }) = self else {
            return String::new();
        };
        let bare = emoji
            .trim_start_matches('<')
            .trim_end_matches('>')
            .trim_start_matches("a:");
        let mut path = String::new();
        for byte in bare.trim_start_matches(':').bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_') {
                path.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(path, "%{byte:02X}");
            }
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emoji_is_a_path_segment() {
        for (emoji, path) in [
            ("🚀", "%F0%9F%9A%80"),
            ("blob:123", "blob:123"),
            ("<:blob:123>", "blob:123"),
            ("<a:blob:123>", "blob:123"),
            ("../x", "%2E%2E%2Fx"),
        ] {
            let message = MessageId::from(1);
            assert_eq!(
                Act::React {
                    message,
                    emoji: emoji.to_owned()
                }
                .emoji(),
                path
            );
        }
    }
}
