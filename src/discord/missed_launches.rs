//! Finds launches that were asked for while nobody listened: a reaction is in no list of events that could be fetched.
//!
//! Only messages count that were written since this installation first saw the channel. Whatever was reacted to them
//! while the daemon listened has a row, so what has none came meanwhile; an old channel full of rockets launches nothing.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::missed::{authorize, is_late, take};
use super::rest::{FetchedEmoji, FetchedMessage};
use crate::ids::{ChannelId, MessageId};
use crate::ingress::auth::{Decision, Person};
use crate::ingress::{Ask, Inbound, Ingress};

/// When it is tried again after Discord failed.
const AGAIN: Duration = Duration::from_secs(10);
/// How far back a channel is read.
const NEWEST: u8 = 100;
/// So many people who reacted to one message are asked for.
const PEOPLE: usize = 25;

/// Looks whenever `missed` is rung, until `stop`.
pub(super) fn start(
    ingress: &Ingress,
    missed: Arc<Notify>,
    (tracker, stop): (&TaskTracker, &CancellationToken),
) {
    let (ingress, stop) = (ingress.clone(), stop.clone());
    tracker.spawn(async move {
        while stop.run_until_cancelled(missed.notified()).await.is_some() {
            stop.run_until_cancelled(look(&ingress)).await;
        }
    });
}

/// Remembers from where on these channels count, where they were never seen before. Called before the first event can
/// come, so that none of them falls between.
pub(super) async fn first_sight(ingress: &Ingress) -> Result<()> {
    for channel in ingress.unseen_channels().await? {
        match ingress.rest().messages(channel, None, 1).await {
            Ok(messages) => {
                let newest = messages.last().map(|message| message.id);
                ingress.channel_seen(channel, newest).await?;
            }
            Err(error) if error.code().is_some() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn look(ingress: &Ingress) {
    for channel in ingress.launch_channels() {
        while let Err(error) = look_in(ingress, channel).await {
            tracing::warn!(%channel, "cannot look for launches in channel {channel}: {error:#}");
            tokio::time::sleep(AGAIN).await;
        }
    }
}

async fn look_in(ingress: &Ingress, channel: ChannelId) -> Result<()> {
    match ingress.rest().channel(channel).await {
        Ok(found) if found.guild_id == Some(ingress.guild()) => {}
        // Another server's, gone, or out of sight; `/omp health` says so.
        Ok(_) => return Ok(()),
        Err(error) if error.code().is_some() => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let messages = match ingress.rest().messages(channel, None, NEWEST).await {
        Ok(messages) => messages,
        // It may not read there.
        Err(error) if error.code().is_some() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let newest = messages.last().map(|message| message.id);
    let Some(since) = ingress.launches_since(channel, newest).await? else {
        return Ok(());
    };
    for message in messages.into_iter().filter(|message| message.id > since) {
        let reacted = message.reactions.iter().map(|reaction| &reaction.emoji);
        let rocket = reacted
            .into_iter()
            .find(|emoji| ingress.is_launch_emoji(emoji))
            .cloned();
        if let Some(rocket) = rocket
            && !ingress.is_known_message(message.id).await?
        {
            launch(ingress, channel, &message, &rocket).await?;
        }
    }
    Ok(())
}

/// Launches a message for the first of those who reacted that may.
async fn launch(
    ingress: &Ingress,
    channel: ChannelId,
    message: &FetchedMessage,
    rocket: &FetchedEmoji,
) -> Result<()> {
    let ask = Ask::Launch {
        channel,
        message: message.id,
        late: is_late(message.id),
    };
    if let Some(by) = launcher(ingress, (channel, message), rocket, &ask).await? {
        take(ingress, Inbound { by: Some(by), ask }).await?;
    }
    Ok(())
}

async fn launcher(
    ingress: &Ingress,
    (channel, message): (ChannelId, &FetchedMessage),
    rocket: &FetchedEmoji,
    ask: &Ask,
) -> Result<Option<Person>> {
    let only = (!ingress.any_author_launches()).then_some(message.author.id);
    let place: (ChannelId, MessageId) = (channel, message.id);
    let people = ingress.rest().reactors(place, rocket, only).await?;
    let may = people
        .iter()
        .filter(|person| only.is_none_or(|only| person.id == only));
    for person in may.filter(|person| !person.bot).take(PEOPLE) {
        let (by, decision) = authorize(ingress, person, ask).await?;
        if decision == Decision::Allow {
            return Ok(Some(by));
        }
    }
    Ok(None)
}
