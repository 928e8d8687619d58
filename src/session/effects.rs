//! Carries out what the state decided. Each effect is small; what takes long runs elsewhere and reports back.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::actor::{Actor, SessionHandle, TurnClock};
use super::deliver::Way;
use super::desk::Desk;
use super::dialog::Dialogs;
use super::publish::Publisher;
use super::room::Room;
use super::running::Running;
use super::spans::Spans;
use super::state::{Effect, Input, Notice, Outcome, State, Timer};
use super::transcript::Transcript;
use super::{Deps, host, paint, workspace};
use crate::agent::{AgentSpec, Stop};
use crate::discord::draft::Draft;
use crate::discord::outbox::Act;
use crate::ids::{MessageId, ThreadId};
use crate::render::dialog::Why;
use crate::render::footer::{Footer, footer};
use crate::render::{notice, text};
use crate::store::now_ms;
use crate::store::sessions::SessionPhase;
use crate::store::vitals::Vitals;

/// Events of the agent that may wait for the actor. More and the agent waits: memory stays flat in a flood.
const EVENTS: usize = 256;

impl Actor {
    pub(super) fn new(deps: std::sync::Arc<Deps>, handle: SessionHandle) -> Self {
        Self {
            deps,
            spans: Spans::of(handle.id()),
            handle,
            session: None,
            thread: None,
            state: State::default(),
            publisher: None,
            running: None,
            terminal: None,
            arriving: None,
            left_pid: None,
            dialogs: Dialogs::default(),
            turn: None,
            died_of: None,
            fetching: None,
            timers: std::collections::HashMap::new(),
            reply: None,
            compaction: None,
            closing: false,
            vitals: Vitals::default(),
            kept_vitals: Vitals::default(),
            titled: false,
            stirred: false,
            resting: false,
            gives_way: false,
        }
    }

    /// Looks into the store for what there is to do.
    pub(super) async fn restore(&mut self) -> Result<()> {
        let id = self.handle.id().clone();
        let session = self
            .deps
            .store
            .session(&id)
            .await?
            .context("the session is not in the store")?;
        self.vitals = self.deps.store.vitals(&id).await?;
        self.kept_vitals = self.vitals.clone();
        self.state.remember(self.vitals.health);
        let terminal = self.recall_terminal().await?;
        let prompts = self.deps.store.open_prompts(&id).await?;
        if self.may_have_missed().await? {
            self.state.mistrust();
        }
        let opened = session.phase == SessionPhase::Open;
        if session.phase.is_over() {
            self.closing = true;
        }
        if let (true, Some(thread)) = (opened, session.thread) {
            self.enter(thread).await?;
            self.restore_approvals().await?;
        }
        self.session = Some(session);
        if self.closing {
            return Ok(());
        }
        if let Some(terminal) = &terminal {
            self.listen(terminal);
        }
        self.look_elsewhere();
        self.input(Input::Restored { prompts, opened }).await?;
        if self.state.is_dormant() {
            // A turn had ended, and the daemon did not live to unpin what began it.
            self.unpin().await?;
        }
        Ok(())
    }

    pub(super) fn room(&self) -> Room {
        Room::new(&self.deps.sessions)
    }

    pub(super) async fn enter(&mut self, thread: ThreadId) -> Result<()> {
        let dir = self.deps.config.transcripts_dir();
        let transcript =
            Transcript::open(&dir.join(format!("{}.log", self.handle.id())), self.room()).await?;
        let files = dir.join(self.handle.id().as_str());
        let desk = Desk {
            outbox: self.deps.outbox.clone(),
            session: self.handle.id().clone(),
            channel: thread.channel(),
            redactor: self.deps.redactor.clone(),
            files,
            room: self.room(),
        };
        self.publisher = Some(Publisher::new(desk, transcript));
        self.spans.entered(thread);
        self.thread = Some(thread);
        Ok(())
    }

