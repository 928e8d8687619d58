//! Where the bot is: the server and its channels by name, and how the daemon does.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::{Caller, Owner};
use super::error::{ApiError, ErrorBody};
use super::{Api, terminals};
use crate::discord::rest::{NamedChannel, NamedGuild, RestError};
use crate::ids::{ChannelId, GuildId};

/// Names change rarely, and Discord counts every question.
const FRESH: Duration = Duration::from_mins(1);

/// What Discord said of the server, for a while.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<Option<(Instant, Place)>>);

#[derive(Debug, Clone)]
struct Place {
    guild: NamedGuild,
    channels: Vec<NamedChannel>,
}

impl Api {
    async fn place(&self) -> Result<Place, RestError> {
        let names = || self.names.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = names().clone().filter(|(at, _)| at.elapsed() < FRESH);
        if let Some((_, place)) = known {
            return Ok(place);
        }
        let (rest, guild) = (&self.deps.rest, self.deps.config.guild);
        let place = Place {
            guild: rest.guild(guild).await?,
            channels: rest.guild_channels(guild).await?,
        };
        *names() = Some((Instant::now(), place.clone()));
        Ok(place)
    }

    /// Whether messages can be sent there: a channel or a thread of the bot's own server.
    pub(super) async fn takes_messages(&self, channel: ChannelId) -> Result<bool, ApiError> {
        if channel == self.deps.config.home_channel {
            return Ok(true);
        }
        let found = self.deps.rest.named_channel(channel).await?;
        Ok(found.is_some_and(|channel| {
            channel.takes_messages() && channel.guild_id == Some(self.deps.config.guild)
        }))
    }
}

/// How the daemon does.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DaemonStatus {
    /// Who the bot is; null while Discord does not say.
    #[schema(required)]
    bot: Option<Named>,
    /// The server that it works in; empty while Discord does not say.
    guilds: Vec<Named>,
    /// How long the gateway takes to answer; null before the first heartbeat.
    #[schema(required)]
    latency_ms: Option<u64>,
    /// Whether the gateway is connected and everything was started.
    ready: bool,
    /// The daemon's version.
    version: &'static str,
    /// The oldest extension that it works with.
    min_extension_version: &'static str,
    /// How long it has been up.
    uptime_s: u64,
    /// How many open sessions are how.
    sessions: BTreeMap<&'static str, usize>,
}

/// Something on Discord.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Named {
    id: String,
    name: String,
}

/// A channel that takes messages.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Channel {
    #[schema(value_type = String)]
    id: ChannelId,
    name: String,
    /// The id of its server.
    #[schema(value_type = String)]
    guild: GuildId,
}

/// How the daemon does, and where it is.
#[utoipa::path(
    get,
    path = "/status",
    tag = "daemon",
    security(("token" = [])),
    responses(
        (status = 200, description = "How it does", body = DaemonStatus),
        (status = 401, description = "No token, or not a good one", body = ErrorBody)
    )
)]
pub(super) async fn status(
    axum::extract::State(health): axum::extract::State<std::sync::Arc<super::Health>>,
    caller: Caller,
) -> Result<Json<DaemonStatus>, ApiError> {
    let api = caller.api;
    let ready = health.host.is_ready();
    let bot = api.deps.rest.me().await.ok().map(|me| Named {
        id: me.id.to_string(),
        name: me.name.clone(),
    });
    let guild = api.place().await.ok().map(|place| Named {
        id: place.guild.id.to_string(),
        name: place.guild.name,
    });
    let latency = api.deps.host.pulse().last().map(|(latency, _)| latency);
    Ok(Json(DaemonStatus {
        bot,
        guilds: guild.into_iter().collect(),
        latency_ms: latency.map(|latency| latency.as_millis().try_into().unwrap_or(u64::MAX)),
        ready,
        version: env!("CARGO_PKG_VERSION"),
        min_extension_version: terminals::MIN_EXTENSION,
        uptime_s: api.began.elapsed().as_secs(),
        sessions: api.counts().await?,
    }))
}

/// The channels of the server that take messages, without threads.
#[utoipa::path(
    get,
    path = "/channels",
    tag = "daemon",
    security(("token" = [])),
    responses(
        (status = 200, description = "The channels", body = Vec<Channel>),
        (status = 401, description = "No token, or not a good one", body = ErrorBody),
        (status = 403, description = "Only the owner may ask", body = ErrorBody),
        (status = 502, description = "Discord did not answer", body = ErrorBody)
    )
)]
pub(super) async fn channels(Owner(api): Owner) -> Result<Json<Vec<Channel>>, ApiError> {
    let place = api.place().await?;
    let channels = place.channels.into_iter().map(|channel| Channel {
        id: channel.id,
        name: channel.name,
        guild: place.guild.id,
    });
    Ok(Json(channels.collect()))
}
