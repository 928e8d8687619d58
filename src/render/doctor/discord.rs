//! What Discord said, as findings.

use super::Finding;
use crate::discord::rest::{Offset, RestError};
use crate::doctor::{ChannelSeen, Discord, Guild};
use crate::error::{Fatal, invitation};
use crate::ids::ChannelId;
use crate::render::footer::duration;
use crate::render::health::missing;

/// Fresh messages and old ones are ten minutes apart; certificates are less patient.
const MUCH: u64 = 10;

pub(super) fn discord(seen: &Discord, all: &mut Vec<Finding>) {
    all.push(token(seen));
    all.push(clock(seen));
    all.push(gateway(seen));
    match &seen.guild {
        Some(guild) => of_guild(guild, all),
        None => all.push(Finding::open(
            "Server",
            "looked at once Discord accepts the token",
        )),
    }
}

fn token(seen: &Discord) -> Finding {
    const NAME: &str = "Bot token";
    let place = seen
        .at
        .as_deref()
        .map(|at| format!(" at {at}"))
        .unwrap_or_default();
    match &seen.bot {
        Ok(bot) => Finding::good(NAME, format!("accepted{place}; the bot is {bot}")),
        Err(RestError::Unauthorized) => Finding::bad(
            NAME,
            format!("Discord does not accept it{place}"),
            Fatal::TokenRejected.hint().unwrap_or_default(),
        ),
        Err(error) => Finding::bad(
            NAME,
            format!("it could not be tried{place}: {error}"),
            if seen.at.is_some() {
                "check DISCORD_API_URL and the server there"
            } else {
                "check the network and discordstatus.com"
            },
        ),
    }
}

fn clock(seen: &Discord) -> Finding {
    const NAME: &str = "Clock";
    match &seen.clock {
        Ok(Some(Offset { by, .. })) if by.as_secs() < MUCH => Finding::good(NAME, "agrees with Discord's"),
        Ok(Some(Offset { by, ahead })) => Finding::bad(
            NAME,
            format!(
                "this machine is {} {} Discord",
                duration(*by),
                if *ahead { "ahead of" } else { "behind" }
            ),
            "set it, and keep it right: timedatectl set-ntp true",
        ),
        Ok(None) => Finding::open(NAME, "Discord's answer had no time in it"),
        Err(_) => Finding::open(NAME, "Discord could not be asked"),
    }
}

fn gateway(seen: &Discord) -> Finding {
    match &seen.gateway {
        Ok(url) => Finding::good("Gateway", format!("{url} answers")),
        Err(why) => Finding::bad(
            "Gateway",
            why.clone(),
            "check the network, a firewall or proxy in between, and discordstatus.com",
        ),
    }
}

fn of_guild(guild: &Guild, all: &mut Vec<Finding>) {
    const SERVER: &str = "Server";
    let invite = || {
        format!(
            "check DISCORD_GUILD_ID, and invite the bot: {}",
            invitation(guild.application)
        )
    };
    all.push(match &guild.reads_messages {
        Ok(true) => Finding::good("Message Content", "the intent is switched on"),
        Ok(false) => Finding::bad(
            "Message Content",
            "the intent is switched off: the bot would see messages without their text",
            Fatal::Intents.hint().unwrap_or_default(),
        ),
        Err(error) => unknown("Message Content", error),
    });
    all.push(match &guild.name {
        Ok(Some(name)) => Finding::good(SERVER, format!("{name} ({})", guild.id)),
        Ok(None) => {
            let detail = format!("the bot is not in the server {}", guild.id);
            all.push(Finding::bad(SERVER, detail, invite()));
            return;
        }
        Err(error) => unknown(SERVER, error),
    });
    all.push(match &guild.commands {
        Ok(Some(true)) => Finding::good("Commands", "/omp is registered"),
        Ok(Some(false)) => Finding::good("Commands", "/omp is registered at the next start"),
        Ok(None) => Finding::bad(
            "Commands",
            "the bot may not register /omp",
            format!(
                "invite it again, with the scope applications.commands: {}",
                invitation(guild.application)
            ),
        ),
        Err(error) => unknown("Commands", error),
    });
    for (number, (id, seen)) in guild.channels.iter().enumerate() {
        let (name, variable) = if number == 0 {
            ("Home channel", "DISCORD_CHANNEL_ID")
        } else {
            ("Launch channel", "OMP_LAUNCH_CHANNEL_IDS")
        };
        all.push(channel(name, variable, *id, seen));
        if let ChannelSeen::Here { permissions, .. } = seen {
            permitted(*id, permissions, all);
        }
    }
}

fn channel(name: &'static str, variable: &str, id: ChannelId, seen: &ChannelSeen) -> Finding {
    match seen {
        ChannelSeen::Here { name: channel, .. } => Finding::good(name, format!("#{channel} ({id})")),
        ChannelSeen::Gone => Finding::bad(
            name,
            format!("{id} does not exist, or the bot does not see it"),
            format!("check {variable}, or give the bot View Channel there"),
        ),
        ChannelSeen::Foreign(channel) => Finding::bad(
            name,
            format!("#{channel} ({id}) belongs to another server"),
            format!("put a channel of the server in DISCORD_GUILD_ID into {variable}"),
        ),
        ChannelSeen::NoText(channel) => Finding::bad(
            name,
            format!("{channel} ({id}) takes no messages"),
            format!("put a text channel into {variable}"),
        ),
        ChannelSeen::Unknown(error) => unknown(name, error),
    }
}

fn permitted(id: ChannelId, permissions: &Result<u64, RestError>, all: &mut Vec<Finding>) {
    const NAME: &str = "Permissions";
    match permissions {
        Err(error) => all.push(unknown(NAME, error)),
        Ok(bits) if missing(*bits).is_empty() => {
            all.push(Finding::good(NAME, "everything that is needed there"));
        }
        Ok(bits) => {
            for (name, lost) in missing(*bits) {
                all.push(Finding::bad(
                    NAME,
                    format!("{name} is missing in {id}: {lost}"),
                    "give it to the bot's role, in the settings of the channel or the server",
                ));
            }
        }
    }
}

fn unknown(name: &'static str, error: &RestError) -> Finding {
    Finding::bad(
        name,
        format!("could not be looked at: {error}"),
        "try again in a moment",
    )
}
