//! Asking and changing a running agent on a person's behalf: its model, its thinking, its memory, its transcript.
//!
//! The agent is asked from here and not by its actor: an agent that takes ten seconds to answer must not keep the
//! session from hearing a cancel.

use anyhow::{Context as _, Result};
use tokio::sync::oneshot;

use super::Deps;
use super::actor::Actor;
use super::control::Control;
use super::registry::Sessions;
use super::state::{CannotCompact, Input};
use crate::agent::{AgentHandle, AskError};
use crate::ids::SessionId;

/// The process of a session, as far as there is one.
#[derive(Debug, Clone)]
pub enum Live {
    /// There is none; the next prompt starts it.
    Down,
    /// It can be asked.
    Up {
        /// The agent.
        agent: AgentHandle,
        /// Whether a turn is running.
        busy: bool,
    },
}

/// What a person can set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// `provider/model`.
    Model(String),
    /// The thinking level.
    Thinking(String),
}

/// From when a change holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// From now on: nothing is running.
    Now,
    /// From the next step of the running turn.
    NextStep,
    /// From the next start of the agent: there is no process.
    NextStart,
}

/// What came of compacting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compacted {
    /// How many tokens there were before, where the agent says so.
    pub before: Option<u64>,
    /// How many there are now, where the agent says so.
    pub after: Option<u64>,
}

/// Why nothing was compacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotCompacted {
    /// Not now.
    Cannot(CannotCompact),
    /// The agent had something against it.
    Agent(AskError),
}

/// Somebody who waits for the conversation to be compacted.
#[derive(Debug)]
pub(super) struct CompactRequest {
    instructions: Option<String>,
    answer: oneshot::Sender<Result<Compacted, NotCompacted>>,
}

impl Sessions {
    /// The process of a session. Starts nothing.
    pub async fn live(&self, id: &SessionId) -> Live {
        let (reply, answer) = oneshot::channel();
        if !self.deliver_if_running(id, Control::Peek(reply)) {
            return Live::Down;
        }
        answer.await.unwrap_or(Live::Down)
    }

    /// Has what the session said so far on disk.
    pub async fn record(&self, id: &SessionId) {
        let (reply, done) = oneshot::channel();
        if self.deliver_if_running(id, Control::Record(reply)) {
            // An actor that has just ended had written everything.
            done.await.ok();
        }
    }

    /// Compacts the conversation, starting the agent if need be.
    pub async fn compact(
        &self,
        id: &SessionId,
        instructions: Option<String>,
    ) -> Result<Compacted, NotCompacted> {
        let (answer, done) = oneshot::channel();
        let request = CompactRequest { instructions, answer };
        self.deliver(id, Control::Compact(request));
        done.await.unwrap_or(Err(NotCompacted::Agent(AskError::Gone)))
    }
}

impl Deps {
    /// Changes a session: the running agent first, because it may refuse, then what the next one is started with.
    /// The inner error is the agent's.
    pub async fn change(&self, id: &SessionId, setting: &Setting) -> Result<Result<Holds, AskError>> {
        let holds = match self.sessions.live(id).await {
            Live::Down => Holds::NextStart,
            Live::Up { agent, busy } => {
                let asked = match setting {
                    Setting::Model(name) => agent.set_model(name).await,
                    Setting::Thinking(level) => agent.set_thinking(level).await,
                };
                match asked {
                    Ok(()) if busy => Holds::NextStep,
                    Ok(()) => Holds::Now,
                    // It went while it was asked: what is stored counts for the next one.
                    Err(AskError::Gone) => Holds::NextStart,
                    Err(error) => return Ok(Err(error)),
                }
            }
        };
        let stored = match setting {
            Setting::Model(name) => self.store.set_model(id, name).await,
            Setting::Thinking(level) => self.store.set_thinking(id, level).await,
        };
        // Also when it could not be stored: the agent that runs has changed.
        self.sessions
            .deliver_if_running(id, Control::Set(setting.clone()));
        self.sessions.touch(id);
        stored.context("the agent has changed, but that could not be stored")?;
        Ok(Ok(holds))
    }
}

impl Actor {
    pub(super) fn live(&self) -> Live {
        match &self.running {
            Some(running) if !running.handle.is_ending() => Live::Up {
                agent: running.handle.clone(),
                busy: self.state.is_busy(),
            },
            _ => Live::Down,
        }
    }

    pub(super) fn set(&mut self, setting: Setting) {
        if let Some(session) = &mut self.session {
            match setting {
                Setting::Model(name) => {
                    self.vitals.model = Some(name.clone());
                    session.model = Some(name);
                }
                Setting::Thinking(level) => {
                    self.vitals.thinking = Some(level.clone());
                    session.thinking = Some(level);
                }
            }
        }
    }

    pub(super) async fn flush_transcript(&mut self) -> Result<()> {
        match &mut self.publisher {
            Some(publisher) => publisher.flush_transcript().await,
            None => Ok(()),
        }
    }

    pub(super) async fn compact(&mut self, request: CompactRequest) -> Result<()> {
        if let Some(why) = self.state.cannot_compact() {
            request.answer.send(Err(NotCompacted::Cannot(why))).ok();
            return Ok(());
        }
        self.compaction = Some(request);
        self.input(Input::Compact).await
    }

    /// Asks the agent, and comes back when it is done.
    pub(super) fn start_compacting(&mut self) {
        let instructions = self.compaction.as_ref().and_then(|c| c.instructions.clone());
        let agent = self.running.as_ref().map(|running| running.handle.clone());
        let handle = self.handle.clone();
        let work = async move {
            let result = match agent {
                None => Err(AskError::Gone),
                Some(agent) => match agent.compact(instructions.as_deref()).await {
                    Ok(before) => {
                        // The agent may know the new size only after the next turn.
                        let after = agent.state().await.ok().and_then(|state| state.context_tokens);
                        Ok(Compacted { before, after })
                    }
                    Err(error) => Err(error),
                },
            };
            handle.control(Control::Compacted(result));
        };
        self.deps.tracker.spawn(work);
    }

    pub(super) async fn compacted(&mut self, result: Result<Compacted, AskError>) -> Result<()> {
        if result == Err(AskError::Gone) {
            // Its exit follows, or was heard already: until then nothing must be given to a process that is going.
            return Ok(());
        }
        let request = self.compaction.take();
        let done = self.input(Input::Compacted).await;
        if let Some(request) = request {
            request.answer.send(result.map_err(NotCompacted::Agent)).ok();
        }
        done
    }

    /// Whoever waits for an agent that is gone learns of it by the end of the channel.
    pub(super) fn compaction_ended_with_process(&mut self) {
        if !self.state.is_compacting() {
            self.compaction = None;
        }
    }
}
