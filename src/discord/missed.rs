//! Fetches what was written while nobody listened. Without it a message to a daemon that restarts is a message to
//! nobody.

use anyhow::Result;

use super::rest::{FetchedAuthor, FetchedMessage, RestError};
use crate::ids::{ChannelId, MessageId, UserId};
use crate::ingress::auth::{Decision, Person};
use crate::ingress::{Ask, Inbound, Ingress};
use crate::store::now_ms;

/// What is older than this and happened while the daemon was away is asked about before it runs.
const FRESH_MS: i64 = 10 * 60 * 1000;

/// Whether a message is so old that a person has to say whether it still counts.
pub(super) fn is_late(message: MessageId) -> bool {
    now_ms() - message.created_at_ms() > FRESH_MS
}

/// Fetches what was written in these channels since the last message seen there, before `heard`, when events began to
/// come. Gives those that could not be read.
pub(super) async fn catch_up(
    ingress: &Ingress,
    bot: UserId,
    heard: i64,
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
                if let Err(error) = catch_up_with(ingress, (channel, heard), message, bot).await {
                    tracing::warn!(channel = %channel, "cannot take in message {id}: {error:#}");
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
    (channel, heard): (ChannelId, i64),
    message: FetchedMessage,
    bot: UserId,
) -> Result<()> {
    if message.author.bot {
        return Ok(());
    }
    let (id, late) = (message.id, is_late(message.id));
    let author = message.author.clone();
    let Some(written) = message.written(channel, bot, late) else {
        return Ok(());
    };
    // One that came when events did already was carried out then.
    let missed_command = id.created_at_ms() < heard && ingress.is_command(&written);
    let ask = Ask::Write(Box::new(written));
    let (by, decision) = authorize(ingress, &author, &ask).await?;
    if missed_command && decision == Decision::Allow {
        ingress.command_missed(channel, id).await;
    }
    take(ingress, Inbound { by: Some(by), ask }).await
}

/// Who it is, as far as it matters for this. What is fetched carries no roles, so they have to be asked for.
pub(super) async fn authorize(
    ingress: &Ingress,
    author: &FetchedAuthor,
    ask: &Ask,
) -> Result<(Person, Decision), RestError> {
    let by = author.person(Vec::new(), ingress.guild());
    let mut inbound = Inbound {
        by: Some(by.clone()),
        ask: ask.clone(),
    };
    let by_name = ingress.decide(&inbound);
    if by_name == Decision::Allow || author.bot {
        return Ok((by, by_name));
    }
    let roles = match ingress.rest().member_roles(ingress.guild(), author.id).await {
        Ok(roles) => roles,
        // Who has left has none.
        Err(error) if error.code().is_some() => Vec::new(),
        Err(error) => return Err(error),
    };
    let by = Person { roles, ..by };
    inbound.by = Some(by.clone());
    let decision = ingress.decide(&inbound);
    Ok((by, decision))
}

/// Takes something in. There is nobody to answer: what a person must know is said in the thread by the session.
pub(super) async fn take(ingress: &Ingress, inbound: Inbound) -> Result<()> {
    let taken = ingress.take(inbound).await;
    taken
        .map(|_| ())
        .inspect_err(|error| tracing::error!("cannot act on an event: {error:#}"))
}
