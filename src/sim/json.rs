//! Discord's payloads, made from the world.
//!
//! Every payload is read back into serenity's own type before it leaves: serenity drops what it cannot read
//! without a word, and a simulator with one missing field would look like a bot that does nothing.

use serde::Deserialize;
use serde_json::{Value, json};
use serenity::model::Timestamp;

use super::config::permission;
use super::world::{Channel, File, Guild, Interaction, Message, Reacted, Role, User, World};
use crate::ids::{ChannelId, GuildId, MessageId, UserId};

/// A time as Discord writes it.
pub(crate) fn timestamp(ms: i64) -> String {
    Timestamp::from_millis(ms).map_or_else(|_| "1970-01-01T00:00:00Z".to_owned(), |time| time.to_string())
}

const JOINED_MS: i64 = 1_700_000_000_000;

impl World {
    /// Reads a payload as serenity would and complains where that fails.
    pub(crate) fn checked<T: for<'de> Deserialize<'de>>(&mut self, what: &str, payload: Value) -> Value {
        if let Err(error) = T::deserialize(&payload) {
            self.complain(format!("{what} cannot be read by serenity: {error}: {payload}"));
        }
        payload
    }

    pub(crate) fn user_json(&self, id: UserId) -> Value {
        match self.users.get(&id) {
            Some(user) => user_json(user),
            None => {
                json!({"id": id, "username": "deleted user", "discriminator": "0", "avatar": null, "bot": false})
            }
        }
    }

    pub(crate) fn current_user_json(&self) -> Value {
        let mut user = self.user_json(self.bot);
        if let Some(user) = user.as_object_mut() {
            user.insert("verified".to_owned(), json!(true));
            user.insert("mfa_enabled".to_owned(), json!(false));
            user.insert("email".to_owned(), Value::Null);
            user.insert("flags".to_owned(), json!(0));
        }
        user
    }

    /// A guild member without the user, as messages carry it.
    pub(crate) fn partial_member_json(&self, id: UserId) -> Value {
        let roles = self
            .users
            .get(&id)
            .map(|user| user.roles.clone())
            .unwrap_or_default();
        json!({
            "roles": roles, "nick": null, "avatar": null, "joined_at": timestamp(JOINED_MS),
            "premium_since": null, "deaf": false, "mute": false, "flags": 0, "pending": false,
            "communication_disabled_until": null,
        })
    }

    pub(crate) fn member_json(&self, id: UserId) -> Value {
        let mut member = self.partial_member_json(id);
        if let Some(member) = member.as_object_mut() {
            member.insert("user".to_owned(), self.user_json(id));
        }
        member
    }

    pub(crate) fn channel_json(&self, channel: &Channel) -> Value {
        let last = channel.messages.last();
        let Some(thread) = &channel.thread else {
            let overwrites = if channel.deny == 0 {
                json!([])
            } else {
                json!([{"id": self.bot, "type": 1, "allow": "0", "deny": channel.deny.to_string()}])
            };
            return json!({
                "id": channel.id, "type": 0, "guild_id": channel.guild, "name": channel.name, "position": 0,
                "permission_overwrites": overwrites, "topic": null, "nsfw": false, "parent_id": null,
                "last_message_id": last, "rate_limit_per_user": 0, "flags": 0,
                "last_pin_timestamp": channel.last_pin.map(timestamp),
            });
        };
        let count = channel.messages.len();
        json!({
            "id": channel.id, "type": if thread.private { 12 } else { 11 }, "guild_id": channel.guild,
            "parent_id": thread.parent, "owner_id": thread.owner, "name": channel.name,
            "last_message_id": last, "rate_limit_per_user": 0, "flags": 0,
            "message_count": count, "total_message_sent": count,
            "member_count": thread.members.len().min(50),
            "last_pin_timestamp": channel.last_pin.map(timestamp),
            "thread_metadata": {
                "archived": thread.archived, "locked": thread.locked,
                "auto_archive_duration": thread.archive_after,
                "archive_timestamp": timestamp(thread.changed_ms),
                "create_timestamp": timestamp(created_ms(channel.id)),
            },
        })
    }