    /// Runs one effect. What it leads to at once is the next input.
    pub(super) async fn effect(&mut self, effect: Effect) -> Result<Option<Input>> {
        match effect {
            Effect::OpenThread => return Ok(Some(self.open_thread().await)),
            Effect::Deliver { prompt, continuing } => {
                return Ok(self.deliver(prompt, Way::of(continuing)).await);
            }
            Effect::Steer(prompt) => return Ok(self.deliver(prompt, Way::Steer).await),
            Effect::StartAgent => self.start_agent().await,
            Effect::AcquireSlot => self.deps.slots.acquire(&self.handle),
            Effect::ReleaseSlot => self.deps.slots.release(&self.handle),
            Effect::Evictable(evictable) => {
                self.resting = evictable;
                self.gives_way = evictable && !self.dialogs.is_asking();
                self.deps.slots.set_evictable(self.handle.id(), self.gives_way);
            }
            Effect::Recheck => self.deps.sessions.recheck(self.handle.id()),
            Effect::Compact => self.start_compacting(),
            Effect::Abort => return self.abort().await,
            Effect::EndAgent { abort } => self.end_agent(abort).await?,
            Effect::SetTimer(timer) => {
                self.timers.insert(timer, Instant::now() + self.length(timer));
            }
            Effect::ClearTimer(timer) => {
                self.timers.remove(&timer);
            }
            Effect::Reply(reply) => {
                // The asker may have gone.
                self.reply.take().map(|to| to.send(reply).ok());
            }
            Effect::Close => {
                self.closing = true;
                self.flush_all().await?;
            }
            other => self.durable_effect(other).await?,
        }
        Ok(None)
    }

    async fn end_agent(&mut self, abort: bool) -> Result<()> {
        if let Some(running) = &self.running {
            // Its exit comes as an event.
            drop(running.handle.stop(Stop {
                abort_first: abort,
                grace: self.deps.config.patience.rung,
            }));
        }
        // Nothing that is approved from now on would be run.
        let is_closing = self.deps.sessions.is_closing();
        let why = if is_closing { Why::Shutdown } else { Why::TurnOver };
        self.expire_dialogs(why).await
    }

    async fn durable_effect(&mut self, effect: Effect) -> Result<()> {
        let id = self.handle.id().clone();
        match effect {
            Effect::Mark(prompt, state) => self.mark(prompt, state).await,
            Effect::ShowQueued(message, shown) => self.show_queued(message, shown).await,
            Effect::Say(notice) => self.say(&notice).await,
            Effect::BeginTurn => {
                self.begin_turn();
                Ok(())
            }
            Effect::EndTurn(outcome) => self.end_turn(&outcome).await,
            Effect::Unpin => self.unpin().await,
            Effect::LetTerminalGo => self.let_terminal_go().await,
            Effect::LaunchFailed => self.deps.store.launch_failed(&id).await.map(|_| ()),
            Effect::ForgetConversation => {
                if let Some(session) = &mut self.session {
                    session.agent_session = None;
                }
                self.deps.store.set_agent_session(&id, None).await
            }
            Effect::StoreStopped => self.store_stopped().await,
            Effect::Archive => self.archive().await,
            _ => Ok(()),
        }
    }

    fn length(&self, timer: Timer) -> Duration {
        match timer {
            Timer::Idle => self.deps.config.agent.idle_timeout,
            Timer::CancelGrace => self.deps.config.patience.abort,
            Timer::Drain => self.deps.config.patience.drain,
        }
    }

    async fn start_agent(&mut self) {
        let Some(session) = &self.session else { return };
        let spec = AgentSpec {
            program: self.deps.config.agent.command.clone(),
            cwd: Path::new(&session.workspace).to_owned(),
            session: session.id.clone(),
            model: session.model.clone(),
            thinking: session.thinking.clone(),
            approval_mode: session.approval_mode.clone(),
            resume: session.agent_session.clone(),
            extra_env: self.deps.session_env(&session.id).await,
            marker: format!("{}/{}", self.deps.marker, session.id),
            start_timeout: Duration::from_mins(1),
        };
        let (events, receiver) = mpsc::channel(EVENTS);
        let handle = crate::agent::spawn(spec, &self.deps.tracker, events);
        host::offer(&handle);
        self.running = Some(Running::new(handle, receiver));
    }

    async fn show_queued(&self, message: MessageId, shown: bool) -> Result<()> {
        let Some(channel) = self.message_channel(message) else {
            return Ok(());
        };
        let emoji = "📥".to_owned();
        let act = if shown {
            Act::React { message, emoji }
        } else {
            Act::Unreact { message, emoji }
        };
        self.deps.outbox.act(channel, act).await
    }

    /// The message that began the session is in the parent channel, all others are in the thread.
    fn message_channel(&self, message: MessageId) -> Option<crate::ids::ChannelId> {
        let session = self.session.as_ref()?;
        if session.origin == Some(message) {
            Some(session.parent)
        } else {
            self.channel()
        }
    }

