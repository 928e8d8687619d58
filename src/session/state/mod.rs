//! What a session does next: `(State, Input) → Vec<Effect>`, without I/O and without a clock.
//!
//! Every rule about turns, the queue and the process is here and nowhere else, so that a transcript of inputs and
//! effects is a complete test of it. The actor runs the effects.

mod compaction;
mod ending;
mod health;
mod missed;
mod queue;
mod terminal;
#[cfg(test)]
mod tests;
mod turn;
mod words;

use std::collections::VecDeque;

use crate::ids::{MessageId, PromptId};
use crate::store::prompts::{OpenPrompt, PromptState};

pub use compaction::CannotCompact;
pub use health::{Health, INTERRUPTED};
pub use terminal::Place;
pub use words::{Choice, Effect, Input, Notice, Outcome, Reply, Timer};

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
    /// Something was off in it.
    warned: bool,
    /// The agent tries something again that has failed.
    retrying: bool,
}

/// Why a process is being ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It was idle for long, or another session needs the slot.
    Idle,
    /// A terminal takes the conversation over.
    Terminal,
    /// A person stopped the session.
    Stopped,
    /// The daemon goes down.
    Shutdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Waiting {
    id: PromptId,
    message: Option<MessageId>,
    position: i64,
    shown: bool,
    continuing: bool,
    /// Its message may say something else by now.
    unsure: bool,
}

impl Waiting {
    fn new(prompt: &OpenPrompt, shown: bool) -> Self {
        Self {
            id: prompt.id,
            message: prompt.message,
            position: prompt.position,
            shown,
            continuing: false,
            unsure: false,
        }
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
    /// The last prompt that steered the turn that has just ended: it may have come too late for it.
    just_steered: Option<PromptId>,
    /// The thread knows that this wait is for a slot: it is told once.
    told_of_wait: bool,
    compaction: compaction::Compaction,
    /// Who runs the agent.
    place: Place,
    /// How the last thing went.
    health: Health,
    /// Whether what was queued at the start was watched since.
    watched: missed::Watched,
    look: missed::Look,
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
            just_steered: None,
            told_of_wait: false,
            compaction: compaction::Compaction::None,
            place: Place::Here,
            health: Health::Good,
            watched: missed::Watched::Always,
            look: missed::Look::None,
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
        matches!(self.phase, Phase::Cold) && self.queue.is_empty() && !self.is_compacting()
    }

