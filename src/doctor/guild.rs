//! Discord: the token, the intent, the server, the channels, what the bot may do in them, the gateway, the clock.

use std::time::Duration;

use super::Config;
use crate::discord::Endpoint;
use crate::discord::commands;
use crate::discord::rest::{Application, NamedGuild, Offset, Rest, RestError};
use crate::ids::{ChannelId, GuildId, UserId};

/// Discord answers within two seconds or is not well.
const PATIENCE: Duration = Duration::from_secs(15);

/// What Discord said.
#[derive(Debug)]
pub struct Discord {
    /// Where it is, if not at its usual address.
    pub at: Option<String>,
    /// The bot's name, or why the token is not taken.
    pub bot: Result<String, RestError>,
    /// How far this machine's clock is off, where Discord says what time it is.
    pub clock: Result<Option<Offset>, RestError>,
    /// The gateway's address, or why it cannot be reached.
    pub gateway: Result<String, String>,
    /// What only a bot is told.
    pub guild: Option<Guild>,
}

/// What Discord tells a bot.
#[derive(Debug)]
pub struct Guild {
    /// The server's id, as configured.
    pub id: GuildId,
    /// The application, for the invitation.
    pub application: UserId,
    /// Whether the bot is given the text of messages.
    pub reads_messages: Result<bool, RestError>,
    /// The server's name; `None` where the bot is not in it.
    pub name: Result<Option<String>, RestError>,
    /// Whether the commands are registered; `None` where the bot may not register any.
    pub commands: Result<Option<bool>, RestError>,
    /// The home channel first, then the others in which a reaction launches.
    pub channels: Vec<(ChannelId, ChannelSeen)>,
}

/// A channel.
#[derive(Debug)]
pub enum ChannelSeen {
    /// A channel of the server, and the bits of what the bot may do in it.
    Here {
        /// Its name.
        name: String,
        /// What the bot may do, or why that is not known.
        permissions: Result<u64, RestError>,
    },
    /// There is none, or the bot does not see it.
    Gone,
    /// It belongs to another server.
    Foreign(String),
    /// It takes no messages.
    NoText(String),
    /// Discord does not say.
    Unknown(RestError),
}

pub(super) async fn look(config: &Config, endpoint: &Endpoint) -> Discord {
    let rest = endpoint.rest(config);
    let (me, clock, gateway) = tokio::join!(
        in_time(async { rest.me().await.cloned() }),
        in_time(rest.clock()),
        gateway(&rest, endpoint)
    );
    let guild = match &me {
        Ok(me) => Some(guild(config, &rest, me.id).await),
        Err(_) => None,
    };
    Discord {
        at: config.api_url.clone(),
        bot: me.map(|me| me.name),
        clock,
        gateway,
        guild,
    }
}

async fn in_time<T>(asking: impl Future<Output = Result<T, RestError>>) -> Result<T, RestError> {
    let silent = || RestError::Unknown {
        reason: format!("no answer within {} s", PATIENCE.as_secs()),
        maybe_done: false,
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .unwrap_or_else(|_| Err(silent()))
}

/// Whether anything answers where the gateway should be. To identify would cost one of the day's thousand logins.
async fn gateway(rest: &Rest, endpoint: &Endpoint) -> Result<String, String> {
    let url = in_time(rest.gateway()).await.map_err(|error| error.to_string())?;
    let plain = url.replacen("ws", "http", 1);
    let answer = endpoint.client.get(plain).timeout(PATIENCE).send().await;
    match answer {
        Ok(answer) if answer.status().is_server_error() => {
            Err(format!("{url} answers with {}", answer.status().as_u16()))
        }
        Ok(_) => Ok(url),
        Err(error) if error.is_timeout() => Err(format!("{url} does not answer")),
        Err(_) => Err(format!("{url} cannot be reached")),
    }
}

async fn guild(config: &Config, rest: &Rest, bot: UserId) -> Guild {
    let application = in_time(rest.application()).await;
    let id = application.as_ref().map_or(bot, |application| application.id);
    let name = match in_time(rest.guild(config.guild)).await {
        Ok(NamedGuild { name, .. }) => Ok(Some(name)),
        Err(RestError::Refused { .. }) => Ok(None),
        Err(error) => Err(error),
    };
    let registered = match in_time(rest.guild_commands(id, config.guild)).await {
        Ok(names) => Ok(Some(names.iter().any(|name| name == commands::ROOT))),
        Err(RestError::Refused { .. }) => Ok(None),
        Err(error) => Err(error),
    };
    let mut channels = Vec::new();
    if matches!(name, Ok(Some(_))) {
        let launch = config.launch.channels.iter().copied();
        let others = launch.filter(|channel| *channel != config.home_channel);
        for channel in std::iter::once(config.home_channel).chain(others) {
            channels.push((channel, look_at(rest, config.guild, channel).await));
        }
    }
    Guild {
        id: config.guild,
        application: id,
        reads_messages: application
            .as_ref()
            .map(Application::reads_messages)
            .map_err(Clone::clone),
        name,
        commands: registered,
        channels,
    }
}

/// What a channel is to a bot that works in this server.
pub(crate) async fn look_at(rest: &Rest, guild: GuildId, channel: ChannelId) -> ChannelSeen {
    let found = match in_time(rest.named_channel(channel)).await {
        Ok(Some(found)) => found,
        Ok(None) => return ChannelSeen::Gone,
        Err(error) => return ChannelSeen::Unknown(error),
    };
    match found.guild_id {
        Some(other) if other != guild => ChannelSeen::Foreign(found.name),
        _ if !found.takes_messages() => ChannelSeen::NoText(found.name),
        _ => ChannelSeen::Here {
            name: found.name,
            permissions: in_time(rest.permissions_in(guild, channel)).await,
        },
    }
}
