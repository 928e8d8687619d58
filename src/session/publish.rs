//! What the thread shows of a session: the agent's events become wishes for messages, batched and coalesced.
//!
//! The publisher only decides what each message *should* say; the outbox sees to it that Discord hears of it. While
//! the outbox is behind, nothing new is queued: what arrives meanwhile is merged, so there is never a backlog.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::watch;
use tokio::time::Instant;

use super::logs::{Batch, LogBuffer};
use super::transcript::Transcript;
use crate::discord::draft::{Draft, FileRef};
use crate::discord::outbox::{Lane, Outbox};
use crate::ids::{ChannelId, OutboxId};
use crate::render::activity::Activity;
use crate::render::answer::answer;
use crate::render::log;
use crate::render::redact::{LineRedactor, Redactor};

/// A message is edited at most this often.
const EDIT_EVERY: Duration = Duration::from_millis(1500);

/// A block of assistant text on its way into messages.
#[derive(Debug)]
struct Block {
    index: u32,
    text: String,
    done: bool,
    /// One row per message, with what it was last told to say.
    rows: Vec<(OutboxId, Draft)>,
}

/// The view of one session in its thread.
#[derive(Debug)]
pub(super) struct Publisher {
    outbox: Outbox,
    channel: ChannelId,
    lane: watch::Receiver<Lane>,
    redactor: Redactor,
    lines: LineRedactor,
    transcript: Transcript,
    files: PathBuf,
    logs: LogBuffer,
    blocks: VecDeque<Block>,
    activity: Activity,
    activity_row: Option<OutboxId>,
    activity_dirty: bool,
    tools: Vec<(String, Instant)>,
    dirty_since: Option<Instant>,
    last_edit: Option<Instant>,
}

impl Publisher {
    /// A view that writes to this channel and keeps its files in `files`.
    pub(super) fn new(
        outbox: Outbox,
        channel: ChannelId,
        redactor: Redactor,
        transcript: Transcript,
        files: PathBuf,
    ) -> Self {
        Self {
            lane: outbox.lane(channel),
            lines: redactor.lines(),
            outbox,
            channel,
            redactor,
            transcript,
            files,
            logs: LogBuffer::default(),
            blocks: VecDeque::new(),
            activity: Activity::default(),
            activity_row: None,
            activity_dirty: false,
            tools: Vec::new(),
            dirty_since: None,
            last_edit: None,
        }
    }

    /// A line that the agent printed outside the protocol.
    pub(super) fn line(&mut self, line: &str, now: Instant) {
        let line = self.lines.redact_line(line).into_owned();
        let (from, to) = self.transcript.push(&line);
        self.logs.push(line, from, to, now);
    }

    /// Notes something in the transcript only.
    pub(super) fn record(&mut self, text: &str) {
        let text = self.redactor.redact(text).into_owned();
        self.transcript.push(&text);
    }

    /// A piece of the answer.
    pub(super) fn text(&mut self, index: u32, delta: &str, now: Instant) {
        match self.blocks.back_mut() {
            Some(block) if !block.done && block.index == index => block.text.push_str(delta),
            last => {
                if let Some(last) = last {
                    last.done = true;
                }
                self.blocks.push_back(Block {
                    index,
                    text: delta.to_owned(),
                    done: false,
                    rows: Vec::new(),
                });
            }
        }
        self.dirty(now);
    }

    /// An assistant message began: its blocks count from zero again.
    pub(super) fn message_started(&mut self) {
        self.finish_blocks();
    }

    /// An assistant message ended; these are its texts. They win over what was streamed.
    pub(super) fn message_ended(&mut self, texts: &[(u32, String)], now: Instant) {
        for (index, text) in texts.iter().filter(|(_, text)| !text.trim().is_empty()) {
            self.record(&format!("\n## assistant\n{text}\n"));
            // A finished block of this message may wait behind; an index is unique within the message.
            match self.blocks.iter_mut().rev().find(|b| b.index == *index) {
                Some(block) => text.clone_into(&mut block.text),
                None => self.blocks.push_back(Block {
                    index: *index,
                    text: text.clone(),
                    done: true,
                    rows: Vec::new(),
                }),
            }
        }
        self.finish_blocks();
        self.dirty(now);
    }