    pub(crate) fn thread_member_json(&self, thread: ChannelId, user: UserId) -> Value {
        let joined = self
            .channels
            .get(&thread)
            .and_then(|channel| channel.thread.as_ref()?.members.get(&user).copied());
        json!({
            "id": thread, "user_id": user, "flags": 0,
            "join_timestamp": timestamp(joined.unwrap_or(JOINED_MS)),
            "member": self.member_json(user),
        })
    }

    pub(crate) fn guild_json(&self, guild: &Guild) -> Value {
        let roles: Vec<Value> = guild.roles.iter().map(role_json).collect();
        json!({
            "id": guild.id, "name": guild.name, "icon": null, "splash": null, "discovery_splash": null,
            "owner_id": self.users.keys().find(|id| **id != self.bot).unwrap_or(&self.bot),
            "afk_channel_id": null, "afk_timeout": 300, "widget_enabled": false, "widget_channel_id": null,
            "verification_level": 0, "default_message_notifications": 1, "explicit_content_filter": 0,
            "roles": roles, "emojis": [], "features": [], "mfa_level": 0, "application_id": null,
            "system_channel_id": null, "system_channel_flags": 0, "rules_channel_id": null,
            "max_members": 500_000, "vanity_url_code": null, "description": null, "banner": null,
            "premium_tier": 0, "premium_subscription_count": 0, "preferred_locale": "en-US",
            "public_updates_channel_id": null, "nsfw_level": 0, "stickers": [],
            "premium_progress_bar_enabled": false, "safety_alerts_channel_id": null,
        })
    }

    pub(crate) fn guild_create_json(&self, id: GuildId, all_members: bool) -> Value {
        let Some(guild) = self.guilds.get(&id) else {
            return Value::Null;
        };
        let mut data = self.guild_json(guild);
        let here = |channel: &&Channel| channel.guild == id;
        let members: Vec<Value> = self
            .users
            .keys()
            .filter(|user| all_members || **user == self.bot)
            .map(|user| self.member_json(*user))
            .collect();
        let of = |threads: bool| -> Vec<Value> {
            let channels = self.channels.values().filter(here);
            channels
                .filter(|channel| match &channel.thread {
                    Some(thread) => threads && !thread.archived,
                    None => !threads,
                })
                .map(|channel| self.channel_json(channel))
                .collect()
        };
        let extra = json!({
            "joined_at": timestamp(JOINED_MS), "large": false, "unavailable": false,
            "member_count": self.users.len(), "voice_states": [], "members": members,
            "channels": of(false), "threads": of(true), "presences": [], "stage_instances": [],
            "guild_scheduled_events": [], "soundboard_sounds": [],
        });
        if let (Some(data), Value::Object(extra)) = (data.as_object_mut(), extra) {
            data.extend(extra);
        }
        data
    }

    pub(crate) fn ready_json(&self, session: &str) -> Value {
        let guilds: Vec<Value> = self
            .guilds
            .keys()
            .map(|id| json!({"id": id, "unavailable": true}))
            .collect();
        json!({
            "v": 10, "user": self.current_user_json(), "guilds": guilds, "session_id": session,
            "resume_gateway_url": self.gateway_url(), "shard": [0, 1],
            "application": {"id": self.bot, "flags": self.application_flags()},
            "session_type": "normal", "private_channels": [], "presences": [], "relationships": [],
        })
    }

    pub(crate) fn gateway_url(&self) -> String {
        format!("{}/gateway", self.base.replacen("http", "ws", 1))
    }

    /// Which privileged intents are switched on.
    fn application_flags(&self) -> u64 {
        let off = self.config.disallowed_intents;
        let of = |intent: u64, flag: u64| if off & intent == 0 { flag } else { 0 };
        of(1 << 1, 1 << 15) | of(1 << 8, 1 << 13) | of(1 << 15, 1 << 19)
    }

