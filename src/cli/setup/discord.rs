//! The bot and its place on Discord, each answer tried at once.

use anyhow::Result;
use secrecy::{ExposeSecret as _, SecretString};

use super::desk::{Desk, known_token};
use crate::config::Item;
use crate::discord::rest::{Application, NamedChannel, NamedGuild, Rest, RestError};
use crate::doctor::{ChannelSeen, look_at};
use crate::error::{Fatal, UserError, invitation};
use crate::ids::{ChannelId, GuildId, UserId};
use crate::render::setup as words;

pub(super) fn set_up(desk: &mut Desk) -> Result<()> {
    let rest = token(desk)?;
    let application = intent(desk, &rest)?;
    let guild = guild(desk, &rest, &application)?;
    channel(desk, &rest, guild, &application)?;
    people(desk, &rest, guild, &application)
}

/// A token that Discord takes.
fn token(desk: &mut Desk) -> Result<Rest> {
    if let Some((token, apart)) = known_token(&desk.draft) {
        match try_token(desk, &token)? {
            Some((rest, bot)) => {
                if !apart {
                    desk.draft
                        .set(Item::Token, token.expose_secret())
                        .map_err(words::as_error)?;
                }
                Desk::say(&words::bot(&bot))?;
                return Ok(rest);
            }
            None if desk.attended => Desk::say(words::TOKEN_REFUSED)?,
            None => return Err(Fatal::TokenRejected.into()),
        }
    }
    Desk::say(words::TOKEN)?;
    loop {
        let answer = Desk::secret("Bot token (not shown)")?;
        if answer.is_empty() || !desk.put(Item::Token, &answer)? {
            continue;
        }
        match try_token(desk, &answer.into())? {
            Some((rest, bot)) => {
                Desk::say(&words::bot(&bot))?;
                return Ok(rest);
            }
            None => Desk::say(words::TOKEN_REFUSED)?,
        }
    }
}

/// `None`: Discord refuses it. Who sits there is asked whether to try again when Discord does not answer, so that what was
/// typed is not lost.
fn try_token(desk: &Desk, token: &SecretString) -> Result<Option<(Rest, String)>> {
    let api_url = desk.draft.get(Item::ApiUrl);
    let rest = desk.endpoint.rest_with(token, api_url.as_deref());
    loop {
        match desk.wait(rest.me()) {
            Ok(bot) => {
                let name = bot.name.clone();
                return Ok(Some((rest, name)));
            }
            Err(RestError::Unauthorized) => return Ok(None),
            Err(error) if desk.attended => {
                Desk::say(&words::unreachable(&error.to_string()))?;
                let choices = ["Try again".to_owned(), "Give up".to_owned()];
                if Desk::choose("Then", &choices)? != 0 {
                    return Err(unusable(desk, error));
                }
            }
            Err(error) => return Err(unusable(desk, error)),
        }
    }
}

fn unusable(desk: &Desk, error: RestError) -> anyhow::Error {
    match error {
        RestError::Unauthorized => Fatal::TokenRejected.into(),
        other => Fatal::Unreachable {
            at: desk.draft.get(Item::ApiUrl),
            reason: other.to_string(),
        }
        .into(),
    }
}

/// The application, once it is given what messages say.
fn intent(desk: &Desk, rest: &Rest) -> Result<Application> {
    loop {
        let application = desk
            .wait(rest.application())
            .map_err(|error| unusable(desk, error))?;
        if application.reads_messages() {
            Desk::say(words::INTENT_ON)?;
            return Ok(application);
        }
        if !desk.attended {
            return Err(Fatal::Intents.into());
        }
        Desk::say(&words::intent_off(application.id))?;
        if again()? {
            continue;
        }
        return Ok(application);
    }
}

/// Whether it is to be looked at again, or left as it is.
fn again() -> Result<bool> {
    let choices = ["Done: look again".to_owned(), "Go on without".to_owned()];
    Ok(Desk::choose("Then", &choices)? == 0)
}

fn guild(desk: &mut Desk, rest: &Rest, application: &Application) -> Result<GuildId> {
    let known: Option<GuildId> = desk.draft.get(Item::Guild).and_then(|id| id.parse().ok());
    if let Some(id) = known {
        match desk.wait(rest.guild(id)) {
            Ok(guild) => return take_guild(desk, &guild),
            Err(RestError::Refused { message, .. }) if !desk.attended => {
                return Err(Fatal::NotInvited {
                    guild: id,
                    application: application.id,
                    reason: message,
                }
                .into());
            }
            Err(RestError::Refused { .. }) => Desk::say(&words::not_in(id))?,
            Err(error) => return Err(unusable(desk, error)),
        }
    }
    loop {
        let guilds = desk.wait(rest.guilds()).map_err(|error| unusable(desk, error))?;
        if guilds.is_empty() {
            Desk::say(&words::invite(application.id))?;
            Desk::text("Press Enter when it is in your server", None)?;
            continue;
        }
        let mut choices: Vec<String> = guilds.iter().map(|guild| guild.name.clone()).collect();
        choices.push("Another one: show the invitation".to_owned());
        let chosen = Desk::choose("Server", &choices)?;
        let Some(guild) = guilds.get(chosen) else {
            Desk::say(&words::invite(application.id))?;
            Desk::text("Press Enter when it is in your server", None)?;
            continue;
        };
        return take_guild(desk, guild);
    }
}