    fn finish_blocks(&mut self) {
        for block in &mut self.blocks {
            block.done = true;
            block.index = u32::MAX;
        }
    }

    /// A tool began.
    pub(super) fn tool_started(&mut self, id: &str, tool: &str, args: &serde_json::Value, now: Instant) {
        self.record(&format!("## tool {tool} {args}"));
        self.activity.start(id, tool, args);
        self.tools.push((id.to_owned(), now));
        self.activity_dirty = true;
        self.dirty(now);
    }

    /// A tool ended.
    pub(super) fn tool_ended(&mut self, id: &str, is_error: bool, now: Instant) {
        let Some(at) = self.tools.iter().position(|(known, _)| known == id) else {
            return;
        };
        let (_, started) = self.tools.swap_remove(at);
        self.activity.end(id, is_error, now - started);
        self.activity_dirty = true;
        self.dirty(now);
    }

    fn dirty(&mut self, now: Instant) {
        self.dirty_since.get_or_insert(now);
    }

    /// When `flush` should be called next; `None` when there is nothing to show.
    #[must_use]
    pub(super) fn due(&self) -> Option<Instant> {
        let logs = if self.behind() { None } else { self.logs.due() };
        let edits = self.dirty_since.map(|since| {
            let finished = self.blocks.iter().any(|b| b.done);
            match self.last_edit {
                Some(last) if !finished => (last + EDIT_EVERY).max(since),
                Some(_) => since,
                None => since + EDIT_EVERY / 3,
            }
        });
        logs.into_iter().chain(edits).min()
    }

    fn behind(&self) -> bool {
        self.lane.borrow().waiting > 0
    }

