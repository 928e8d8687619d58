//! The state of the simulated Discord: who is there and what was written.
//!
//! Everything else in this folder either changes this value or shows it. It is one value behind one lock,
//! so an answer to a request and the gateway events that it causes can never be in a different order.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use serde::{Serialize, Serializer};
use serde_json::Value;
use tokio::time::Instant;

use super::SimConfig;
use super::config::permission;
use super::dispatch::{Event, Sessions};
use super::faults::Faults;
use super::ratelimit::Limiter;
use super::seen::RestCall;
use super::tracked::{Revisions, Tracked};
use crate::ids::{ChannelId, GuildId, MessageId, RoleId, UserId};

const DISCORD_EPOCH_MS: i64 = 1_420_070_400_000;

/// How many requests are kept.
const CALLS_LIMIT: usize = 100_000;

/// Something that a person did with a command, a button, a select or a modal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InteractionId(u64);

impl From<u64> for InteractionId {
    fn from(id: u64) -> Self {
        Self(id)
    }
}

impl fmt::Display for InteractionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for InteractionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InteractionId({})", self.0)
    }
}

impl Serialize for InteractionId {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// Hands out ids that carry the time and never repeat.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    last: u64,
}

impl Clock {
    pub(crate) fn now_ms() -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    pub(crate) fn next(&mut self) -> u64 {
        let now = Self::at(Self::now_ms());
        self.last = now.max(self.last + 1);
        self.last
    }

    /// The first id of a moment.
    pub(crate) fn at(ms: i64) -> u64 {
        u64::try_from(ms - DISCORD_EPOCH_MS).unwrap_or(0) << 22
    }

    /// An id from the past: the low bits of the newest id keep it unique.
    pub(crate) fn past(&mut self, ago_ms: u64) -> u64 {
        let id = self.next();
        id.saturating_sub(ago_ms << 22)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) id: UserId,
    pub(crate) name: String,
    pub(crate) bot: bool,
    pub(crate) roles: Vec<RoleId>,
}

#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) id: RoleId,
    pub(crate) name: String,
    pub(crate) permissions: u64,
    pub(crate) managed: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Guild {
    pub(crate) id: GuildId,
    pub(crate) name: String,
    pub(crate) roles: Vec<Role>,
}

#[derive(Debug, Clone)]
pub(crate) struct Channel {
    pub(crate) id: ChannelId,
    pub(crate) guild: GuildId,
    pub(crate) name: String,
    pub(crate) deny: u64,
    pub(crate) messages: Vec<MessageId>,
    pub(crate) last_pin: Option<i64>,
    pub(crate) thread: Option<ThreadState>,
}

/// What makes a channel a thread.
#[derive(Debug, Clone)]
pub(crate) struct ThreadState {
    pub(crate) parent: ChannelId,
    pub(crate) owner: UserId,
    pub(crate) private: bool,
    pub(crate) archived: bool,
    pub(crate) locked: bool,
    pub(crate) archive_after: u64,
    pub(crate) changed_ms: i64,
    pub(crate) members: BTreeMap<UserId, i64>,
    pub(crate) renames: VecDeque<Instant>,
}

/// An emoji: unicode, or a guild's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Emoji {
    pub(crate) id: Option<u64>,
    pub(crate) name: String,
}

impl Emoji {
    /// Reads `🚀`, `name:id`, `<:name:id>` and `<a:name:id>`.
    pub(crate) fn parse(text: &str) -> Self {
        let inner = text.trim_start_matches('<').trim_end_matches('>');
        let inner = inner.strip_prefix("a:").unwrap_or(inner).trim_start_matches(':');
        match inner.rsplit_once(':') {
            Some((name, id)) => Self {
                id: id.parse().ok(),
                name: name.to_owned(),
            },
            None => Self {
                id: None,
                name: inner.to_owned(),
            },
        }
    }
}

impl fmt::Display for Emoji {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id {
            Some(id) => write!(f, "{}:{id}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Reacted {
    pub(crate) emoji: Emoji,
    pub(crate) users: Vec<UserId>,
}

#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) id: u64,
    pub(crate) channel: ChannelId,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) bytes: Bytes,
}

#[derive(Debug, Clone)]
pub(crate) struct Reference {
    pub(crate) channel: ChannelId,
    pub(crate) message: Option<MessageId>,
}

/// Message flags that the simulator acts on.
pub(crate) mod flag {
    pub(crate) const SUPPRESS_EMBEDS: u64 = 1 << 2;
    pub(crate) const HAS_THREAD: u64 = 1 << 5;
    pub(crate) const EPHEMERAL: u64 = 1 << 6;
    pub(crate) const LOADING: u64 = 1 << 7;
    pub(crate) const SUPPRESS_NOTIFICATIONS: u64 = 1 << 12;
    pub(crate) const COMPONENTS_V2: u64 = 1 << 15;
}

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: MessageId,
    pub(crate) channel: ChannelId,
    pub(crate) author: UserId,
    pub(crate) webhook: Option<(u64, String)>,
    pub(crate) kind: u8,
    pub(crate) content: String,
    pub(crate) embeds: Vec<Value>,
    pub(crate) components: Vec<Value>,
    pub(crate) files: Vec<File>,
    pub(crate) reactions: Vec<Reacted>,
    pub(crate) pinned: bool,
    pub(crate) flags: u64,
    pub(crate) edited: Option<i64>,
    pub(crate) nonce: Option<Value>,
    pub(crate) reference: Option<Reference>,
    pub(crate) mentions: Mentions,
    pub(crate) interaction: Option<InteractionId>,
    pub(crate) visible_to: Option<UserId>,
}

