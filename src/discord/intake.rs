//! Takes events of the gateway out of their queue, in order, and hands them to the ingress; fetches what was missed.
//!
//! Without one consumer two messages of a person could be acted on in the wrong order.

use std::time::Duration;

use anyhow::Result;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::overtaken::Overtaken;
use super::rest::{FetchedMessage, RestError};
use crate::ids::{ChannelId, MessageId, ThreadId, UserId};
use crate::ingress::auth::Decision;
use crate::ingress::{Ask, Inbound, Ingress};
use crate::store::now_ms;

/// How long to wait before a launch that Discord did not answer is tried again; it doubles from there.
const LAUNCH_AGAIN: Duration = Duration::from_secs(2);
/// Messages older than this that were written while the daemon was away are asked about before they run.
const FRESH_MS: i64 = 10 * 60 * 1000;
/// When reading what was missed is tried again after Discord failed.
const CATCH_UP_AGAIN: Duration = Duration::from_secs(10);

/// What the consumer takes out of the queue.
#[derive(Debug)]
pub(super) enum Item {
    Inbound(Inbound),
    ThreadGone(ThreadId),
    /// A thread was changed; this is its name.
    ThreadNamed(ThreadId, String),
    /// Discord says in the channel that the bot has pinned something.
    PinNotice(ChannelId, MessageId),
    /// The gateway begins anew: what was written meanwhile has to be fetched, from these marks where an earlier
    /// attempt failed.
    CatchUp(Option<Vec<(ChannelId, MessageId)>>),
}

pub(super) async fn consume(
    (mut items, again): (mpsc::UnboundedReceiver<Item>, mpsc::WeakUnboundedSender<Item>),
    ingress: Ingress,
    bot: UserId,
    tracker: TaskTracker,
    stop: CancellationToken,
) {
    let mut overtaken = Overtaken::default();
    while let Some(Some(item)) = stop.run_until_cancelled(items.recv()).await {
        match item {
            // A launch asks Discord for the message first; the others must not wait for that.
            Item::Inbound(
                inbound @ Inbound {
                    ask: Ask::Launch { .. },
                    ..
                },
            ) => {
                let (ingress, stop) = (ingress.clone(), stop.clone());
                tracker.spawn(async move { stop.run_until_cancelled(launch(&ingress, inbound)).await });
            }
            Item::Inbound(inbound) => {
                if let Some(inbound) = overtaken.settle(inbound) {
                    take(&ingress, inbound).await;
                }
            }
            Item::ThreadGone(thread) => {
                if let Err(error) = ingress.thread_gone(thread).await {
                    tracing::error!("cannot end the session of a deleted thread: {error:#}");
                }
            }
            Item::ThreadNamed(thread, name) => {
                if let Err(error) = ingress.thread_named(thread, &name).await {
                    tracing::error!("cannot take in the name of a thread: {error:#}");
                }
            }
            Item::PinNotice(channel, message) => {
                if let Err(error) = ingress.tidy(channel, message).await {
                    tracing::warn!("cannot take a pin notice away: {error:#}");
                }
            }
            // Before anything newer: a live message moves the mark from which the missed ones are read.
            Item::CatchUp(marks) => {
                let unread = match marks {
                    Some(marks) => catch_up(&ingress, bot, marks).await,
                    None => match ingress.read_marks().await {
                        Ok(marks) => catch_up(&ingress, bot, marks).await,
                        Err(error) => {
                            tracing::error!("cannot fetch what was written meanwhile: {error:#}");
                            Vec::new()
                        }
                    },
                };
                if !unread.is_empty() {
                    let (again, stop) = (again.clone(), stop.clone());
                    tracker.spawn(async move {
                        let later = tokio::time::sleep(CATCH_UP_AGAIN);
                        if let (Some(()), Some(again)) =
                            (stop.run_until_cancelled(later).await, again.upgrade())
                        {
                            // The consumer only ends with the daemon.
                            again.send(Item::CatchUp(Some(unread))).ok();
                        }
                    });
                }
            }
        }
    }
}

/// Asks again while Discord has no answer: nothing of a launch is stored before its message was read.
async fn launch(ingress: &Ingress, inbound: Inbound) {
    let mut wait = LAUNCH_AGAIN;
    while let Err(error) = ingress.take(inbound.clone()).await {
        tracing::warn!(
            "cannot launch a message: {error:#}; trying again in {} s",
            wait.as_secs()
        );
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_mins(5));
    }
}

async fn take(ingress: &Ingress, inbound: Inbound) {
    if let Err(error) = ingress.take(inbound).await {
        // There is nobody to answer: what a person must know is said in the thread by the session.
        tracing::error!("cannot act on an event: {error:#}");
    }
}

/// Fetches what was written in these channels since the last message seen there. Gives those that could not be read.
async fn catch_up(
    ingress: &Ingress,
    bot: UserId,
    marks: Vec<(ChannelId, MessageId)>,
) -> Vec<(ChannelId, MessageId)> {
    let mut unread = Vec::new();
    'channels: for (channel, mut after) in marks {
        loop {
            let messages = match ingress.rest().messages(channel, Some(after), 100).await {
                Ok(messages) => messages,
                Err(error) => {
                    tracing::warn!(channel = %channel, "cannot read channel {channel}: {error}");
                    // Gone or out of sight stays so; the outbox finds out and says so.
                    if error.code().is_none() {
                        unread.push((channel, after));
                    }
                    break;
                }
            };
            let Some(last) = messages.last() else { break };
            let newest = last.id;
            let whole_page = messages.len() >= 100;
            for message in messages {
                let id = message.id;
                if let Err(error) = catch_up_with(ingress, channel, message, bot).await {
                    tracing::warn!(channel = %channel, "cannot take in message {id}: {error}");
                    unread.push((channel, after));
                    continue 'channels;
                }
                after = id;
            }
            after = newest;
            if !whole_page {
                break;
            }
        }
    }
    unread
}

/// Takes in one message that was missed. An error: ask again later, from this message on.
async fn catch_up_with(
    ingress: &Ingress,
    channel: ChannelId,
    message: FetchedMessage,
    bot: UserId,
) -> Result<(), RestError> {
    if message.author.bot {
        return Ok(());
    }
    let late = now_ms() - message.id.created_at_ms() > FRESH_MS;
    let author = message.author.clone();
    let Some(written) = message.written(channel, bot, late) else {
        return Ok(());
    };
    let mut by = author.person(Vec::new(), ingress.guild());
    let ask = Ask::Write(Box::new(written));
    let by_name = ingress.decide(&Inbound {
        by: Some(by.clone()),
        ask: ask.clone(),
    });
    if by_name != Decision::Allow {
        // Messages that are fetched carry no roles, so they have to be asked for. Who has left has none.
        by.roles = match ingress.rest().member_roles(ingress.guild(), author.id).await {
            Ok(roles) => roles,
            Err(error) if error.code().is_some() => Vec::new(),
            Err(error) => return Err(error),
        };
    }
    take(ingress, Inbound { by: Some(by), ask }).await;
    Ok(())
}