    pub(crate) fn application_json(&self) -> Value {
        let owner = self.users.keys().find(|id| **id != self.bot).copied();
        json!({
            "id": self.bot, "name": "ompcord", "icon": null, "description": "", "bot_public": false,
            "bot_require_code_grant": false, "verify_key": "0000", "team": null, "flags": self.application_flags(),
            "owner": owner.map(|id| self.user_json(id)), "integration_types_config": {}, "redirect_uris": [],
        })
    }

    fn reaction_json(&self, reacted: &Reacted) -> Value {
        json!({
            "emoji": {"id": reacted.emoji.id.map(|id| id.to_string()), "name": reacted.emoji.name},
            "count": reacted.users.len(), "count_details": {"normal": reacted.users.len(), "burst": 0},
            "me": reacted.users.contains(&self.bot), "me_burst": false, "burst_me": false, "burst_colors": [],
        })
    }

    pub(crate) fn file_json(&self, file: &File, ephemeral: bool) -> Value {
        let url = format!(
            "{}/attachments/{}/{}/{}",
            self.base, file.channel, file.id, file.name
        );
        json!({
            "id": file.id.to_string(), "filename": file.name, "size": file.bytes.len(), "url": url,
            "proxy_url": url, "content_type": file.content_type, "description": file.description,
            "ephemeral": ephemeral,
        })
    }

    /// A message as the REST API gives it.
    pub(crate) fn message_json(&self, message: &Message) -> Value {
        let mut data = self.bare_message_json(message);
        if let Some(reference) = &message.reference
            && let Some(fields) = data.as_object_mut()
        {
            let guild = self.channels.get(&reference.channel).map(|channel| channel.guild);
            fields.insert(
                "message_reference".to_owned(),
                json!({"type": 0, "channel_id": reference.channel, "message_id": reference.message, "guild_id": guild}),
            );
            let original = reference.message.and_then(|id| self.messages.get(&id));
            if matches!(message.kind, 19 | 21) {
                let original = original.map_or(Value::Null, |original| self.bare_message_json(original));
                fields.insert("referenced_message".to_owned(), original);
            }
        }
        data
    }

    fn bare_message_json(&self, message: &Message) -> Value {
        let ephemeral = message.visible_to.is_some();
        let author = match &message.webhook {
            Some((id, name)) => {
                json!({"id": id.to_string(), "username": name, "discriminator": "0000", "avatar": null, "bot": true})
            }
            None => self.user_json(message.author),
        };
        let suppressed = message.flags & super::world::flag::SUPPRESS_EMBEDS != 0;
        let mut data = json!({
            "id": message.id, "channel_id": message.channel, "author": author, "content": message.content,
            "timestamp": timestamp(message.id.created_at_ms()), "edited_timestamp": message.edited.map(timestamp),
            "tts": false, "mention_everyone": message.mentions.everyone,
            "mentions": message.mentions.users.iter().map(|id| self.user_json(*id)).collect::<Vec<_>>(),
            "mention_roles": message.mentions.roles,
            "attachments": message.files.iter().map(|file| self.file_json(file, ephemeral)).collect::<Vec<_>>(),
            "embeds": if suppressed { &[] } else { message.embeds.as_slice() },
            "pinned": message.pinned, "type": message.kind, "flags": message.flags,
            "components": message.components,
        });
        let Some(fields) = data.as_object_mut() else {
            return data;
        };
        if !message.reactions.is_empty() {
            let reactions: Vec<Value> = message.reactions.iter().map(|r| self.reaction_json(r)).collect();
            fields.insert("reactions".to_owned(), json!(reactions));
        }
        if let Some(nonce) = &message.nonce {
            fields.insert("nonce".to_owned(), nonce.clone());
        }
        if let Some((id, _)) = &message.webhook {
            fields.insert("webhook_id".to_owned(), json!(id.to_string()));
        }
        if let Some(interaction) = message.interaction.and_then(|id| self.interactions.get(&id)) {
            fields.insert("application_id".to_owned(), json!(self.bot));
            fields.insert("webhook_id".to_owned(), json!(self.bot));
            if let Some(metadata) = self.interaction_metadata_json(interaction) {
                fields.insert("interaction_metadata".to_owned(), metadata);
            }
        }
        if let Some(thread) = self.channels.get(&thread_of(message.id)) {
            fields.insert("thread".to_owned(), self.channel_json(thread));
        }
        data
    }

