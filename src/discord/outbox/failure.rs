//! What it means for a row that an attempt failed: later, differently, or never.

use anyhow::Result;

use super::act::Act;
use super::deliver::settled;
use super::lane::{AFTER_LIMIT, Verdict, Worker};
use super::letter::Letter;
use super::{Deed, OutboxEvent};
use crate::discord::draft::Draft;
use crate::discord::rest::RestError;
use crate::ids::OutboxId;
use crate::store::outbox::{Fate, OutboxRow, RowKind};

const UNKNOWN_CHANNEL: u32 = 10_003;
const THREAD_ARCHIVED: u32 = 50_083;

impl Worker {
    /// What a failure means for a row. `said` is what was said and in which revision, for a message.
    pub(super) async fn failed(
        &mut self,
        id: OutboxId,
        said: Option<(i64, Draft)>,
        error: RestError,
    ) -> Result<Verdict> {
        if let RestError::Refused { code, message, .. } = error {
            return match code {
                UNKNOWN_CHANNEL => self.channel_gone().await,
                THREAD_ARCHIVED if self.background => self.let_sleep(id, code, message).await,
                THREAD_ARCHIVED if self.opened_for != Some(id) => self.reopen(id, code, message).await,
                _ => self.refused(id, said, code, message).await,
            };
        }
        Ok(self.later(&error))
    }

    fn later(&mut self, error: &RestError) -> Verdict {
        match error {
            RestError::Limited { retry_after, global } => {
                tracing::debug!(channel = %self.channel, retry_after_ms = retry_after.as_millis(), global, "limited");
                if *global {
                    self.inner.pause(*retry_after);
                }
                Verdict::Wait(*retry_after + AFTER_LIMIT)
            }
            RestError::Unauthorized => {
                self.log(error.kind(), &error.to_string());
                self.inner.halt();
                Verdict::Stop
            }
            _ => {
                self.log(error.kind(), &error.to_string());
                Verdict::Backoff
            }
        }
    }

    async fn channel_gone(&mut self) -> Result<Verdict> {
        self.inner.store.outbox_remove_channel(self.channel).await?;
        self.inner.tell(OutboxEvent::ChannelGone {
            channel: self.channel,
        });
        Ok(Verdict::Done)
    }

    /// A card opens no thread that was put away: it is painted when something else has opened it.
    async fn let_sleep(&mut self, id: OutboxId, code: u32, message: String) -> Result<Verdict> {
        let give_up = |row: &mut OutboxRow| Ok((give_up(row), deed(row)));
        let Some(deed) = self.inner.store.outbox_change(id, give_up).await? else {
            return Ok(Verdict::Done);
        };
        self.inner.tell(OutboxEvent::Refused {
            channel: self.channel,
            row: id,
            deed,
            code,
            message,
        });
        Ok(Verdict::Done)
    }

    /// Opens an archived thread, once per row, and tries the row again.
    async fn reopen(&mut self, id: OutboxId, code: u32, message: String) -> Result<Verdict> {
        match self.inner.rest.send(Act::Unarchive.call(self.channel, "")).await {
            Ok(_) => {
                self.opened_for = Some(id);
                Ok(Verdict::Again)
            }
            Err(RestError::Refused { .. }) => self.refused(id, None, code, message).await,
            Err(error) => Ok(self.later(&error)),
        }
    }

    /// Discord said no for good. A message that is more than words is said in words alone before it is given up.
    async fn refused(
        &mut self,
        id: OutboxId,
        said: Option<(i64, Draft)>,
        code: u32,
        message: String,
    ) -> Result<Verdict> {
        let given_up = self
            .inner
            .store
            .outbox_change(id, |row| {
                let Some((revision, said)) = said else {
                    return Ok((give_up(row), Some(deed(row))));
                };
                let mut letter = Letter::read(row)?;
                letter.tried = None;
                row.attempted_at = None;
                if row.kind == RowKind::Message && row.wanted != revision {
                    // Something else is wanted by now: that has its own try.
                    letter.write(row)?;
                    return Ok((Fate::Write, None));
                }
                if row.kind == RowKind::Message && said.is_more_than_words() && !said.asks() && !said.whole {
                    letter.draft = said.plain(&letter.uploaded);
                    letter.write(row)?;
                    row.wanted += 1;
                    return Ok((Fate::Write, None));
                }
                letter.write(row)?;
                Ok((give_up(row), Some(deed(row))))
            })
            .await?;
        let channel = self.channel;
        tracing::warn!(%channel, row = id.0, code, message, ?given_up, "Discord refused");
        if let Some(Some(deed)) = given_up {
            self.inner.tell(OutboxEvent::Refused {
                channel,
                row: id,
                deed,
                code,
                message,
            });
            return Ok(Verdict::Done);
        }
        Ok(Verdict::Again)
    }
}

/// A message that exists keeps its row, for the next text may be taken; anything else goes.
fn give_up(row: &mut OutboxRow) -> Fate {
    if row.kind == RowKind::Message && row.message_id.is_some() {
        row.sent = row.wanted;
        return settled(row);
    }
    Fate::Remove
}

fn deed(row: &OutboxRow) -> Deed {
    match row.kind {
        RowKind::Message if row.message_id.is_some() => Deed::Edit,
        RowKind::Message => Deed::Create,
        RowKind::Deletion => Deed::Delete,
        RowKind::Action => Deed::Act,
    }
}
