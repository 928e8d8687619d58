//! Why a session has no thread, and what to do then. Without the difference people would look for a permission that is
//! not missing.

use std::time::Duration;

use super::text::{clip, escape, plural};

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoThread {
    /// The bot may not.
    Permission,
    /// Discord said no to something else.
    Refused(String),
    /// Discord wants to be left alone for so long.
    Limited(Duration),
    /// Discord failed, or could not be reached.
    NoAnswer,
    /// The daemon failed; its log says how.
    Daemon,
}

impl NoThread {
    /// What happened, in the middle of a sentence.
    #[must_use]
    pub fn what(&self) -> String {
        match self {
            Self::Permission => "the bot lacks a permission here".to_owned(),
            Self::Refused(message) => format!("Discord refused it ({})", escape(&clip(message, 300))),
            Self::Limited(_) => "Discord takes no more requests from the bot for a moment".to_owned(),
            Self::NoAnswer => "Discord did not answer as it should".to_owned(),
            Self::Daemon => "something went wrong here".to_owned(),
        }
    }

    /// What to do about it. `again` is how it is tried again.
    #[must_use]
    pub fn hint(&self, again: &str) -> String {
        match self {
            Self::Permission => format!(
                "Give it **View Channel**, **Create Public Threads** and **Send Messages in Threads**, then {again}."
            ),
            Self::Refused(_) => format!("`/omp health` may say more; then {again}."),
            Self::Limited(wait) => {
                let seconds = usize::try_from(wait.as_secs())
                    .unwrap_or(usize::MAX)
                    .saturating_add(1);
                format!("Wait {}, then {again}.", plural(seconds, "second"))
            }
            Self::NoAnswer => format!("Wait a moment, then {again}."),
            Self::Daemon => format!("The daemon's log says what; then {again}."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_way_out() {
        let said = [
            NoThread::Permission,
            NoThread::Refused("Maximum number of active threads reached".to_owned()),
            NoThread::Limited(Duration::from_millis(4200)),
            NoThread::NoAnswer,
            NoThread::Daemon,
        ]
        .map(|why| format!("{}. {}", why.what(), why.hint("try again")));
        let words = [
            "Create Public Threads",
            "active threads",
            "Wait 5 seconds",
            "Wait a moment",
            "log says",
        ];
        for (said, word) in said.iter().zip(words) {
            assert!(said.contains(word), "{said}");
        }
    }
}
