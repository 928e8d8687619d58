//! Finds launches that were asked for while nobody listened: a reaction is in no list of events that could be fetched.
//!
//! Only messages count that were written since this installation first saw the channel. Whatever was reacted to them
//! while the daemon listened has a row, so what has none came meanwhile; an old channel full of rockets launches nothing.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::intake::Item;
use super::missed::{authorize, is_late};
use super::rest::{FetchedEmoji, FetchedMessage};
use crate::ids::{ChannelId, MessageId};
use crate::ingress::auth::{Decision, Person};
use crate::ingress::{Ask, Inbound, Ingress};
use crate::store::now_ms;

/// When it is tried again after Discord failed.
const AGAIN: Duration = Duration::from_secs(10);
/// How far back a channel is read.
const NEWEST: u8 = 100;
/// So many people who reacted to one message are asked for.
const PEOPLE: usize = 25;

/// Looks whenever `missed` is rung, until `stop`.
pub(super) fn start(
    ingress: &Ingress,
    (missed, items): (Arc<Notify>, mpsc::WeakUnboundedSender<Item>),
    (tracker, stop): (&TaskTracker, &CancellationToken),
) {
    let (ingress, stop) = (ingress.clone(), stop.clone());
    tracker.spawn(async move {
        while stop.run_until_cancelled(missed.notified()).await.is_some() {
            stop.run_until_cancelled(look(&ingress, now_ms(), &items)).await;
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

/// `heard`: when events began to come. What is written later needs no looking for.
async fn look(ingress: &Ingress, heard: i64, items: &mpsc::WeakUnboundedSender<Item>) {
    for channel in ingress.launch_channels() {
        while let Err(error) = look_in(ingress, (channel, heard), items).await {
            tracing::warn!(%channel, "cannot look for launches in channel {channel}: {error:#}");
            tokio::time::sleep(AGAIN).await;
        }
    }
}

async fn look_in(
    ingress: &Ingress,
    (channel, heard): (ChannelId, i64),
    items: &mpsc::WeakUnboundedSender<Item>,
) -> Result<()> {
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
    let missed = |message: &FetchedMessage| message.id > since && message.id.created_at_ms() < heard;
    for message in messages.into_iter().filter(missed) {
        let reacted = message.reactions.iter().map(|reaction| &reaction.emoji);
        let rocket = reacted
            .into_iter()
            .find(|emoji| ingress.is_launch_emoji(emoji))
            .cloned();
        if let Some(rocket) = rocket
            && !ingress.is_known_message(message.id).await?
        {
            let found = launch(ingress, channel, &message, &rocket).await?;
            // In the order of events: what was written before it in a thread that exists is no prompt of its session.
            if let (Some(found), Some(items)) = (found, items.upgrade()) {
                // The consumer only ends with the daemon.
                items.send(Item::Inbound(found)).ok();
            }
        }
    }
    Ok(())
}

/// The launch of a message for the first of those who reacted that may.
async fn launch(
    ingress: &Ingress,
    channel: ChannelId,
    message: &FetchedMessage,
    rocket: &FetchedEmoji,
) -> Result<Option<Inbound>> {
    let ask = Ask::Launch {
        channel,
        message: message.id,
        late: is_late(message.id),
    };
    let by = launcher(ingress, (channel, message), rocket, &ask).await?;
    Ok(by.map(|by| Inbound { by: Some(by), ask }))
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
