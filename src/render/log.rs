//! Log lines as code blocks that nothing in them can end.
//!
//! Without this room a line with three backticks would turn the rest of a log into live Markdown, a progress bar
//! would flood the thread with control codes, and one endless line would make the whole message fail.

use super::MESSAGE_LIMIT;
use super::text::{ZERO_WIDTH_SPACE, grouped, plain};

const OPEN: &str = "```\n";
const CLOSE: &str = "\n```";

/// What one block can hold between its fences.
const BLOCK_ROOM: usize = MESSAGE_LIMIT - OPEN.len() - CLOSE.len();

/// The longest line that is shown whole; the note about the cut still fits behind it in a block.
const LINE_LIMIT: usize = 1900;

/// In a flood many lines matter more than one whole line.
const FLOOD_LINE_LIMIT: usize = 300;

/// What the head, and at least the tail, of a flood can hold: half of what two fences and the note leave.
const FLOOD_ROOM: usize = (MESSAGE_LIMIT - 2 * (OPEN.len() + CLOSE.len()) - FLOOD_NOTE_ROOM) / 2;
const FLOOD_NOTE_ROOM: usize = 100;

/// The room kept for the line which says that a block leaves lines out.
const MORE_ROOM: usize = 60;

/// One code block. Lines that do not fit are counted in its last line; empty when there is nothing to show.
#[must_use]
pub fn block(lines: &[String]) -> String {
    let mut blocks = batch(lines);
    if blocks.len() <= 1 {
        return blocks.pop().unwrap_or_default();
    }
    let rows = rows(lines, LINE_LIMIT);
    let mut pack = Pack::new(BLOCK_ROOM - MORE_ROOM);
    let kept = rows.iter().take_while(|row| pack.push(row)).count();
    let more = u64::try_from(rows.len() - kept).unwrap_or(u64::MAX);
    let note = format!("… (+{} lines, whole in the log)", grouped(more));
    match pack.text.trim() {
        // A first line as long as the whole room leaves no place for the note: the line itself says more.
        "" => blocks.swap_remove(0),
        _ => format!("{OPEN}{}\n{note}{CLOSE}", pack.text),
    }
}

/// The start and the end of more log than a thread can take, with the number of lines between them. `whole` says
/// whether the file that goes with it holds all of them, or only the last.
#[must_use]
pub fn flood(head: &[String], tail: &[String], skipped: u64, whole: bool) -> String {
    let head = rows(head, FLOOD_LINE_LIMIT);
    let tail = rows(tail, FLOOD_LINE_LIMIT);
    let mut first = Pack::new(FLOOD_ROOM);
    let kept_first = head.iter().take_while(|row| first.push(row)).count();
    let mut end = Pack::new(2 * FLOOD_ROOM - first.used);
    let kept_last = tail.iter().rev().take_while(|row| end.push(row)).count();
    let last = tail.get(tail.len() - kept_last..).unwrap_or_default().join("\n");

    let dropped = head.len() - kept_first + tail.len() - kept_last;
    let skipped = skipped.saturating_add(u64::try_from(dropped).unwrap_or(u64::MAX));
    if skipped == 0 {
        let both: Vec<_> = head.into_iter().chain(tail).collect();
        return fenced(&both.join("\n")).unwrap_or_default();
    }
    let noun = if skipped == 1 { "line" } else { "lines" };
    let share = if whole { "all" } else { "the last of them" };
    let note = format!("-# … {} more {noun}, {share} in log.txt …", grouped(skipped));
    let parts = [fenced(&first.text), Some(note), fenced(&last)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// All lines in as few code blocks as they need, each a whole message.
#[must_use]
pub fn batch(lines: &[String]) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut pack = Pack::new(BLOCK_ROOM);
    for row in rows(lines, LINE_LIMIT) {
        if !pack.push(&row) {
            blocks.extend(fenced(&pack.text));
            pack = Pack::new(BLOCK_ROOM);
            pack.push(&row);
        }
    }
    blocks.extend(fenced(&pack.text));
    blocks
}

/// Lines gathered up to a number of characters.
struct Pack {
    text: String,
    rows: usize,
    used: usize,
    room: usize,
}

impl Pack {
    fn new(room: usize) -> Self {
        Self {
            text: String::new(),
            rows: 0,
            used: 0,
            room,
        }
    }

    /// Takes the line unless it does not fit any more.
    fn push(&mut self, row: &str) -> bool {
        let used = self.used + usize::from(self.rows > 0) + row.chars().count();
        if used > self.room {
            return false;
        }
        if self.rows > 0 {
            self.text.push('\n');
        }
        self.text.push_str(row);
        self.rows += 1;
        self.used = used;
        true
    }
}

/// A code block, unless there is nothing to see: Discord shows the fences of an empty one as text.
fn fenced(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| format!("{OPEN}{text}{CLOSE}"))
}

fn rows(lines: &[String], limit: usize) -> Vec<String> {
    lines
        .iter()
        .flat_map(|line| line.split('\n'))
        .map(|line| row(line, limit))
        .collect()
}

