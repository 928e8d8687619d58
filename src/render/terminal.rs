//! The words of a session whose agent runs in a person's terminal.

use super::text::{clip, code, escape, quiet};
use crate::store::terminals::Gone;

/// So many characters of what was typed are shown; the rest is in a file.
const SHOWN: usize = 1_500;

/// What somebody typed at the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// The message.
    pub content: String,
    /// Whether not all of it is in there.
    pub cut: bool,
}

/// A prompt that was typed at the terminal, as a quotation.
#[must_use]
pub fn typed(text: &str) -> Typed {
    let text = text.trim();
    let shown = clip(text, SHOWN);
    let cut = shown != text;
    let quoted: Vec<String> = shown.lines().map(|line| format!("> {line}")).collect();
    // Quoting makes many short lines longer than they were.
    let (content, shortened) = fit(&quoted);
    Typed {
        content: format!("⌨️ **In the terminal**\n{content}"),
        cut: cut || shortened,
    }
}

fn fit(lines: &[String]) -> (String, bool) {
    let mut content = String::new();
    for line in lines {
        if content.chars().count() + line.chars().count() > super::MESSAGE_LIMIT - 100 {
            return (content, true);
        }
        if !content.is_empty() {
            content.push('\n');
        }
        content.push_str(line);
    }
    (content, false)
}

/// The terminal asks whoever sits at it: it cannot be answered from here.
#[must_use]
pub fn asks(what: &str) -> String {
    format!(
        "🟡 **{}.** Answer it there.",
        escape(clip(what.trim(), 300).trim_end_matches('.'))
    )
}

/// What is left of that.
#[must_use]
pub fn answered() -> String {
    quiet("The terminal has asked something; it is answered")
}

/// The first line of its thread.
#[must_use]
pub fn opening(workspace: &str, host: Option<&str>, session: &str) -> String {
    let host = host
        .map(|host| format!(" on {}", escape(&clip(host, 60))))
        .unwrap_or_default();
    quiet(&format!(
        "⌨️ In a terminal{host} ⋅ {} ⋅ {session}\nWhat you write here is typed there; approvals are answered there",
        code(workspace)
    ))
}

/// The terminal is gone, and what that means.
#[must_use]
pub fn gone(how: Gone, working: bool) -> String {
    let what = match (how, working) {
        (Gone::Off, false) => "⌨️ The terminal does not share this session any more.",
        (Gone::Off, true) => {
            "⌨️ The terminal does not share this session any more; what it is doing goes on there."
        }
        (Gone::Closed, false) => "⌨️ The terminal was closed.",
        (Gone::Closed, true) => "⚠️ **The terminal was closed in the middle of a turn.**",
        (Gone::Lost, false) => "⌨️ The terminal is gone: nothing was heard of it for a while.",
        (Gone::Lost, true) => {
            "⚠️ **The terminal is gone in the middle of a turn:** nothing was heard of it for a while."
        }
    };
    format!("{what} The next message here continues the conversation.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_quoted_and_a_long_one_is_cut_and_said_to_be() {
        let short = typed("fix\n\n@everyone the `tests`");
        assert_eq!(
            short.content,
            "⌨️ **In the terminal**\n> fix\n> \n> @everyone the `tests`"
        );
        assert!(!short.cut);
        for long in ["x".repeat(9_000), "a\n".repeat(1_400)] {
            let typed = typed(&long);
            assert!(typed.cut && typed.content.chars().count() <= super::super::MESSAGE_LIMIT);
        }
    }

    #[test]
    fn what_is_said_of_a_terminal() {
        let all = [Gone::Off, Gone::Closed, Gone::Lost].map(|how| [gone(how, false), gone(how, true)]);
        let mut said: Vec<String> = all.into_iter().flatten().collect();
        said.push(asks("The terminal asks whether bash may run"));
        said.push(answered());
        said.push(opening("~/project", Some("desk"), "session_00000001"));
        insta::assert_snapshot!(said.join("\n"));
    }
}
