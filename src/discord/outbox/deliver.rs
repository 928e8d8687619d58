//! One attempt for one row, and what its outcome means for the row.

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;
use serenity::http::{LightMethod, Route};

use super::act::Act;
use super::lane::{Verdict, Worker};
use super::letter::{Letter, Tried};
use super::{OutboxEvent, RestError};
use crate::discord::draft::FileRef;
use crate::discord::rest::{Call, Haste};
use crate::failpoint;
use crate::ids::{ChannelId, MessageId, OutboxId};
use crate::store::now_ms;
use crate::store::outbox::{Fate, OutboxRow, RowKind};

const UNKNOWN_MESSAGE: u32 = 10_008;
/// Acts that fail in one of these ways are as good as done: what they were for is gone or is so already.
const MOOT: [u32; 6] = [
    UNKNOWN_MESSAGE,
    // Unknown member, user, emoji.
    10_007,
    10_013,
    10_014,
    // The list of pins is full, or the one of reactions.
    30_003,
    30_010,
];

/// A create that may be sent, and what is known of earlier attempts.
struct Claim {
    tried: Tried,
    nonce: String,
    /// When the first attempt began, where there was one.
    since: Option<i64>,
}

/// What Discord says of a message that it made or changed.
#[derive(Debug, Deserialize)]
pub(super) struct Created {
    id: MessageId,
    #[serde(default)]
    attachments: Vec<Value>,
}

impl Created {
    /// A message that was made by an earlier attempt.
    pub(super) fn found(id: MessageId, attachments: &[Value]) -> Self {
        Self {
            id,
            attachments: attachments.to_vec(),
        }
    }

    fn attachment_ids(&self) -> Vec<String> {
        let ids = self
            .attachments
            .iter()
            .filter_map(|attachment| attachment.get("id")?.as_str());
        ids.map(str::to_owned).collect()
    }
}

impl Worker {
    /// Creates a message.
    pub(super) async fn create(&mut self, id: OutboxId) -> Result<Verdict> {
        let Some(claim) = self.claim(id).await? else {
            return Ok(Verdict::Done);
        };
        if let Some(since) = claim.since
            && u128::try_from(now_ms() - since).unwrap_or_default() > self.inner.pace.dedupe_for.as_millis()
        {
            match self.find(&claim.tried, &claim.nonce, since).await? {
                Ok(Some(found)) => {
                    // Which of the files it has is not told apart: all that could be read were sent with it.
                    let files = claim.tried.draft.files.clone();
                    return self.created(id, &claim.tried, found, files).await;
                }
                Ok(None) => {}
                Err(error) => return self.failed(id, None, error).await,
            }
            self.inner.rest.turn(Haste::Words).await;
        }
        failpoint::at("outbox.claimed");
        let parcel = claim.tried.draft.create(&claim.nonce).await;
        let route = Route::ChannelMessages {
            channel_id: self.channel.get().into(),
        };
        let call = Call::new(LightMethod::Post, route)
            .json(parcel.payload)
            .files(parcel.uploads);
        match self.inner.rest.send_for::<Created>(call).await {
            Ok(message) => {
                failpoint::at("outbox.created");
                self.created(id, &claim.tried, message, parcel.taken).await
            }
            Err(error) => {
                let nothing_made = !matches!(error, RestError::Unknown { maybe_done: true, .. });
                if nothing_made && claim.since.is_none() {
                    self.unclaim(id).await?;
                }
                self.failed(id, Some((claim.tried.revision, claim.tried.draft)), error)
                    .await
            }
        }
    }

