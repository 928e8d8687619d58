//! Questions to Discord, and the few requests that are no messages: threads, members, commands.
//!
//! Unlike the outbox, whoever asks here waits for the answer, so limits are waited out and requests that may
//! be repeated safely are repeated a few times.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use serenity::http::{LightMethod, Route};

use super::fetched::{FetchedAuthor, FetchedChannel, FetchedEmoji, FetchedMessage};
use super::{Call, Haste, Rest, RestError};
use crate::ids::{ChannelId, GuildId, MessageId, ThreadId, UserId};

/// A thread on this message exists already.
const THREAD_EXISTS: u32 = 160_004;
/// Nobody who asks wants to wait longer than this for a limit to pass.
const PATIENCE: Duration = Duration::from_secs(30);
const TRIES: u32 = 3;
/// A week without a message, then Discord archives a thread by itself.
const AUTO_ARCHIVE_MINUTES: u32 = 10_080;

/// Who the bot is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Me {
    /// Its user id.
    pub id: UserId,
    /// Its name.
    #[serde(rename = "username")]
    pub name: String,
}

/// The application that the bot belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Application {
    /// Its id; commands are registered under it.
    pub id: UserId,
    /// Its name.
    pub name: String,
    /// Flags, among them which privileged intents are switched on.
    #[serde(default)]
    pub flags: u64,
    /// Who made it, where it does not belong to a team.
    #[serde(default)]
    pub owner: Option<Owner>,
}

/// Who made an application.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Owner {
    /// Their id.
    pub id: UserId,
    /// Their name.
    #[serde(default)]
    pub username: String,
}

impl Application {
    /// Whether the bot is given the text of messages: for a bot in many servers, or in a few.
    #[must_use]
    pub const fn reads_messages(&self) -> bool {
        self.flags & (1 << 18 | 1 << 19) != 0
    }
}

/// A thread on a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MadeThread {
    /// The thread.
    pub id: ThreadId,
    /// It was there before: made by a person, or by this bot whose answer was lost.
    pub existed: bool,
}

#[derive(Deserialize)]
struct Gateway {
    url: String,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Made {
    id: ChannelId,
}

#[derive(Deserialize)]
struct ActiveThreads {
    threads: Vec<ActiveThread>,
}

#[derive(Deserialize)]
struct ActiveThread {
    id: ChannelId,
    #[serde(default)]
    name: String,
    #[serde(default)]
    parent_id: Option<ChannelId>,
    #[serde(default)]
    owner_id: Option<UserId>,
}

impl Rest {
    /// Sends a request, waits out limits, and, where repeating it does no harm, repeats it after a failure.
    pub async fn ask<'a, T, F>(&self, repeatable: bool, call: F) -> Result<T, RestError>
    where
        T: DeserializeOwned,
        F: Fn() -> Call<'a> + Send + Sync,
    {
        let body = self.ask_for_bytes(repeatable, call).await?;
        // 204 has no body: that is the JSON `null`, which reads as `()`.
        let body = if body.is_empty() { b"null" } else { body.as_slice() };
        serde_json::from_slice(body).map_err(|error| RestError::Unknown {
            reason: format!("an answer that cannot be read: {error}"),
            maybe_done: true,
        })
    }

    async fn ask_for_bytes<'a, F>(&self, repeatable: bool, call: F) -> Result<Vec<u8>, RestError>
    where
        F: Fn() -> Call<'a> + Send + Sync,
    {
        let mut waited = Duration::ZERO;
        let mut tries = 1;
        loop {
            self.turn(Haste::Person).await;
            let error = match self.send(call()).await {
                Ok(body) => return Ok(body),
                Err(error) => error,
            };
            let wait = match &error {
                RestError::Limited { retry_after, .. } if waited + *retry_after <= PATIENCE => *retry_after,
                RestError::Unknown { maybe_done, .. } if tries < TRIES && (repeatable || !maybe_done) => {
                    tries += 1;
                    Duration::from_millis(250) * tries
                }
                _ => return Err(error),
            };
            // A little at least, so that a limit of nothing does not become a busy loop.
            let wait = wait.max(Duration::from_millis(20));
            waited += wait;
            tokio::time::sleep(wait).await;
        }
    }

    /// Reads one thing.
    pub async fn get<T: DeserializeOwned>(&self, route: Route<'static>) -> Result<T, RestError> {
        self.ask(true, || Call::new(LightMethod::Get, route)).await
    }

    /// Who the bot is; asked once.
    pub async fn me(&self) -> Result<&Me, RestError> {
        self.me.get_or_try_init(|| self.get(Route::UserMe)).await
    }

    /// The application that the bot belongs to.
    pub async fn application(&self) -> Result<Application, RestError> {
        self.get(Route::Oauth2ApplicationCurrent).await
    }

    /// Where the gateway is.
    pub async fn gateway(&self) -> Result<String, RestError> {
        let gateway: Gateway = self.get(Route::Gateway).await?;
        Ok(gateway.url)
    }

    /// One message.
    pub async fn message(&self, channel: ChannelId, message: MessageId) -> Result<FetchedMessage, RestError> {
        self.get(Route::ChannelMessage {
            channel_id: channel.get().into(),
            message_id: message.get().into(),
        })
        .await
    }

    /// Up to 100 messages of a channel, oldest first: those right after `after`, or the newest.
    pub async fn messages(
        &self,
        channel: ChannelId,
        after: Option<MessageId>,
        limit: u8,
    ) -> Result<Vec<FetchedMessage>, RestError> {
        let mut messages: Vec<FetchedMessage> = self.ask(true, || list(channel, after, limit)).await?;
        messages.sort_by_key(|message| message.id);
        Ok(messages)
    }