/// Who a message mentions, after `allowed_mentions`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mentions {
    pub(crate) users: Vec<UserId>,
    pub(crate) roles: Vec<RoleId>,
    pub(crate) everyone: bool,
    /// Whom it pings.
    pub(crate) notified: Vec<UserId>,
}

#[derive(Debug, Clone)]
pub(crate) struct Interaction {
    pub(crate) id: InteractionId,
    pub(crate) token: String,
    pub(crate) kind: u8,
    pub(crate) user: UserId,
    pub(crate) channel: ChannelId,
    pub(crate) guild: GuildId,
    pub(crate) data: Value,
    /// The message that the clicked component is on.
    pub(crate) message: Option<MessageId>,
    pub(crate) label: String,
    pub(crate) created: Instant,
    /// The type of the first answer.
    pub(crate) answer: Option<u64>,
    pub(crate) original: Option<MessageId>,
    pub(crate) followups: Vec<MessageId>,
    pub(crate) modal: Option<Value>,
    pub(crate) choices: Vec<Value>,
}

#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    pub(crate) token: String,
    pub(crate) channel: ChannelId,
    pub(crate) name: String,
}

/// All of it.
#[derive(Debug)]
pub(crate) struct World {
    /// Names this world, so that a viewer notices when it looks at another one.
    pub(crate) id: String,
    pub(crate) revisions: Revisions,
    /// Whether anyone ever looked.
    pub(crate) watched: bool,
    pub(crate) config: SimConfig,
    pub(crate) base: String,
    pub(crate) bot: UserId,
    pub(crate) home_guild: GuildId,
    pub(crate) clock: Clock,
    pub(crate) guilds: BTreeMap<GuildId, Guild>,
    pub(crate) users: BTreeMap<UserId, User>,
    pub(crate) channels: Tracked<ChannelId, Channel>,
    pub(crate) messages: Tracked<MessageId, Message>,
    pub(crate) commands: Tracked<Option<GuildId>, Vec<Value>>,
    pub(crate) interactions: Tracked<InteractionId, Interaction>,
    pub(crate) webhooks: BTreeMap<u64, Webhook>,
    pub(crate) nonces: HashMap<(ChannelId, String), MessageId>,
    /// Since when the bot types somewhere; who stopped is not in it.
    pub(crate) typing: Tracked<ChannelId, Instant>,
    pub(crate) sessions: Sessions,
    pub(crate) limiter: Limiter,
    pub(crate) faults: Faults,
    /// The bot's requests by number; the oldest are dropped when there are very many.
    pub(crate) calls: Tracked<u64, RestCall>,
    /// Every version of what the bot wrote.
    pub(crate) shown: VecDeque<String>,
    /// What the simulator has to complain about: `assert_clean` fails with it.
    pub(crate) complaints: Vec<String>,
    pub(crate) outgoing: Vec<Event>,
}

impl World {
    /// The bot's permissions in a channel: a thread has those of its parent.
    pub(crate) fn permissions_in(&self, channel: &Channel) -> u64 {
        let denied = match &channel.thread {
            Some(thread) => self.channels.get(&thread.parent).map_or(0, |parent| parent.deny),
            None => channel.deny,
        };
        self.config.permissions & !denied
    }

    /// The first channel of the configuration.
    pub(crate) fn home(&self) -> ChannelId {
        let first = self.channels.values().find(|channel| channel.thread.is_none());
        first.map_or(ChannelId::from(0), |channel| channel.id)
    }

    /// Changes what the bot may do, in its role too.
    pub(crate) fn set_permissions(&mut self, permissions: u64) {
        self.config.permissions = permissions;
        for role in self.guilds.values_mut().flat_map(|guild| &mut guild.roles) {
            if role.managed {
                role.permissions = permissions;
            } else if role.name == "@everyone" {
                role.permissions = permissions & permission::VIEW_CHANNEL;
            }
        }
    }

    /// Records a request and gives its number.
    pub(crate) fn record(&mut self, call: RestCall) -> u64 {
        let number = self.calls.last_key_value().map_or(1, |(last, _)| last + 1);
        self.calls.insert(number, call);
        if self.calls.len() > CALLS_LIMIT
            && let Some((oldest, _)) = self.calls.first_key_value()
        {
            let oldest = *oldest;
            self.calls.remove(&oldest);
        }
        number
    }

    /// Records that the simulator itself, or the bot's use of it, is wrong.
    pub(crate) fn complain(&mut self, what: String) {
        tracing::warn!("simulated discord: {what}");
        self.complaints.push(what);
    }
}
