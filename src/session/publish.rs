//! What the thread shows of a session: the agent's events become wishes for messages, batched and coalesced.
//!
//! The publisher only decides what each message *should* say; the outbox sees to it that Discord hears of it. While
//! a message still waits to be made, no further one is asked for: what arrives meanwhile is merged, so there is
//! never a backlog.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;

use super::desk::Desk;
use super::logs::{Batch, LogBuffer, Pace};
use super::prose::Prose;
use super::secrets;
use super::tools::Tools;
use super::transcript::Transcript;
use crate::discord::draft::{Draft, FileRef};
use crate::discord::outbox::Lane;
use crate::ids::OutboxId;
use crate::render::log;
use crate::render::redact::LineRedactor;
use crate::render::terminal;
use crate::render::text::quiet;

/// A message is edited at most this often.
pub(super) const EDIT_EVERY: Duration = Duration::from_millis(1500);
/// How long nothing is shown after the store or the disk failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How long the first words of a turn gather.
const FIRST_AFTER: Duration = Duration::from_millis(500);

/// The view of one session in its thread.
#[derive(Debug)]
pub(super) struct Publisher {
    desk: Desk,
    lane: watch::Receiver<Lane>,
    lines: LineRedactor,
    transcript: Transcript,
    logs: LogBuffer,
    pace: Pace,
    prose: Prose,
    tools: Tools,
    dirty_since: Option<Instant>,
    last_edit: Option<Instant>,
    /// The store or the disk failed: not again before this.
    not_before: Option<Instant>,
    /// The event of a terminal that is being told.
    event: Option<Told>,
}

/// An event of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    /// Its place in the log.
    pub(super) id: i64,
    /// An earlier run has put what was said with it into messages, and did not live to note that all was shown.
    pub(super) said: bool,
}

impl Publisher {
    /// A view that writes at this desk.
    pub(super) fn new(desk: Desk, transcript: Transcript) -> Self {
        Self {
            lane: desk.outbox.lane(desk.channel),
            lines: desk.redactor.lines(),
            desk,
            transcript,
            logs: LogBuffer::default(),
            pace: Pace::default(),
            prose: Prose::default(),
            tools: Tools::default(),
            dirty_since: None,
            last_edit: None,
            not_before: None,
            event: None,
        }
    }

    /// What comes from now on is told by this event of a terminal; nothing: by the agent itself.
    pub(super) fn tells(&mut self, event: Option<Told>) {
        self.event = event;
    }

    /// A line that the agent printed outside the protocol.
    pub(super) fn line(&mut self, line: &str, now: Instant) {
        let line = self.lines.redact_line(line).into_owned();
        let (from, to) = self.transcript.push(&line);
        self.logs.push(line, from, to, now);
    }

    /// Has everything that was recorded on disk.
    pub(super) async fn flush_transcript(&mut self) -> Result<()> {
        self.transcript.flush().await
    }

    /// Notes something in the transcript only.
    pub(super) fn record(&mut self, text: &str) {
        let text = self.desk.redactor.redact(text).into_owned();
        self.transcript.push(&text);
    }

    /// A piece of the answer.
    pub(super) fn text(&mut self, index: u32, delta: &str, now: Instant) {
        self.prose.delta(index, delta, now);
        self.dirty(now);
    }

    /// An assistant message began: its blocks count from zero again.
    pub(super) fn message_started(&mut self, now: Instant) {
        self.prose.next_message();
        self.dirty(now);
    }

    /// An assistant message ended; these are its texts. They win over what was streamed.
    pub(super) fn message_ended(&mut self, texts: &[(u32, String)], broke_off: bool, now: Instant) {
        for (_, text) in texts.iter().filter(|(_, text)| !text.trim().is_empty()) {
            self.record(&format!("\n## assistant\n{text}\n"));
        }
        if self.event.is_some_and(|event| event.said) {
            return;
        }
        let event = self.event.map(|event| event.id);
        self.prose.ended(texts, broke_off, event, now);
        self.dirty(now);
    }

    /// The agent retries: what the failed attempt had said is said again.
    pub(super) fn retrying(&mut self, now: Instant) {
        self.prose.retract();
        self.dirty(now);
    }

    /// A small line that nobody has to look at once, and that may share a message with others.
    pub(super) fn remark(&mut self, line: &str, now: Instant) {
        let line = quiet(&self.desk.redactor.redact(line));
        self.record(&line);
        self.prose.remark(line, now);
        self.dirty(now);
    }

