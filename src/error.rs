//! Which error type to use where.
//!
//! | type | where |
//! |---|---|
//! | [`anyhow::Error`] | orchestration, with `.context("cannot …")` |
//! | a `thiserror` enum | only where a caller does different things for different errors |
//! | [`UserError`] | what a person did or can mend; travels inside `anyhow` |
//! | [`Fatal`] | what no session can be served without; travels inside `anyhow` up to `main` |
//!
//! A `UserError` is taken out again at exactly three edges, by [`for_person`]: the command framework's error hook, the
//! HTTP API's error response and the result of an agent's tool. Without this split, people would read "database is locked" in a thread, or
//! nothing at all.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::ids::{GuildId, UserId};

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
    #[error(transparent)]
    Store(anyhow::Error),
    /// The state directory, or what belongs into it, cannot be made.
    #[error("cannot use the state directory {}", dir.display())]
    StateDir {
        /// Where.
        dir: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Discord could not be reached at the start, or not in time.
    #[error("Discord cannot be reached{}: {reason}", at.as_deref().map(|at| format!(" at {at}")).unwrap_or_default())]
    Unreachable {
        /// Where, if not at its usual address.
        at: Option<String>,
        /// Why.
        reason: String,
    },
    /// Discord refused the token.
    #[error("Discord does not accept the bot token")]
    TokenRejected,
    /// Discord refused the intents.
    #[error("Discord does not let the bot read messages: Message Content Intent is switched off")]
    Intents,
    /// The bot may not register its commands in the server.
    #[error("the bot cannot register its commands in the server {guild}: {reason}")]
    NotInvited {
        /// The server.
        guild: GuildId,
        /// The bot's application, for the invitation.
        application: UserId,
        /// What Discord said.
        reason: String,
    },
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

/// The exit code for a state directory or a database that cannot be used.
pub const EXIT_STATE: u8 = 74;
/// What to do about a state directory that cannot be used.
pub const STATE_HINT: &str =
    "OMPCORD_STATE_DIR has to be a directory that this user can write to, with free space";

/// What the bot has to be allowed in its server, and nothing more: see channels, write in them and in threads, make
/// threads, attach files, embed links, read the history, react, pin.
pub const PERMISSIONS: u64 = {
    let bits = [6, 10, 11, 14, 15, 16, 35, 38, 51];
    let (mut all, mut n) = (0, 0);
    while n < bits.len() {
        all |= 1 << bits[n];
        n += 1;
    }
    all
};

/// The link that invites the bot with what it needs and no more.
#[must_use]
pub fn invitation(application: UserId) -> String {
    format!(
        "https://discord.com/oauth2/authorize?client_id={application}&scope=bot+applications.commands\
         &permissions={PERMISSIONS}"
    )
}

impl Fatal {
    /// The exit code. 77 and 78 need a person: the service unit does not restart on them, because every try costs
    /// one of the thousand connections that Discord allows a bot per day.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::ListenerLost { .. } => 69,
            Self::TaskEnded { .. } => 70,
            Self::Store(_) | Self::StateDir { .. } => EXIT_STATE,
            Self::Unreachable { .. } => 75,
            Self::TokenRejected => 77,
            Self::Intents | Self::NotInvited { .. } => 78,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Store(error) => match error.downcast_ref::<UserError>() {
                Some(UserError { hint: Some(hint), .. }) => hint,
                _ => STATE_HINT,
            },
            Self::StateDir { .. } => STATE_HINT,
            Self::Unreachable { at: None, .. } => "check the network and discordstatus.com, then start again",
            Self::Unreachable { at: Some(_), .. } => {
                "check DISCORD_API_URL and the server there, then start again"
            }
            Self::TokenRejected => {
                "reset the token at discord.com/developers/applications and put the new one into DISCORD_BOT_TOKEN"
            }
            Self::Intents => {
                "switch on Message Content Intent at discord.com/developers/applications, your application, Bot"
            }
            Self::NotInvited { application, .. } => {
                let link = invitation(*application);
                return Some(format!("check DISCORD_GUILD_ID, and invite the bot: {link}"));
            }
            Self::ListenerLost { .. } => "choose another port with OMPCORD_HTTP_ADDR",
            Self::TaskEnded { .. } => return None,
        };
        Some(hint.to_owned())
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
    if crate::store::is_busy(error) {
        tracing::warn!("the database is busy: {error:#}");
        return UserError::new("The database is busy, so nothing was changed.")
            .hint("Try again in a moment. `/omp health` says how it is doing.");
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
