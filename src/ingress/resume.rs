//! `/omp resume`: a past session goes on in a new thread, with all that it knows.

use std::time::Duration;

use anyhow::Result;

use super::auth::Person;
use super::{Answer, Ingress};
use crate::error::UserError;
use crate::ids::{ChannelId, SessionId, ThreadId};
use crate::render::text::code;
use crate::session::models::nearest;
use crate::store::sessions::{NewSession, Session, SessionPhase};

/// As many past sessions are looked through for a name.
const LOOKED_AT: u32 = 200;
/// A session that is ending gets so long for it; the whole ladder takes less.
const ENDING: Duration = Duration::from_secs(30);
/// A directory may be on a server that does not answer.
pub(super) const LOOKING: Duration = Duration::from_secs(5);

/// Whether this is a directory, as far as that can be told in time.
pub(super) async fn is_directory(path: &str) -> bool {
    let looked = tokio::time::timeout(LOOKING, tokio::fs::metadata(path)).await;
    matches!(looked, Ok(Ok(found)) if found.is_dir())
}

impl Ingress {
    pub(super) async fn resume(&self, channel: ChannelId, wanted: &str, by: &Person) -> Result<Answer> {
        let past = self.past(wanted.trim()).await?;
        if matches!(past.phase, SessionPhase::Open | SessionPhase::Opening) {
            return Err(is_open(past.thread).into());
        }
        let Some(conversation) = &past.agent_session else {
            return Err(
                UserError::new("That session ended before its conversation began.")
                    .hint("There is nothing to continue: `/omp new` starts another one.")
                    .into(),
            );
        };
        if !is_directory(&past.workspace).await {
            return Err(UserError::new(format!(
                "Its directory {} is not there any more, or does not answer; nothing was started.",
                code(&past.workspace)
            ))
            .hint("Put it back, or start anew with `/omp new`.")
            .into());
        }
        self.has_ended(conversation).await?;
        let new = NewSession {
            workspace: past.workspace.clone(),
            model: past.model.clone(),
            thinking: past.thinking.clone(),
            approval_mode: past.approval_mode.clone(),
            ..self.defaults(self.parent_for(channel).await?, past.thread_name.clone(), by)
        };
        if let Err(open) = self.deps.store.continue_session(&new, conversation).await? {
            let open = self.deps.store.session(&open).await?;
            return Err(is_open(open.and_then(|open| open.thread)).into());
        }
        let thread = self.open_by_command(&new.id).await?;
        let before = past.thread.map(|thread| format!(" (it was <#{thread}>)"));
        Ok(Answer::Said(format!(
            "↩️ The conversation goes on in <#{thread}>{}.",
            before.unwrap_or_default()
        )))
    }

    /// Waits until no agent is at the conversation any more: one that is just being ended still writes to it.
    async fn has_ended(&self, conversation: &str) -> Result<()> {
        let before = self.deps.store.sessions_of_conversation(conversation).await?;
        let ended = async {
            for id in &before {
                self.deps.sessions.ended(id).await;
            }
        };
        if tokio::time::timeout(ENDING, ended).await.is_err() {
            return Err(UserError::new("That session is still ending.")
                .hint("Try again in a minute; nothing was started.")
                .into());
        }
        Ok(())
    }

    /// The session that is meant: by its id, or by the name of its thread.
    async fn past(&self, wanted: &str) -> Result<Session> {
        if let Ok(id) = wanted.parse::<SessionId>()
            && let Some(session) = self.deps.store.session(&id).await?
        {
            return Ok(session);
        }
        let past = self.deps.store.past_sessions(LOOKED_AT).await?;
        let same = |session: &&Session| session.thread_name.eq_ignore_ascii_case(wanted);
        let found = past.iter().find(same).or_else(|| {
            let lower = wanted.to_lowercase();
            let has = |session: &&Session| session.thread_name.to_lowercase().contains(&lower);
            let mut found = past.iter().filter(has);
            let first = found.next().filter(|_| !lower.is_empty())?;
            found.next().is_none().then_some(first)
        });
        if let Some(session) = found {
            return Ok(session.clone());
        }
        let names = past.iter().map(|session| session.thread_name.as_str());
        let near: Vec<String> = nearest(wanted, names, 3).into_iter().map(code).collect();
        let hint = match (past.is_empty(), near.is_empty()) {
            (true, _) => "No session has ended yet. `/omp sessions` lists the open ones.".to_owned(),
            (false, true) => "Begin to write its name, and choose it from the list.".to_owned(),
            (false, false) => format!("Did you mean {}?", near.join(", ")),
        };
        Err(
            UserError::new(format!("There is no past session {}.", code(wanted)))
                .hint(hint)
                .into(),
        )
    }
}

fn is_open(thread: Option<ThreadId>) -> UserError {
    let place = thread.map_or_else(|| "its thread".to_owned(), |thread| format!("<#{thread}>"));
    UserError::new(format!("That conversation is open already, in {place}."))
        .hint("Write there. One conversation has one thread, or its two halves would not know of each other.")
}
