//! The one way in: everything that a person or a program asks becomes an [`Inbound`], is authorized, made durable,
//! and only then acted on.

pub mod auth;
pub mod commands;
pub mod complete;
mod dialogs;
mod find;
mod messages;
mod missed;
pub mod owner;
mod resume;
mod settings;
pub mod start;
pub mod terminals;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::Result;

use crate::discord::draft::Draft;
use crate::discord::rest::Rest;
use crate::ids::{ChannelId, GuildId, MessageId, PromptId, SessionId, ThreadId, UserId};
use crate::render::notice;
use crate::session::state::{Choice, Input, Reply};
use crate::session::{Deps, Wish};
use crate::store::prompts::Attachment;
use crate::store::sessions::{Session, SessionPhase};

use auth::{Decision, Person, Refusal};
use commands::Command;

/// Something that was asked, and by whom.
#[derive(Debug, Clone)]
pub struct Inbound {
    /// Who; `None` where the event names nobody.
    pub by: Option<Person>,
    /// What.
    pub ask: Ask,
}

/// What was asked.
#[derive(Debug, Clone)]
pub enum Ask {
    /// The launch emoji was put on a message.
    Launch {
        /// Where.
        channel: ChannelId,
        /// On what.
        message: MessageId,
        /// Whether it happened so long ago, while the daemon was away, that a person has to say if it still counts.
        late: bool,
    },
    /// A message was written.
    Write(Box<Written>),
    /// A message was edited by its author.
    Edited {
        /// Where.
        channel: ChannelId,
        /// Which.
        message: MessageId,
        /// What it says now.
        text: String,
    },
    /// A message was deleted.
    Deleted {
        /// Which.
        message: MessageId,
    },
    /// A new session by command.
    New {
        /// The channel to make it in.
        channel: ChannelId,
        /// What it is about.
        topic: Option<String>,
        /// The first prompt.
        prompt: Option<String>,
        /// The model.
        model: Option<String>,
        /// The directory.
        workspace: Option<String>,
    },
    /// A prompt by command.
    Say {
        /// Where the command was given.
        channel: ChannelId,
        /// Another session than this thread's.
        session: Option<String>,
        /// The prompt.
        text: String,
        /// Whether it is to reach the running turn.
        steer: bool,
    },
    /// End the turn.
    Cancel {
        /// The session's thread.
        channel: ChannelId,
    },
    /// End the session.
    Stop {
        /// The session's thread.
        channel: ChannelId,
    },
    /// Run what was held.
    ContinueQueue {
        /// The session's thread.
        channel: ChannelId,
    },
    /// A decision about a prompt.
    Decide {
        /// The session's thread.
        channel: ChannelId,
        /// The prompt.
        prompt: PromptId,
        /// What to do with it.
        choice: Choice,
    },
    /// A command that asks how things are or changes a session, or a button that does the same.
    Command {
        /// Where it was given.
        channel: ChannelId,
        /// Which.
        command: Command,
    },
    /// An option of a command is being written, and its choices are wanted.
    Complete,
    /// A terminal wants its session to be shared.
    Attach,
    /// Something about a question of the agent.
    Dialog {
        /// The session's thread.
        channel: ChannelId,
        /// The question's session, as its button says.
        session: SessionId,
        /// The question's key.
        key: String,
        /// What.
        wish: Wish,
    },
}

impl Ask {
    /// Whether only the person who asked needs to see the answer.
    #[must_use]
    pub const fn is_private(&self) -> bool {
        matches!(self, Self::Command { command, .. } if command.is_private())
    }
}

/// A message of a person.
#[derive(Debug, Clone)]
pub struct Written {
    /// Where.
    pub channel: ChannelId,
    /// Which.
    pub message: MessageId,
    /// What it says.
    pub text: String,
    /// What came with it.
    pub attachments: Vec<Attachment>,
    /// Whether it mentions the bot.
    pub mentions_bot: bool,
    /// Whether something else than text and files is in it, such as a sticker or a poll.
    pub has_other: bool,
    /// Whether it was written so long ago, while the daemon was away, that a person has to say if it still counts.
    pub late: bool,
}