    fn interaction_metadata_json(&self, interaction: &Interaction) -> Option<Value> {
        let mut data = json!({
            "id": interaction.id, "type": interaction.kind, "user": self.user_json(interaction.user),
            "authorizing_integration_owners": {"0": interaction.guild},
        });
        match interaction.kind {
            2 => Some(data),
            3 => {
                let message = interaction.message?;
                data.as_object_mut()?
                    .insert("interacted_message_id".to_owned(), json!(message));
                Some(data)
            }
            _ => None,
        }
    }

    /// A message as the gateway sends it: with the guild and the author's membership.
    pub(crate) fn gateway_message_json(&self, message: &Message) -> Value {
        let mut data = self.message_json(message);
        let guild = self.channels.get(&message.channel).map(|channel| channel.guild);
        if let Some(fields) = data.as_object_mut() {
            fields.insert("guild_id".to_owned(), json!(guild));
            if message.webhook.is_none() {
                fields.insert("member".to_owned(), self.partial_member_json(message.author));
            }
        }
        data
    }

    pub(crate) fn interaction_json(&self, interaction: &Interaction) -> Value {
        let permissions = (1_u64 << 53) - 1;
        let mut member = self.member_json(interaction.user);
        if let Some(member) = member.as_object_mut() {
            member.insert("permissions".to_owned(), json!(permissions.to_string()));
        }
        let channel = self.channels.get(&interaction.channel);
        let mut channel_json = channel.map_or(Value::Null, |channel| self.channel_json(channel));
        if let Some(fields) = channel_json.as_object_mut() {
            fields.insert("permissions".to_owned(), json!(permissions.to_string()));
        }
        let own = channel.map_or(permission::ALL_OF_A_BOT, |channel| self.permissions_in(channel));
        let mut data = json!({
            "id": interaction.id, "application_id": self.bot, "type": interaction.kind, "data": interaction.data,
            "guild_id": interaction.guild, "guild": {"id": interaction.guild, "locale": "en-US", "features": []},
            "channel_id": interaction.channel, "channel": channel_json, "member": member,
            "token": interaction.token, "version": 1, "app_permissions": own.to_string(), "locale": "en-US",
            "guild_locale": "en-US", "entitlements": [], "entitlement_sku_ids": [],
            "authorizing_integration_owners": {"0": interaction.guild}, "context": 0,
            "attachment_size_limit": self.config.upload_limit,
        });
        if let Some(message) = interaction.message.and_then(|id| self.messages.get(&id))
            && let Some(fields) = data.as_object_mut()
        {
            fields.insert("message".to_owned(), self.message_json(message));
        }
        data
    }
}

/// The thread that a message can have: Discord gives it the message's id.
pub(crate) fn thread_of(message: MessageId) -> ChannelId {
    message.thread().channel()
}

fn created_ms(channel: ChannelId) -> i64 {
    MessageId::from(channel.get()).created_at_ms()
}

fn user_json(user: &User) -> Value {
    json!({
        "id": user.id, "username": user.name, "global_name": user.name, "discriminator": "0", "avatar": null,
        "bot": user.bot, "public_flags": 0,
    })
}

pub(crate) fn role_json(role: &Role) -> Value {
    json!({
        "id": role.id, "name": role.name, "color": 0,
        "colors": {"primary_color": 0, "secondary_color": null, "tertiary_color": null},
        "hoist": false, "managed": role.managed, "mentionable": false,
        "permissions": role.permissions.to_string(), "position": 0, "icon": null, "unicode_emoji": null,
        "flags": 0,
    })
}
