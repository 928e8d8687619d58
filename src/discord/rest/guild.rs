//! The server and its channels by name, for programs that let people choose.

use serde::Deserialize;
use serenity::http::Route;

use super::{Rest, RestError};
use crate::ids::{ChannelId, GuildId, UserId};

/// Discord's types of channels that take messages: text, announcements, and the three kinds of threads.
const WRITABLE: [u8; 5] = [0, 5, 10, 11, 12];

/// A server by name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NamedGuild {
    /// Its id.
    pub id: GuildId,
    /// Its name.
    #[serde(default)]
    pub name: String,
}

/// A channel by name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NamedChannel {
    /// Its id.
    pub id: ChannelId,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Discord's number of its type.
    #[serde(default, rename = "type")]
    pub kind: u8,
    /// The server; a list of a server's channels may leave it out.
    #[serde(default)]
    pub guild_id: Option<GuildId>,
}

impl NamedChannel {
    /// Whether messages can be sent to it.
    #[must_use]
    pub fn takes_messages(&self) -> bool {
        WRITABLE.contains(&self.kind)
    }
}

/// A person in a server.
#[derive(Debug, Deserialize)]
struct Member {
    user: Named,
}

#[derive(Debug, Deserialize)]
struct Named {
    #[serde(default)]
    username: String,
}

impl Rest {
    /// The servers that the bot is in.
    pub async fn guilds(&self) -> Result<Vec<NamedGuild>, RestError> {
        self.get(Route::UserMeGuilds).await
    }

    /// What somebody in the server is called; `None` where nobody there has this id.
    pub async fn member_name(&self, guild: GuildId, user: UserId) -> Result<Option<String>, RestError> {
        let route = Route::GuildMember {
            guild_id: guild.get().into(),
            user_id: user.get().into(),
        };
        match self.get::<Member>(route).await {
            Ok(member) => Ok(Some(member.user.username)),
            Err(RestError::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The server.
    pub async fn guild(&self, guild: GuildId) -> Result<NamedGuild, RestError> {
        self.get(Route::Guild {
            guild_id: guild.get().into(),
        })
        .await
    }

    /// The server's channels that take messages, without threads.
    pub async fn guild_channels(&self, guild: GuildId) -> Result<Vec<NamedChannel>, RestError> {
        let channels: Vec<NamedChannel> = self
            .get(Route::GuildChannels {
                guild_id: guild.get().into(),
            })
            .await?;
        Ok(channels
            .into_iter()
            .filter(NamedChannel::takes_messages)
            .collect())
    }

    /// One channel or thread, by name; `None` where there is none, or none that the bot can see.
    pub async fn named_channel(&self, channel: ChannelId) -> Result<Option<NamedChannel>, RestError> {
        let found = self
            .get(Route::Channel {
                channel_id: channel.get().into(),
            })
            .await;
        match found {
            Ok(channel) => Ok(Some(channel)),
            Err(error) if error.code().is_some() => Ok(None),
            Err(RestError::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
