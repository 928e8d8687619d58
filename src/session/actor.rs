//! One actor per session: it alone owns the agent process and the state, and runs the state's effects.
//!
//! Everything reaches it as a message (`control`), so there is no lock around a session and no order but the mailbox's.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::attached::Arrival;
use super::control::Control;
use super::dialog::{Dialogs, Took};
use super::link::{Link, posted};
use super::live::CompactRequest;
use super::publish::Publisher;
use super::seat::Seat;
use super::spans::Spans;
use super::state::{Input, Reply, State, Timer};
use super::{Deps, running::Running};
use crate::event::AgentEvent;
use crate::ids::{ChannelId, PromptId, SessionId, ThreadId};
use crate::render::dialog::Why;
use crate::store::sessions::Session;
use crate::store::vitals::Vitals;

/// How long to wait before the store is asked again for what a session is.
const RESTORE_AGAIN: Duration = Duration::from_secs(1);

/// A session from outside: a cheap clone; a call queues a message.
#[derive(Clone, Debug)]
pub struct SessionHandle {
    id: SessionId,
    mailbox: mpsc::UnboundedSender<Control>,
}

impl SessionHandle {
    pub(super) fn new(id: SessionId) -> (Self, mpsc::UnboundedReceiver<Control>) {
        let (mailbox, inbox) = mpsc::unbounded_channel();
        (Self { id, mailbox }, inbox)
    }

    /// Whose handle it is.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// Tells the session something. An actor that has ended does not need to know: what matters is durable.
    pub fn send(&self, input: Input) {
        self.control(Control::Input(input));
    }

    pub(super) fn control(&self, control: Control) {
        self.mailbox.send(control).ok();
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.mailbox.same_channel(&other.mailbox)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.mailbox.is_closed()
    }
}

/// The actor of a session.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts; the state is in `State`"
)]
pub(super) struct Actor {
    pub(super) deps: Arc<Deps>,
    pub(super) handle: SessionHandle,
    /// What its log lines carry.
    pub(super) spans: Spans,
    /// `None` until it was read from the store.
    pub(super) session: Option<Session>,
    pub(super) thread: Option<ThreadId>,
    pub(super) state: State,
    /// `None` until the thread exists.
    pub(super) publisher: Option<Publisher>,
    pub(super) running: Option<Running>,
    /// The terminal that runs the agent instead.
    pub(super) terminal: Option<Link>,
    /// One that takes over as soon as the idle process is gone.
    pub(super) arriving: Option<Arrival>,
    /// The process of a terminal that went and may still have the conversation.
    pub(super) left_pid: Option<i32>,
    pub(super) dialogs: Dialogs,
    pub(super) turn: Option<TurnClock>,
    /// What the agent's process died of, while the state learns that it did.
    pub(super) died_of: Option<String>,
    /// The prompt of the running turn, while what came with it is being fetched.
    pub(super) fetching: Option<PromptId>,
    pub(super) timers: HashMap<Timer, Instant>,
    pub(super) reply: Option<oneshot::Sender<Reply>>,
    /// Who waits for the conversation to be compacted.
    pub(super) compaction: Option<CompactRequest>,
    pub(super) closing: bool,
    /// What must be known again after a restart.
    pub(super) vitals: Vitals,
    /// The same as it is stored.
    pub(super) kept_vitals: Vitals,
    /// The thread's one new name was given.
    pub(super) titled: bool,
    /// Something happened since the session was last told of.
    pub(super) stirred: bool,
    /// Whether the process has nothing to do.
    pub(super) resting: bool,
    /// Whether it was said that the process may be ended for another one.
    pub(super) gives_way: bool,
}

/// What the footer of the turn is made of.
#[derive(Debug, Default)]
pub(super) struct TurnClock {
    pub(super) began: Option<Instant>,
    /// The same for people, in unix milliseconds.
    pub(super) began_ms: Option<i64>,
    /// The tools that run: id and name.
    pub(super) tools: Vec<(String, String)>,
    pub(super) cost: f64,
    pub(super) model: Option<String>,
    pub(super) next_typing: Option<Instant>,
    /// The newest words of the agent.
    pub(super) answer: String,
    /// The error that the turn would end with now.
    pub(super) error: Option<String>,
}

