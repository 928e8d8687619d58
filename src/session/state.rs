//! What a session does next: `(State, Input) → Vec<Effect>`, without I/O and without a clock.
//!
//! Every rule about turns, the queue and the process is here and nowhere else, so that a transcript of inputs and
//! effects is a complete test of it. The actor runs the effects.

use std::collections::VecDeque;

use crate::event::{AgentExit, ExitHow};
use crate::ids::{MessageId, PromptId};
use crate::store::prompts::{OpenPrompt, PromptState};

/// What the agent's process and conversation are doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// The thread is being made.
    Opening,
    /// There is no process; the next prompt starts one.
    Cold,
    /// A prompt waits for one of the process slots.
    Waiting,
    /// The process was started and is not ready yet.
    Starting,
    /// The process waits for a prompt.
    Idle,
    /// A turn is running.
    Busy(Turn),
    /// A person cancelled the turn; the agent was told to abort.
    Cancelling(Turn),
    /// The process is being ended.
    Ending(Why),
    /// The session is over.
    Closed,
}

/// A running turn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Turn {
    /// The prompt that began it; `None` when the agent began it by itself.
    prompt: Option<PromptId>,
    /// What steered it.
    steered: Vec<PromptId>,
    /// The error that the turn will end with.
    failed: Option<String>,
}

/// Why a process is being ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It was idle for long, or another session needs the slot.
    Idle,
    /// A start or a turn was cancelled and the agent did not obey.
    Cancelled,
    /// A person stopped the session.
    Stopped,
    /// The daemon goes down.
    Shutdown,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// What the store knew when the actor started.
    Restored {
        /// Prompts that are not over, in order.
        prompts: Vec<OpenPrompt>,
        /// Whether the thread exists.
        opened: bool,
    },
    /// The thread exists.
    Opened,
    /// The thread could not be made.
    OpenFailed {
        /// What a person should know about it.
        reason: String,
    },
    /// A prompt became durable.
    Prompt(OpenPrompt),
    /// A prompt that is to reach the running turn became durable.
    Steer(OpenPrompt),
    /// A waiting prompt was dropped by its author; the store knows.
    Dropped(PromptId),
    /// A process slot is ours.
    SlotGranted,
    /// There is no free slot; it will be granted later.
    SlotDelayed,
    /// Another session needs a slot: end the process if it is idle.
    Evict,
    /// The agent is ready.
    AgentStarted,
    /// The agent began a turn.
    TurnStarted,
    /// The agent ended the turn.
    TurnEnded,
    /// The model or the agent reported an error that ends the turn.
    TurnFailed {
        /// What it said.
        error: String,
    },
    /// What looked like a failed turn went on well: the agent had retried.
    TurnRecovered,
    /// The agent refused a prompt.
    PromptRefused {
        /// Which.
        prompt: PromptId,
        /// What it said.
        error: String,
    },
    /// The process is gone.
    Exited(AgentExit),
    /// A timer went off.
    TimerFired(Timer),
    /// A person wants the turn to end.
    Cancel,
    /// A person wants the session to end.
    Stop,
    /// A person wants the held prompts to run.
    ContinueQueue,
    /// A person decided about a prompt.
    Decide(PromptId, Choice),
    /// The daemon goes down: finish, start nothing.
    Shutdown,
    /// The thread was deleted; the store knows.
    ThreadGone,
}

/// What a person can decide about a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Go on with what was interrupted.
    Continue,
    /// Forget it.
    Discard,
    /// Run it (it came while the daemon was away).
    Run,
    /// Run what failed once more.
    Retry,
    /// Run it in a new conversation, because the old one is gone.
    StartFresh,
}

/// Something to be woken by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Timer {
    /// The process has been idle for long.
    Idle,
    /// The agent did not obey an abort.
    CancelGrace,
    /// The time that turns get at shutdown is over.
    Drain,
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer.
    Done,
    /// By a person.
    Cancelled,
    /// With an error.
    Failed(String),
    /// With the process.
    Died(AgentExit),
    /// With the daemon.
    Shutdown,
}

