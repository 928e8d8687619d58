//! Everything that a session said and was told, on disk, line by line. What the thread shows may be cut down; this is not.
//!
//! Secrets are redacted before they come here, so the file may be sent to the thread as it is.

use std::io::SeekFrom;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio::fs::File;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

use super::room::Room;

/// More than this is written at once instead of at the next flush.
const BUFFER: usize = 256 * 1024;

/// An append-only file of lines.
#[derive(Debug)]
pub(super) struct Transcript {
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
    written: u64,
    room: Room,
}

impl Transcript {
    /// Opens the transcript at this path, or begins it. The file is readable by its owner only.
    pub(super) async fn open(path: &Path, room: Room) -> Result<Self> {
        let mut options = File::options();
        options.create(true).append(true).mode(0o600);
        let mut file = options
            .open(path)
            .await
            .with_context(|| format!("cannot open the transcript {}", path.display()))?;
        let written = file
            .seek(SeekFrom::End(0))
            .await
            .context("cannot seek in the transcript")?;
        Ok(Self {
            path: path.to_owned(),
            file,
            buffer: Vec::new(),
            written,
            room,
        })
    }

    /// Where it is.
    #[must_use]
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line (newlines in it make several) and says at which bytes it will stand.
    pub(super) fn push(&mut self, line: &str) -> (u64, u64) {
        let from = self.written + self.buffer.len() as u64;
        self.buffer.extend_from_slice(line.as_bytes());
        self.buffer.push(b'\n');
        (from, self.written + self.buffer.len() as u64)
    }

    /// Whether so much waits that it should be written now.
    #[must_use]
    pub(super) fn is_full(&self) -> bool {
        self.buffer.len() >= BUFFER
    }

    /// Writes what waits.
    pub(super) async fn flush(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let mut room = self.room.clone();
        loop {
            let done = self.write().await;
            if !room.again(&done).await {
                return done;
            }
        }
    }

    async fn write(&mut self) -> Result<()> {
        let write = async {
            self.file.write_all(&self.buffer).await?;
            self.file.flush().await
        };
        let done = write.await;
        let gone = if done.is_ok() {
            self.buffer.len()
        } else {
            // On a full disk a part of it may be there: it must not be there twice.
            let there = self.file.metadata().await.map_or(self.written, |meta| meta.len());
            let gone = usize::try_from(there.saturating_sub(self.written)).unwrap_or(usize::MAX);
            gone.min(self.buffer.len())
        };
        self.buffer.drain(..gone);
        self.buffer.shrink_to(BUFFER);
        self.written += gone as u64;
        done.with_context(|| format!("cannot write the transcript {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ranges_stay_right_over_flushes_and_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.log");
        let mut transcript = Transcript::open(&path, Room::default()).await.unwrap();
        transcript.push("first");
        transcript.flush().await.unwrap();
        let second = transcript.push("zweite …");
        transcript.flush().await.unwrap();
        let mut transcript = Transcript::open(&path, Room::default()).await.unwrap();
        let third = transcript.push("third");
        transcript.flush().await.unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let at = |(from, to): (u64, u64)| {
            String::from_utf8(bytes[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()].to_vec())
                .unwrap()
        };
        assert_eq!(
            (at(second).as_str(), at(third).as_str()),
            ("zweite …\n", "third\n")
        );
    }
}
