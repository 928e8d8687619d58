//! Everything of a question, for who asks to see more.

use super::controls::are_buttons;
use super::question::{Kind, Question};
use super::{fence, visible};
use crate::render::text::grouped;

/// What one message holds beside its fences.
const PIECE: usize = 1_850;
/// The largest file, in bytes, beside the line that says what is missing. Discord takes 10 MiB.
const LARGEST: usize = 9 << 20;
/// More messages than this are a file.
const MOST_PIECES: usize = 4;

/// Everything of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whole {
    /// As messages, in order.
    Messages(Vec<String>),
    /// As a file with this text.
    Document(String),
}

/// Everything of a question, in as few messages as it needs, or as a file.
#[must_use]
pub(crate) fn whole(question: &Question) -> Whole {
    let text = visible(&text(question));
    let pieces = pieces(&text);
    if pieces.len() > MOST_PIECES {
        return Whole::Document(clamped(text, LARGEST));
    }
    let language = if question.facts.is_empty() {
        question.language.as_str()
    } else {
        ""
    };
    Whole::Messages(pieces.iter().map(|piece| fence(language, piece)).collect())
}

fn text(question: &Question) -> String {
    let mut parts = Vec::new();
    let facts = question
        .facts
        .iter()
        .map(|(name, value)| format!("{name}: {value}"));
    let facts: Vec<String> = facts.collect();
    parts.extend((!facts.is_empty()).then(|| facts.join("\n")));
    parts.extend((!question.body.is_empty()).then(|| question.body.clone()));
    let shown = question.kind == Kind::Select && (!are_buttons(question) || !parts.is_empty());
    if shown || question.choices().any(|(_, option)| !option.detail.is_empty()) {
        let options = question.choices().map(|(_, option)| {
            if option.detail.is_empty() {
                format!("• {}", option.label)
            } else {
                format!("• {}: {}", option.label, option.detail)
            }
        });
        parts.push(options.collect::<Vec<_>>().join("\n"));
    }
    parts.extend((!question.prefill.is_empty()).then(|| question.prefill.clone()));
    parts.join("\n\n")
}

/// A text that a file can hold, which says what is missing.
fn clamped(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        let left = text.split_off(text.floor_char_boundary(limit));
        let left = grouped(u64::try_from(left.chars().count()).unwrap_or(u64::MAX));
        text.extend(["\n\n[… ", &left, " more characters do not fit into a file]\n"]);
    }
    text
}

/// The text in pieces that a message can hold, cut at lines where that is possible.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for line in text.split_inclusive('\n') {
        let width: usize = widths(line).map(|(_, width)| width).sum();
        if used > 0 && used + width > PIECE {
            pieces.push(String::new());
            used = 0;
        }
        for (c, width) in widths(line) {
            if used + width > PIECE {
                pieces.push(String::new());
                used = 0;
            }
            if let Some(piece) = pieces.last_mut() {
                piece.push(c);
            }
            used += width;
        }
    }
    pieces
}

/// Every character with the room that it takes within a fence: one that could end it is taken apart there.
fn widths(line: &str) -> impl Iterator<Item = (char, usize)> {
    line.chars().map(|c| (c, if c == '`' { 2 } else { 1 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_fits_also_where_its_fence_has_to_be_kept_from_ending() {
        let text = "```".repeat(700);
        let pieces = pieces(&text);
        assert_eq!(pieces.concat(), text);
        let longest = pieces
            .iter()
            .map(|piece| fence("bash", piece).chars().count())
            .max();
        assert!(longest <= Some(2_000), "{longest:?}");
    }

    #[test]
    fn a_file_that_is_too_large_says_what_is_missing() {
        assert_eq!(clamped("abc".to_owned(), 3), "abc");
        assert_eq!(
            clamped("aü€".to_owned(), 2),
            "a\n\n[… 2 more characters do not fit into a file]\n"
        );
    }

    #[test]
    fn pieces_are_the_whole_text_in_messages_that_fit() {
        let text = format!(
            "{}\n{}\n{}",
            "a".repeat(1_000),
            "b".repeat(4_000),
            "c\n".repeat(300)
        );
        let pieces = pieces(&text);
        assert_eq!(pieces.concat(), text);
        assert!(
            pieces.iter().all(|piece| piece.chars().count() <= PIECE),
            "{}",
            pieces.len()
        );
    }
}