    /// A tool began.
    pub(super) fn tool_started(&mut self, id: &str, tool: &str, args: Value, now: Instant) {
        // Before anything is cut: half of a secret is not recognised as one.
        let args = secrets::hush(args, &self.desk.redactor);
        let tool = self.desk.redactor.redact(tool);
        self.tools.started(id, &tool, &args, now);
        let record = format!("## tool {tool} {args}");
        self.record(&record);
    }

    /// A tool ended.
    pub(super) fn tool_ended(&mut self, id: &str, is_error: bool, now: Instant) {
        self.tools.ended(id, is_error, now);
    }

    fn dirty(&mut self, now: Instant) {
        self.dirty_since.get_or_insert(now);
    }

    /// When `flush` should be called next; `None` when there is nothing to show, or the outbox is behind.
    #[must_use]
    pub(super) fn due(&self) -> Option<Instant> {
        let new = [self.logs_due(), self.prose.waiting_since()];
        let new = new.into_iter().flatten().filter(|_| !self.is_behind());
        let due = new
            .chain(self.words_due())
            .chain(self.tools.due(FIRST_AFTER))
            .min()?;
        Some(due.max(self.not_before.unwrap_or(due)))
    }

    /// When the lines that wait should be posted.
    fn logs_due(&self) -> Option<Instant> {
        let due = self.logs.due()?;
        Some(due.max(self.pace.open_at().unwrap_or(due)))
    }

    /// When what was said should be posted or edited.
    fn words_due(&self) -> Option<Instant> {
        self.dirty_since.map(|since| match self.last_edit {
            _ if self.prose.is_urgent() => since,
            Some(last) => since.max(last + EDIT_EVERY),
            None => since + FIRST_AFTER,
        })
    }

    /// Whether a message waits to be made.
    fn is_behind(&self) -> bool {
        self.lane.borrow().unmade > 0
    }

    /// Whether something waits for the outbox, which `caught_up` then tells of.
    #[must_use]
    pub(super) fn is_blocked(&self) -> bool {
        (self.logs.due().is_some() || self.prose.waiting_since().is_some()) && self.is_behind()
    }

    /// Whether nothing is left to show.
    #[must_use]
    pub(super) fn is_idle(&self) -> bool {
        self.due().is_none() && !self.is_blocked()
    }

    /// Returns when the outbox has made every message.
    pub(super) async fn caught_up(&mut self) {
        // The outbox lives as long as the session.
        self.lane.wait_for(|lane| lane.unmade == 0).await.ok();
    }

    /// Shows what is due.
    pub(super) async fn flush(&mut self, now: Instant) -> Result<()> {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let post = !self.is_behind();
        let words = due(self.words_due()) || (post && self.prose.waiting_since().is_some());
        let tools = due(self.tools.due(FIRST_AFTER));
        // Lines that came before something that is posted now stand above it.
        let said = self.prose.newest_unposted().filter(|_| words);
        let newest = said.max(self.tools.unposted_since().filter(|_| tools));
        let logs =
            post && (due(self.logs_due()) || self.logs.since().is_some_and(|since| Some(since) < newest));
        let show = Show {
            logs,
            tools,
            words,
            post,
        };
        let shown = match self.show(now, show).await {
            Ok(()) => self.transcript.flush().await,
            failed => failed,
        };
        self.not_before = shown.is_err().then(|| now + AFTER_FAILURE);
        shown
    }

    /// Shows everything, however long the outbox has to work on it.
    pub(super) async fn flush_all(&mut self) -> Result<()> {
        let all = Show {
            logs: true,
            tools: true,
            words: true,
            post: true,
        };
        self.show(Instant::now(), all).await?;
        self.transcript.flush().await
    }

    /// New messages are posted in the order in which they began.
    async fn show(&mut self, now: Instant, what: Show) -> Result<()> {
        let logs = self.logs.since().filter(|_| what.logs);
        let tools = self.tools.unposted_since().filter(|_| what.tools);
        let tools_first = matches!((tools, logs), (Some(tools), Some(logs)) if tools < logs);
        if tools_first {
            self.show_tools(now).await?;
        }
        if let Some(since) = logs {
            self.prose.show(&self.desk, Some(since), what.post).await?;
            self.show_logs().await?;
        }
        if what.tools && !tools_first {
            self.show_tools(now).await?;
        }
        if what.words {
            self.prose.show(&self.desk, None, what.post).await?;
            self.dirty_since = None;
            self.last_edit = Some(now);
        }
        Ok(())
    }

