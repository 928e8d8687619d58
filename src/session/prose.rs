//! What the agent says, on its way into messages: streamed text that grows in place, and small remarks.
//!
//! While the outbox still has a message to make, nothing new is asked for: what is said meanwhile waits here and
//! becomes one message. Without that an agent that says a sentence before each tool would be minutes ahead of a
//! channel that takes one message a second.

use std::collections::VecDeque;

use anyhow::Result;
use tokio::time::Instant;

use super::desk::Desk;
use crate::discord::draft::Draft;
use crate::ids::OutboxId;
use crate::render::answer::answer;

/// Remarks that follow each other share a message up to so many characters.
const REMARKS_CHARS: usize = 1_500;

/// What was said and may still change.
#[derive(Debug, Default)]
pub(super) struct Prose {
    posts: VecDeque<Post>,
    /// Counts the agent's messages: block indices begin again with each.
    message: u64,
    /// The current message is complete: whatever comes belongs to the next.
    over: bool,
}

/// What stands in one message, or in several when it is long.
#[derive(Debug)]
struct Post {
    kind: Kind,
    began: Instant,
    parts: Vec<Part>,
    /// One row per message, with what it was last told to say.
    rows: Vec<(OutboxId, Draft)>,
    dirty: bool,
    /// It could not be posted when it was due.
    waited: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// Small lines; how many of them found no place.
    Remarks {
        skipped: usize,
        open: bool,
    },
}

/// A block of a message of the agent, or a remark.
#[derive(Debug)]
struct Part {
    message: u64,
    index: u32,
    text: String,
    done: bool,
    /// The event of a terminal that all of it came with.
    event: Option<i64>,
}

impl Prose {
    /// A piece of the answer.
    pub(super) fn delta(&mut self, index: u32, delta: &str, now: Instant) {
        self.go_on();
        let message = self.message;
        if let Some((post, at)) = self.find(index)
            && let Some(part) = post.parts.get_mut(at)
        {
            part.text.push_str(delta);
            post.dirty = true;
            return;
        }
        self.finish();
        self.begin(
            Kind::Text,
            now,
            Part {
                message,
                index,
                text: delta.to_owned(),
                done: false,
                event: None,
            },
        );
    }

    fn begin(&mut self, kind: Kind, now: Instant, part: Part) {
        self.posts.push_back(Post {
            kind,
            began: now,
            parts: vec![part],
            rows: Vec::new(),
            dirty: true,
            waited: false,
        });
    }

    /// The block with this index of the current message.
    fn find(&mut self, index: u32) -> Option<(&mut Post, usize)> {
        let message = self.message;
        self.posts
            .iter_mut()
            .rev()
            .filter(|post| post.kind == Kind::Text)
            .find_map(|post| {
                let at = post
                    .parts
                    .iter()
                    .position(|part| part.message == message && part.index == index)?;
                Some((post, at))
            })
    }

    /// No block that was begun grows any more.
    fn finish(&mut self) {
        for post in &mut self.posts {
            for part in post.parts.iter_mut().filter(|part| !part.done) {
                part.done = true;
                post.dirty = true;
            }
        }
    }

    /// The agent begins another message: what it said before is final.
    pub(super) fn next_message(&mut self) {
        self.finish();
        self.message += 1;
        self.over = false;
    }

    /// A message may come without its beginning having been told.
    fn go_on(&mut self) {
        if self.over {
            self.next_message();
        }
    }

    /// The message is complete; these are its texts, and they win over what was streamed. Of one that broke off,
    /// what was streamed is kept as well.
    pub(super) fn ended(
        &mut self,
        texts: &[(u32, String)],
        broke_off: bool,
        event: Option<i64>,
        now: Instant,
    ) {
        self.go_on();
        let message = self.message;
        self.finish();
        self.over = true;
        if !broke_off {
            let gone = |part: &Part| part.message == message && !texts.iter().any(|(i, _)| *i == part.index);
            self.remove(gone);
        }
        for (index, text) in texts {
            match self.find(*index) {
                Some((post, at)) => {
                    if let Some(part) = post.parts.get_mut(at) {
                        post.dirty |= part.text != *text;
                        text.clone_into(&mut part.text);
                    }
                }
                None if text.trim().is_empty() => {}
                None => {
                    let part = Part {
                        message,
                        index: *index,
                        text: text.clone(),
                        done: true,
                        event,
                    };
                    self.begin(Kind::Text, now, part);
                }
            }
        }
    }

    /// The agent takes the message that failed back and says it again.
    pub(super) fn retract(&mut self) {
        let message = self.message;
        self.remove(|part| part.message == message);
    }

    fn remove(&mut self, gone: impl Fn(&Part) -> bool) {
        for post in self.posts.iter_mut().filter(|post| post.kind == Kind::Text) {
            let before = post.parts.len();
            post.parts.retain(|part| !gone(part));
            post.dirty |= post.parts.len() != before;
        }
    }

    /// A small line. It joins the remark before it when nothing stands between them.
    pub(super) fn remark(&mut self, line: String, now: Instant) {
        if let Some(post) = self.posts.back_mut()
            && let Kind::Remarks { skipped, open: true } = &mut post.kind
        {
            let used: usize = post.parts.iter().map(|part| part.text.chars().count() + 1).sum();
            let fits = used + line.chars().count() <= REMARKS_CHARS && *skipped == 0;
            if fits || post.rows.is_empty() {
                post.dirty = true;
                if fits {
                    post.parts.push(Part {
                        message: 0,
                        index: 0,
                        text: line,
                        done: true,
                        event: None,
                    });
                } else {
                    *skipped += 1;
                }
                return;
            }
        }
        let part = Part {
            message: 0,
            index: 0,
            text: line,
            done: true,
            event: None,
        };
        self.begin(
            Kind::Remarks {
                skipped: 0,
                open: true,
            },
            now,
            part,
        );
    }