    /// Returns when the outbox has moved on, if that is what the log lines wait for.
    pub(super) async fn caught_up(&mut self) {
        if self.logs.due().is_none() || !self.behind() || self.lane.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Shows what is due.
    pub(super) async fn flush(&mut self, now: Instant) -> Result<()> {
        if self.logs.due().is_some_and(|due| due <= now) && !self.behind() {
            self.flush_logs().await?;
        }
        if self.dirty_since.is_some() {
            self.dirty_since = None;
            self.last_edit = Some(now);
            self.flush_blocks().await?;
            self.flush_activity().await?;
        }
        self.transcript.flush().await
    }

    /// Writes the transcript when much of it waits.
    pub(super) async fn relieve(&mut self) -> Result<()> {
        if self.transcript.is_full() {
            self.transcript.flush().await
        } else {
            Ok(())
        }
    }

    async fn flush_logs(&mut self) -> Result<()> {
        self.transcript.flush().await?;
        match self.logs.take() {
            None => {}
            Some(Batch::Lines(lines)) => {
                for content in log::batch(&lines) {
                    self.post_sealed(quiet_draft(content)).await?;
                }
            }
            Some(Batch::Flood {
                head,
                tail,
                count,
                from,
                to,
            }) => {
                let skipped = count.saturating_sub((head.len() + tail.len()) as u64);
                let mut draft = quiet_draft(log::flood(&head, &tail, skipped));
                draft.files.push(FileRef {
                    path: self.transcript.path().to_owned(),
                    name: "log.txt".to_owned(),
                    from,
                    to: Some(to),
                });
                self.post_sealed(draft).await?;
            }
        }
        Ok(())
    }

    async fn post_sealed(&self, draft: Draft) -> Result<()> {
        let row = self.outbox.post(self.channel, draft).await?;
        self.outbox.seal(row).await
    }

    async fn flush_blocks(&mut self) -> Result<()> {
        while let Some(mut block) = self.blocks.pop_front() {
            let shown = self.show_block(&mut block).await;
            if !block.done {
                self.blocks.push_front(block);
                return shown;
            }
            shown?;
            for (row, _) in &block.rows {
                self.outbox.seal(*row).await?;
            }
        }
        Ok(())
    }

    async fn show_block(&mut self, block: &mut Block) -> Result<()> {
        let visible = if block.done {
            block.text.len()
        } else {
            self.redactor.stable_len(&block.text)
        };
        let text = self
            .redactor
            .redact(block.text.get(..visible).unwrap_or(&block.text));
        if text.trim().is_empty() {
            return Ok(());
        }
        let answer = answer(&text, block.done);
        let last = answer.pieces.len().saturating_sub(1);
        for (n, piece) in answer.pieces.into_iter().enumerate() {
            let mut draft = quiet_draft(piece);
            draft.suppress_embeds = true;
            if let Some(file) = answer.file.as_deref().filter(|_| n == last) {
                draft.files.push(self.keep_file("answer.md", file).await?);
            }
            match block.rows.get_mut(n) {
                Some((_, shown)) if *shown == draft => {}
                Some((row, shown)) => {
                    self.outbox.replace(*row, draft.clone()).await?;
                    *shown = draft;
                }
                None => block
                    .rows
                    .push((self.outbox.post(self.channel, draft.clone()).await?, draft)),
            }
        }
        // The final text may need fewer messages than the streamed one did.
        for (row, _) in block.rows.drain((last + 1).min(block.rows.len())..) {
            self.outbox.delete(row).await?;
        }
        Ok(())
    }

    async fn keep_file(&self, name: &str, text: &str) -> Result<FileRef> {
        let path = self
            .files
            .join(format!("{}-{name}", uuid::Uuid::new_v4().simple()));
        let write = async {
            tokio::fs::create_dir_all(&self.files).await?;
            tokio::fs::write(&path, text).await
        };
        write
            .await
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(FileRef {
            path,
            name: name.to_owned(),
            from: 0,
            to: None,
        })
    }

    async fn flush_activity(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.activity_dirty) || self.activity.is_empty() {
            return Ok(());
        }
        let text = self.redactor.redact(&self.activity.text()).into_owned();
        self.show_activity(text).await
    }

    async fn show_activity(&mut self, text: String) -> Result<()> {
        let draft = quiet_draft(text);
        // A message that somebody deleted is made again.
        let shown = match self.activity_row {
            Some(row) => self.outbox.replace(row, draft.clone()).await?,
            None => false,
        };
        if !shown {
            self.activity_row = Some(self.outbox.post(self.channel, draft).await?);
        }
        Ok(())
    }

    /// The turn is over: everything is shown in its final form, then the footer.
    pub(super) async fn end_turn(&mut self, took: Duration, footer: Draft) -> Result<()> {
        self.finish_blocks();
        self.flush_logs().await?;
        self.flush_blocks().await?;
        if !self.activity.is_empty() {
            let summary = self.activity.summary(took);
            self.show_activity(summary).await?;
        }
        if let Some(row) = self.activity_row.take() {
            self.outbox.seal(row).await?;
        }
        self.activity = Activity::default();
        self.activity_dirty = false;
        self.tools.clear();
        self.dirty_since = None;
        self.last_edit = None;
        self.record(&format!("{}\n", footer.content));
        self.transcript.flush().await?;
        self.post_sealed(footer).await
    }

    /// Says something at once, after what was printed before it.
    pub(super) async fn say(&mut self, mut draft: Draft) -> Result<OutboxId> {
        self.flush_logs().await?;
        draft.content = self.redactor.redact(&draft.content).into_owned();
        self.record(&draft.content);
        self.outbox.post(self.channel, draft).await
    }

    /// Says something that is never edited.
    pub(super) async fn say_once(&mut self, draft: Draft) -> Result<()> {
        let row = self.say(draft).await?;
        self.outbox.seal(row).await
    }
}

/// A message that nobody has to look at once.
fn quiet_draft(content: String) -> Draft {
    Draft {
        content,
        silent: true,
        ..Draft::default()
    }
}