/// One line as it is safe inside a fence: never three backticks in a row, never longer than the limit and its note.
fn row(line: &str, limit: usize) -> String {
    let line = plain(last_state(line));
    let mut out = String::with_capacity(line.len().min(4 * limit));
    let (mut shown, mut width, mut ticks) = (0_usize, 0_usize, 0_usize);
    let mut chars = line.chars();
    let mut next = chars.next();
    while let Some(c) = next {
        let guard = c == '`' && ticks == 2;
        width += 1 + usize::from(guard);
        if width > limit {
            break;
        }
        if guard {
            out.push(ZERO_WIDTH_SPACE);
            ticks = 0;
        }
        ticks = if c == '`' { ticks + 1 } else { 0 };
        out.push(c);
        shown += 1;
        next = chars.next();
    }
    if next.is_some() {
        let left = u64::try_from(line.chars().count() - shown).unwrap_or(u64::MAX);
        out.extend(["… (+", &grouped(left), " characters, whole in the log)"]);
    }
    out
}

/// A progress bar rewrites its line with carriage returns; only its last state is worth a place.
fn last_state(line: &str) -> &str {
    line.rsplit('\r')
        .find(|state| !plain(state).trim().is_empty())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use proptest::prelude::*;

    fn lines(text: &str) -> Vec<String> {
        text.split('\n').map(str::to_owned).collect()
    }

    /// What a reader of the message would call its fences.
    fn fences(message: &str) -> usize {
        message.matches("```").count()
    }

    #[test]
    fn a_block_holds_what_was_logged() {
        assert_snapshot!(block(&lines("   Compiling ompcord\n\n\tdone")), @r"
        ```
           Compiling ompcord

        	done
        ```
        ");
        assert_eq!(block(&[]), "");
        assert_eq!(block(&lines(" \n\n")), "");
    }

    #[test]
    fn nothing_ends_the_block_from_inside() {
        let message = block(&lines("a ```` b\n``\u{1b}[0m`\u{7}@everyone"));
        assert_eq!(message, "```\na ``\u{200b}`` b\n``\u{200b}`@everyone\n```");
        assert_eq!(fences(&message), 2);
    }

    #[test]
    fn a_progress_bar_shows_its_last_state() {
        assert_eq!(block(&lines("10 %\r50 %\r100 %\r\u{1b}[K\r")), "```\n100 %\n```");
    }

    #[test]
    fn an_endless_line_is_cut_and_counted() {
        let message = block(&["ä".repeat(1_000_000)]);
        assert!(
            message.ends_with("ä… (+998,100 characters, whole in the log)\n```"),
            "{message}"
        );
        let ticks = block(&["`".repeat(5000)]);
        assert_eq!(fences(&ticks), 2);
        assert!(ticks.chars().count() <= MESSAGE_LIMIT);
    }

    #[test]
    fn too_many_lines_for_a_block_are_counted() {
        let many: Vec<_> = (0..500).map(|n| format!("line {n}")).collect();
        let message = block(&many);
        assert!(
            message.contains("line 0\n") && message.ends_with(" lines, whole in the log)\n```"),
            "{message}"
        );
        let shown = message.matches("line ").count();
        assert!(
            message.contains(&format!("(+{} lines,", 500 - shown)),
            "{message}"
        );
    }

    #[test]
    fn a_batch_loses_no_line() {
        let many: Vec<_> = (0..2000).map(|n| format!("line {n}")).collect();
        let blocks = batch(&many);
        let inner: Vec<_> = blocks
            .iter()
            .map(|b| b.trim_matches('`').trim_matches('\n'))
            .collect();
        assert_eq!(inner.join("\n"), many.join("\n"));
        assert_eq!(blocks.len(), many.join("\n").len() / BLOCK_ROOM + 1);
        assert!(batch(&[]).is_empty());
    }

    #[test]
    fn a_flood_shows_both_ends() {
        assert_snapshot!(flood(&lines("a\nb"), &lines("y\nz"), 1234, true), @r"
        ```
        a
        b
        ```
        -# … 1,234 more lines, all in log.txt …
        ```
        y
        z
        ```
        ");
        assert_eq!(flood(&lines("a"), &lines("z"), 0, true), "```\na\nz\n```");
        assert_eq!(
            flood(&[], &[], 1, false),
            "-# … 1 more line, the last of them in log.txt …"
        );
    }

    #[test]
    fn a_flood_counts_what_did_not_fit() {
        let many: Vec<_> = (0..1000).map(|n| format!("{n:04}")).collect();
        let message = flood(&many, &many, 5, true);
        let shown = message
            .split('\n')
            .filter(|row| row.len() == 4 && row.parse::<u32>().is_ok())
            .count();
        assert!(
            message.contains("0000\n") && message.ends_with("0999\n```"),
            "{message}"
        );
        assert!(
            message.contains(&grouped(u64::try_from(2005 - shown).unwrap())),
            "{message}"
        );
        assert!(
            message.chars().count() > 1900,
            "the room is used: {}",
            message.chars().count()
        );
    }

    proptest! {
        #[test]
        fn every_message_fits_and_stays_closed(
            all in proptest::collection::vec("(`{1,5}|[a\u{1b}\\[\r\n é👩\u{200d}💻]{1,9}|x{1,700}){0,6}", 0..40),
            split in 0_usize..40,
            skipped in any::<u64>(),
        ) {
            let (head, tail) = all.split_at(split.min(all.len()));
            let messages = batch(&all).into_iter().chain([block(&all), flood(head, tail, skipped, skipped % 2 == 0)]);
            for message in messages {
                prop_assert!(message.chars().count() <= MESSAGE_LIMIT);
                prop_assert!([0, 2, 4].contains(&fences(&message)), "{}", message);
                prop_assert!(message.is_empty() || !message.trim().is_empty());
            }
        }
    }
}
