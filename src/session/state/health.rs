//! How the session is doing, as a person sees it: one of five words and the reason for it.

use super::{Phase, Place, State, Why};
use crate::session::view::{Next, Status};
use crate::store::prompts::PromptState;
use crate::store::vitals;

/// How the last thing went that the session tried.
pub use vitals::Health;

/// What a session says of itself whose turn the daemon did not outlive.
pub const INTERRUPTED: &str = "interrupted";

impl Health {
    /// How a session is doing that does nothing.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Good => Status::Idle,
            Self::Warned | Self::TurnFailed | Self::TerminalGone => Status::Degraded,
            Self::Died | Self::NotStarted => Status::Failed,
        }
    }

    /// The same with its reason.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "ready",
            Self::Warned => "ready; the last turn had a warning",
            Self::TurnFailed => "the last turn failed",
            Self::Died => "the agent's process died",
            Self::NotStarted => "the agent could not be started",
            Self::TerminalGone => "the terminal is gone; the next prompt goes on here",
        }
    }
}

impl State {
    /// How the last thing went.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health
    }

    /// What was known before the daemon was started.
    pub fn remember(&mut self, health: Health) {
        self.health = health;
    }

    /// How many prompts wait for their turn.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// How many prompts were set aside.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// How the session is doing. Whether a person is being asked is known elsewhere.
    #[must_use]
    pub fn status(&self) -> Status {
        if self.draining {
            return Status::Failed;
        }
        match &self.phase {
            Phase::Busy(turn) if turn.retrying => Status::Degraded,
            Phase::Opening | Phase::Waiting | Phase::Starting | Phase::Cancelling(_) | Phase::Busy(_) => {
                Status::Busy
            }
            Phase::Idle if self.is_compacting() => Status::Busy,
            Phase::Cold | Phase::Idle | Phase::Ending(_) | Phase::Closed => match self.health.status() {
                Status::Idle if self.is_interrupted() => Status::Degraded,
                status => status,
            },
        }
    }

    /// What it is doing, in a few words.
    #[must_use]
    pub fn word(&self) -> &'static str {
        if self.draining {
            return "ompcord is shutting down";
        }
        match &self.phase {
            Phase::Opening => "opening",
            Phase::Waiting => "waiting for a free agent process",
            Phase::Starting => "starting",
            Phase::Busy(turn) if turn.retrying => "retrying",
            Phase::Busy(_) if self.place == Place::Terminal => "working in a terminal",
            Phase::Idle if self.place == Place::Terminal && self.health == Health::Good => {
                "ready in a terminal"
            }
            Phase::Busy(_) => "working",
            Phase::Idle if self.is_compacting() => "compacting the conversation",
            Phase::Cancelling(_) => "cancelling",
            Phase::Ending(Why::Stopped) | Phase::Closed => "ended",
            Phase::Cold | Phase::Idle | Phase::Ending(_) => {
                if self.health.status() != Status::Failed && self.is_interrupted() {
                    return INTERRUPTED;
                }
                self.health.word()
            }
        }
    }

    /// When a prompt runs that is written now and has none before it.
    #[must_use]
    pub fn next(&self) -> Next {
        if self.draining {
            return Next::Never;
        }
        match &self.phase {
            Phase::Ending(Why::Stopped | Why::Shutdown) | Phase::Closed => Next::Never,
            Phase::Busy(_) if self.place == Place::Terminal => Next::AtOnce,
            Phase::Busy(_) | Phase::Cancelling(_) => Next::AfterTurn,
            _ if self.is_interrupted() => Next::WhenDecided,
            _ if self.is_compacting() => Next::AfterCompacting,
            Phase::Waiting => Next::WhenFree,
            Phase::Opening | Phase::Cold | Phase::Starting | Phase::Idle | Phase::Ending(_) => Next::AtOnce,
        }
    }

    pub(super) fn is_interrupted(&self) -> bool {
        let mut undecided = self.undecided.iter();
        undecided.any(|(_, state)| *state == PromptState::Interrupted)
    }
}
