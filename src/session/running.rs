//! The agent's side of the actor: what its events mean for the state and for the thread.

use std::collections::VecDeque;

use anyhow::Result;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::actor::Actor;
use super::host::HostCalls;
use super::publish::Publisher;
use super::secrets;
use super::state::{Input, Phase};
use crate::agent::{AgentHandle, AgentStateReport};
use crate::event::{AgentEvent, AgentExit, AgentStarted, ExitHow, MessageEnded, NoticeLevel};
use crate::ids::PromptId;
use crate::render::dialog::Why;
use crate::render::text::{clip, escape};

/// A running agent.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) handle: AgentHandle,
    events: mpsc::Receiver<AgentEvent>,
    /// Events that were received before their turn.
    ahead: VecDeque<AgentEvent>,
    /// The agent's own id of the conversation, once it is up.
    pub(super) conversation: Option<String>,
    /// What it asked the daemon to do.
    pub(super) calls: HostCalls,
}

impl Running {
    pub(super) fn new(handle: AgentHandle, events: mpsc::Receiver<AgentEvent>) -> Self {
        Self {
            handle,
            events,
            ahead: VecDeque::new(),
            conversation: None,
            calls: HostCalls::default(),
        }
    }

    /// The next event; may be cancelled without losing one.
    pub(super) async fn next(&mut self) -> Option<AgentEvent> {
        match self.ahead.pop_front() {
            Some(event) => Some(event),
            None => self.events.recv().await,
        }
    }

    /// What the agent says of itself after a turn. Lines that it had printed by then come on another pipe and may
    /// still be under way; they are taken in meanwhile, so that they stand above the footer. Without that the pipe
    /// could also be full, and the answer behind it never come.
    pub(super) async fn state_after(&mut self, publisher: &mut Publisher) -> Option<AgentStateReport> {
        let Self {
            handle,
            events,
            ahead,
            ..
        } = self;
        let mut take = |event: AgentEvent| match event {
            AgentEvent::Line(line) => publisher.line(&line, Instant::now()),
            other => ahead.push_back(other),
        };
        let state = handle.state();
        tokio::pin!(state);
        let report = loop {
            tokio::select! {
                report = &mut state => break report.ok(),
                Some(event) = events.recv() => take(event),
            }
        };
        while let Ok(event) = events.try_recv() {
            take(event);
        }
        report
    }
}

/// What ends a session's turn when nobody is left to say how its process ended.
fn supervisor_gone() -> AgentEvent {
    AgentEvent::Exited(AgentExit {
        how: ExitHow::Signal(0),
        requested: false,
        last_lines: vec!["the task that watched the process has failed; see the daemon's log".to_owned()],
        swept: 0,
    })
}

/// Whether an event belongs to a running turn and means nothing outside of one.
pub(super) fn is_of_a_turn(event: &AgentEvent) -> bool {
    matches!(
        event,
        AgentEvent::TextDelta { .. }
            | AgentEvent::MessageStarted
            | AgentEvent::MessageEnded(_)
            | AgentEvent::ToolStarted { .. }
            | AgentEvent::ToolEnded { .. }
    )
}

