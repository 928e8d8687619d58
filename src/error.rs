//! Which error type to use where.
//!
//! | type | where |
//! |---|---|
//! | [`anyhow::Error`] | orchestration, with `.context("cannot …")` |
//! | a `thiserror` enum | only where a caller does different things for different errors |
//! | [`UserError`] | what a person did or can mend; travels inside `anyhow` |
//! | [`Fatal`] | what no session can be served without; travels inside `anyhow` up to `main` |
//!
//! A `UserError` is taken out again at exactly two edges, by [`for_person`]: the command framework's error hook and
//! the HTTP API's error response. Without this split, people would read "database is locked" in a thread, or
//! nothing at all.

use std::fmt;
use std::net::SocketAddr;

/// Something that a person can be told, and what they can do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UserError {
    /// What happened.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl UserError {
    /// What happened, in a sentence for the person.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The daemon cannot go on. Everything less degrades one session.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// The database cannot be opened, migrated or written.
    #[error("the database cannot be used")]
    Store(#[source] anyhow::Error),
    /// Discord refused the token.
    #[error("Discord does not accept the bot token")]
    TokenRejected,
    /// Discord refused the intents.
    #[error("Discord does not let the bot read messages: a privileged intent is switched off")]
    Intents,
    /// The HTTP API cannot listen, or stopped doing so.
    #[error("cannot listen on {addr}")]
    ListenerLost {
        /// Where.
        addr: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A task that runs as long as the daemon ended before it.
    #[error("the {task} task ended")]
    TaskEnded {
        /// Its name.
        task: &'static str,
        /// Why, where it failed; `None` where it simply returned.
        source: Option<anyhow::Error>,
    },
}

impl Fatal {
    /// The exit code. 77 and 78 need a person: the service unit does not restart on them, because every try costs
    /// one of the thousand connections that Discord allows a bot per day.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::ListenerLost { .. } => 69,
            Self::TaskEnded { .. } => 70,
            Self::Store(_) => 74,
            Self::TokenRejected => 77,
            Self::Intents => 78,
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Store(_) => Some("check free space and the owner of OMPCORD_STATE_DIR"),
            Self::TokenRejected => Some(
                "reset the token at discord.com/developers/applications and put the new one into DISCORD_BOT_TOKEN",
            ),
            Self::Intents => Some(
                "switch on Message Content Intent at discord.com/developers/applications, your application, Bot",
            ),
            Self::ListenerLost { .. } => Some("choose another port with OMPCORD_HTTP_ADDR"),
            Self::TaskEnded { .. } => None,
        }
    }
}

/// Connects what a person was told with what the log says: four hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ref(u16);

impl Ref {
    /// A new random one.
    #[must_use]
    pub fn random() -> Self {
        let (_, digits, _, _) = uuid::Uuid::new_v4().as_fields();
        Self(digits)
    }
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}", self.0)
    }
}

/// What a person is told about an error.
///
/// A [`UserError`] as it is; of anything else only that it went wrong, and the whole chain is logged here, once.
#[must_use]
pub fn for_person(error: &anyhow::Error) -> UserError {
    if let Some(error) = error.downcast_ref::<UserError>() {
        return error.clone();
    }
    let reference = Ref::random();
    tracing::error!(%reference, "something went wrong (ref {reference}): {error:#}");
    UserError::new(format!("Something went wrong (ref {reference})"))
        .hint("The daemon's log has more under this reference.")
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_person_is_told_what_is_for_them_and_nothing_else() {
        let known = Err::<(), _>(UserError::new("There is no such session.").hint("See /omp sessions."))
            .context("cannot resume")
            .unwrap_err();
        assert_eq!(
            for_person(&known),
            UserError::new("There is no such session.").hint("See /omp sessions.")
        );

        let internal = anyhow::anyhow!("database is locked").context("cannot store");
        let told = for_person(&internal);
        assert!(told.message.starts_with("Something went wrong (ref "), "{told}");
        assert!(!told.message.contains("locked"), "{told}");
    }

    #[test]
    fn a_reference_has_four_digits() {
        assert_eq!(Ref(0x0a).to_string(), "000a");
        assert_eq!(Ref::random().to_string().len(), 4);
    }
}
