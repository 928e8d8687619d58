//! Looks again at the messages of prompts that wait, where they may have been edited or deleted unseen.
//!
//! The session that asks runs none of them before it was told. What was changed goes the way of every edit.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::intake::{CatchUp, Item};
use super::missed::{authorize, take};
use super::rest::{FetchedMessage, RestError};
use crate::ids::{ChannelId, MessageId, SessionId};
use crate::ingress::{Ask, Inbound, Ingress};
use crate::session::Recheck;

/// When it is tried again after Discord failed.
const AGAIN: Duration = Duration::from_secs(5);
/// Discord's code for a message that is not there any more.
const UNKNOWN_MESSAGE: u32 = 10_008;
/// So few are asked for one by one.
const FEW: usize = 3;

/// Answers every session that asks, until `stop`.
pub(super) fn start(
    ingress: &Ingress,
    items: &mpsc::WeakUnboundedSender<Item>,
    (tracker, stop): (&TaskTracker, &CancellationToken),
) {
    let (ingress, items, tasks, stop) = (ingress.clone(), items.clone(), tracker.clone(), stop.clone());
    tracker.spawn(async move {
        while let Some(wish) = stop.run_until_cancelled(ingress.next_recheck()).await {
            match wish {
                Recheck::Waiting(session) => {
                    let (ingress, stop) = (ingress.clone(), stop.clone());
                    tasks.spawn(
                        async move { stop.run_until_cancelled(until_known(&ingress, &session)).await },
                    );
                }
                Recheck::Thread(thread) => {
                    let marks = vec![(thread.channel(), thread.get().into())];
                    if let Some(items) = items.upgrade() {
                        // The consumer only ends with the daemon.
                        items.send(Item::CatchUp(CatchUp { heard: 0, marks })).ok();
                    }
                }
            }
        }
    });
}

/// Discord may be out of reach for hours: the prompts wait for as long.
async fn until_known(ingress: &Ingress, session: &SessionId) {
    while let Err(error) = recheck(ingress, session).await {
        tracing::warn!(%session, "cannot look at the messages that wait in session {session}: {error:#}");
        tokio::time::sleep(AGAIN).await;
    }
    ingress.rechecked(session);
}

async fn recheck(ingress: &Ingress, session: &SessionId) -> Result<()> {
    let waiting = ingress.waiting_messages(session).await?;
    let mut seen = HashMap::new();
    if waiting.len() > FEW {
        list(ingress, &waiting, &mut seen).await?;
    }
    for (channel, message) in waiting {
        let found = match seen.remove(&message) {
            Some(found) => Some(found),
            // What a list does not show is not gone for certain: it may be hidden from the bot.
            None => one(ingress, channel, message).await?,
        };
        if let Some(found) = found {
            follow(ingress, channel, found).await?;
        }
    }
    Ok(())
}

/// Reads as many at once as possible, by pages that begin at the next one that was not seen yet.
async fn list(
    ingress: &Ingress,
    waiting: &[(ChannelId, MessageId)],
    seen: &mut HashMap<MessageId, FetchedMessage>,
) -> Result<(), RestError> {
    let mut read_to: Option<(ChannelId, MessageId)> = None;
    for (channel, message) in waiting {
        if read_to.is_some_and(|(in_channel, to)| in_channel == *channel && *message <= to) {
            continue;
        }
        let before = MessageId::from(message.get().saturating_sub(1));
        let page = match ingress.rest().messages(*channel, Some(before), 100).await {
            Ok(page) => page,
            // The channel is gone or out of sight, which is found out message by message.
            Err(error) if error.code().is_some() => continue,
            Err(error) => return Err(error),
        };
        let newest = page.last().map_or(*message, |last| last.id);
        read_to = Some((*channel, newest.max(*message)));
        seen.extend(page.into_iter().map(|message| (message.id, message)));
    }
    Ok(())
}

/// One message. One that was deleted is taken back.
async fn one(ingress: &Ingress, channel: ChannelId, message: MessageId) -> Result<Option<FetchedMessage>> {
    match ingress.rest().message(channel, message).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.code() == Some(UNKNOWN_MESSAGE) => {
            let ask = Ask::Deleted { message };
            take(ingress, Inbound { by: None, ask }).await?;
            Ok(None)
        }
        // Out of sight: nothing is known against it.
        Err(error) if error.code().is_some() => {
            tracing::warn!(%channel, "cannot see message {message} any more: {error}");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Takes over what a message says by now.
async fn follow(ingress: &Ingress, channel: ChannelId, found: FetchedMessage) -> Result<()> {
    if found.edited_timestamp.is_none() || !ingress.says_otherwise(found.id, &found.content).await? {
        return Ok(());
    }
    let ask = Ask::Edited {
        channel,
        message: found.id,
        text: found.content,
    };
    let (by, _) = authorize(ingress, &found.author, &ask).await?;
    take(ingress, Inbound { by: Some(by), ask }).await
}