impl Actor {
    pub(super) async fn event(&mut self, event: Option<AgentEvent>) -> Result<()> {
        // The events ended without an exit: the task that sent them is gone, and with it the process.
        let event = event.unwrap_or_else(supervisor_gone);
        let now = Instant::now();
        self.stirred |= !matches!(event, AgentEvent::Line(_) | AgentEvent::TextDelta { .. });
        let Some(publisher) = &mut self.publisher else {
            return Ok(());
        };
        if !self.state.is_busy() && is_of_a_turn(&event) {
            // The last words of a turn that was ended for everybody already, and shown as far as it had come.
            return Ok(());
        }
        match secrets::hush_event(event, &self.deps.redactor) {
            AgentEvent::Line(line) => {
                publisher.line(&line, now);
                return publisher.relieve().await;
            }
            AgentEvent::TextDelta { block, delta } => {
                publisher.text(block, &delta, now);
                Ok(())
            }
            AgentEvent::MessageStarted => {
                publisher.message_started(now);
                Ok(())
            }
            AgentEvent::MessageEnded(ended) => self.message_ended(ended, now).await,
            AgentEvent::ToolStarted { id, tool, args } => {
                publisher.tool_started(&id, &tool, args, now);
                self.tool_runs(id, Some(&tool));
                Ok(())
            }
            AgentEvent::ToolEnded { id, is_error } => {
                publisher.tool_ended(&id, is_error, now);
                self.count_tool(&id, is_error);
                self.dialogs.tool_ended(&id);
                self.tool_runs(id, None);
                Ok(())
            }
            AgentEvent::Dialog(dialog) => self.ask_person(dialog).await,
            AgentEvent::DialogWithdrawn { id } => self.withdraw_dialog(&id).await,
            AgentEvent::Host(request) => {
                self.host_request(request);
                Ok(())
            }
            AgentEvent::Exited(exit) => {
                self.deps.host.metrics().agent_exited(&exit);
                self.running = None;
                // Before the thread is archived, where that follows: nothing can be edited in it then.
                let expired = self.expire_dialogs(Why::AgentGone).await;
                let done = self.input(Input::Exited(exit)).await;
                self.compaction_ended_with_process();
                let arrived = self.let_in().await;
                done.and(expired).and(arrived)
            }
            other => self.turn_event(other).await,
        }
    }

    fn count_tool(&self, id: &str, is_error: bool) {
        let running = self.turn.as_ref().map(|turn| turn.tools.as_slice());
        let ended = running.unwrap_or_default().iter().find(|(known, _)| known == id);
        if let Some((_, tool)) = ended {
            self.deps.host.metrics().tool_ended(tool, is_error);
        }
    }

    /// A tool began, or ended.
    fn tool_runs(&mut self, id: String, tool: Option<&str>) {
        let Some(turn) = &mut self.turn else { return };
        turn.tools.retain(|(known, _)| *known != id);
        if let Some(tool) = tool {
            let tool = self.deps.redactor.redact(tool);
            turn.tools.push((id, clip(&tool, 60)));
        }
    }

    async fn prompt_failed(&mut self, id: &str, error: String) -> Result<()> {
        if self
            .running
            .as_ref()
            .is_some_and(|running| running.handle.is_ending())
        {
            // Its exit follows and says more; the next prompt must not be given to a process that is going.
            return Ok(());
        }
        if let Ok(id) = id.parse() {
            let prompt = PromptId(id);
            self.spans.end();
            return self.input(Input::PromptRefused { prompt, error }).await;
        }
        self.remark(NoticeLevel::Warning, &error);
        Ok(())
    }

    async fn turn_event(&mut self, event: AgentEvent) -> Result<()> {
        match event {
            AgentEvent::Started(started) => self.started(started).await,
            AgentEvent::TurnStarted => self.turn_started().await,
            AgentEvent::TurnEnded => self.turn_ended().await,
            AgentEvent::PromptFailed { id, error } => self.prompt_failed(&id, error).await,
            AgentEvent::Retrying {
                attempt,
                delay,
                error,
            } => {
                let seconds = delay.as_secs().max(1);
                self.retrying(&format!("Retry {attempt} in {seconds} s: {}", clip(&error, 300)))
                    .await
            }
            AgentEvent::RetryEnded {
                success: false,
                error: Some(error),
            } => {
                self.input(Input::Retrying(false)).await?;
                self.input(Input::TurnFailed { error }).await
            }
            AgentEvent::RetryEnded { .. } => self.input(Input::Retrying(false)).await,
            AgentEvent::Title(title) => {
                self.titled(&title);
                Ok(())
            }
            // Whoever asked for it is answered with what it brought.
            AgentEvent::Compacting(true) if !self.state.is_compacting() => {
                self.remark(NoticeLevel::Info, "Compacting the conversation");
                Ok(())
            }
            AgentEvent::Notice { level, text } => {
                self.remark(level, &text);
                match level {
                    NoticeLevel::Info => Ok(()),
                    NoticeLevel::Warning | NoticeLevel::Error => self.input(Input::TurnWarned).await,
                }
            }
            AgentEvent::FrameTooLarge { bytes } => {
                let mib = bytes / 1024 / 1024;
                self.remark(
                    NoticeLevel::Warning,
                    &format!("The agent sent a frame of {mib} MiB; it was skipped"),
                );
                self.input(Input::TurnWarned).await
            }
            _ => Ok(()),
        }
    }