/// Something to tell the thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The prompt waits; `ahead` others run before it.
    Queued {
        /// How many run before it.
        ahead: usize,
    },
    /// All process slots are taken.
    WaitingForSlot,
    /// The agent could not be started.
    StartFailed {
        /// How it ended.
        exit: AgentExit,
        /// What can be retried.
        prompt: Option<PromptId>,
    },
    /// The conversation to resume does not exist any more.
    ConversationMissing {
        /// What can be run in a new one.
        prompt: Option<PromptId>,
    },
    /// The turn ended with an error.
    TurnFailed {
        /// What it said.
        error: String,
        /// What can be retried.
        prompt: Option<PromptId>,
    },
    /// The process died in a turn.
    TurnDied {
        /// How it ended.
        exit: AgentExit,
        /// What can be retried.
        prompt: Option<PromptId>,
    },
    /// The idle process died by itself.
    IdleDied {
        /// How it ended.
        exit: AgentExit,
    },
    /// Prompts were set aside.
    QueueHeld {
        /// How many.
        count: usize,
    },
    /// The daemon died while this prompt was running.
    Interrupted {
        /// Which.
        prompt: PromptId,
    },
    /// This prompt came while the daemon was away.
    Stale {
        /// Which.
        prompt: PromptId,
    },
    /// The daemon goes down while a turn is running.
    ShuttingDown,
    /// The session is over.
    Stopped {
        /// How many waiting prompts were dropped with it.
        dropped: usize,
    },
}

/// What to answer to the person who asked for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// The turn is being cancelled.
    Cancelling,
    /// The prompt that waited for the process was dropped.
    CancelledBeforeStart,
    /// There is nothing to cancel.
    NothingToCancel,
    /// The session is being stopped.
    Stopping,
    /// This many prompts run again.
    Continued {
        /// How many.
        count: usize,
    },
    /// The decision was carried out.
    Decided,
    /// It had been decided before, or is over.
    Stale,
}

/// Something that the actor has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Make the thread; answers with `Opened` or `OpenFailed`.
    OpenThread,
    /// Ask for a process slot; answers with `SlotGranted`, perhaps after `SlotDelayed`.
    AcquireSlot,
    /// Give the slot (or the place in its queue) back.
    ReleaseSlot,
    /// The process may be evicted from now on (`true`), or not any more.
    Evictable(bool),
    /// Start the process.
    StartAgent,
    /// Give this prompt to the agent; mark it as running first.
    Deliver {
        /// Which.
        prompt: PromptId,
        /// It was interrupted: ask to go on instead of beginning again.
        continuing: bool,
    },
    /// Give this prompt to the running turn.
    Steer(PromptId),
    /// Tell the agent to abort the turn.
    Abort,
    /// End the process by the ladder; answers with `Exited`.
    EndAgent {
        /// Whether a turn may be running.
        abort: bool,
    },
    /// Forget the agent's conversation: the next start is a new one.
    ForgetConversation,
    /// Store where a prompt is.
    Mark(PromptId, PromptState),
    /// Show on the message that it waits (`true`), or not any more.
    ShowQueued(MessageId, bool),
    /// Tell the thread.
    Say(Notice),
    /// A turn begins: typing, activity, clock.
    BeginTurn,
    /// A turn is over: finals, footer.
    EndTurn(Outcome),
    /// The session does not run any more: unpin.
    Unpin,
    /// The launch came to nothing and may be tried again.
    LaunchFailed,
    /// Set a timer anew.
    SetTimer(Timer),
    /// Forget a timer.
    ClearTimer(Timer),
    /// Store that the session is over and archive its thread.
    Archive,
    /// Answer the person who asked.
    Reply(Reply),
    /// The actor may end.
    Close,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Waiting {
    id: PromptId,
    message: Option<MessageId>,
    position: i64,
    shown: bool,
    continuing: bool,
}

impl Waiting {
    fn new(prompt: &OpenPrompt, shown: bool) -> Self {
        Self { id: prompt.id, message: prompt.message, position: prompt.position, shown, continuing: false }
    }
}

/// The state of one session.
#[derive(Debug, Clone)]
pub struct State {
    phase: Phase,
    queue: VecDeque<Waiting>,
    held: Vec<Waiting>,
    /// Prompts that a person has to decide about: stale ones, interrupted ones, failed ones.
    undecided: Vec<(Waiting, PromptState)>,
    draining: bool,
    /// The thread is gone: nothing is said any more.
    gone: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            phase: Phase::Opening,
            queue: VecDeque::new(),
            held: Vec::new(),
            undecided: Vec::new(),
            draining: false,
            gone: false,
        }
    }
}