impl Actor {
    /// Runs the session until it has nothing more to do.
    pub(super) async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Control>) {
        let seat = Seat {
            deps: self.deps.clone(),
            handle: self.handle.clone(),
        };
        let mut wait = RESTORE_AGAIN;
        while let Err(error) = self.restore().await {
            tracing::error!(session = %self.handle.id(), "cannot restore session {}: {error:#}", self.handle.id());
            if self.deps.sessions.is_closing() {
                return;
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_mins(1));
        }
        tracing::debug!("the session is awake");
        while !self.closing {
            let span = self.spans.now();
            self.work(&mut inbox).instrument(span).await;
            let idle = self.state.is_dormant() && self.publisher.as_ref().is_none_or(Publisher::is_idle);
            // A program may ask the people though no process runs.
            let idle = idle && !self.dialogs.is_asking();
            if idle && self.deps.sessions.retire(&self.handle, &inbox) {
                return;
            }
        }
        let (deps, handle) = (self.deps.clone(), self.handle.clone());
        drop(self);
        drop(seat);
        // A message may be launched again just when its first launch gives up: the next actor looks into the store. Where
        // the session is over, it would end over the same message, and the one after it as well, for ever.
        if !inbox.is_empty() && !is_over(&deps, handle.id()).await {
            deps.sessions.wake(handle.id());
        }
    }

    /// Does what comes next, and says how the session is doing then.
    async fn work(&mut self, inbox: &mut mpsc::UnboundedReceiver<Control>) {
        if let Err(error) = self.next(inbox).await {
            // A failure of the store or the disk degrades this session; what is durable is tried again later.
            tracing::error!(session = %self.handle.id(), "session {}: {error:#}", self.handle.id());
        }
        if let Err(error) = self.remember_shown().await {
            tracing::warn!(session = %self.handle.id(), "session {}: {error:#}", self.handle.id());
        }
        self.give_way();
        if std::mem::take(&mut self.stirred)
            && let Err(error) = self.publish_view().await
        {
            tracing::error!(session = %self.handle.id(), "session {}: {error:#}", self.handle.id());
        }
    }

    async fn next(&mut self, inbox: &mut mpsc::UnboundedReceiver<Control>) -> Result<()> {
        let wake = self.next_wake();
        // An agent that never stops talking would otherwise keep every timer, and the thread, waiting.
        if inbox.is_empty() && wake <= Instant::now() {
            return self.woken().await;
        }
        let blocked = self.publisher.as_ref().is_some_and(Publisher::is_blocked);
        tokio::select! {
            biased;
            // `None` cannot come: the registry and this actor hold handles.
            Some(control) = inbox.recv() => self.control(control).await,
            event = receive(self.running.as_mut()) => self.event(event).await,
            told = posted(self.terminal.as_mut()) => self.mirrored(told).await,
            () = caught_up(self.publisher.as_mut()), if blocked => self.flush().await,
            () = tokio::time::sleep_until(wake) => self.woken().await,
        }
    }

    fn next_wake(&self) -> Instant {
        let shown = self.publisher.as_ref().and_then(Publisher::due);
        let typing = self.turn.as_ref().and_then(|turn| turn.next_typing);
        let timers = self.timers.values().min().copied();
        let far = Instant::now() + Duration::from_hours(1);
        [shown, typing, timers, self.dialogs.next_due()]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(far)
    }

    /// Says whether the process may be ended for another one: not while a person is being asked, also outside of a turn.
    pub(super) fn give_way(&mut self) {
        let gives_way = self.resting && !self.dialogs.is_asking();
        if gives_way != self.gives_way {
            self.gives_way = gives_way;
            self.deps.slots.set_evictable(self.handle.id(), gives_way);
        }
    }

    async fn control(&mut self, control: Control) -> Result<()> {
        self.stirred = true;
        let place = self.state.place();
        self.look_elsewhere();
        let done = self.heard(control).await;
        self.looked_elsewhere(place);
        done
    }

    async fn heard(&mut self, control: Control) -> Result<()> {
        match control {
            // The actor looked into the store when it started.
            Control::Wake => Ok(()),
            // A slot that was given back while this was on its way is not ours any more.
            Control::Input(Input::SlotGranted) if !self.deps.slots.holds(self.handle.id()) => Ok(()),
            Control::Input(Input::Shutdown) => {
                let done = self.input(Input::Shutdown).await;
                // Nobody will answer in the seconds that are left, and a turn that waits cannot end.
                self.expire_dialogs(Why::Shutdown).await.and(done)
            }
            // A person is being asked: another process has to give way.
            Control::Input(Input::Evict) if self.dialogs.is_asking() => {
                self.deps.slots.set_evictable(self.handle.id(), false);
                Ok(())
            }
            Control::Input(input) => self.input(input).await,
            Control::Unseen { row, how } => self.question_unseen(row, how).await,
            Control::Ask(input, reply) => {
                self.reply = Some(reply);
                let done = self.input(input).await;
                self.reply = None;
                done
            }
            Control::Named(name) => {
                if let Some(session) = &mut self.session {
                    session.thread_name = name;
                }
                Ok(())
            }
            Control::Parcel { prompt, way, parcel } => self.hand_over(prompt, way, parcel).await,
            Control::Peek(reply) => {
                // The asker may have gone.
                reply.send(self.live()).ok();
                Ok(())
            }
            Control::Arrives(arrival) => self.arrive(arrival).await,
            Control::Leaves(how) => {
                self.leaves(how);
                Ok(())
            }
            Control::Set(setting) => {
                self.set(setting);
                Ok(())
            }
            Control::Record(reply) => {
                let done = self.flush_transcript().await;
                reply.send(()).ok();
                done
            }
            Control::Compact(request) => self.compact(request).await,
            Control::Compacted(result) => self.compacted(result).await,
            Control::Answer { key, wish, by, reply } => {
                let answered = self.answer_dialog(&key, &wish, &by).await;
                // The asker may have gone; the answer stands.
                reply.send(*answered.as_ref().unwrap_or(&Took::Failed)).ok();
                answered.map(|_| ())
            }
            Control::ForTool(wish) => self.wish_of_tool(wish).await,
        }
    }

    /// One step of the state, with all its effects. A failed effect does not keep the following ones from running.
    pub(super) async fn input(&mut self, input: Input) -> Result<()> {
        self.stirred = true;
        let mut first_error = Ok(());
        self.note_input(&input);
        let mut effects = self.state.step(input);
        while !effects.is_empty() {
            let mut follow_up = Vec::new();
            for effect in effects {
                match self.effect(effect).await {
                    Ok(Some(input)) => follow_up.extend(self.state.step(input)),
                    Ok(None) => {}
                    Err(error) if first_error.is_ok() => first_error = Err(error),
                    Err(error) => {
                        tracing::warn!(session = %self.handle.id(), "another effect failed: {error:#}");
                    }
                }
            }
            effects = follow_up;
        }
        first_error
    }

    async fn woken(&mut self) -> Result<()> {
        let now = Instant::now();
        if let Some(turn) = &mut self.turn
            && turn.next_typing.is_some_and(|at| at <= now)
        {
            turn.next_typing = Some(now + super::TYPING_EVERY);
            if let (Some(thread), false) = (self.thread, self.is_asking()) {
                self.deps.outbox.typing(thread.channel());
            }
        }
        let fired: Vec<Timer> = self
            .timers
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(timer, _)| *timer)
            .collect();
        for timer in fired {
            self.timers.remove(&timer);
            if timer == Timer::Idle && self.dialogs.is_asking() {
                // Somebody of the agent waits for a person, though no turn runs.
                self.timers
                    .insert(timer, now + self.deps.config.agent.idle_timeout);
                continue;
            }
            self.input(Input::TimerFired(timer)).await?;
        }
        self.dialogs_due().await?;
        self.flush().await
    }

    async fn flush(&mut self) -> Result<()> {
        match &mut self.publisher {
            Some(publisher) => publisher.flush(Instant::now()).await,
            None => Ok(()),
        }
    }

    /// Shows everything that waits.
    pub(super) async fn flush_all(&mut self) -> Result<()> {
        match &mut self.publisher {
            Some(publisher) => publisher.flush_all().await,
            None => Ok(()),
        }
    }

    /// Whether a person is being asked, here or at the terminal.
    pub(super) fn is_asking(&self) -> bool {
        self.dialogs.is_asking() || self.terminal.as_ref().is_some_and(Link::is_asking)
    }

    pub(super) fn channel(&self) -> Option<ChannelId> {
        self.thread.map(ThreadId::channel)
    }
}

/// Whether nothing can come of a session any more. Where the store does not say, its actor asks until it does.
async fn is_over(deps: &Deps, id: &SessionId) -> bool {
    let session = deps.store.session(id).await.ok().flatten();
    session.is_some_and(|session| session.phase.is_over())
}

async fn receive(running: Option<&mut Running>) -> Option<AgentEvent> {
    match running {
        Some(running) => running.next().await,
        None => std::future::pending().await,
    }
}

async fn caught_up(publisher: Option<&mut Publisher>) {
    match publisher {
        Some(publisher) => publisher.caught_up().await,
        None => std::future::pending().await,
    }
}