    /// Writes down that a create is attempted, before it is.
    async fn claim(&self, id: OutboxId) -> Result<Option<Claim>> {
        let after = self.newest().await?;
        let claim = self.inner.store.outbox_change(id, |row| {
            if row.kind != RowKind::Message || row.message_id.is_some() {
                return Ok((Fate::Keep, None));
            }
            let mut letter = Letter::read(row)?;
            let nonce = row.nonce.clone();
            if let (Some(tried), Some(since)) = (&letter.tried, row.attempted_at) {
                let tried = tried.clone();
                let since = Some(since);
                return Ok((Fate::Keep, Some(Claim { tried, nonce, since })));
            }
            let tried = Tried {
                revision: row.wanted,
                draft: letter.draft.clone(),
                after,
            };
            letter.tried = Some(tried.clone());
            letter.write(row)?;
            row.attempted_at = Some(now_ms());
            Ok((
                Fate::Write,
                Some(Claim {
                    tried,
                    nonce,
                    since: None,
                }),
            ))
        });
        Ok(claim.await?.flatten())
    }

    /// The attempt is known to have made nothing: the next one may say what is wanted by then.
    async fn unclaim(&self, id: OutboxId) -> Result<()> {
        let change = |row: &mut OutboxRow| {
            let mut letter = Letter::read(row)?;
            letter.tried = None;
            letter.write(row)?;
            row.attempted_at = None;
            // It was to be deleted, and there is nothing to delete.
            Ok((
                if row.kind == RowKind::Deletion {
                    Fate::Remove
                } else {
                    Fate::Write
                },
                (),
            ))
        };
        self.inner.store.outbox_change(id, change).await?;
        Ok(())
    }

    async fn created(
        &mut self,
        id: OutboxId,
        tried: &Tried,
        message: Created,
        taken: Vec<FileRef>,
    ) -> Result<Verdict> {
        let wanted = self
            .inner
            .store
            .outbox_change(id, |row| {
                row.message_id = Some(message.id);
                row.attempted_at = None;
                let mut letter = Letter::read(row)?;
                letter.tried = None;
                letter.kept = message.attachment_ids();
                letter.uploaded = taken;
                letter.write(row)?;
                row.sent = row.sent.max(tried.revision);
                Ok((settled(row), row.kind == RowKind::Message))
            })
            .await?;
        failpoint::at("outbox.confirmed");
        if let Some(entry) = self.inner.state().lanes.get_mut(&self.channel) {
            entry.newest = entry.newest.max(Some(message.id));
        }
        if wanted == Some(true) {
            self.inner.tell(OutboxEvent::Sent {
                row: id,
                channel: self.channel,
                message: message.id,
            });
        }
        Ok(Verdict::Done)
    }

    /// Makes a message say what is wanted by now.
    pub(super) async fn edit(&mut self, id: OutboxId, message: MessageId) -> Result<Verdict> {
        let read = |row: &mut OutboxRow| {
            let work = row.kind == RowKind::Message && row.sent < row.wanted;
            let letter = Letter::read(row)?;
            Ok((Fate::Keep, work.then_some((row.wanted, letter))))
        };
        let Some((revision, letter)) = self.inner.store.outbox_change(id, read).await?.flatten() else {
            return Ok(Verdict::Done);
        };
        let parcel = letter.draft.edit(&letter.uploaded, &letter.kept).await;
        let call = Call::new(LightMethod::Patch, message_route(self.channel, message));
        let call = call.json(parcel.payload).files(parcel.uploads);
        match self.inner.rest.send_for::<Created>(call).await {
            Ok(message) => {
                failpoint::at("outbox.edited");
                let change = |row: &mut OutboxRow| {
                    row.sent = row.sent.max(revision);
                    if !parcel.taken.is_empty() {
                        let mut letter = Letter::read(row)?;
                        letter.uploaded.extend(parcel.taken);
                        letter.kept = message.attachment_ids();
                        letter.write(row)?;
                    }
                    Ok((settled(row), ()))
                };
                self.inner.store.outbox_change(id, change).await?;
                Ok(Verdict::Done)
            }
            Err(error) if error.code() == Some(UNKNOWN_MESSAGE) => {
                self.inner.store.outbox_remove(id).await?;
                let channel = self.channel;
                self.inner.tell(OutboxEvent::MessageGone {
                    row: id,
                    channel,
                    message,
                });
                Ok(Verdict::Done)
            }
            Err(error) => self.failed(id, Some((revision, letter.draft)), error).await,
        }
    }