    async fn turn_ended(&mut self) -> Result<()> {
        // What is asked outside of tools, by an extension, may outlive a turn that ended well.
        let was_ended = matches!(self.state.phase(), Phase::Cancelling(_));
        let done = self.input(Input::TurnEnded).await;
        let settled = if was_ended {
            self.expire_dialogs(Why::TurnOver).await
        } else {
            self.nothing_follows().await
        };
        settled.and(done)
    }

    async fn retrying(&mut self, said: &str) -> Result<()> {
        self.remark(NoticeLevel::Warning, said);
        if let Some(publisher) = &mut self.publisher {
            publisher.retrying(Instant::now());
        }
        self.input(Input::Retrying(true)).await
    }

    async fn started(&mut self, started: AgentStarted) -> Result<()> {
        if let Some(running) = &mut self.running {
            running.conversation = Some(started.agent_session);
            self.deps.learn_models(&running.handle);
        }
        self.input(Input::AgentStarted).await
    }

    /// The agent has something to resume from its first turn on; before that it writes no session file, and resuming
    /// would fail.
    async fn turn_started(&mut self) -> Result<()> {
        let here = self
            .running
            .as_ref()
            .and_then(|running| running.conversation.clone());
        let there = || self.terminal.as_ref().map(|link| link.conversation.clone());
        if let Some(conversation) = here.or_else(there) {
            self.converses(&conversation).await?;
        }
        self.input(Input::TurnStarted).await
    }

    /// There is something to resume from.
    pub(super) async fn converses(&mut self, conversation: &str) -> Result<()> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        if session.agent_session.as_deref() == Some(conversation) {
            return Ok(());
        }
        session.agent_session = Some(conversation.to_owned());
        let store = &self.deps.store;
        store.set_agent_session(&session.id, Some(conversation)).await
    }

    async fn message_ended(&mut self, ended: MessageEnded, now: Instant) -> Result<()> {
        self.deps.host.metrics().used(ended.tokens);
        self.dialogs.called(ended.calls);
        if let Some(publisher) = &mut self.publisher {
            let broke_off = matches!(ended.stop_reason.as_str(), "error" | "aborted");
            publisher.message_ended(&ended.texts, broke_off, now);
        }
        if let Some(turn) = &mut self.turn {
            turn.cost += ended.cost;
            turn.heard(&ended.texts, &self.deps.redactor);
            turn.model = ended.model.or(turn.model.take());
        }
        match (ended.stop_reason.as_str(), ended.error) {
            ("error", error) => {
                let error = error.unwrap_or_else(|| "the model gave no reason".to_owned());
                self.input(Input::TurnFailed { error }).await
            }
            // A later message of the turn went well: an error before it was retried.
            ("stop" | "toolUse", _) => self.input(Input::TurnRecovered).await,
            _ => Ok(()),
        }
    }

    /// A quiet line in the thread.
    fn remark(&mut self, level: NoticeLevel, text: &str) {
        let sign = match level {
            NoticeLevel::Info => "ℹ️",
            NoticeLevel::Warning => "⚠️",
            NoticeLevel::Error => "❌",
        };
        if let Some(publisher) = &mut self.publisher {
            publisher.remark(&format!("{sign} {}", escape(&clip(text, 600))), Instant::now());
        }
    }
}
