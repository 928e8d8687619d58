//! Commands that ask how things are, and the buttons that do what a command does.
//!
//! `settings` has those that change a session, `resume` the one that continues a past one.

use anyhow::Result;

use super::auth::Person;
use super::find::open_one;
use super::{Answer, Ingress};
use crate::about;
use crate::discord::draft::{Draft, FileRef, MAX_FILE_BYTES};
use crate::error::UserError;
use crate::ids::{ChannelId, PromptId, SessionId};
use crate::render::{health, help, notice, queue, sessions, status, words};
use crate::session::state::{Input, Reply};
use crate::session::view::{Next, all_views, view_of};
use crate::status::{HealthReport, StatusSnapshot};
use crate::store::sessions::Session;

/// A part of a file begins at a line; one that is longer than this is cut.
const LONGEST_LINE: u64 = 64 * 1024;

/// Which session is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    /// The one whose thread this is.
    Here,
    /// This one, as its button says.
    Session(SessionId),
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// How the daemon is doing.
    Status,
    /// The same, with everything tried.
    Health,
    /// What exactly runs.
    Version,
    /// What can be asked.
    Help,
    /// The open sessions.
    Sessions {
        /// From 0.
        page: usize,
    },
    /// What waits in a session.
    Queue(Of),
    /// The transcript of a session.
    Log(Of),
    /// Take a waiting prompt back.
    Drop(SessionId, PromptId),
    /// Take every waiting prompt back.
    Clear(SessionId),
    /// End the turn; the button on the card.
    CancelOf(SessionId),
    /// End the session; the button on the card, which asks first.
    StopOf {
        /// Which.
        session: SessionId,
        /// Whether it was asked.
        sure: bool,
    },
    /// Another model, or which it is.
    Model {
        /// Its name.
        name: Option<String>,
    },
    /// Another thinking level, or which it is.
    Thinking {
        /// Its name.
        level: Option<String>,
    },
    /// A shorter conversation.
    Compact {
        /// What to keep.
        instructions: Option<String>,
    },
    /// A past session in a new thread.
    Resume {
        /// Its id, or its name.
        session: String,
    },
}

impl Command {
    /// Whether only the person who asked needs to see the answer: nothing is changed that concerns the others.
    #[must_use]
    pub const fn is_private(&self) -> bool {
        match self {
            Self::Status
            | Self::Health
            | Self::Version
            | Self::Help
            | Self::Sessions { .. }
            | Self::Queue(_)
            | Self::Log(_)
            | Self::Drop(..)
            | Self::Clear(_)
            | Self::CancelOf(_)
            | Self::StopOf { .. }
            | Self::Model { name: None }
            | Self::Thinking { level: None } => true,
            Self::Model { .. } | Self::Thinking { .. } | Self::Compact { .. } | Self::Resume { .. } => false,
        }
    }
}

fn embed(embed: serde_json::Value) -> Answer {
    Answer::Shown(Box::new(Draft {
        embeds: vec![embed],
        ..Draft::default()
    }))
}

impl Ingress {
    pub(super) async fn command(&self, channel: ChannelId, command: Command, by: &Person) -> Result<Answer> {
        match command {
            Command::Status => Ok(embed(status::status(&StatusSnapshot::take(&self.deps).await))),
            Command::Health => Ok(embed(health::health(&HealthReport::take(&self.deps).await))),
            Command::Version => Ok(Answer::Privately(self.version().await)),
            Command::Help => Ok(embed(help::help(&self.deps.config.launch.emoji.to_string()))),
            Command::Sessions { page } => {
                let list = sessions::sessions(&all_views(&self.deps).await?, page);
                Ok(Answer::Shown(Box::new(Draft {
                    embeds: vec![list.embed],
                    components: list.components,
                    ..Draft::default()
                })))
            }
            Command::Queue(of) => {
                let session = self.session_of(of, channel).await?;
                self.queue(&session).await
            }
            Command::Log(of) => self.log(of, channel).await,
            Command::Drop(session, prompt) => self.discard(session, Some(prompt)).await,
            Command::Clear(session) => self.discard(session, None).await,
            Command::CancelOf(session) => {
                let session = self.session_of(Of::Session(session), channel).await?;
                self.control_of(&session, Input::Cancel).await
            }
            Command::StopOf { session, sure } => self.stop_of(session, sure, channel).await,
            Command::Model { name } => self.model(channel, name).await,
            Command::Thinking { level } => self.thinking(channel, level).await,
            Command::Compact { instructions } => self.compact(channel, instructions).await,
            Command::Resume { session } => self.resume(channel, &session, by).await,
        }
    }

    async fn session_of(&self, of: Of, channel: ChannelId) -> Result<Session> {
        match of {
            Of::Here => self.session_here(channel).await,
            Of::Session(id) => open_one(self.deps.store.session(&id).await?),
        }
    }

