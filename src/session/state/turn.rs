//! The process and its turns: started, running, over.

use super::{Effect, Health, Notice, Outcome, Phase, Place, State, Timer, Turn, Waiting, Why};
use crate::event::{AgentExit, ExitHow};
use crate::ids::PromptId;
use crate::store::prompts::PromptState;

impl State {
    pub(super) fn slot_granted(&mut self, out: &mut Vec<Effect>) {
        let in_use = !matches!(
            self.phase,
            Phase::Waiting | Phase::Cold | Phase::Opening | Phase::Closed
        );
        if in_use {
            // A second grant for a slot that is ours already: two requests had crossed.
            return;
        }
        let needed = !self.queue.is_empty() || self.is_compacting();
        if self.phase == Phase::Waiting && needed && !self.draining {
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

    pub(super) fn agent_started(&mut self, out: &mut Vec<Effect>) {
        if self.phase != Phase::Starting {
            return;
        }
        self.phase = Phase::Idle;
        if self.queue.is_empty() {
            self.rest(out);
        }
    }

    /// Nothing to do: the process may go after a while, or at once when a slot is needed.
    pub(super) fn rest(&mut self, out: &mut Vec<Effect>) {
        if self.place == Place::Terminal {
            // Nothing of ours waits there.
            self.phase = Phase::Idle;
        } else if self.draining {
            self.phase = Phase::Ending(Why::Shutdown);
            out.push(Effect::EndAgent { abort: false });
        } else {
            self.phase = Phase::Idle;
            out.push(Effect::SetTimer(Timer::Idle));
            out.push(Effect::Evictable(true));
        }
    }

    pub(super) fn end_idle(&mut self, out: &mut Vec<Effect>) {
        // It stays marked as the one that gives way until its slot is back, or the next one would have to go as well.
        out.push(Effect::ClearTimer(Timer::Idle));
        out.push(Effect::EndAgent { abort: false });
        self.phase = Phase::Ending(Why::Idle);
    }

    pub(super) fn turn_started(&mut self, out: &mut Vec<Effect>) {
        // The agent began by itself: a steer that came just after a turn's end, or a local command.
        if self.phase == Phase::Idle {
            out.push(Effect::ClearTimer(Timer::Idle));
            out.push(Effect::Evictable(false));
            out.push(Effect::BeginTurn);
            // Most likely it heard what was meant for the turn that had just ended.
            let prompt = self.just_steered.take();
            out.extend(prompt.map(|id| Effect::Mark(id, PromptState::Running)));
            self.phase = Phase::Busy(Turn {
                prompt,
                ..Turn::default()
            });
        }
    }

    pub(super) fn turn_ended(&mut self, out: &mut Vec<Effect>) {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Busy(turn) => {
                self.just_steered = turn.steered.last().copied();
                let (state, outcome) = match turn.failed {
                    Some(error) => (PromptState::Failed, Outcome::Failed(error)),
                    None => (PromptState::Done, Outcome::Done),
                };
                self.health = match &outcome {
                    Outcome::Done if turn.warned => Health::Warned,
                    Outcome::Done => Health::Good,
                    _ => Health::TurnFailed,
                };
                let failed = match &outcome {
                    Outcome::Failed(error) => Some(error.clone()),
                    _ => None,
                };
                self.close_turn(turn.prompt, &turn.steered, state, out);
                out.push(Effect::EndTurn(outcome));
                if let Some(error) = failed {
                    out.push(Effect::Say(Notice::TurnFailed {
                        error,
                        prompt: turn.prompt,
                    }));
                }
                self.settle(out);
            }
            Phase::Cancelling(turn) => {
                self.health = Health::Good;
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
    pub(super) fn settle(&mut self, out: &mut Vec<Effect>) {
        self.phase = Phase::Idle;
        if self.queue.is_empty() || self.draining {
            out.push(Effect::Unpin);
            self.rest(out);
        }
    }

    pub(super) fn close_turn(
        &mut self,
        prompt: Option<PromptId>,
        steered: &[PromptId],
        state: PromptState,
        out: &mut Vec<Effect>,
    ) {
        if let Some(id) = prompt {
            if state == PromptState::Failed {
                let waiting = Waiting {
                    id,
                    message: None,
                    position: 0,
                    shown: false,
                    continuing: false,
                    unsure: false,
                };
                self.undecided.push((waiting, PromptState::Failed));
            }
            out.push(Effect::Mark(id, state));
        }
        out.extend(steered.iter().map(|id| Effect::Mark(*id, PromptState::Done)));
    }

    pub(super) fn exited(&mut self, exit: AgentExit, out: &mut Vec<Effect>) {
        out.push(Effect::ClearTimer(Timer::Idle));
        out.push(Effect::ReleaseSlot);
        self.compaction_lost(self.phase == Phase::Ending(Why::Idle));
        match std::mem::replace(&mut self.phase, Phase::Cold) {
            Phase::Ending(Why::Stopped) => self.finish_stop(out),
            Phase::Ending(Why::Shutdown) => self.close(out),
            Phase::Ending(Why::Terminal) if !self.draining => self.enter_terminal(out),
            Phase::Ending(Why::Idle | Why::Terminal) | Phase::Cold | Phase::Waiting | Phase::Opening => {}
            Phase::Closed => self.phase = Phase::Closed,
            Phase::Starting => self.start_failed(exit, out),
            Phase::Idle => {
                self.health = Health::Died;
                out.push(Effect::Say(Notice::IdleDied { exit }));
                out.push(Effect::Unpin);
            }
            Phase::Busy(turn) => {
                self.health = Health::Died;
                self.close_turn(turn.prompt, &turn.steered, PromptState::Failed, out);
                out.push(Effect::EndTurn(Outcome::Died(exit.clone())));
                out.push(Effect::Say(Notice::TurnDied {
                    exit,
                    prompt: turn.prompt,
                }));
                self.hold(out);
                out.push(Effect::Unpin);
            }
            Phase::Cancelling(turn) => {
                self.health = Health::Good;
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

    pub(super) fn start_failed(&mut self, exit: AgentExit, out: &mut Vec<Effect>) {
        self.health = Health::NotStarted;
        let prompt = self.queue.pop_front();
        if let Some(waiting) = prompt {
            self.unshow(&waiting, out);
            out.push(Effect::Mark(waiting.id, PromptState::Failed));
            self.undecided.push((waiting, PromptState::Failed));
        }
        let prompt = prompt.map(|w| w.id);
        // Before it is said, so that whoever reads it can launch again at once.
        out.push(Effect::LaunchFailed);
        out.push(Effect::Say(if exit.how == ExitHow::SessionMissing {
            Notice::ConversationMissing { prompt }
        } else {
            Notice::StartFailed { exit, prompt }
        }));
        self.hold(out);
        out.push(Effect::Unpin);
    }
}