    async fn show_tools(&mut self, now: Instant) -> Result<()> {
        // What was said before the first tool stands above it.
        if let Some(since) = self.tools.unposted_since() {
            self.prose.show(&self.desk, Some(since), true).await?;
            self.prose.overtaken();
        }
        self.tools.show(&self.desk, now).await
    }

    /// Writes the transcript when much of it waits.
    pub(super) async fn relieve(&mut self) -> Result<()> {
        if self.transcript.is_full() {
            self.transcript.flush().await
        } else {
            Ok(())
        }
    }

    async fn show_logs(&mut self) -> Result<()> {
        self.transcript.flush().await?;
        let Some(batch) = self.logs.take() else {
            return Ok(());
        };
        self.prose.overtaken();
        match batch {
            Batch::Lines(lines) => {
                let contents = log::batch(&lines);
                self.pace.took(contents.len(), Instant::now());
                for content in contents {
                    self.desk.post_sealed(Draft::text(content).silently()).await?;
                }
            }
            Batch::Flood(flood) => {
                self.pace.took(1, Instant::now());
                let shown = (flood.head.len() + flood.tail.len()) as u64;
                let skipped = flood.count.saturating_sub(shown);
                let text = log::flood(&flood.head, &flood.tail, skipped, flood.is_whole());
                let file = FileRef {
                    from: flood.file_from,
                    to: Some(flood.to),
                    ..FileRef::whole(self.transcript.path(), "log.txt")
                };
                self.desk
                    .post_sealed(Draft::text(text).silently().with_file(file))
                    .await?;
            }
        }
        Ok(())
    }

    /// The turn is over: everything is shown in its final form, then the footer.
    pub(super) async fn end_turn(&mut self, took: Duration, mut footer: Draft) -> Result<()> {
        self.prose.next_message();
        self.dirty(Instant::now());
        self.flush_all().await?;
        self.prose.overtaken();
        self.prose.show(&self.desk, None, true).await?;
        self.tools.close(&self.desk, took).await?;
        self.last_edit = None;
        // It calls people: what they come to read is there by then.
        footer.after_edits = true;
        footer.content = self.desk.redactor.redact(&footer.content).into_owned();
        self.record(&format!("{}\n", footer.content));
        self.transcript.flush().await?;
        self.desk.post_sealed(footer).await
    }

    /// Says something at once, after what was printed before it.
    pub(super) async fn say(&mut self, mut draft: Draft) -> Result<OutboxId> {
        draft.content = self.desk.redactor.redact(&draft.content).into_owned();
        self.say_hushed(draft).await
    }

    /// Says something out of which the secrets were taken already.
    pub(super) async fn say_hushed(&mut self, draft: Draft) -> Result<OutboxId> {
        self.flush_all().await?;
        self.prose.overtaken();
        self.record(&draft.content);
        self.desk.post(draft).await
    }

    /// Somebody at the terminal has typed this: whoever reads along sees what the answer that follows is about.
    pub(super) async fn typed_in_terminal(&mut self, text: &str) -> Result<()> {
        let typed = terminal::typed(text);
        let mut draft = Draft::text(typed.content).silently();
        if typed.cut {
            draft = draft.with_file(self.desk.keep_file("prompt.md", text).await?);
        }
        self.flush_all().await?;
        self.prose.overtaken();
        self.record(&format!("\n## prompt in the terminal\n{text}\n"));
        if self.event.is_some_and(|event| event.said) {
            return Ok(());
        }
        let event = self.event.map(|event| event.id);
        for row in self.desk.post_all(&[draft], event).await? {
            self.desk.outbox.seal(row).await?;
        }
        Ok(())
    }

    /// Says something that is never edited.
    pub(super) async fn say_once(&mut self, draft: Draft) -> Result<()> {
        let row = self.say(draft).await?;
        self.desk.outbox.seal(row).await
    }
}

/// What may be shown now.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four independent answers to four questions, not a state"
)]
struct Show {
    logs: bool,
    tools: bool,
    words: bool,
    /// Whether new messages may be made for what was said.
    post: bool,
}
