//! Compacting on request: the conversation is the agent's while it does that, so nothing else is begun meanwhile.
//!
//! Without this a prompt would go to an agent that is rewriting its memory, and the process could be taken away from
//! under it because it looks idle.

use super::{Effect, Phase, Place, Reply, State, Timer, Waiting};
use crate::ids::PromptId;
use crate::store::prompts::PromptState;

/// Where a request to compact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Compaction {
    /// Nobody wants it.
    #[default]
    None,
    /// It begins as soon as there is a process.
    Wanted,
    /// The agent is at it.
    Running,
}

/// Why the conversation cannot be compacted now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CannotCompact {
    /// A turn runs, or is about to: compacting would interrupt it.
    Busy,
    /// It is being compacted already.
    Already,
    /// The session is ending.
    Ending,
    /// The conversation is a terminal's.
    InTerminal,
}

impl State {
    /// Why compacting cannot be asked for now; `None` when it can.
    #[must_use]
    pub fn cannot_compact(&self) -> Option<CannotCompact> {
        if self.draining {
            return Some(CannotCompact::Ending);
        }
        if self.place != Place::Here {
            return Some(CannotCompact::InTerminal);
        }
        if self.compaction != Compaction::None {
            return Some(CannotCompact::Already);
        }
        match &self.phase {
            Phase::Busy(_) | Phase::Cancelling(_) => Some(CannotCompact::Busy),
            Phase::Waiting | Phase::Starting | Phase::Opening if !self.queue.is_empty() => {
                Some(CannotCompact::Busy)
            }
            Phase::Ending(super::Why::Stopped | super::Why::Shutdown) | Phase::Closed => {
                Some(CannotCompact::Ending)
            }
            _ => None,
        }
    }

    /// Whether a request to compact is open.
    #[must_use]
    pub fn is_compacting(&self) -> bool {
        self.compaction != Compaction::None
    }

    pub(super) fn compact(&mut self) {
        if self.cannot_compact().is_none() {
            self.compaction = Compaction::Wanted;
        }
    }

    pub(super) fn compacted(&mut self, out: &mut Vec<Effect>) {
        self.compaction = Compaction::None;
        if self.phase == Phase::Idle {
            self.rest(out);
        }
    }

    /// Begins what was asked for, or gets the process for it. `true`: nothing else may begin now.
    pub(super) fn pump_compaction(&mut self, out: &mut Vec<Effect>) -> bool {
        if self.draining {
            return false;
        }
        match (self.compaction, &self.phase) {
            (Compaction::None, _) => false,
            (Compaction::Wanted, Phase::Idle) => {
                out.push(Effect::ClearTimer(Timer::Idle));
                out.push(Effect::Evictable(false));
                out.push(Effect::Compact);
                self.compaction = Compaction::Running;
                true
            }
            (Compaction::Wanted, Phase::Cold) => {
                self.phase = Phase::Waiting;
                out.push(Effect::AcquireSlot);
                true
            }
            _ => true,
        }
    }

    /// The process is gone. A request that only waited for the next one still stands.
    pub(super) fn compaction_lost(&mut self, next_one_follows: bool) {
        if self.compaction != Compaction::Wanted || !next_one_follows {
            self.compaction = Compaction::None;
        }
    }

    /// A person takes waiting prompts out of the queue.
    pub(super) fn discard(&mut self, ids: &[PromptId], out: &mut Vec<Effect>) {
        let wanted = |waiting: &Waiting| ids.contains(&waiting.id);
        let mut gone: Vec<Waiting> = self.queue.iter().filter(|w| wanted(w)).copied().collect();
        gone.extend(self.held.iter().filter(|w| wanted(w)).copied());
        self.queue.retain(|waiting| !wanted(waiting));
        self.held.retain(|waiting| !wanted(waiting));
        for waiting in &gone {
            self.unshow(waiting, out);
            out.push(Effect::Mark(waiting.id, PromptState::Dropped));
        }
        // Last: whoever asked looks into the store for what is left.
        out.push(Effect::Reply(Reply::Discarded { count: gone.len() }));
        if self.rests() && self.queue.is_empty() && !gone.is_empty() {
            // It was being looked at again, with the process waiting for it.
            out.push(Effect::Unpin);
            self.rest(out);
        }
        if self.phase == Phase::Waiting && self.queue.is_empty() && self.compaction == Compaction::None {
            // Nothing is left that needs the process.
            self.phase = Phase::Cold;
            out.push(Effect::ReleaseSlot);
            out.push(Effect::Unpin);
        }
    }
}
