//! Where a session's messages go and what every one of them needs: the way out, the thread, the redactor, a place for files.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use tokio::io::AsyncWriteExt as _;

use crate::discord::draft::{Draft, FileRef};
use crate::discord::outbox::Outbox;
use crate::ids::{ChannelId, OutboxId};
use crate::render::redact::Redactor;

/// What the view of a session writes with.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) outbox: Outbox,
    pub(super) channel: ChannelId,
    pub(super) redactor: Redactor,
    /// The directory of the files that are attached to messages.
    pub(super) files: PathBuf,
}

impl Desk {
    /// Wants a message in the thread.
    pub(super) async fn post(&self, draft: Draft) -> Result<OutboxId> {
        self.outbox.post(self.channel, draft).await
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
        let write = async {
            tokio::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&self.files)
                .await?;
            let mut options = tokio::fs::OpenOptions::new();
            let mut file = options
                .create_new(true)
                .write(true)
                .mode(0o600)
                .open(&path)
                .await?;
            file.write_all(text.as_bytes()).await?;
            file.flush().await
        };
        write
            .await
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(FileRef::whole(path, name))
    }
}
