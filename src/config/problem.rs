//! What is wrong with the configuration, worded for the person who wrote it.
//!
//! Without one type for it, the first problem would hide the others and somebody would print a token to be helpful.

use std::fmt;

/// Longer values are described instead of shown: they are more likely a secret in the wrong place than a slip.
const SHOWN: usize = 40;

/// One thing that has to be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The variable, or the file that could not be read.
    pub variable: String,
    /// What was found; never a secret.
    pub found: String,
    /// What is expected instead.
    pub expected: String,
    /// What to do.
    pub hint: Option<String>,
}

/// The configuration cannot be used. All problems are in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// In the order in which the variables are documented; never empty.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => f.write_str("the configuration has a problem")?,
            many => write!(f, "the configuration has {many} problems")?,
        }
        for problem in &self.problems {
            write!(f, "\n\n  {}\n", problem.variable)?;
            write!(
                f,
                "    found:    {}\n    expected: {}",
                problem.found, problem.expected
            )?;
            if let Some(hint) = &problem.hint {
                write!(f, "\n    hint:     {hint}")?;
            }
        }
        Ok(())
    }
}

/// Why a value was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// What was found, where the value itself does not say it.
    pub(super) found: Option<String>,
    /// What is expected instead.
    pub(super) expected: String,
    /// What to do.
    pub(super) hint: Option<String>,
}

impl Mismatch {
    pub(super) fn expected(what: impl Into<String>) -> Self {
        Self {
            found: None,
            expected: what.into(),
            hint: None,
        }
    }

    pub(super) fn found(mut self, what: impl Into<String>) -> Self {
        self.found = Some(what.into());
        self
    }

    pub(super) fn hint(mut self, what: impl Into<String>) -> Self {
        self.hint = Some(what.into());
        self
    }
}

/// A value that is not meant to be secret, unless it looks like one that was pasted into the wrong place.
pub(super) fn show(value: &str) -> String {
    let looks_secret = value.chars().count() > SHOWN
        || value.contains("/api/webhooks/")
        || value.contains('@')
        || ["sk-", "ghp_", "github_pat_", "xox"]
            .iter()
            .any(|prefix| value.starts_with(prefix));
    if looks_secret {
        shape(value)
    } else {
        format!("{value:?}")
    }
}

/// A value by its length alone.
pub(super) fn shape(value: &str) -> String {
    match value.chars().count() {
        1 => "a text of 1 character (not shown)".to_owned(),
        length => format!("a text of {length} characters (not shown)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_the_wrong_place_is_not_shown() {
        for secret in [
            "MTIzNDU2Nzg5MDEyMzQ1Njc4.GaBcDe.abcdefghijklmnopqrstuvwxyz0123456789AB",
            "https://discord.com/api/webhooks/1/abc",
            "sk-live-1234",
            "https://me:secret@host",
        ] {
            assert!(!show(secret).contains(secret), "{}", show(secret));
        }
        assert_eq!(show("12a"), "\"12a\"");
    }
}