    /// Deletes a message.
    pub(super) async fn remove(&mut self, id: OutboxId, message: MessageId) -> Result<Verdict> {
        let call = Call::new(LightMethod::Delete, message_route(self.channel, message));
        match self.inner.rest.send(call).await {
            Err(error) if error.code() != Some(UNKNOWN_MESSAGE) => self.failed(id, None, error).await,
            _ => {
                self.inner.store.outbox_remove(id).await?;
                Ok(Verdict::Done)
            }
        }
    }

    /// A message is to be deleted of which is not known whether it was created.
    pub(super) async fn resolve(&mut self, id: OutboxId) -> Result<Verdict> {
        let read = |row: &mut OutboxRow| {
            let letter = Letter::read(row)?;
            Ok((
                Fate::Keep,
                letter
                    .tried
                    .map(|tried| (tried, row.nonce.clone(), row.attempted_at)),
            ))
        };
        let tried = self.inner.store.outbox_change(id, read).await?.flatten();
        let Some((tried, nonce, Some(since))) = tried else {
            self.inner.store.outbox_remove(id).await?;
            return Ok(Verdict::Done);
        };
        match self.find(&tried, &nonce, since).await? {
            Ok(Some(found)) => self.created(id, &tried, found, Vec::new()).await,
            Ok(None) => {
                self.inner.store.outbox_remove(id).await?;
                Ok(Verdict::Done)
            }
            Err(error) => self.failed(id, None, error).await,
        }
    }

    /// Does something that is no message.
    pub(super) async fn act(&mut self, id: OutboxId, act: Act) -> Result<Verdict> {
        if let Act::Rename { name } = act {
            self.inner.store.outbox_remove(id).await?;
            self.rename(name);
            return Ok(Verdict::Done);
        }
        let emoji = act.emoji();
        match self.inner.rest.send(act.call(self.channel, &emoji)).await {
            Ok(_) => {}
            Err(error) if error.code().is_some_and(|code| MOOT.contains(&code)) => {
                tracing::debug!(channel = %self.channel, ?act, %error, "an act is moot");
            }
            Err(error) => return self.failed(id, None, error).await,
        }
        self.inner.store.outbox_remove(id).await?;
        Ok(Verdict::Done)
    }

    /// On a task of its own and once per name: Discord allows two renames in ten minutes and lets the third
    /// request hang, and no message may wait for that.
    fn rename(&self, name: String) {
        if !self.inner.state().renamed.insert((self.channel, name.clone())) {
            return;
        }
        let (inner, channel) = (self.inner.clone(), self.channel);
        self.inner.tracker.spawn(async move {
            let act = Act::Rename { name };
            let attempt = tokio::time::timeout(inner.pace.rename_within, inner.rest.send(act.call(channel, "")));
            tokio::select! {
                answer = attempt => match answer {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => tracing::info!(%channel, %error, "a thread keeps its name"),
                    Err(_) => tracing::info!(%channel, "a thread keeps its name: Discord did not answer in time"),
                },
                () = inner.stop.cancelled() => {}
            }
        });
    }

    /// The newest message of the channel that the outbox knows of.
    async fn newest(&self) -> Result<Option<MessageId>> {
        let known = self
            .inner
            .state()
            .lanes
            .get(&self.channel)
            .and_then(|entry| entry.newest);
        match known {
            Some(known) => Ok(Some(known)),
            None => self.inner.store.outbox_newest_message(self.channel).await,
        }
    }
}

/// A message that is as wanted is done with when it is sealed, and otherwise waits for the next change.
pub(super) fn settled(row: &OutboxRow) -> Fate {
    if row.kind == RowKind::Message && row.sealed && row.sent >= row.wanted {
        Fate::Remove
    } else {
        Fate::Write
    }
}

fn message_route(channel: ChannelId, message: MessageId) -> Route<'static> {
    Route::ChannelMessage {
        channel_id: channel.get().into(),
        message_id: message.get().into(),
    }
}