    /// Whether a turn is running.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self.phase, Phase::Busy(_) | Phase::Cancelling(_))
    }

    /// Whether this prompt is part of a turn that still runs for everybody.
    #[must_use]
    pub fn is_running(&self, id: PromptId) -> bool {
        matches!(&self.phase, Phase::Busy(turn) if turn.prompt == Some(id) || turn.steered.contains(&id))
    }

    /// Takes one input and says what has to be done, in order.
    pub fn step(&mut self, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        match input {
            Input::Restored { prompts, opened } => self.restored(&prompts, opened, &mut out),
            Input::Opened if self.phase == Phase::Opening => self.opened(),
            Input::OpenFailed => self.open_failed(&mut out),
            // Who sits at the terminal goes on typing: a prompt from here does the same.
            Input::Prompt(prompt) if self.steers_terminal(&prompt) => self.steer(&prompt, &mut out),
            Input::Prompt(prompt) => self.prompt(&prompt, &mut out),
            Input::Steer(prompt) => self.steer(&prompt, &mut out),
            Input::Dropped(id) => self.dropped(id, &mut out),
            Input::Hearing => self.hearing(&mut out),
            Input::Rechecked => self.rechecked(&mut out),
            Input::SlotGranted => self.slot_granted(&mut out),
            Input::SlotDelayed if self.phase == Phase::Waiting && !self.told_of_wait => {
                self.told_of_wait = true;
                out.push(Effect::Say(Notice::WaitingForSlot));
            }
            Input::Evict if self.rests() => self.end_idle(&mut out),
            Input::Opened | Input::SlotDelayed | Input::Evict => {}
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
                    (turn.failed, turn.retrying) = (None, false);
                }
            }
            Input::TurnWarned => {
                if let Phase::Busy(turn) = &mut self.phase {
                    turn.warned = true;
                }
            }
            Input::Retrying(retrying) => {
                if let Phase::Busy(turn) = &mut self.phase {
                    turn.retrying = retrying;
                }
            }
            Input::PromptRefused { prompt, error } => self.refused(prompt, error, &mut out),
            Input::Exited(exit) => self.exited(exit, &mut out),
            Input::TimerFired(timer) => self.timer(timer, &mut out),
            Input::Cancel => self.cancel(&mut out),
            Input::Stop => self.stop(&mut out),
            Input::ContinueQueue => self.continue_queue(&mut out),
            Input::Decide(id, choice) => self.decide(id, choice, &mut out),
            Input::Discard(ids) => self.discard(&ids, &mut out),
            Input::Compact => self.compact(),
            Input::Compacted => self.compacted(&mut out),
            Input::Shutdown => self.shutdown(&mut out),
            Input::ThreadGone => self.thread_gone(&mut out),
            Input::Attach => self.attach(&mut out),
            Input::TerminalGone { how, left, has_it } => self.terminal_gone(how, &left, has_it, &mut out),
            Input::TurnStopped => self.turn_stopped(&mut out),
        }
        self.pump(&mut out);
        self.told_of_wait &= self.phase == Phase::Waiting;
        out
    }

    /// Whether there is a process of ours that has nothing to do.
    fn rests(&self) -> bool {
        self.phase == Phase::Idle && self.place != Place::Terminal && !self.is_compacting()
    }

    /// A prompt is not wanted any more.
    fn dropped(&mut self, id: PromptId, out: &mut Vec<Effect>) {
        let was_next = self.rests() && !self.queue.is_empty();
        self.queue.retain(|w| w.id != id);
        if was_next && self.queue.is_empty() {
            // It was being looked at again, with the process waiting for it.
            out.push(Effect::Unpin);
            self.rest(out);
        }
        self.held.retain(|w| w.id != id);
        self.undecided.retain(|(w, _)| w.id != id);
    }

    /// Starts what can be started.
    fn pump(&mut self, out: &mut Vec<Effect>) {
        if self.pump_compaction(out) {
            return;
        }
        let blocked = self
            .undecided
            .iter()
            .any(|(_, state)| *state == PromptState::Interrupted);
        if self.draining || blocked || self.queue.is_empty() {
            return;
        }
        match self.phase {
            Phase::Idle | Phase::Cold if self.is_next_unsure() => self.look_again(out),
            Phase::Idle => {
                let Some(next) = self.queue.pop_front() else {
                    return;
                };
                self.just_steered = None;
                out.push(Effect::ClearTimer(Timer::Idle));
                out.push(Effect::Evictable(false));
                self.unshow(&next, out);
                out.push(Effect::BeginTurn);
                out.push(Effect::Deliver {
                    prompt: next.id,
                    continuing: next.continuing,
                });
                self.phase = Phase::Busy(Turn {
                    prompt: Some(next.id),
                    ..Turn::default()
                });
            }
            Phase::Cold if self.place == Place::Elsewhere => self.ask_about_queue(out),
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
        let at = self
            .queue
            .iter()
            .position(|w| (w.position, w.id) > (waiting.position, waiting.id));
        let at = at.unwrap_or(self.queue.len());
        self.queue.insert(at, waiting);
        at
    }

    fn knows(&self, id: PromptId) -> bool {
        let in_turn = match &self.phase {
            Phase::Busy(turn) | Phase::Cancelling(turn) => {
                turn.prompt == Some(id) || turn.steered.contains(&id)
            }
            _ => false,
        };
        in_turn
            || self.queue.iter().chain(&self.held).any(|w| w.id == id)
            || self.undecided.iter().any(|(w, _)| w.id == id)
    }

    fn blocked(&self) -> bool {
        self.draining
            || self
                .undecided
                .iter()
                .any(|(_, state)| *state == PromptState::Interrupted)
    }
}
