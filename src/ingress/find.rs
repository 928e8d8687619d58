//! Which session is meant, and what to do where there is none.

use std::time::Duration;

use anyhow::Result;

use super::commands::Command;
use super::{Ask, Ingress};
use crate::error::UserError;
use crate::ids::{ChannelId, SessionId};
use crate::render::text::code;
use crate::store::sessions::{Session, SessionPhase};

/// An acknowledgement is due after three seconds: what it depends on may take this long.
const LOOK: Duration = Duration::from_millis(800);

impl Ingress {
    /// Whether the session is there that this is asked of, as far as that is known at once. What needs none has it.
    pub async fn has_its_session(&self, ask: &Ask) -> bool {
        let (name, channel) = match ask {
            Ask::Say { channel, session, .. } => (session.as_deref(), *channel),
            Ask::Cancel { channel }
            | Ask::Stop { channel }
            | Ask::Command {
                channel,
                command: Command::Model { .. } | Command::Thinking { .. } | Command::Compact { .. },
            } => (None, *channel),
            _ => return true,
        };
        let looked = tokio::time::timeout(LOOK, self.named_or_here(name, channel)).await;
        // A store that is slow must not keep anybody from being answered.
        looked.is_err() || looked.is_ok_and(|found| found.is_ok())
    }

    /// The open session whose thread this is.
    pub(super) async fn session_here(&self, channel: ChannelId) -> Result<Session> {
        let session = self.deps.store.session_of_thread(channel.thread()).await?;
        if session.is_none() {
            return Err(UserError::new("There is no session here.")
                .hint("Use this in a session's thread (`/omp sessions` lists them), or start one with `/omp new`.")
                .into());
        }
        open_one(session)
    }

    pub(super) async fn named_or_here(&self, name: Option<&str>, channel: ChannelId) -> Result<Session> {
        let Some(name) = name else {
            return self.session_here(channel).await;
        };
        let unknown = || {
            UserError::new(format!("There is no open session {}.", code(name)))
                .hint("Begin to write its name, and choose it from the list.")
        };
        let id: SessionId = name.trim().parse().map_err(|_| unknown())?;
        let session = self.deps.store.session(&id).await?;
        session
            .filter(|s| s.phase == SessionPhase::Open)
            .ok_or_else(|| unknown().into())
    }
}

/// A session that can be worked with, or what to do instead.
pub(super) fn open_one(session: Option<Session>) -> Result<Session> {
    match session {
        Some(session) if matches!(session.phase, SessionPhase::Open | SessionPhase::Opening) => Ok(session),
        Some(session) if session.agent_session.is_some() => Err(UserError::new("This session has ended.")
            .hint("`/omp resume` continues it in a new thread; `/omp new` starts another one.")
            .into()),
        Some(_) => Err(UserError::new("This session has ended.")
            .hint("Start a new one with `/omp new`.")
            .into()),
        None => Err(UserError::new("That session is not known here (any more).")
            .hint("`/omp sessions` lists those that are open.")
            .into()),
    }
}
