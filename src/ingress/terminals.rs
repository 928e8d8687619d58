//! Terminals that want their session to be shared: they get the thread that their conversation has, or a new one.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use secrecy::SecretString;
use serde_json::Value;

use super::auth::{self, Decision, Source};
use super::{Ask, Ingress, refusal};
use crate::error::UserError;
use crate::failpoint;
use crate::ids::{SessionId, ThreadId};
use crate::render::name;
use crate::session::Arrived;
use crate::store::events::NewEvent;
use crate::store::sessions::{NewSession, Session, SessionPhase};
use crate::store::terminals::{Gone, NewTerminal};
use crate::store::tokens::Holder;

/// An idle process that has to go first gets so long; the whole ladder takes less.
const LADDER: Duration = Duration::from_secs(20);

/// A terminal that wants a thread.
#[derive(Debug, Clone)]
pub struct Terminal {
    /// What is stored of it.
    pub known: NewTerminal,
    /// The directory that it runs in.
    pub cwd: String,
    /// What it is about.
    pub title: Option<String>,
}

/// A terminal that has its thread.
#[derive(Debug)]
pub struct Attached {
    /// Its session.
    pub session: SessionId,
    /// A fresh token; the earlier one is not good any more.
    pub token: SecretString,
    /// Its thread.
    pub thread: ThreadId,
    /// Whether it had the thread before.
    pub resumed: bool,
}

/// Why a terminal gets no thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The daemon itself runs this conversation right now.
    Occupied,
    /// The session is just ending, or the daemon is.
    Over,
}

impl Ingress {
    /// A terminal wants a thread: the one that its conversation had before, or a new one.
    pub async fn attach(&self, terminal: Terminal) -> Result<Result<Attached, Refused>> {
        match auth::decide_from(&self.deps.config, Source::Owner, &Ask::Attach) {
            Decision::Allow => {}
            Decision::Ignore => return Err(UserError::new("That cannot be shared.").into()),
            Decision::Refuse(why) => return Err(UserError::new(refusal(why)).into()),
        }
        // Two requests of one terminal must not make two threads.
        let _one_at_a_time = self.attaching.lock().await;
        let known = self.open_conversation(&terminal.known.agent_session).await?;
        let resumed = known.is_some();
        let session = match known {
            Some(session) => session,
            None => self.found_for_terminal(&terminal).await?,
        };
        let arrived = self.deps.sessions.terminal_arrives(&session.id, terminal.known);
        match tokio::time::timeout(LADDER, arrived).await {
            Ok(Some(Arrived::Attached)) => {}
            Ok(Some(Arrived::Occupied)) | Err(_) => return Ok(Err(Refused::Occupied)),
            Ok(Some(Arrived::Over) | None) => return Ok(Err(Refused::Over)),
        }
        let thread = session.thread.context("the session has no thread")?;
        let token = self.deps.tokens.issue(&session.id, Holder::Terminal).await?;
        tracing::info!(session = %session.id, "a terminal shares session {}", session.id);
        Ok(Ok(Attached {
            session: session.id,
            token,
            thread,
            resumed,
        }))
    }

    /// The open session that has this conversation.
    async fn open_conversation(&self, conversation: &str) -> Result<Option<Session>> {
        let store = &self.deps.store;
        let there = store.session_of_conversation(conversation).await?;
        let here = store.owned_conversation(conversation).await?;
        for id in there.into_iter().chain(here) {
            let session = store.session(&id).await?;
            match session {
                Some(session) if session.phase == SessionPhase::Open => return Ok(Some(session)),
                // It was interrupted while its thread was being made.
                Some(session) if session.phase == SessionPhase::Opening => {
                    self.open_by_command(&session.id).await?;
                    return store.session(&id).await;
                }
                _ => {}
            }
        }
        Ok(None)
    }

    async fn found_for_terminal(&self, terminal: &Terminal) -> Result<Session> {
        let by = self.owner();
        let workspace = Path::new(&terminal.cwd).file_name();
        let workspace = workspace.map(|name| name.to_string_lossy().into_owned());
        let title = terminal.title.clone().filter(|title| !title.trim().is_empty());
        let about = title.or(workspace).unwrap_or_else(|| "terminal".to_owned());
        let session = NewSession {
            workspace: terminal.cwd.clone(),
            // The agent knows what it was run with.
            model: None,
            thinking: None,
            ..self.defaults(self.deps.config.home_channel, name::session_name(&about), &by)
        };
        self.deps.store.create_session(&session).await?;
        let newest = *self.deps.events.newest().borrow();
        // Before the thread is made: whoever makes it after a crash knows what it is for.
        self.deps
            .store
            .attach_terminal(&session.id, &terminal.known, newest)
            .await?;
        self.open_by_command(&session.id).await?;
        let session = self.deps.store.session(&session.id).await?;
        session.context("the session vanished")
    }

    /// A terminal goes. `false`: it was not attached (any more).
    pub async fn detach(&self, session: &SessionId, how: Gone) -> Result<bool> {
        if self.deps.store.is_attached(session).await? {
            // A goodbye is in the log before it is answered: nobody says it twice.
            let left = NewEvent::noted(session, crate::session::LEFT, how.word(), &Value::Null);
            self.deps.events.append(vec![left]).await?;
            failpoint::at("terminal.leaving");
            self.deps.sessions.wake(session);
            return Ok(true);
        }
        let known = self.deps.store.session(session).await?;
        if known.is_none_or(|session| session.phase.is_over()) {
            // It had only waited to be told so. The token of a session that goes on here is its agent's.
            self.deps.tokens.revoke(session).await?;
        }
        Ok(false)
    }
}