impl State {
    /// What the session is doing.
    #[must_use]
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Whether nothing is going on: no process, nothing that waits.
    #[must_use]
    pub fn is_dormant(&self) -> bool {
        matches!(self.phase, Phase::Cold) && self.queue.is_empty()
    }

    /// Whether a turn is running.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self.phase, Phase::Busy(_) | Phase::Cancelling(_))
    }

    /// Takes one input and says what has to be done, in order.
    pub fn step(&mut self, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        match input {
            Input::Restored { prompts, opened } => self.restored(&prompts, opened, &mut out),
            Input::Opened => {
                if self.phase == Phase::Opening {
                    self.phase = Phase::Cold;
                }
            }
            Input::OpenFailed { .. } => self.open_failed(&mut out),
            Input::Prompt(prompt) => self.prompt(&prompt, &mut out),
            Input::Steer(prompt) => self.steer(&prompt, &mut out),
            Input::Dropped(id) => {
                self.queue.retain(|w| w.id != id);
                self.held.retain(|w| w.id != id);
                self.undecided.retain(|(w, _)| w.id != id);
            }
            Input::SlotGranted => self.slot_granted(&mut out),
            Input::SlotDelayed if self.phase == Phase::Waiting => out.push(Effect::Say(Notice::WaitingForSlot)),
            Input::SlotDelayed => {}
            Input::Evict if self.phase == Phase::Idle => self.end_idle(&mut out),
            Input::Evict => {}
            Input::AgentStarted => self.agent_started(&mut out),
            Input::TurnStarted => self.turn_started(&mut out),
            Input::TurnEnded => self.turn_ended(&mut out),
            Input::TurnFailed { error } => {
                if let Phase::Busy(turn) = &mut self.phase {
                    turn.failed = Some(error);
                }
            }
            Input::TurnRecovered => {
                if let Phase::Busy(turn) = &mut self.phase {
                    turn.failed = None;
                }
            }
            Input::PromptRefused { prompt, error } => self.refused(prompt, error, &mut out),
            Input::Exited(exit) => self.exited(exit, &mut out),
            Input::TimerFired(timer) => self.timer(timer, &mut out),
            Input::Cancel => self.cancel(&mut out),
            Input::Stop => self.stop(&mut out),
            Input::ContinueQueue => self.continue_queue(&mut out),
            Input::Decide(id, choice) => self.decide(id, choice, &mut out),
            Input::Shutdown => self.shutdown(&mut out),
            Input::ThreadGone => self.thread_gone(&mut out),
        }
        self.pump(&mut out);
        out
    }

    /// Starts what can be started.
    fn pump(&mut self, out: &mut Vec<Effect>) {
        let blocked = self.undecided.iter().any(|(_, state)| *state == PromptState::Interrupted);
        if self.draining || blocked || self.queue.is_empty() {
            return;
        }
        match self.phase {
            Phase::Idle => {
                let Some(next) = self.queue.pop_front() else { return };
                out.push(Effect::ClearTimer(Timer::Idle));
                out.push(Effect::Evictable(false));
                self.unshow(&next, out);
                out.push(Effect::BeginTurn);
                out.push(Effect::Deliver { prompt: next.id, continuing: next.continuing });
                self.phase = Phase::Busy(Turn { prompt: Some(next.id), ..Turn::default() });
            }
            Phase::Cold => {
                self.phase = Phase::Waiting;
                out.push(Effect::AcquireSlot);
            }
            _ => {}
        }
    }

    #[expect(clippy::unused_self, reason = "reads as what the session does")]
    fn unshow(&self, waiting: &Waiting, out: &mut Vec<Effect>) {
        if let (true, Some(message)) = (waiting.shown, waiting.message) {
            out.push(Effect::ShowQueued(message, false));
        }
    }

    fn enqueue(&mut self, waiting: Waiting) -> usize {
        let at = self.queue.iter().position(|w| (w.position, w.id) > (waiting.position, waiting.id));
        let at = at.unwrap_or(self.queue.len());
        self.queue.insert(at, waiting);
        at
    }

    fn knows(&self, id: PromptId) -> bool {
        let in_turn = match &self.phase {
            Phase::Busy(turn) | Phase::Cancelling(turn) => turn.prompt == Some(id) || turn.steered.contains(&id),
            _ => false,
        };
        in_turn
            || self.queue.iter().chain(&self.held).any(|w| w.id == id)
            || self.undecided.iter().any(|(w, _)| w.id == id)
    }

    fn restored(&mut self, prompts: &[OpenPrompt], opened: bool, out: &mut Vec<Effect>) {
        for prompt in prompts {
            match prompt.state {
                // Until the thread exists nobody can have been shown that the prompt waits.
                PromptState::Queued => {
                    self.enqueue(Waiting::new(prompt, false));
                }
                PromptState::Held => self.held.push(Waiting::new(prompt, true)),
                PromptState::Asking => {
                    self.undecided.push((Waiting::new(prompt, false), PromptState::Asking));
                }
                PromptState::Running => {
                    self.undecided.push((Waiting::new(prompt, false), PromptState::Interrupted));
                    out.push(Effect::Mark(prompt.id, PromptState::Interrupted));
                    out.push(Effect::Say(Notice::Interrupted { prompt: prompt.id }));
                }
                // The thread was told when it happened; only the decision is still open.
                PromptState::Interrupted | PromptState::Failed => {
                    self.undecided.push((Waiting::new(prompt, false), prompt.state));
                }
                PromptState::Done | PromptState::Dropped => {}
            }
        }
        if opened {
            self.phase = Phase::Cold;
        } else {
            out.push(Effect::OpenThread);
        }
    }

    fn open_failed(&mut self, out: &mut Vec<Effect>) {
        for waiting in self.queue.drain(..) {
            out.push(Effect::Mark(waiting.id, PromptState::Failed));
        }
        self.phase = Phase::Closed;
        out.push(Effect::LaunchFailed);
        out.push(Effect::Close);
    }

    fn prompt(&mut self, prompt: &OpenPrompt, out: &mut Vec<Effect>) {
        // A failed prompt that comes again was launched again.
        self.undecided.retain(|(w, state)| w.id != prompt.id || *state != PromptState::Failed);
        if self.knows(prompt.id) {
            return;
        }
        if prompt.state == PromptState::Asking {
            self.undecided.push((Waiting::new(prompt, false), PromptState::Asking));
            out.push(Effect::Say(Notice::Stale { prompt: prompt.id }));
            return;
        }
        let runs_next = matches!(self.phase, Phase::Idle | Phase::Cold | Phase::Waiting | Phase::Starting)
            && self.queue.is_empty()
            && !self.blocked();
        let at = self.enqueue(Waiting::new(prompt, !runs_next));
        if !runs_next {
            if let Some(message) = prompt.message {
                out.push(Effect::ShowQueued(message, true));
            }
            out.push(Effect::Say(Notice::Queued { ahead: at + usize::from(self.is_busy()) }));
        }
    }

    fn blocked(&self) -> bool {
        self.draining || self.undecided.iter().any(|(_, state)| *state == PromptState::Interrupted)
    }

    fn steer(&mut self, prompt: &OpenPrompt, out: &mut Vec<Effect>) {
        if self.knows(prompt.id) {
            return;
        }
        if let Phase::Busy(turn) = &mut self.phase {
            turn.steered.push(prompt.id);
            out.push(Effect::Steer(prompt.id));
        } else {
            // There is no turn to steer: it is a prompt like any other.
            self.prompt(prompt, out);
        }
    }

    fn slot_granted(&mut self, out: &mut Vec<Effect>) {
        if self.phase == Phase::Waiting && !self.queue.is_empty() && !self.draining {
            self.phase = Phase::Starting;
            out.push(Effect::StartAgent);
        } else {
            // It was cancelled while it waited.
            if self.phase == Phase::Waiting {
                self.phase = Phase::Cold;
            }
            out.push(Effect::ReleaseSlot);
        }
    }

    fn agent_started(&mut self, out: &mut Vec<Effect>) {
        if self.phase != Phase::Starting {
            return;
        }
        self.phase = Phase::Idle;
        if self.queue.is_empty() {
            self.rest(out);
        }
    }

    /// Nothing to do: the process may go after a while, or at once when a slot is needed.
    fn rest(&mut self, out: &mut Vec<Effect>) {
        if self.draining {
            self.phase = Phase::Ending(Why::Shutdown);
            out.push(Effect::EndAgent { abort: false });
        } else {
            self.phase = Phase::Idle;
            out.push(Effect::SetTimer(Timer::Idle));
            out.push(Effect::Evictable(true));
        }
    }

    fn end_idle(&mut self, out: &mut Vec<Effect>) {
        out.push(Effect::ClearTimer(Timer::Idle));
        out.push(Effect::Evictable(false));
        out.push(Effect::EndAgent { abort: false });
        self.phase = Phase::Ending(Why::Idle);
    }

    fn turn_started(&mut self, out: &mut Vec<Effect>) {
        // The agent began by itself: a steer that came just after a turn's end, or a local command.
        if self.phase == Phase::Idle {
            out.push(Effect::ClearTimer(Timer::Idle));
            out.push(Effect::Evictable(false));
            out.push(Effect::BeginTurn);
            self.phase = Phase::Busy(Turn::default());
        }
    }

    fn turn_ended(&mut self, out: &mut Vec<Effect>) {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Busy(turn) => {
                let (state, outcome) = match turn.failed {
                    Some(error) => (PromptState::Failed, Outcome::Failed(error)),
                    None => (PromptState::Done, Outcome::Done),
                };
                let failed = match &outcome {
                    Outcome::Failed(error) => Some(error.clone()),
                    _ => None,
                };
                self.close_turn(turn.prompt, &turn.steered, state, out);
                out.push(Effect::EndTurn(outcome));
                if let Some(error) = failed {
                    out.push(Effect::Say(Notice::TurnFailed { error, prompt: turn.prompt }));
                }
                self.settle(out);
            }
            Phase::Cancelling(turn) => {
                out.push(Effect::ClearTimer(Timer::CancelGrace));
                self.close_turn(turn.prompt, &turn.steered, PromptState::Dropped, out);
                out.push(Effect::EndTurn(Outcome::Cancelled));
                self.hold(out);
                self.settle(out);
            }
            other => self.phase = other,
        }
    }

    /// After a turn, with the process alive.
    fn settle(&mut self, out: &mut Vec<Effect>) {
        self.phase = Phase::Idle;
        if self.queue.is_empty() || self.draining {
            out.push(Effect::Unpin);
            self.rest(out);
        }
    }

    fn close_turn(
        &mut self,
        prompt: Option<PromptId>,
        steered: &[PromptId],
        state: PromptState,
        out: &mut Vec<Effect>,
    ) {
        if let Some(id) = prompt {
            if state == PromptState::Failed {
                let waiting = Waiting { id, message: None, position: 0, shown: false, continuing: false };
                self.undecided.push((waiting, PromptState::Failed));
            }
            out.push(Effect::Mark(id, state));
        }
        out.extend(steered.iter().map(|id| Effect::Mark(*id, PromptState::Done)));
    }

    /// Sets the queue aside until a person continues it.
    fn hold(&mut self, out: &mut Vec<Effect>) {
        if self.queue.is_empty() {
            return;
        }
        out.push(Effect::Say(Notice::QueueHeld { count: self.queue.len() }));
        for waiting in self.queue.drain(..) {
            out.push(Effect::Mark(waiting.id, PromptState::Held));
            self.held.push(waiting);
        }
    }

    fn refused(&mut self, prompt: PromptId, error: String, out: &mut Vec<Effect>) {
        let Phase::Busy(turn) = &mut self.phase else { return };
        if turn.prompt == Some(prompt) {
            turn.failed = Some(error);
            self.turn_ended(out);
        } else if turn.steered.contains(&prompt) {
            turn.steered.retain(|id| *id != prompt);
            // Not lost: it runs as a prompt of its own after this turn.
            out.push(Effect::Mark(prompt, PromptState::Queued));
            self.enqueue(Waiting { id: prompt, message: None, position: 0, shown: false, continuing: false });
        }
    }

    fn exited(&mut self, exit: AgentExit, out: &mut Vec<Effect>) {
        out.push(Effect::ClearTimer(Timer::Idle));
        out.push(Effect::Evictable(false));
        out.push(Effect::ReleaseSlot);
        match std::mem::replace(&mut self.phase, Phase::Cold) {
            Phase::Ending(Why::Stopped) => self.finish_stop(out),
            Phase::Ending(Why::Shutdown) => self.close(out),
            Phase::Ending(Why::Idle | Why::Cancelled) | Phase::Cold | Phase::Waiting | Phase::Opening => {}
            Phase::Closed => self.phase = Phase::Closed,
            Phase::Starting => self.start_failed(exit, out),
            Phase::Idle => {
                out.push(Effect::Say(Notice::IdleDied { exit }));
                out.push(Effect::Unpin);
            }
            Phase::Busy(turn) => {
                self.close_turn(turn.prompt, &turn.steered, PromptState::Failed, out);
                out.push(Effect::EndTurn(Outcome::Died(exit.clone())));
                out.push(Effect::Say(Notice::TurnDied { exit, prompt: turn.prompt }));
                self.hold(out);
                out.push(Effect::Unpin);
            }
            Phase::Cancelling(turn) => {
                out.push(Effect::ClearTimer(Timer::CancelGrace));
                self.close_turn(turn.prompt, &turn.steered, PromptState::Dropped, out);
                out.push(Effect::EndTurn(Outcome::Cancelled));
                self.hold(out);
                out.push(Effect::Unpin);
            }
        }
        if self.draining && self.phase == Phase::Cold {
            self.close(out);
        }
    }

    fn start_failed(&mut self, exit: AgentExit, out: &mut Vec<Effect>) {
        let prompt = self.queue.pop_front();
        if let Some(waiting) = prompt {
            self.unshow(&waiting, out);
            out.push(Effect::Mark(waiting.id, PromptState::Failed));
            self.undecided.push((waiting, PromptState::Failed));
        }
        let prompt = prompt.map(|w| w.id);
        out.push(Effect::Say(if exit.how == ExitHow::SessionMissing {
            Notice::ConversationMissing { prompt }
        } else {
            Notice::StartFailed { exit, prompt }
        }));
        out.push(Effect::LaunchFailed);
        self.hold(out);
        out.push(Effect::Unpin);
    }

    fn timer(&mut self, timer: Timer, out: &mut Vec<Effect>) {
        match (timer, &self.phase) {
            (Timer::Idle, Phase::Idle) => self.end_idle(out),
            (Timer::CancelGrace, Phase::Cancelling(_)) => out.push(Effect::EndAgent { abort: true }),
            (Timer::Drain, Phase::Busy(_) | Phase::Cancelling(_)) => self.interrupt_turn(out),
            _ => {}
        }
    }

    fn interrupt_turn(&mut self, out: &mut Vec<Effect>) {
        if let Phase::Busy(turn) | Phase::Cancelling(turn) =
            std::mem::replace(&mut self.phase, Phase::Ending(Why::Shutdown))
        {
            out.push(Effect::EndTurn(Outcome::Shutdown));
            for id in turn.prompt {
                out.push(Effect::Say(Notice::Interrupted { prompt: id }));
                out.push(Effect::Mark(id, PromptState::Interrupted));
            }
            out.extend(turn.steered.iter().map(|id| Effect::Mark(*id, PromptState::Done)));
            out.push(Effect::EndAgent { abort: true });
        }
    }

    fn cancel(&mut self, out: &mut Vec<Effect>) {
        match std::mem::replace(&mut self.phase, Phase::Cold) {
            Phase::Busy(turn) => {
                out.push(Effect::Reply(Reply::Cancelling));
                out.push(Effect::Abort);
                out.push(Effect::SetTimer(Timer::CancelGrace));
                self.phase = Phase::Cancelling(turn);
            }
            phase @ (Phase::Waiting | Phase::Starting) => {
                self.phase = phase;
                let Some(waiting) = self.queue.pop_front() else {
                    out.push(Effect::Reply(Reply::NothingToCancel));
                    return;
                };
                self.unshow(&waiting, out);
                out.push(Effect::Mark(waiting.id, PromptState::Dropped));
                self.hold(out);
                out.push(Effect::Unpin);
                out.push(Effect::Reply(Reply::CancelledBeforeStart));
                if self.phase == Phase::Waiting {
                    self.phase = Phase::Cold;
                    out.push(Effect::ReleaseSlot);
                }
            }
            phase => {
                self.phase = phase;
                out.push(Effect::Reply(Reply::NothingToCancel));
            }
        }
    }

    fn stop(&mut self, out: &mut Vec<Effect>) {
        out.push(Effect::Reply(Reply::Stopping));
        match std::mem::replace(&mut self.phase, Phase::Ending(Why::Stopped)) {
            Phase::Busy(turn) | Phase::Cancelling(turn) => {
                out.push(Effect::ClearTimer(Timer::CancelGrace));
                self.close_turn(turn.prompt, &turn.steered, PromptState::Dropped, out);
                out.push(Effect::EndTurn(Outcome::Cancelled));
                out.push(Effect::EndAgent { abort: true });
            }
            Phase::Idle | Phase::Starting => {
                out.push(Effect::ClearTimer(Timer::Idle));
                out.push(Effect::Evictable(false));
                out.push(Effect::EndAgent { abort: false });
            }
            Phase::Ending(_) => {}
            Phase::Waiting => {
                out.push(Effect::ReleaseSlot);
                self.finish_stop(out);
            }
            Phase::Opening | Phase::Cold => self.finish_stop(out),
            Phase::Closed => self.phase = Phase::Closed,
        }
    }

    /// There is nobody to tell any more: the process ends, the waiting prompts are dropped.
    fn thread_gone(&mut self, out: &mut Vec<Effect>) {
        self.gone = true;
        self.stop(out);
        out.retain(|effect| !matches!(effect, Effect::Say(_) | Effect::EndTurn(_) | Effect::Reply(_)));
    }

    fn finish_stop(&mut self, out: &mut Vec<Effect>) {
        let undecided = std::mem::take(&mut self.undecided);
        let waiting: Vec<_> = self.queue.drain(..).chain(self.held.drain(..)).collect();
        for waiting in &waiting {
            self.unshow(waiting, out);
            out.push(Effect::Mark(waiting.id, PromptState::Dropped));
        }
        for (waiting, state) in undecided {
            if state != PromptState::Failed {
                out.push(Effect::Mark(waiting.id, PromptState::Dropped));
            }
        }
        out.push(Effect::Unpin);
        if !self.gone {
            out.push(Effect::Say(Notice::Stopped { dropped: waiting.len() }));
            out.push(Effect::Archive);
        }
        self.close(out);
    }

    fn close(&mut self, out: &mut Vec<Effect>) {
        self.phase = Phase::Closed;
        out.push(Effect::Close);
    }

    fn continue_queue(&mut self, out: &mut Vec<Effect>) {
        let held = std::mem::take(&mut self.held);
        out.push(Effect::Reply(Reply::Continued { count: held.len() }));
        for waiting in held {
            out.push(Effect::Mark(waiting.id, PromptState::Queued));
            self.enqueue(waiting);
        }
    }

    fn decide(&mut self, id: PromptId, choice: Choice, out: &mut Vec<Effect>) {
        let at = self.undecided.iter().position(|(w, state)| {
            w.id == id
                && match choice {
                    Choice::Continue => *state == PromptState::Interrupted,
                    Choice::Run => *state == PromptState::Asking,
                    Choice::Retry | Choice::StartFresh => *state == PromptState::Failed,
                    Choice::Discard => *state != PromptState::Failed,
                }
        });
        let Some(at) = at else {
            out.push(Effect::Reply(Reply::Stale));
            return;
        };
        let (mut waiting, state) = self.undecided.remove(at);
        out.push(Effect::Reply(Reply::Decided));
        if choice == Choice::Discard {
            out.push(Effect::Mark(id, PromptState::Dropped));
            return;
        }
        if choice == Choice::StartFresh {
            out.push(Effect::ForgetConversation);
        }
        waiting.continuing = choice == Choice::Continue;
        out.push(Effect::Mark(id, PromptState::Queued));
        if state == PromptState::Asking {
            self.enqueue(waiting);
        } else {
            // It had its turn before the others: it keeps it.
            self.queue.push_front(waiting);
        }
    }

    fn shutdown(&mut self, out: &mut Vec<Effect>) {
        self.draining = true;
        match &self.phase {
            Phase::Busy(_) | Phase::Cancelling(_) => {
                out.push(Effect::Say(Notice::ShuttingDown));
                out.push(Effect::SetTimer(Timer::Drain));
            }
            Phase::Idle | Phase::Starting => {
                self.phase = Phase::Ending(Why::Shutdown);
                out.push(Effect::EndAgent { abort: false });
            }
            Phase::Ending(Why::Stopped) | Phase::Closed => {}
            Phase::Ending(_) => self.phase = Phase::Ending(Why::Shutdown),
            Phase::Opening | Phase::Cold | Phase::Waiting => self.close(out),
        }
    }
}