    async fn version(&self) -> String {
        words::version(&words::Running {
            version: about::VERSION,
            commit: about::commit(),
            built: about::built(),
            pid: std::process::id(),
            uptime: self.deps.host.uptime(),
            agent: self.deps.agent_version().await.map_err(|error| error.to_string()),
        })
    }

    async fn queue(&self, session: &Session) -> Result<Answer> {
        let mut prompts = self.deps.store.waiting_prompts(&session.id).await?;
        for prompt in &mut prompts {
            prompt.text = self.deps.redactor.redact(&prompt.text).into_owned();
        }
        let view = view_of(&self.deps, &session.id).await?;
        let next = view.map_or(Next::AtOnce, |view| view.next);
        let list = queue::queue(&session.id, &prompts, next);
        Ok(Answer::Shown(Box::new(Draft {
            content: list.content,
            components: list.components,
            ..Draft::default()
        })))
    }

    /// Takes waiting prompts back, and shows what is left.
    async fn discard(&self, id: SessionId, prompt: Option<PromptId>) -> Result<Answer> {
        let session = open_one(self.deps.store.session(&id).await?)?;
        let ids = if let Some(prompt) = prompt {
            vec![prompt]
        } else {
            let waiting = self.deps.store.waiting_prompts(&id).await?;
            let waiting = waiting.into_iter().filter(|p| !p.state.is_undecided());
            waiting.map(|prompt| prompt.id).collect()
        };
        let reply = self.deps.sessions.ask(&id, Input::Discard(ids)).await;
        let reply = reply.unwrap_or(Reply::Discarded { count: 0 });
        let mut answer = self.queue(&session).await?;
        if let Answer::Shown(draft) = &mut answer {
            draft.content = format!("{}\n{}", notice::reply(reply), draft.content);
        }
        Ok(answer)
    }

    async fn stop_of(&self, id: SessionId, sure: bool, channel: ChannelId) -> Result<Answer> {
        let session = self.session_of(Of::Session(id), channel).await?;
        if sure {
            return self.control_of(&session, Input::Stop).await;
        }
        let view = view_of(&self.deps, &session.id).await?;
        let busy = view.as_ref().is_some_and(|view| view.turn_began_ms.is_some());
        let waiting = view.map_or(0, |view| view.queued + view.held);
        let resumable = session.agent_session.is_some();
        let (content, components) = words::stop_or_not(&session.id, resumable, (busy, waiting));
        Ok(Answer::Shown(Box::new(Draft {
            content,
            components,
            ..Draft::default()
        })))
    }

    /// The transcript, or its newest part where Discord would not take all of it. Also of a session that has ended.
    async fn log(&self, of: Of, channel: ChannelId) -> Result<Answer> {
        let store = &self.deps.store;
        let session = match of {
            Of::Here => store.session_of_thread(channel.thread()).await?,
            Of::Session(id) => store.session(&id).await?,
        };
        let Some(session) = session else {
            // Says what to do instead.
            self.session_here(channel).await?;
            return Ok(Answer::Nothing);
        };
        self.deps.sessions.record(&session.id).await;
        let name = format!("{}.log", session.id);
        let path = self.deps.config.transcripts_dir().join(&name);
        let whole = tokio::fs::metadata(&path).await.map_or(0, |meta| meta.len());
        if whole == 0 {
            return Err(UserError::new("Nothing was said in this session yet.")
                .hint("The transcript begins with the first prompt.")
                .into());
        }
        let from = match whole.checked_sub(MAX_FILE_BYTES) {
            None | Some(0) => 0,
            Some(from) => next_line(&path, from).await?,
        };
        let draft = Draft::text(words::transcript(session.thread, whole - from, whole));
        Ok(Answer::Shown(Box::new(draft.with_file(FileRef {
            path,
            name,
            from,
            to: Some(whole),
        }))))
    }
}

/// The first byte of a line at or after this one.
async fn next_line(path: &std::path::Path, from: u64) -> Result<u64> {
    use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
    let mut file = tokio::fs::File::open(path).await?;
    file.seek(std::io::SeekFrom::Start(from)).await?;
    let mut piece = Vec::new();
    file.take(LONGEST_LINE).read_to_end(&mut piece).await?;
    let end = piece.iter().position(|byte| *byte == b'\n');
    Ok(end.map_or(from, |end| from + u64::try_from(end + 1).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_of_a_file_begins_at_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.log");
        std::fs::write(&path, "one\ntwo\nthree").unwrap();
        assert_eq!(next_line(&path, 1).await.unwrap(), 4);
        assert_eq!(next_line(&path, 3).await.unwrap(), 4);
        assert_eq!(
            next_line(&path, 9).await.unwrap(),
            9,
            "a last line without an end"
        );
    }
}
