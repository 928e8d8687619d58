//! What people read of an agent's use of Discord, beyond its own words.

use super::MESSAGE_LIMIT;
use super::text::{code, quiet};
use crate::ids::ThreadId;

/// Adds something to a text where both fit into a message. Discord counts as JavaScript does.
fn if_it_fits(longer: String, text: &str) -> String {
    if longer.encode_utf16().count() <= MESSAGE_LIMIT {
        longer
    } else {
        text.to_owned()
    }
}

/// A message that somebody should see now.
#[must_use]
pub fn notification(text: &str) -> String {
    if_it_fits(format!("🔔 {text}"), text)
}

/// A message of a session in a channel that is not its own: who reads it can go where it comes from.
#[must_use]
pub fn from_session(text: &str, thread: ThreadId) -> String {
    let from = quiet(&format!("from <#{thread}>"));
    if text.is_empty() {
        return from;
    }
    if_it_fits(format!("{text}\n{from}"), text)
}

/// A file about which nothing was said.
#[must_use]
pub fn file(name: &str) -> String {
    format!("📎 {}", code(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_never_makes_a_message_too_long() {
        let said = [
            notification("The tests fail."),
            from_session("Deployed.", 7.into()),
            file("report.md"),
        ];
        insta::assert_snapshot!(said.join("\n"), @r"
        🔔 The tests fail.
        Deployed.
        -# from <#7>
        📎 `report.md`
        ");
        let full = "x".repeat(MESSAGE_LIMIT);
        assert_eq!(notification(&full), full);
        assert_eq!(from_session(&full, 7.into()), full);
    }
}
