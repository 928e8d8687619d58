//! Discord's words into ours, and nothing else: no decision is made here.

use serde::Deserialize;
use serenity::http::Route;
use serenity::model::channel::{Message, MessageType};
use serenity::model::user::User;
use serenity::model::{guild::Member, id};

use super::rest::{Rest, RestError};
use crate::ids::{GuildId, RoleId, UserId};
use crate::ingress::Written;
use crate::ingress::auth::Person;
use crate::store::prompts::Attachment;

impl Rest {
    /// The roles of a member; for messages that were fetched, which do not carry them.
    pub async fn member_roles(&self, guild: GuildId, user: UserId) -> Result<Vec<RoleId>, RestError> {
        let route = Route::GuildMember {
            guild_id: guild.get().into(),
            user_id: user.get().into(),
        };
        let member: RolesOnly = self.get(route).await?;
        Ok(member.roles)
    }
}

#[derive(Deserialize)]
struct RolesOnly {
    roles: Vec<RoleId>,
}

pub(super) fn person(user: &User, roles: &[id::RoleId], guild: Option<id::GuildId>) -> Person {
    Person {
        id: user.id.get().into(),
        name: user.global_name.clone().unwrap_or_else(|| user.name.clone()),
        roles: roles.iter().map(|role| RoleId::from(role.get())).collect(),
        is_bot: user.bot,
        guild: guild.map(|guild| GuildId::from(guild.get())),
    }
}

pub(super) fn member(member: &Member) -> Person {
    person(&member.user, &member.roles, Some(member.guild_id))
}

fn attachments(message: &Message) -> Vec<Attachment> {
    message
        .attachments
        .iter()
        .map(|a| Attachment {
            name: a.filename.clone(),
            url: a.url.clone(),
            mime: a.content_type.clone(),
            size: u64::from(a.size),
        })
        .collect()
}

/// A message of a person; `None` for what Discord itself writes (joins, pins, renames).
pub(super) fn written(message: &Message, bot: UserId) -> Option<Written> {
    if !matches!(message.kind, MessageType::Regular | MessageType::InlineReply) {
        return None;
    }
    Some(Written {
        channel: message.channel_id.get().into(),
        message: message.id.get().into(),
        text: message.content.clone(),
        attachments: attachments(message),
        mentions_bot: message.mentions.iter().any(|user| user.id.get() == bot.get()),
        has_other: !message.sticker_items.is_empty() || !message.embeds.is_empty() || message.poll.is_some(),
        late: false,
    })
}