/// What to answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Nothing: what happens in the thread is the answer.
    Nothing,
    /// This.
    Said(String),
    /// This, to that person only.
    Privately(String),
    /// A whole message.
    Shown(Box<Draft>),
}

impl Answer {
    /// The answer as a message. An interaction has to be answered, also where there is nothing to say.
    #[must_use]
    pub fn into_draft(self) -> Draft {
        match self {
            Self::Nothing => Draft::text("Done."),
            Self::Said(text) | Self::Privately(text) => Draft::text(text),
            Self::Shown(draft) => *draft,
        }
    }
}

/// The one way in. A cheap clone.
#[derive(Debug, Clone)]
pub struct Ingress {
    deps: Arc<Deps>,
    bot: UserId,
    said_no_content: Arc<AtomicBool>,
    /// Messages that were deleted lately: the answer that tells which message a question is may come after that.
    deleted: Arc<Mutex<VecDeque<MessageId>>>,
    /// Held while a terminal is attached.
    attaching: Arc<tokio::sync::Mutex<()>>,
}

impl Ingress {
    /// An ingress for the bot with this id.
    #[must_use]
    pub fn new(deps: Arc<Deps>, bot: UserId) -> Self {
        Self {
            deps,
            bot,
            said_no_content: Arc::default(),
            deleted: Arc::default(),
            attaching: Arc::default(),
        }
    }

    /// What would be decided, without acting: for an answer that must come before anything slow.
    #[must_use]
    pub fn decide(&self, inbound: &Inbound) -> Decision {
        auth::decide(&self.deps.config, inbound.by.as_ref(), &inbound.ask)
    }

    /// Takes something in.
    pub async fn take(&self, inbound: Inbound) -> Result<Answer> {
        match self.decide(&inbound) {
            Decision::Allow => {}
            Decision::Ignore => return Ok(Answer::Nothing),
            Decision::Refuse(why) => return Ok(Answer::Privately(refusal(why).to_owned())),
        }
        let by = inbound.by;
        match (inbound.ask, by) {
            (Ask::Deleted { message }, _) => self.deleted(message).await,
            // The choices of what is being typed are given by `complete`.
            // Terminals come by the HTTP API.
            (_, None) | (Ask::Complete | Ask::Attach, _) => Ok(Answer::Nothing),
            (
                Ask::Launch {
                    channel,
                    message,
                    late,
                },
                Some(by),
            ) => self.launch((channel, message), late, &by).await,
            (Ask::Write(written), Some(by)) => self.write(*written, &by).await,
            (
                Ask::Edited {
                    channel,
                    message,
                    text,
                },
                Some(_),
            ) => self.edited(channel, message, &text).await,
            (ask @ Ask::New { .. }, Some(by)) => self.new_session(ask, &by).await,
            (
                Ask::Say {
                    channel,
                    session,
                    text,
                    steer,
                },
                Some(by),
            ) => {
                let session = self.named_or_here(session.as_deref(), channel).await?;
                self.say(&session, text, steer, &by).await
            }
            (Ask::Command { channel, command }, Some(by)) => self.command(channel, command, &by).await,
            (Ask::Cancel { channel }, Some(_)) => self.control(channel, Input::Cancel).await,
            (Ask::Stop { channel }, Some(_)) => self.control(channel, Input::Stop).await,
            (Ask::ContinueQueue { channel }, Some(_)) => self.control(channel, Input::ContinueQueue).await,
            (
                Ask::Decide {
                    channel,
                    prompt,
                    choice,
                },
                Some(_),
            ) => self.control(channel, Input::Decide(prompt, choice)).await,
            (ask @ Ask::Dialog { .. }, Some(by)) => self.wish(ask, by).await,
        }
    }

