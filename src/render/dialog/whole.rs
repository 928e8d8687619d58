//! Everything of a question, for who asks to see more.

use super::controls::are_buttons;
use super::question::{Kind, Question};
use super::{fence, visible};

/// What one message holds beside its fences.
const PIECE: usize = 1_850;
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
        return Whole::Document(text);
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

/// The text in pieces that a message can hold, cut at lines where that is possible.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for line in text.split_inclusive('\n') {
        let width = line.chars().count();
        if used > 0 && used + width > PIECE {
            pieces.push(String::new());
            used = 0;
        }
        for c in line.chars() {
            if used == PIECE {
                pieces.push(String::new());
                used = 0;
            }
            if let Some(piece) = pieces.last_mut() {
                piece.push(c);
            }
            used += 1;
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

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