    async fn say(&mut self, notice: &Notice) -> Result<()> {
        let about = match notice {
            Notice::Interrupted { prompt, .. }
            | Notice::Stale { prompt }
            | Notice::Doubtful { prompt }
            | Notice::StillInTerminal { prompt } => self.deps.store.prompt(*prompt).await?,
            _ => None,
        };
        let excerpt = about.map(|prompt| prompt.text);
        let note = notice::note(notice, self.handle.id(), excerpt.as_deref());
        let mut content = note.content;
        if let (Notice::Stopped { .. }, Some(session)) = (notice, &self.session)
            && let Some(agent_session) = &session.agent_session
        {
            content.push('\n');
            content.push_str(&text::quiet(&format!(
                "`/omp resume` continues it in a new thread; in a terminal: {}",
                text::code(&format!("omp --resume {agent_session}"))
            )));
        }
        let draft = Draft {
            content,
            components: note.components,
            silent: note.silent,
            ..Draft::default()
        };
        match &mut self.publisher {
            Some(publisher) => publisher.say_once(draft).await,
            None => Ok(()),
        }
    }

    fn begin_turn(&mut self) {
        let now = Instant::now();
        self.vitals.active_at = now_ms();
        self.turn = Some(TurnClock {
            began: Some(now),
            began_ms: Some(self.vitals.active_at),
            next_typing: Some(now),
            ..TurnClock::default()
        });
        self.note_event("turn_started", String::new(), &serde_json::Value::Null);
    }

    async fn end_turn(&mut self, outcome: &Outcome) -> Result<()> {
        let mut turn = self.turn.take().unwrap_or_default();
        let mut took = turn.began.map_or(Duration::ZERO, |began| began.elapsed());
        let reported = self.take_report(outcome);
        if let Some(reported) = &reported {
            took = reported.took.unwrap_or(took);
            turn.cost = turn.cost.max(reported.cost);
        }
        self.note_turn_end(outcome, &turn, took);
        let report = match (&mut self.running, &mut self.publisher, outcome) {
            (Some(running), Some(publisher), Outcome::Done | Outcome::Failed(_)) => {
                running.state_after(publisher).await
            }
            _ => None,
        };
        self.spent(turn.cost, turn.model.as_deref(), report.as_ref());
        if let Some(title) = report.as_ref().and_then(|report| report.title.as_deref()) {
            self.titled(title);
        }
        let workspace = self
            .session
            .as_ref()
            .map(|s| s.workspace.clone())
            .unwrap_or_default();
        let workspace = Path::new(&workspace);
        let mut content = footer(&Footer {
            workspace: Some(workspace::name(workspace)),
            branch: workspace::branch(workspace),
            duration: Some(took),
            context_percent: report
                .as_ref()
                .and_then(|r| r.context_percent)
                .or(reported.as_ref().and_then(|r| r.context_percent)),
            model: turn
                .model
                .or(report.and_then(|r| r.model))
                .or(reported.and_then(|r| r.model)),
            cost: (turn.cost > 0.0).then_some(turn.cost),
        });
        if *outcome == Outcome::Cancelled {
            content = format!("⏹️ Cancelled\n{content}");
        }
        // The notice of a failure that follows is what notifies.
        let silent = !matches!(outcome, Outcome::Done);
        match &mut self.publisher {
            Some(publisher) => {
                publisher
                    .end_turn(
                        took,
                        Draft {
                            content,
                            silent,
                            ..Draft::default()
                        },
                    )
                    .await
            }
            None => Ok(()),
        }
    }

    async fn unpin(&mut self) -> Result<()> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        let Some(message) = session.pinned.take() else {
            return Ok(());
        };
        let outbox = &self.deps.outbox;
        let (parent, id) = (session.parent, session.id.clone());
        let mut room = self.room();
        room.make(|| Box::pin(outbox.act(parent, Act::Unpin { message })))
            .await?;
        self.deps.store.set_pinned(&id, None).await
    }

    async fn archive(&mut self) -> Result<()> {
        // A program may still be asking, and a message to an archived thread would open it again.
        self.expire_dialogs(Why::Ended).await?;
        self.flush_all().await?;
        if let Some(view) = self.view() {
            paint::retire(&self.deps, &view).await?;
        }
        match self.channel() {
            Some(channel) => {
                self.deps
                    .outbox
                    .act(channel, Act::Archive { locked: false })
                    .await
            }
            None => Ok(()),
        }
    }
}
