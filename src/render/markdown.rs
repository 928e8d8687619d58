//! Turns the agent's Markdown into the dialect that Discord shows.

/// Turns the agent's Markdown into the dialect that Discord shows.
#[must_use]
pub fn discord(text: &str) -> String {
    text.to_owned()
}