    /// Something of a thread's session is asked; the session says what comes of it.
    async fn control(&self, channel: ChannelId, input: Input) -> Result<Answer> {
        let session = self.session_here(channel).await?;
        self.control_of(&session, input).await
    }

    async fn control_of(&self, session: &Session, input: Input) -> Result<Answer> {
        let reply = self.deps.sessions.ask(&session.id, input).await;
        let reply = reply.ok_or_else(|| anyhow::anyhow!("session {} gave no answer", session.id))?;
        Ok(match reply {
            Reply::Stale | Reply::Continued { count: 0 } => Answer::Privately(notice::reply(reply)),
            _ => Answer::Said(notice::reply(reply)),
        })
    }

    /// A thread is gone: its session ends, the agent's own file stays. `false` where it was no session's.
    pub async fn thread_gone(&self, thread: ThreadId) -> Result<bool> {
        let session = self.deps.store.session_of_thread(thread).await?;
        let known = session.is_some();
        if let Some(session) = session
            && matches!(session.phase, SessionPhase::Open | SessionPhase::Opening)
        {
            tracing::info!(session = %session.id, "the thread of session {} is gone", session.id);
            self.deps
                .store
                .set_phase(&session.id, SessionPhase::Failed)
                .await?;
            self.deps.sessions.send(&session.id, Input::ThreadGone);
        }
        Ok(known)
    }

    /// A thread is called this.
    pub async fn thread_named(&self, thread: ThreadId, name: &str) -> Result<()> {
        if let Some(session) = self.deps.store.thread_named(thread, name).await? {
            self.deps.sessions.named(&session, name);
        }
        Ok(())
    }

    /// The channels whose messages matter, with the newest message that was seen in each. A home channel in which none
    /// was seen yet is read from now on.
    pub async fn read_marks(&self) -> Result<Vec<(ChannelId, MessageId)>> {
        let sessions = self.deps.store.open_sessions().await?;
        let threads = sessions.iter().filter_map(|session| session.thread);
        let mut marks = Vec::new();
        for thread in threads {
            // A thread's id is older than every message in it.
            let seen = self.deps.store.cursor(thread.channel()).await?;
            marks.push((thread.channel(), seen.unwrap_or_else(|| thread.get().into())));
        }
        let home = self.deps.config.home_channel;
        marks.extend(self.deps.store.cursor(home).await?.map(|seen| (home, seen)));
        Ok(marks)
    }

    /// Requests whose answer is needed at once.
    #[must_use]
    pub fn rest(&self) -> &Rest {
        &self.deps.rest
    }

    /// How the daemon itself is doing.
    #[must_use]
    pub(crate) fn host(&self) -> &crate::status::Host {
        &self.deps.host
    }

    /// The server.
    #[must_use]
    pub fn guild(&self) -> GuildId {
        self.deps.config.guild
    }

    /// Answers a message.
    pub async fn reply_to(&self, channel: ChannelId, message: MessageId, draft: Draft) -> Result<()> {
        let draft = Draft {
            reply_to: Some(message),
            silent: true,
            ..draft
        };
        let row = self.deps.outbox.post(channel, draft).await?;
        self.deps.outbox.seal(row).await
    }

    /// Takes away the line by which Discord announces a pin of the bot: the pin itself is what people look for.
    pub async fn tidy(&self, channel: ChannelId, notice: MessageId) -> Result<()> {
        self.deps.outbox.delete_message(channel, notice).await
    }

    fn first_without_content(&self) -> bool {
        !self.said_no_content.swap(true, Ordering::Relaxed)
    }
}

/// What somebody is told who may not.
#[must_use]
pub fn refusal(why: Refusal) -> &'static str {
    match why {
        Refusal::Stranger => {
            "You are not allowed to use this bot. Its owner can add your user id to `DISCORD_ALLOWED_USERS`."
        }
        Refusal::NotApprover => {
            "Only an approver can answer this. The owner sets them with `DISCORD_APPROVERS`."
        }
        Refusal::Elsewhere => "This bot works in one server only, and this is not it.",
    }
}