    /// Something else was posted: a remark from now on stands below it.
    pub(super) fn overtaken(&mut self) {
        for post in &mut self.posts {
            if let Kind::Remarks { open, .. } = &mut post.kind {
                *open = false;
            }
        }
    }

    /// Whether something finished is not shown as finished yet.
    #[must_use]
    pub(super) fn is_urgent(&self) -> bool {
        self.posts.iter().any(|post| post.dirty && post.is_done())
    }

    /// When the newest of what was not posted yet began.
    #[must_use]
    pub(super) fn newest_unposted(&self) -> Option<Instant> {
        let unposted = self
            .posts
            .iter()
            .filter(|post| post.rows.is_empty() && post.dirty);
        unposted.map(|post| post.began).max()
    }

    /// Since when something would have been posted, had the outbox been free.
    #[must_use]
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        self.posts.iter().find(|post| post.waited).map(|post| post.began)
    }

    /// Shows what changed; of what is new only what began before `until`, and nothing unless `may_post`.
    pub(super) async fn show(&mut self, desk: &Desk, until: Option<Instant>, may_post: bool) -> Result<()> {
        let mut n = 0;
        while n < self.posts.len() {
            self.gather(n, until);
            let last = n + 1 == self.posts.len();
            let message = self.message;
            let Some(post) = self.posts.get_mut(n) else { break };
            // With an `until` only what is new matters: edits have their own time.
            if until.is_some_and(|until| !post.rows.is_empty() || post.began >= until) {
                n += 1;
                continue;
            }
            if post.rows.is_empty() && !may_post {
                post.waited = true;
                n += 1;
                continue;
            }
            post.waited = false;
            if post.dirty {
                post.show(desk).await?;
                post.dirty = false;
            }
            if post.is_over(message, last) {
                for (row, _) in &post.rows {
                    desk.outbox.seal(*row).await?;
                }
                self.posts.remove(n);
            } else {
                n += 1;
            }
        }
        Ok(())
    }

    /// What had to wait together becomes one post.
    fn gather(&mut self, n: usize, until: Option<Instant>) {
        let waits = |post: &Post| {
            post.waited
                && post.rows.is_empty()
                && post.kind == Kind::Text
                && until.is_none_or(|u| post.began < u)
        };
        while self.posts.get(n).is_some_and(waits) && self.posts.get(n + 1).is_some_and(waits) {
            let Some(next) = self.posts.remove(n + 1) else {
                return;
            };
            if let Some(post) = self.posts.get_mut(n) {
                post.parts.extend(next.parts);
            }
        }
    }
}

impl Post {
    fn is_done(&self) -> bool {
        self.parts.iter().all(|part| part.done)
    }

    /// Whether it can never change again.
    fn is_over(&self, message: u64, last: bool) -> bool {
        match self.kind {
            Kind::Text => self.parts.iter().all(|part| part.done && part.message < message),
            Kind::Remarks { open, .. } => !(open && last),
        }
    }

    fn text(&self) -> String {
        let texts = self.parts.iter().map(|part| part.text.as_str());
        match (self.kind, self.parts.as_slice()) {
            (Kind::Text, [part]) => part.text.clone(),
            (Kind::Text, _) => {
                let texts = texts.map(str::trim).filter(|text| !text.is_empty());
                texts.collect::<Vec<_>>().join("\n\n")
            }
            (Kind::Remarks { skipped, .. }, _) => {
                let mut lines: Vec<String> = texts.map(str::to_owned).collect();
                if skipped > 0 {
                    lines.push(format!("-# … and {skipped} more"));
                }
                lines.join("\n")
            }
        }
    }

    async fn show(&mut self, desk: &Desk) -> Result<()> {
        let (text, done) = (self.text(), self.is_done());
        let visible = if done {
            text.len()
        } else {
            desk.redactor.stable_len(&text)
        };
        let text = desk.redactor.redact(text.get(..visible).unwrap_or(&text));
        let answer = answer(&text, done);
        let count = answer.pieces.len();
        let mut new = Vec::new();
        for (n, piece) in answer.pieces.into_iter().enumerate() {
            let mut draft = Draft::text(piece).silently();
            draft.suppress_embeds = true;
            if let Some(file) = answer.file.as_deref().filter(|_| n + 1 == count) {
                draft.files.push(desk.keep_file("answer.md", file).await?);
            }
            match self.rows.get_mut(n) {
                Some((_, shown)) if *shown == draft => {}
                Some((row, shown)) => {
                    desk.outbox.replace(*row, draft.clone()).await?;
                    *shown = draft;
                }
                None => new.push(draft),
            }
        }
        let said = self.parts.iter().filter_map(|part| part.event).max();
        let rows = desk.post_all(&new, said).await?;
        self.rows.extend(rows.into_iter().zip(new));
        // The final text may need fewer messages than the streamed one did, or none.
        if done {
            while self.rows.len() > count {
                if let Some((row, _)) = self.rows.pop() {
                    desk.outbox.delete(row).await?;
                }
            }
        }
        Ok(())
    }
}
