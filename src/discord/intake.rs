//! Takes events of the gateway out of their queue, in order, and hands them to the ingress; fetches what was missed.
//!
//! Without one consumer two messages of a person could be acted on in the wrong order.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::missed::{catch_up, take};
use super::overtaken::Overtaken;
use crate::ids::{ChannelId, MessageId, ThreadId, UserId};
use crate::ingress::{Ask, Inbound, Ingress};

/// How long to wait before a launch that Discord did not answer is tried again; it doubles from there.
const LAUNCH_AGAIN: Duration = Duration::from_secs(2);
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
    /// Events are heard again from here on.
    Hearing,
    /// What was written while nobody listened has to be fetched again, from these marks: an earlier attempt failed.
    CatchUp(CatchUp),
    /// The gateway begins anew, on a connection that was begun then: every channel is read from its mark.
    CatchUpAll(i64),
}

/// What is left of an attempt to fetch what was written meanwhile.
#[derive(Debug)]
pub(super) struct CatchUp {
    /// When the connection was begun on which events come again, in unix milliseconds.
    pub(super) heard: i64,
    /// The channels, each with the message after which to read.
    pub(super) marks: Vec<(ChannelId, MessageId)>,
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
                let Some(inbound) = overtaken.settle(inbound) else {
                    continue;
                };
                let from = before(&inbound.ask);
                if let (Err(error), Some(mark)) = (take(&ingress, inbound).await, from) {
                    tracing::error!("a message could not be taken in, and is fetched again: {error:#}");
                    let marks = vec![mark];
                    later(&again, (&tracker, &stop), CatchUp { heard: 0, marks });
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
            Item::Hearing => {
                if let Err(error) = ingress.hearing().await {
                    tracing::error!("cannot look for what was missed: {error:#}");
                }
            }
            // Before anything newer: a live message moves the mark from which the missed ones are read.
            Item::CatchUpAll(heard) => {
                let marks = all_marks(&ingress).await;
                let left = catch_up_from(&ingress, bot, CatchUp { heard, marks }).await;
                if !left.marks.is_empty() {
                    later(&again, (&tracker, &stop), left);
                }
            }
            Item::CatchUp(from) => {
                let left = catch_up_from(&ingress, bot, from).await;
                if !left.marks.is_empty() {
                    later(&again, (&tracker, &stop), left);
                }
            }
        }
    }
}

/// Fetches again after a while.
fn later(
    again: &mpsc::WeakUnboundedSender<Item>,
    (tracker, stop): (&TaskTracker, &CancellationToken),
    what: CatchUp,
) {
    let (again, stop) = (again.clone(), stop.clone());
    tracker.spawn(async move {
        let later = tokio::time::sleep(CATCH_UP_AGAIN);
        if let (Some(()), Some(again)) = (stop.run_until_cancelled(later).await, again.upgrade()) {
            // The consumer only ends with the daemon.
            again.send(Item::CatchUp(what)).ok();
        }
    });
}

/// Where to read from so that a message is read again.
fn before(ask: &Ask) -> Option<(ChannelId, MessageId)> {
    match ask {
        Ask::Write(written) => Some((written.channel, written.message.get().saturating_sub(1).into())),
        _ => None,
    }
}

/// Where every channel was read up to.
async fn all_marks(ingress: &Ingress) -> Vec<(ChannelId, MessageId)> {
    ingress.read_marks().await.unwrap_or_else(|error| {
        tracing::error!("cannot fetch what was written meanwhile: {error:#}");
        Vec::new()
    })
}

/// Gives what could not be read.
async fn catch_up_from(ingress: &Ingress, bot: UserId, from: CatchUp) -> CatchUp {
    let heard = from.heard;
    let marks = catch_up(ingress, bot, heard, from.marks).await;
    CatchUp { heard, marks }
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
