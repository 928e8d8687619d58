//! Where a session's messages go and what every one of them needs: the way out, the thread, the redactor, a place for files.

use std::path::PathBuf;

use anyhow::Result;

use super::room::Room;
use crate::discord::draft::{Draft, FileRef};
use crate::discord::outbox::Outbox;
use crate::ids::{ChannelId, OutboxId, SessionId};
use crate::render::redact::Redactor;

/// What the view of a session writes with.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) outbox: Outbox,
    pub(super) session: SessionId,
    pub(super) channel: ChannelId,
    pub(super) redactor: Redactor,
    /// The directory of the files that are attached to messages.
    pub(super) files: PathBuf,
    pub(super) room: Room,
}

impl Desk {
    /// Wants a message in the thread.
    pub(super) async fn post(&self, draft: Draft) -> Result<OutboxId> {
        let mut room = self.room.clone();
        room.make(|| Box::pin(self.outbox.post(self.channel, draft.clone())))
            .await
    }

    /// Wants several messages in the thread, all or none of them after a crash; with them, what the terminal said up to
    /// this event of it is said.
    pub(super) async fn post_all(&self, drafts: &[Draft], said: Option<i64>) -> Result<Vec<OutboxId>> {
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        let said = said.map(|event| (&self.session, event));
        let mut room = self.room.clone();
        room.make(|| Box::pin(self.outbox.post_all(self.channel, drafts.to_vec(), said)))
            .await
    }

    /// Wants a message that is never edited.
    pub(super) async fn post_sealed(&self, draft: Draft) -> Result<()> {
        let row = self.post(draft).await?;
        self.outbox.seal(row).await
    }

    /// Writes a file that a message will bring, readable by the daemon's user only.
    pub(super) async fn keep_file(&self, name: &str, text: &str) -> Result<FileRef> {
        let path = self
            .files
            .join(format!("{}-{name}", uuid::Uuid::new_v4().simple()));
        let mut room = self.room.clone();
        room.make(|| Box::pin(super::keep_private(path.clone(), text.as_bytes().to_vec())))
            .await?;
        Ok(FileRef::whole(path, name))
    }
}
