//! How a session begins: a reaction, a mention, a command.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::auth::Person;
use super::resume::{LOOKING, is_directory};
use super::{Answer, Ask, Ingress, Written};
use crate::error::UserError;
use crate::ids::{ChannelId, MessageId, SessionId, ThreadId};
use crate::render::name;
use crate::render::text::code;
use crate::session::open;
use crate::session::state::Input;
use crate::status::PromptSource;
use crate::store::launches::Claim;
use crate::store::prompts::{NewPrompt, OpenPrompt, PromptState};
use crate::store::sessions::NewSession;

/// A session that was just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Founded {
    /// Its id.
    pub session: SessionId,
    /// Its thread.
    pub thread: ThreadId,
    /// Its first prompt, where there is one.
    pub prompt: Option<OpenPrompt>,
}

impl Ingress {
    /// The launch emoji was put on a message.
    pub(super) async fn launch(
        &self,
        (channel, message): (ChannelId, MessageId),
        late: bool,
        by: &Person,
    ) -> Result<Answer> {
        let seen = match self.deps.rest.message(channel, message).await {
            Ok(seen) => seen,
            // Deleted in the meantime, or out of sight.
            Err(error) if error.code().is_some() => return Ok(Answer::Nothing),
            Err(error) => return Err(error.into()),
        };
        let author = seen.author.id;
        if author == self.bot || !(author == by.id || self.deps.config.launch.any_author) {
            return Ok(Answer::Nothing);
        }
        let Some(written) = seen.written(channel, self.bot, late) else {
            return Ok(Answer::Nothing);
        };
        if written.text.trim().is_empty() && written.attachments.is_empty() {
            return Ok(Answer::Nothing);
        }
        self.begin_on_message(written, by, PromptSource::Reaction).await?;
        Ok(Answer::Nothing)
    }

    /// Claims the message, and starts the session when the claim is new.
    pub(super) async fn begin_on_message(
        &self,
        written: Written,
        by: &Person,
        source: PromptSource,
    ) -> Result<()> {
        let message = written.message;
        let mut session = self.defaults(written.channel, name::launch_name(&written.text), by);
        session.thread = Some(message.thread());
        session.origin = Some(message);
        let prompt = NewPrompt {
            message: Some(message),
            author: by.id,
            author_name: by.called(),
            text: written.text,
            attachments: written.attachments,
            state: if written.late {
                PromptState::Asking
            } else {
                PromptState::Queued
            },
        };
        match self
            .deps
            .store
            .claim_launch(message, by.id, &session, &prompt)
            .await?
        {
            Claim::Taken => {}
            Claim::New(_) => {
                self.deps.host.metrics().prompt_received(source);
                self.deps.sessions.wake(&session.id);
            }
            Claim::Again { session, prompt } => {
                self.deps.sessions.send(&session, Input::Prompt(prompt));
            }
        }
        Ok(())
    }

    pub(super) fn defaults(&self, parent: ChannelId, thread_name: String, by: &Person) -> NewSession {
        let agent = &self.deps.config.agent;
        NewSession {
            id: SessionId::random(),
            thread: None,
            parent,
            origin: None,
            thread_name,
            workspace: agent.workdir.display().to_string(),
            model: agent.model.clone(),
            thinking: agent.thinking.clone(),
            approval_mode: agent.approval_mode.as_str().to_owned(),
            started_by: by.id,
        }
    }

    /// `/omp new`.
    pub(super) async fn new_session(&self, ask: Ask, by: &Person) -> Result<Answer> {
        let Ask::New { channel, .. } = &ask else {
            return Ok(Answer::Nothing);
        };
        let parent = self.parent_for(*channel).await?;
        let founded = self.found_session(ask, parent, by).await?;
        Ok(founded.map_or(Answer::Nothing, |founded| {
            Answer::Said(format!("🚀 Session started: <#{}>", founded.thread))
        }))
    }

    /// Makes the session that is asked for, with its thread in this channel.
    pub(super) async fn found_session(
        &self,
        ask: Ask,
        parent: ChannelId,
        by: &Person,
    ) -> Result<Option<Founded>> {
        let Ask::New {
            topic,
            prompt,
            model,
            workspace,
            ..
        } = ask
        else {
            return Ok(None);
        };
        let chosen = topic.as_ref().is_some_and(|topic| !topic.trim().is_empty());
        let about = topic
            .or_else(|| prompt.clone())
            .unwrap_or_else(|| "new".to_owned());
        let mut new = self.defaults(parent, name::session_name(&about), by);
        if let Some(workspace) = workspace {
            new.workspace = self.workspace(&workspace).await?;
        }
        new.model = model.or(new.model);
        self.deps.store.create_session(&new).await?;
        if chosen {
            self.deps.store.name_chosen(&new.id).await?;
        }
        let mut first = None;
        if let Some(text) = prompt.filter(|text| !text.trim().is_empty()) {
            let prompt = NewPrompt::by_command(by.id, by.called(), text);
            first = self.deps.store.add_prompt(&new.id, None, &prompt).await?;
            self.deps.host.metrics().prompt_received(by.means());
        }
        let thread = self.open_by_command(&new.id).await?;
        Ok(Some(Founded {
            session: new.id,
            thread,
            prompt: first,
        }))
    }

    /// Makes the thread of a session that a command has stored.
    pub(super) async fn open_by_command(&self, id: &SessionId) -> Result<ThreadId> {
        let session = self.deps.store.session(id).await?;
        let session = session.ok_or_else(|| anyhow::anyhow!("session {id} vanished"))?;
        match open::open_thread(&self.deps, &session, open::Asked::Never).await {
            Ok(thread) => {
                self.deps.sessions.wake(id);
                Ok(thread)
            }
            Err(error) => {
                self.deps.store.opening_failed(id).await?;
                tracing::warn!(session = %id, "session {id}: {error:#}");
                let why = open::why_not(&error);
                Err(UserError::new(format!(
                    "The thread could not be made, so nothing was run: {}.",
                    why.what()
                ))
                .hint(why.hint("try again"))
                .into())
            }
        }
    }

    /// A command given in a session's thread makes the new thread beside it; one given elsewhere makes it there.
    pub(super) async fn parent_for(&self, channel: ChannelId) -> Result<ChannelId> {
        if let Some(session) = self.deps.store.session_of_thread(channel.thread()).await? {
            return Ok(session.parent);
        }
        if channel == self.deps.config.home_channel || self.deps.config.launch.channels.contains(&channel) {
            return Ok(channel);
        }
        Ok(self.deps.config.home_channel)
    }

    /// A directory that was asked for: absolute, or below the default workspace's parent, and it has to exist.
    async fn workspace(&self, asked: &str) -> Result<String> {
        let asked = asked.trim();
        let path = match (asked.strip_prefix("~/"), std::env::home_dir()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ if Path::new(asked).is_absolute() => PathBuf::from(asked),
            _ => self.deps.config.agent.workdir.join(asked),
        };
        let found = tokio::time::timeout(LOOKING, tokio::fs::canonicalize(&path)).await;
        let found = found
            .ok()
            .and_then(Result::ok)
            .map(|path| path.display().to_string());
        match found {
            Some(path) if is_directory(&path).await => Ok(path),
            _ => Err(UserError::new(format!(
                "{} is not a directory on the agent's machine.",
                code(asked)
            ))
            .hint("Give an absolute path, or one from `OMP_WORKDIR` on.")
            .into()),
        }
    }
}