    /// Up to 100 messages of a channel, oldest first: those right before `before`.
    pub async fn messages_before(
        &self,
        channel: ChannelId,
        before: MessageId,
        limit: u8,
    ) -> Result<Vec<FetchedMessage>, RestError> {
        let page = || list(channel, None, limit).query("before", &before);
        let mut messages: Vec<FetchedMessage> = self.ask(true, page).await?;
        messages.sort_by_key(|message| message.id);
        Ok(messages)
    }

    /// The people who reacted to a message with this, a hundred at most, in the order of their ids from `from` on.
    pub async fn reactors(
        &self,
        (channel, message): (ChannelId, MessageId),
        with: &FetchedEmoji,
        from: Option<UserId>,
    ) -> Result<Vec<FetchedAuthor>, RestError> {
        let with = with.in_path();
        let route = Route::ChannelMessageReactionEmoji {
            channel_id: channel.get().into(),
            message_id: message.get().into(),
            reaction: &with,
        };
        let call = || {
            let call = Call::new(LightMethod::Get, route).query("limit", &100);
            match from {
                Some(from) => call.query("after", &from.get().saturating_sub(1)),
                None => call,
            }
        };
        self.ask(true, call).await
    }

    /// A channel, or a thread with its metadata.
    pub async fn channel(&self, channel: ChannelId) -> Result<FetchedChannel, RestError> {
        self.get(Route::Channel {
            channel_id: channel.get().into(),
        })
        .await
    }

    /// The open threads of this name that the bot has made in a channel, the newest first.
    pub async fn own_threads(
        &self,
        (guild, parent): (GuildId, ChannelId),
        name: &str,
    ) -> Result<Vec<ThreadId>, RestError> {
        let bot = self.me().await?.id;
        let all: ActiveThreads = self
            .get(Route::GuildThreadsActive {
                guild_id: guild.get().into(),
            })
            .await?;
        let ours = |thread: &ActiveThread| {
            thread.owner_id == Some(bot) && thread.parent_id == Some(parent) && thread.name == name
        };
        let mut ids: Vec<ChannelId> = all.threads.iter().filter(|t| ours(t)).map(|t| t.id).collect();
        ids.sort_unstable_by(|a, b| b.cmp(a));
        Ok(ids.into_iter().map(ChannelId::thread).collect())
    }

    /// Makes a thread on a message, or gives the one that it has: its id is the message's.
    pub async fn create_thread_on_message(
        &self,
        channel: ChannelId,
        message: MessageId,
        name: &str,
    ) -> Result<MadeThread, RestError> {
        let route = Route::ChannelMessageThreads {
            channel_id: channel.get().into(),
            message_id: message.get().into(),
        };
        let body = json!({ "name": name, "auto_archive_duration": AUTO_ARCHIVE_MINUTES });
        let made: Result<Made, _> = self
            .ask(true, || Call::new(LightMethod::Post, route).json(body.clone()))
            .await;
        match made {
            Ok(made) => Ok(MadeThread {
                id: made.id.thread(),
                existed: false,
            }),
            Err(error) if error.code() == Some(THREAD_EXISTS) => Ok(MadeThread {
                id: message.thread(),
                existed: true,
            }),
            Err(error) => Err(error),
        }
    }

    /// Makes a public thread in a channel. Not repeated after a lost answer: there would be two.
    pub async fn create_thread(&self, channel: ChannelId, name: &str) -> Result<ThreadId, RestError> {
        const PUBLIC_THREAD: u8 = 11;
        let route = Route::ChannelThreads {
            channel_id: channel.get().into(),
        };
        let body =
            json!({ "name": name, "type": PUBLIC_THREAD, "auto_archive_duration": AUTO_ARCHIVE_MINUTES });
        let made: Made = self
            .ask(false, || Call::new(LightMethod::Post, route).json(body.clone()))
            .await?;
        Ok(made.id.thread())
    }

    /// Adds a person to a thread, so that it shows in their sidebar.
    pub async fn add_thread_member(&self, thread: ThreadId, user: UserId) -> Result<(), RestError> {
        let route = Route::ChannelThreadMember {
            channel_id: thread.get().into(),
            user_id: user.get().into(),
        };
        self.ask(true, || Call::new(LightMethod::Put, route)).await
    }

    /// The names of the server's commands of this application.
    pub async fn guild_commands(
        &self,
        application: UserId,
        guild: GuildId,
    ) -> Result<Vec<String>, RestError> {
        let route = Route::GuildCommands {
            application_id: application.get().into(),
            guild_id: guild.get().into(),
        };
        let commands: Vec<Named> = self.get(route).await?;
        Ok(commands.into_iter().map(|command| command.name).collect())
    }

    /// Replaces the server's commands of this application.
    pub async fn put_guild_commands(
        &self,
        application: UserId,
        guild: GuildId,
        commands: &Value,
    ) -> Result<(), RestError> {
        let route = Route::GuildCommands {
            application_id: application.get().into(),
            guild_id: guild.get().into(),
        };
        let _registered: Value = self
            .ask(true, || Call::new(LightMethod::Put, route).json(commands.clone()))
            .await?;
        Ok(())
    }
}

/// The request for a page of messages.
pub(crate) fn list(channel: ChannelId, after: Option<MessageId>, limit: u8) -> Call<'static> {
    let route = Route::ChannelMessages {
        channel_id: channel.get().into(),
    };
    let call = Call::new(LightMethod::Get, route).query("limit", &limit);
    match after {
        Some(after) => call.query("after", &after),
        None => call,
    }
}
