//! An answer of the agent as the messages that a thread shows of it.
//!
//! Without it one long answer would push everything else out of the thread, and take the channel's whole rate limit
//! while it is being written.

use super::{MESSAGE_LIMIT, markdown, split};

/// An answer fills at most so many messages; what is longer becomes a beginning and a file.
const MOST_MESSAGES: usize = 5;

/// What a thread shows of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The messages, in order; none when there is nothing to show yet.
    pub pieces: Vec<String>,
    /// The whole answer as the agent wrote it, to be attached as `answer.md` to the last message.
    pub file: Option<String>,
}

/// Words an answer; `done` tells whether it is complete or still being written.
///
/// While an answer grows, all messages but the last stay as they are, so that only few have to be edited.
#[must_use]
pub fn answer(text: &str, done: bool) -> Answer {
    let shown = markdown::discord(if done { text } else { without_empty_block(text) });
    let mut pieces: Vec<String> = split::pieces(&shown, MESSAGE_LIMIT)
        .take(MOST_MESSAGES + 1)
        .collect();
    if pieces.len() <= MOST_MESSAGES {
        return Answer { pieces, file: None };
    }
    pieces.truncate(MOST_MESSAGES - 1);
    let size = size(text.len());
    pieces.push(if done {
        format!("-# The whole answer ({size}) is in answer.md")
    } else {
        format!("-# … still writing, {size} so far")
    });
    Answer {
        pieces,
        file: done.then(|| text.to_owned()),
    }
}

/// Leaves out the first line of a code block until something is in the block: Discord shows an empty one as backticks.
fn without_empty_block(text: &str) -> &str {
    let text = text.trim_end();
    let line = text.rfind('\n').map_or(0, |at| at + 1);
    match text.split_at_checked(line) {
        Some((before, last)) if split::leaves_open(before, last) => before,
        _ => text,
    }
}

fn size(bytes: usize) -> String {
    const KIB: usize = 1024;
    const MIB: usize = KIB * KIB;
    match bytes {
        0..KIB => format!("{bytes} bytes"),
        KIB..MIB => format!("{} KiB", bytes / KIB),
        _ => format!("{}.{} MiB", bytes / MIB, bytes % MIB * 10 / MIB),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_answer_is_one_message() {
        let short = answer("Hello.\n", true);
        assert_eq!(
            short,
            Answer {
                pieces: vec!["Hello.".into()],
                file: None
            }
        );
        assert_eq!(answer("  \n", false), Answer::default());
    }

    #[test]
    fn five_full_messages_are_shown_whole() {
        let full = answer(&"x".repeat(10_000), true);
        assert_eq!(full.pieces.len(), 5);
        assert_eq!(full.file, None);
    }

    #[test]
    fn a_longer_answer_is_a_beginning_and_a_file() {
        let text = format!("{}\n", "word\n\n".repeat(10_000));
        let growing = answer(&text, false);
        assert_eq!(growing.pieces.len(), 5);
        assert_eq!(
            growing.pieces.last().map(String::as_str),
            Some("-# … still writing, 58 KiB so far")
        );
        assert_eq!(growing.file, None);
        let done = answer(&text, true);
        assert_eq!(
            done.pieces.get(..4),
            growing.pieces.get(..4),
            "the beginning stays"
        );
        assert_eq!(
            done.pieces.last().map(String::as_str),
            Some("-# The whole answer (58 KiB) is in answer.md")
        );
        assert_eq!(done.file.as_deref(), Some(text.as_str()));
    }

    #[test]
    fn a_block_is_shown_once_something_is_in_it() {
        assert_eq!(answer("Look:\n```rust\n", false).pieces, ["Look:"]);
        assert_eq!(
            answer("Look:\n```rust\nlet", false).pieces,
            ["Look:\n```rust\nlet\n```"]
        );
        assert_eq!(
            answer("Look:\n```rust\nlet\n```", false).pieces,
            ["Look:\n```rust\nlet\n```"]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_message_can_be_sent(
            parts in prop::collection::vec(("\\PC{0,300}", "(\n|\n\n|\n```\n|\n#### |\n[|]a[|]\n[|]-[|]\n)"), 0..60),
            done: bool,
        ) {
            let text: String = parts.iter().flat_map(|(text, mark)| [text.as_str(), mark.as_str()]).collect();
            let answer = answer(&text, done);
            prop_assert!(answer.pieces.len() <= MOST_MESSAGES);
            for piece in &answer.pieces {
                prop_assert!(piece.chars().count() <= MESSAGE_LIMIT && !piece.trim().is_empty());
            }
            prop_assert!(answer.file.is_none_or(|file| done && file == text));
        }
    }

    #[test]
    fn sizes_are_rounded_for_people() {
        for (bytes, shown) in [(12, "12 bytes"), (23_600, "23 KiB"), (1_600_000, "1.5 MiB")] {
            assert_eq!(size(bytes), shown);
        }
    }
}
