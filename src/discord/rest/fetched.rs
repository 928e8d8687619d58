//! Messages that were asked for, read leniently.
//!
//! The library insists on fields that nobody here needs; a server that is only compatible with Discord may leave them
//! out, and one such message must not hide all the others.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serenity::model::channel::ReactionType;
use serenity::model::id::EmojiId;

use crate::config::LaunchEmoji;
use crate::ids::{ChannelId, GuildId, MessageId, RoleId, UserId};
use crate::ingress::Written;
use crate::ingress::auth::Person;
use crate::store::prompts::Attachment;

/// Discord's types of messages that people write; the others are announcements of its own.
const ORDINARY: u8 = 0;
const REPLY: u8 = 19;

/// A message, as far as it matters.
#[derive(Debug, Clone, Deserialize)]
pub struct FetchedMessage {
    /// Its id.
    pub id: MessageId,
    /// Who wrote it.
    pub author: FetchedAuthor,
    /// 0 is ordinary, 19 a reply; others are Discord's own.
    #[serde(default, rename = "type")]
    pub kind: u8,
    /// What it says.
    #[serde(default)]
    pub content: String,
    /// What came with it.
    #[serde(default)]
    pub attachments: Vec<FetchedAttachment>,
    /// Whom it mentions.
    #[serde(default)]
    pub mentions: Vec<FetchedAuthor>,
    /// What else is in it.
    #[serde(default)]
    pub sticker_items: Vec<IgnoredAny>,
    /// What else is in it.
    #[serde(default)]
    pub embeds: Vec<IgnoredAny>,
    /// What else is in it.
    #[serde(default)]
    pub poll: Option<IgnoredAny>,
    /// When a person last changed it; `None` where nobody has.
    #[serde(default)]
    pub edited_timestamp: Option<IgnoredAny>,
    /// What was reacted with.
    #[serde(default)]
    pub reactions: Vec<FetchedReaction>,
}

/// That somebody reacted to a fetched message; who, has to be asked for.
#[derive(Debug, Clone, Deserialize)]
pub struct FetchedReaction {
    /// With what.
    pub emoji: FetchedEmoji,
}

/// An emoji: one of everybody's by its name, one of a server's by its id.
#[derive(Debug, Clone, Deserialize)]
pub struct FetchedEmoji {
    /// A server's own.
    #[serde(default)]
    pub id: Option<EmojiId>,
    /// The emoji itself, or what the server calls it.
    #[serde(default)]
    pub name: Option<String>,
}

impl FetchedEmoji {
    /// Whether it is the one that launches.
    #[must_use]
    pub fn is(&self, wanted: &LaunchEmoji) -> bool {
        wanted.matches(self.name.as_deref(), self.id.map(EmojiId::get))
    }

    /// As a path of Discord's API names it.
    #[must_use]
    pub fn in_path(&self) -> String {
        let name = self.name.clone();
        let reaction = match self.id {
            Some(id) => ReactionType::Custom {
                animated: false,
                id,
                name,
            },
            None => ReactionType::Unicode(name.unwrap_or_default()),
        };
        reaction.as_data()
    }
}

/// A channel or a thread, as far as it matters.
#[derive(Debug, Clone, Deserialize)]
pub struct FetchedChannel {
    /// What it is called.
    #[serde(default)]
    pub name: Option<String>,
    /// The server that it is in.
    #[serde(default)]
    pub guild_id: Option<GuildId>,
    /// Who made it, where it is a thread.
    #[serde(default)]
    pub owner_id: Option<UserId>,
    /// Its newest message, which may be gone.
    #[serde(default)]
    pub last_message_id: Option<MessageId>,
}

/// The author of a fetched message.
#[derive(Debug, Clone, Deserialize)]
pub struct FetchedAuthor {
    /// Their id.
    pub id: UserId,
    /// Their name.
    #[serde(default)]
    pub username: String,
    /// The name that they chose to be shown.
    #[serde(default)]
    pub global_name: Option<String>,
    /// Whether it is a bot or a webhook.
    #[serde(default)]
    pub bot: bool,
}

/// A file on a fetched message.
#[derive(Debug, Clone, Deserialize)]
pub struct FetchedAttachment {
    /// Its name.
    pub filename: String,
    /// Where it can be fetched.
    pub url: String,
    /// Its MIME type.
    #[serde(default)]
    pub content_type: Option<String>,
    /// Its size in bytes.
    #[serde(default)]
    pub size: u64,
}

impl FetchedMessage {
    /// The message in our words; `None` for what Discord itself writes (joins, pins, renames).
    #[must_use]
    pub fn written(self, channel: ChannelId, bot: UserId, late: bool) -> Option<Written> {
        if !matches!(self.kind, ORDINARY | REPLY) {
            return None;
        }
        let attachments = self.attachments.into_iter().map(|a| Attachment {
            name: a.filename,
            url: a.url,
            mime: a.content_type,
            size: a.size,
        });
        Some(Written {
            channel,
            message: self.id,
            text: self.content,
            attachments: attachments.collect(),
            mentions_bot: self.mentions.iter().any(|user| user.id == bot),
            has_other: !self.sticker_items.is_empty() || !self.embeds.is_empty() || self.poll.is_some(),
            late,
        })
    }
}

impl FetchedAuthor {
    /// The author with these roles in this server.
    #[must_use]
    pub fn person(&self, roles: Vec<RoleId>, guild: GuildId) -> Person {
        Person {
            id: self.id,
            name: self.global_name.clone().unwrap_or_else(|| self.username.clone()),
            roles,
            is_bot: self.bot,
            guild: Some(guild),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_with_only_what_matters_is_read() {
        let text = r#"{"id":"5","author":{"id":"7","username":"alice"},"content":"hi","type":0}"#;
        let message: FetchedMessage = serde_json::from_str(text).unwrap();
        let written = message
            .clone()
            .written(ChannelId::from(1), UserId::from(9), false)
            .unwrap();
        assert_eq!(
            (written.text.as_str(), written.mentions_bot, written.has_other),
            ("hi", false, false)
        );
        assert!(!message.author.bot);
    }

    #[test]
    fn what_discord_itself_writes_is_no_message_of_a_person() {
        let text = r#"{"id":"5","author":{"id":"7"},"type":6}"#;
        let message: FetchedMessage = serde_json::from_str(text).unwrap();
        assert!(
            message
                .written(ChannelId::from(1), UserId::from(9), false)
                .is_none()
        );
    }
}