fn take_guild(desk: &mut Desk, guild: &NamedGuild) -> Result<GuildId> {
    desk.draft
        .set(Item::Guild, &guild.id.to_string())
        .map_err(words::as_error)?;
    Desk::say(&words::server(&guild.name))?;
    Ok(guild.id)
}

fn channel(desk: &mut Desk, rest: &Rest, guild: GuildId, application: &Application) -> Result<()> {
    let mut known: Option<ChannelId> = desk.draft.get(Item::Channel).and_then(|id| id.parse().ok());
    loop {
        let id = match known.take() {
            Some(id) => id,
            None => choose_channel(desk, rest, guild)?,
        };
        let seen = desk.wait(look_at(rest, guild, id));
        let ChannelSeen::Here { name, permissions } = seen else {
            let why = words::channel(id, &seen);
            if desk.attended {
                Desk::say(&why)?;
                continue;
            }
            return Err(UserError::new(why.trim_start_matches("✗ "))
                .hint("choose another one with --channel")
                .into());
        };
        desk.draft
            .set(Item::Channel, &id.to_string())
            .map_err(words::as_error)?;
        let bits = permissions.map_err(|error| unusable(desk, error))?;
        let missing = words::permissions(&name, bits, &invitation(application.id));
        match missing {
            None => return Desk::say(&words::home(&name)),
            Some(missing) => Desk::say(&missing)?,
        }
        if !desk.attended || !again()? {
            return Ok(());
        }
        known = Some(id);
    }
}

fn choose_channel(desk: &Desk, rest: &Rest, guild: GuildId) -> Result<ChannelId> {
    let channels = desk
        .wait(rest.guild_channels(guild))
        .map_err(|error| unusable(desk, error))?;
    if channels.is_empty() {
        let none = UserError::new("the bot sees no text channel in the server");
        return Err(none.hint("make one, or give the bot View Channel there").into());
    }
    Desk::say(words::CHANNEL)?;
    let names: Vec<String> = channels
        .iter()
        .map(|channel| format!("#{}", channel.name))
        .collect();
    let chosen = Desk::choose("Home channel", &names)?;
    let id = channels.get(chosen).map(|NamedChannel { id, .. }| *id);
    id.ok_or_else(|| anyhow::anyhow!("nothing was chosen"))
}

fn people(desk: &mut Desk, rest: &Rest, guild: GuildId, application: &Application) -> Result<()> {
    let mut known = desk.draft.get(Item::Users);
    // Somebody who lets only roles in has answered the question.
    if known.is_none() && desk.draft.lookup("DISCORD_ALLOWED_ROLES").is_some() {
        return Ok(());
    }
    let owner = application.owner.as_ref().map(|owner| owner.id.to_string());
    loop {
        let answer = if let Some(known) = known.take() {
            known
        } else {
            Desk::say(words::PEOPLE)?;
            Desk::text("Who may use it", owner.as_deref())?.unwrap_or_default()
        };
        if desk.attended {
            if answer.is_empty() || !desk.put(Item::Users, &answer)? {
                continue;
            }
        } else {
            desk.draft.set(Item::Users, &answer).map_err(words::as_error)?;
        }
        let strangers = introduce(desk, rest, guild, &answer)?;
        if strangers.is_empty() {
            return Ok(());
        }
        let why = words::strangers(&strangers);
        if !desk.attended {
            return Err(UserError::new(why.trim_start_matches("✗ "))
                .hint("copy the ids again, and use --allow")
                .into());
        }
        Desk::say(&why)?;
    }
}

/// Says who they are, and gives those who are not in the server.
fn introduce(desk: &Desk, rest: &Rest, guild: GuildId, answer: &str) -> Result<Vec<UserId>> {
    let ids = answer
        .split(',')
        .filter_map(|id| id.trim().parse::<UserId>().ok());
    let (mut names, mut strangers) = (Vec::new(), Vec::new());
    for id in ids {
        match desk
            .wait(rest.member_name(guild, id))
            .map_err(|error| unusable(desk, error))?
        {
            Some(name) => names.push(name),
            None => strangers.push(id),
        }
    }
    if !names.is_empty() {
        Desk::say(&words::allowed(&names))?;
    }
    Ok(strangers)
}
