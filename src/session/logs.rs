//! Log lines on their way to the thread: batched, and cut down when Discord is slower than the agent.
//!
//! Memory is bounded whatever the agent prints: once more than [`FLOOD_CHARS`] wait, only a head, a tail and a count
//! are kept. The lines themselves are in the transcript by then, and the thread gets them as a file.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// So many lines are a batch.
const BATCH_LINES: usize = 10;
/// A batch never waits longer than this for more lines.
const BATCH_AGE: Duration = Duration::from_millis(1500);
/// More characters than this waiting are a flood.
const FLOOD_CHARS: usize = 8_000;
/// How many lines of a flood's beginning and end are shown.
const ENDS: usize = 10;
/// The most that is attached of a flood. Discord takes 10 MiB.
const FILE_BYTES: u64 = 8 << 20;
/// Where a file may begin is known this finely.
const MARK_BYTES: u64 = 256 << 10;

/// So many messages of log may come at once; after that one in each [`SPACING`], as Discord has it for a channel.
/// A server that takes everything at once would otherwise fill the thread with the whole flood in small pieces.
const BURST: u32 = 5;
const SPACING: Duration = Duration::from_secs(1);

/// How many messages of log a thread is given.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When all that was posted would have been posted at the steady pace.
    paid: Option<Instant>,
}

impl Pace {
    /// When the next message may come.
    #[must_use]
    pub(super) fn open_at(&self) -> Option<Instant> {
        self.paid?.checked_sub(SPACING * (BURST - 1))
    }

    /// Messages were posted.
    pub(super) fn took(&mut self, messages: usize, now: Instant) {
        let messages = u32::try_from(messages).unwrap_or(u32::MAX);
        self.paid = Some(self.paid.map_or(now, |paid| paid.max(now)) + SPACING * messages);
    }
}

/// Lines that wait.
#[derive(Debug, Default)]
pub(super) struct LogBuffer {
    lines: Vec<String>,
    tail: VecDeque<String>,
    chars: usize,
    count: u64,
    flooded: bool,
    since: Option<Instant>,
    /// Where in the transcript the first waiting line begins.
    from: u64,
    to: u64,
    /// Beginnings of lines, from the first that a file can begin with.
    marks: VecDeque<u64>,
}

/// What is to be shown of the lines that waited.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Batch {
    /// All of them.
    Lines(Vec<String>),
    /// The ends of more than a thread can take.
    Flood(Flood),
}

/// The ends of a flood, and where in the transcript it stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flood {
    /// The first lines.
    pub(super) head: Vec<String>,
    /// The last lines.
    pub(super) tail: Vec<String>,
    /// How many lines there were in all.
    pub(super) count: u64,
    /// Where it begins, in bytes.
    pub(super) from: u64,
    /// Where the part begins that fits into a file: at a line.
    pub(super) file_from: u64,
    /// Where it ends.
    pub(super) to: u64,
}

impl Flood {
    /// Whether all of it fits into a file.
    #[must_use]
    pub(super) fn is_whole(&self) -> bool {
        self.file_from == self.from
    }
}

impl LogBuffer {
    /// Adds a line that stands at `from..to` in the transcript.
    pub(super) fn push(&mut self, line: String, from: u64, to: u64, now: Instant) {
        if self.count == 0 {
            self.since = Some(now);
            self.from = from;
        }
        self.to = to;
        self.count += 1;
        if self.marks.back().is_none_or(|mark| from - mark >= MARK_BYTES) {
            self.marks.push_back(from);
        }
        while self.marks.len() > 1 && self.marks.front().is_some_and(|mark| to - mark > FILE_BYTES) {
            self.marks.pop_front();
        }
        self.chars += line.len() + 1;
        if self.chars > FLOOD_CHARS && !self.flooded {
            self.flooded = true;
            self.tail = self.lines.split_off(self.lines.len().min(ENDS)).into();
        }
        if self.flooded {
            self.tail.push_back(line);
            while self.tail.len() > ENDS {
                self.tail.pop_front();
            }
        } else {
            self.lines.push(line);
        }
    }

    /// When the waiting lines should be shown; `None` when there are none.
    #[must_use]
    pub(super) fn due(&self) -> Option<Instant> {
        let since = self.since?;
        Some(if self.count >= BATCH_LINES as u64 {
            since
        } else {
            since + BATCH_AGE
        })
    }

    /// Since when the first line waits.
    #[must_use]
    pub(super) fn since(&self) -> Option<Instant> {
        self.since
    }

    /// Takes what waits.
    pub(super) fn take(&mut self) -> Option<Batch> {
        if self.count == 0 {
            return None;
        }
        let taken = std::mem::take(self);
        Some(if taken.flooded {
            Batch::Flood(Flood {
                head: taken.lines,
                tail: taken.tail.into(),
                count: taken.count,
                from: taken.from,
                file_from: taken.marks.front().copied().unwrap_or(taken.from),
                to: taken.to,
            })
        } else {
            Batch::Lines(taken.lines)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(buffer: &mut LogBuffer, lines: u64, now: Instant) {
        for n in 0..lines {
            buffer.push(format!("line {n}"), n * 10, n * 10 + 10, now);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_is_due_at_ten_lines_or_after_a_second_and_a_half() {
        let now = Instant::now();
        let mut buffer = LogBuffer::default();
        assert_eq!(buffer.due(), None);
        fill(&mut buffer, 9, now);
        assert_eq!(buffer.due(), Some(now + BATCH_AGE));
        fill(&mut buffer, 1, now);
        assert_eq!(buffer.due(), Some(now));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_keeps_its_ends_a_count_and_its_place_in_the_transcript() {
        let mut buffer = LogBuffer::default();
        fill(&mut buffer, 200_000, Instant::now());
        assert!(buffer.lines.len() + buffer.tail.len() <= 2 * ENDS);
        let Some(Batch::Flood(flood)) = buffer.take() else {
            panic!("no flood")
        };
        assert_eq!(
            (
                flood.head.first().map(String::as_str),
                flood.tail.last().map(String::as_str)
            ),
            (Some("line 0"), Some("line 199999"))
        );
        assert_eq!((flood.count, flood.from, flood.to), (200_000, 0, 2_000_000));
        assert!(flood.is_whole());
        assert_eq!(buffer.take(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_flood_that_no_file_can_hold_the_last_lines_are_attached() {
        let mut buffer = LogBuffer::default();
        fill(&mut buffer, 2_000_000, Instant::now());
        let Some(Batch::Flood(flood)) = buffer.take() else {
            panic!("no flood")
        };
        assert!(!flood.is_whole() && flood.file_from % 10 == 0);
        let size = flood.to - flood.file_from;
        assert!(size <= FILE_BYTES && size > FILE_BYTES - 2 * MARK_BYTES, "{size}");
    }

    #[tokio::test(start_paused = true)]
    async fn five_messages_may_come_at_once_and_then_one_a_second() {
        let mut pace = Pace::default();
        let began = Instant::now();
        let mut at = began;
        for _ in 0..8 {
            at = at.max(pace.open_at().unwrap_or(at));
            pace.took(1, at);
        }
        assert_eq!(at, began + 3 * SPACING);
        let later = began + Duration::from_mins(1);
        pace.took(5, later);
        assert_eq!(pace.open_at(), Some(later + SPACING));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_flood_is_given_whole() {
        let mut buffer = LogBuffer::default();
        fill(&mut buffer, 300, Instant::now());
        let Some(Batch::Lines(lines)) = buffer.take() else {
            panic!("a flood")
        };
        assert_eq!(lines.len(), 300);
    }
}
