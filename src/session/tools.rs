//! The one message of a turn that shows which tools run.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use tokio::time::Instant;

use super::desk::Desk;
use super::publish::EDIT_EVERY;
use crate::discord::draft::Draft;
use crate::ids::OutboxId;
use crate::render::activity::Activity;

/// The tools of the running turn and their message.
#[derive(Debug, Default)]
pub(super) struct Tools {
    activity: Activity,
    row: Option<OutboxId>,
    /// Since when it has something that the message does not show.
    dirty: Option<Instant>,
    shown: Option<Instant>,
    running: Vec<(String, Instant)>,
}

impl Tools {
    /// A tool began. Its arguments hold no secrets any more.
    pub(super) fn started(&mut self, id: &str, tool: &str, args: &Value, now: Instant) {
        self.activity.start(id, tool, args);
        self.running.push((id.to_owned(), now));
        self.dirty.get_or_insert(now);
    }

    /// A tool ended.
    pub(super) fn ended(&mut self, id: &str, is_error: bool, now: Instant) {
        let Some(at) = self.running.iter().position(|(known, _)| known == id) else {
            return;
        };
        let (_, started) = self.running.swap_remove(at);
        self.activity.end(id, is_error, now - started);
        self.dirty.get_or_insert(now);
    }

    /// When the message should be made or edited.
    pub(super) fn due(&self, first_after: Duration) -> Option<Instant> {
        let since = self.dirty?;
        Some(
            self.shown
                .map_or(since + first_after, |shown| since.max(shown + EDIT_EVERY)),
        )
    }

    /// Since when there is a message to be made.
    pub(super) fn unposted_since(&self) -> Option<Instant> {
        self.dirty.filter(|_| self.row.is_none())
    }

    /// Shows what changed.
    pub(super) async fn show(&mut self, desk: &Desk, now: Instant) -> Result<()> {
        if self.dirty.is_none() {
            return Ok(());
        }
        let text = self.activity.text();
        self.say(desk, &text).await?;
        self.dirty = None;
        self.shown = Some(now);
        Ok(())
    }

    async fn say(&mut self, desk: &Desk, text: &str) -> Result<()> {
        let draft = Draft::text(desk.redactor.redact(text)).silently();
        // A message that somebody deleted is made again.
        let shown = match self.row {
            Some(row) => desk.outbox.replace(row, draft.clone()).await?,
            None => false,
        };
        if !shown {
            self.row = Some(desk.post(draft).await?);
        }
        Ok(())
    }

    /// The turn is over: one line is left of it.
    pub(super) async fn close(&mut self, desk: &Desk, took: Duration) -> Result<()> {
        if !self.activity.is_empty() {
            let summary = self.activity.summary(took);
            self.say(desk, &summary).await?;
        }
        if let Some(row) = self.row {
            desk.outbox.seal(row).await?;
        }
        *self = Self::default();
        Ok(())
    }
}
