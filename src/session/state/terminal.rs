//! A person's terminal has the conversation: it runs the agent, and is told what is written here.
//!
//! Nothing of it is ours to start or to end. What could go wrong is that two run the same conversation at once, so who
//! runs it is one value, and every way from one to the other is here.

use super::{Effect, Health, Notice, Outcome, Phase, Reply, State, Timer, Turn, Waiting, Why};
use crate::ids::PromptId;
use crate::store::prompts::{OpenPrompt, PromptState};
use crate::store::terminal_commands::Unacknowledged;
use crate::store::terminals::Gone;

/// Who runs the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Place {
    /// The daemon.
    #[default]
    Here,
    /// A terminal that shares it.
    Terminal,
    /// A terminal that does not share it any more and still has it: whoever starts it here has to know.
    Elsewhere,
}

impl State {
    /// Who runs the agent.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// What is known about that from outside.
    pub fn set_place(&mut self, place: Place) {
        self.place = place;
    }

    pub(super) fn attach(&mut self, out: &mut Vec<Effect>) {
        let reply = match &self.phase {
            _ if self.draining => Reply::Stale,
            Phase::Ending(Why::Stopped | Why::Shutdown) | Phase::Closed => Reply::Stale,
            _ if self.place == Place::Terminal => Reply::Attached,
            _ if self.is_compacting() => Reply::Occupied,
            Phase::Busy(_) | Phase::Cancelling(_) | Phase::Starting | Phase::Opening => Reply::Occupied,
            Phase::Idle => {
                self.end_idle(out);
                self.phase = Phase::Ending(Why::Terminal);
                Reply::Attaching
            }
            Phase::Ending(_) => {
                self.phase = Phase::Ending(Why::Terminal);
                Reply::Attaching
            }
            Phase::Cold => {
                self.enter_terminal(out);
                Reply::Attached
            }
            Phase::Waiting => {
                out.push(Effect::ReleaseSlot);
                self.enter_terminal(out);
                Reply::Attached
            }
        };
        out.push(Effect::Reply(reply));
    }

    /// The terminal has it from now on.
    pub(super) fn enter_terminal(&mut self, out: &mut Vec<Effect>) {
        self.place = Place::Terminal;
        self.phase = Phase::Idle;
        self.health = Health::Good;
        out.push(Effect::Say(Notice::TerminalBack));
    }

    /// Whether a prompt goes to a turn that runs in the terminal.
    pub(super) fn steers_terminal(&self, prompt: &OpenPrompt) -> bool {
        self.place == Place::Terminal
            && prompt.state == PromptState::Queued
            && self.queue.is_empty()
            && matches!(self.phase, Phase::Busy(_))
    }

    /// A prompt that the terminal was given before the daemon was started.
    pub(super) fn runs_in_terminal(&mut self, prompt: PromptId) {
        match &mut self.phase {
            Phase::Busy(turn) => turn.steered.push(prompt),
            phase => {
                *phase = Phase::Busy(Turn {
                    prompt: Some(prompt),
                    ..Turn::default()
                });
            }
        }
    }

    /// The thread is there.
    pub(super) fn opened(&mut self) {
        self.phase = match self.place {
            Place::Terminal => Phase::Idle,
            Place::Here | Place::Elsewhere => Phase::Cold,
        };
    }

    pub(super) fn restored_in_terminal(&mut self, out: &mut Vec<Effect>) {
        if self.is_busy() {
            out.push(Effect::BeginTurn);
        } else {
            self.phase = Phase::Idle;
        }
    }

    /// The terminal may not be told of anything any more: what it was given is over, what it was not waits here.
    pub(super) fn terminal_gone(
        &mut self,
        how: Gone,
        left: &[Unacknowledged],
        has_it: bool,
        out: &mut Vec<Effect>,
    ) {
        if self.place != Place::Terminal {
            return;
        }
        self.place = if has_it { Place::Elsewhere } else { Place::Here };
        out.push(Effect::ClearTimer(Timer::CancelGrace));
        let turn = match std::mem::replace(&mut self.phase, Phase::Cold) {
            Phase::Busy(turn) | Phase::Cancelling(turn) => Some(turn),
            phase @ (Phase::Opening | Phase::Closed) => {
                self.phase = phase;
                None
            }
            _ => None,
        };
        self.health = Health::TerminalGone;
        let working = turn.is_some();
        let mut retry = None;
        let mut doubtful = Vec::new();
        if let Some(turn) = turn {
            let given: Vec<PromptId> = turn.prompt.into_iter().chain(turn.steered).collect();
            for (n, id) in given.into_iter().enumerate() {
                match left.iter().find(|left| left.prompt == id) {
                    Some(left) if left.given => doubtful.push(id),
                    Some(_) => self.take_back(id, out),
                    None if turn.prompt == Some(id) && n == 0 => {
                        retry = Some(id);
                        self.close_turn(Some(id), &[], PromptState::Failed, out);
                    }
                    None => out.push(Effect::Mark(id, PromptState::Done)),
                }
            }
            out.push(Effect::EndTurn(Outcome::Left));
        }
        out.push(Effect::Say(Notice::TerminalGone {
            how,
            working,
            prompt: retry,
        }));
        for id in doubtful {
            out.push(Effect::Say(Notice::Doubtful { prompt: id }));
            out.push(Effect::Mark(id, PromptState::Asking));
            self.undecided.push((bare(id), PromptState::Asking));
        }
        out.push(Effect::Unpin);
    }

    /// The terminal never heard of it: it is as if it had only just been written.
    fn take_back(&mut self, id: PromptId, out: &mut Vec<Effect>) {
        out.push(Effect::Mark(id, PromptState::Queued));
        self.enqueue(bare(id));
    }

    /// Whoever sits at the terminal has ended the turn.
    pub(super) fn turn_stopped(&mut self, out: &mut Vec<Effect>) {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Busy(turn) => {
                self.health = Health::Good;
                self.close_turn(turn.prompt, &turn.steered, PromptState::Dropped, out);
                out.push(Effect::EndTurn(Outcome::Cancelled));
                self.settle(out);
            }
            other => {
                self.phase = other;
                self.turn_ended(out);
            }
        }
    }

    /// It does not do as it was told. It can be told again.
    pub(super) fn goes_on(&mut self, out: &mut Vec<Effect>) {
        if let Phase::Cancelling(turn) = std::mem::replace(&mut self.phase, Phase::Idle) {
            self.phase = Phase::Busy(turn);
            out.push(Effect::Say(Notice::TerminalGoesOn));
        }
    }

    /// The session is over here; the terminal has its conversation.
    pub(super) fn stop_in_terminal(&mut self, out: &mut Vec<Effect>) {
        self.place = Place::Here;
        out.push(Effect::LetTerminalGo);
        if let Phase::Busy(turn) | Phase::Cancelling(turn) = std::mem::replace(&mut self.phase, Phase::Cold) {
            out.push(Effect::ClearTimer(Timer::CancelGrace));
            self.close_turn(turn.prompt, &turn.steered, PromptState::Dropped, out);
            out.push(Effect::EndTurn(Outcome::Left));
        }
        self.finish_stop(out);
    }

    /// Two must not write to one conversation, and only a person knows whether the other one still does.
    pub(super) fn ask_about_queue(&mut self, out: &mut Vec<Effect>) {
        for waiting in std::mem::take(&mut self.queue) {
            self.unshow(&waiting, out);
            // Asked before it is stored as asked about: a crash in between asks twice, and never is worse.
            out.push(Effect::Say(Notice::StillInTerminal { prompt: waiting.id }));
            out.push(Effect::Mark(waiting.id, PromptState::Asking));
            self.undecided.push((waiting, PromptState::Asking));
        }
    }
}

fn bare(id: PromptId) -> Waiting {
    Waiting {
        id,
        message: None,
        position: 0,
        shown: false,
        continuing: false,
        unsure: false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{busy, cold, deliver, idle, in_state, looked, mark, prompt};
    use super::super::{Choice, Input};
    use super::*;
    use crate::event::{AgentExit, ExitHow};
    use crate::session::view::Status;

    fn attached() -> State {
        let mut state = cold();
        let effects = state.step(Input::Attach);
        let back = Effect::Say(Notice::TerminalBack);
        assert_eq!(effects, [back, Effect::Reply(Reply::Attached)]);
        state
    }

    fn gone(how: Gone, left: &[(i64, bool)], has_it: bool) -> Input {
        let left = left.iter().map(|(prompt, given)| Unacknowledged {
            prompt: PromptId(*prompt),
            given: *given,
        });
        Input::TerminalGone {
            how,
            left: left.collect(),
            has_it,
        }
    }

    #[test]
    fn no_process_is_started_for_a_terminal_and_none_is_ended() {
        let mut state = attached();
        let effects = state.step(Input::Prompt(prompt(1)));
        assert!(effects.ends_with(&[Effect::BeginTurn, deliver(1)]), "{effects:?}");
        let process = |effect: &Effect| {
            matches!(
                effect,
                Effect::AcquireSlot
                    | Effect::StartAgent
                    | Effect::EndAgent { .. }
                    | Effect::SetTimer(Timer::Idle)
            )
        };
        let mut all = effects;
        all.extend(state.step(Input::TurnEnded));
        all.extend(state.step(Input::Evict));
        all.extend(state.step(Input::TimerFired(Timer::Idle)));
        all.extend(state.step(Input::Shutdown));
        assert!(!all.iter().any(process), "{all:?}");
        assert_eq!(all.last(), Some(&Effect::Close));
    }

    #[test]
    fn a_prompt_steers_a_turn_that_runs_there() {
        let mut state = attached();
        state.step(Input::TurnStarted);
        assert_eq!(state.step(Input::Prompt(prompt(1))), [Effect::Steer(PromptId(1))]);
        let effects = state.step(Input::TurnEnded);
        assert!(effects.contains(&mark(1, PromptState::Done)), "{effects:?}");
        // One that a person has to decide about does not.
        let asking = in_state(2, PromptState::Asking);
        state.step(Input::TurnStarted);
        let effects = state.step(Input::Prompt(asking));
        assert_eq!(effects, [Effect::Say(Notice::Stale { prompt: PromptId(2) })]);
    }

    #[test]
    fn an_idle_process_gives_way_and_a_busy_one_does_not() {
        let mut state = busy();
        assert_eq!(state.step(Input::Attach), [Effect::Reply(Reply::Occupied)]);
        let mut state = idle();
        let effects = state.step(Input::Attach);
        assert!(
            effects.contains(&Effect::EndAgent { abort: false }),
            "{effects:?}"
        );
        assert_eq!(effects.last(), Some(&Effect::Reply(Reply::Attaching)));
        // What is written meanwhile is the terminal's.
        state.step(Input::Prompt(prompt(2)));
        let exit = AgentExit {
            how: ExitHow::Code(0),
            requested: true,
            last_lines: Vec::new(),
            swept: 0,
        };
        let effects = looked(&mut state, Input::Exited(exit));
        assert_eq!(state.place(), Place::Terminal);
        assert!(
            effects.contains(&Effect::ReleaseSlot) && effects.contains(&deliver(2)),
            "{effects:?}"
        );
    }

    #[test]
    fn what_the_terminal_had_when_it_went_is_over_asked_about_or_run_here() {
        let mut state = attached();
        for n in 1..=3 {
            state.step(Input::Prompt(prompt(n)));
        }
        let effects = state.step(gone(Gone::Closed, &[(2, true), (3, false)], false));
        assert!(effects.contains(&mark(1, PromptState::Failed)), "{effects:?}");
        assert!(effects.contains(&Effect::Say(Notice::TerminalGone {
            how: Gone::Closed,
            working: true,
            prompt: Some(PromptId(1))
        })));
        assert!(effects.contains(&Effect::Say(Notice::Doubtful { prompt: PromptId(2) })));
        assert!(effects.contains(&mark(3, PromptState::Queued)));
        assert_eq!(effects.last(), Some(&Effect::AcquireSlot), "the third runs here");
        assert_eq!(state.status(), Status::Busy);
    }

    #[test]
    fn nothing_is_run_here_while_the_terminal_has_the_conversation() {
        let mut state = attached();
        let effects = state.step(gone(Gone::Off, &[], true));
        assert!(effects.contains(&Effect::Say(Notice::TerminalGone {
            how: Gone::Off,
            working: false,
            prompt: None
        })));
        assert_eq!(
            (state.place(), state.status()),
            (Place::Elsewhere, Status::Degraded)
        );
        let effects = state.step(Input::Prompt(prompt(4)));
        assert_eq!(
            effects,
            [
                Effect::Say(Notice::StillInTerminal { prompt: PromptId(4) }),
                mark(4, PromptState::Asking)
            ]
        );
        let effects = state.step(Input::Decide(PromptId(4), Choice::Run));
        assert_eq!(effects.last(), Some(&Effect::AcquireSlot));
        assert_eq!(state.place(), Place::Here);
    }

    #[test]
    fn after_a_restart_what_the_terminal_was_given_runs_there_still() {
        let mut state = State::default();
        state.set_place(Place::Terminal);
        let prompts = vec![
            in_state(1, PromptState::Running),
            in_state(2, PromptState::Running),
            in_state(3, PromptState::Queued),
        ];
        let effects = state.step(Input::Restored {
            prompts,
            opened: true,
        });
        assert_eq!(effects, [Effect::BeginTurn]);
        let effects = state.step(Input::TurnEnded);
        assert!(
            effects.contains(&mark(1, PromptState::Done)) && effects.contains(&mark(2, PromptState::Done))
        );
        assert_eq!(effects.last(), Some(&deliver(3)));
    }

    #[test]
    fn a_terminal_that_does_not_cancel_can_be_told_again() {
        let mut state = attached();
        state.step(Input::TurnStarted);
        assert!(state.step(Input::Cancel).contains(&Effect::Abort));
        assert_eq!(
            state.step(Input::TimerFired(Timer::CancelGrace)),
            [Effect::Say(Notice::TerminalGoesOn)]
        );
        assert!(state.step(Input::Cancel).contains(&Effect::Abort));
        let effects = state.step(Input::TurnStopped);
        assert!(
            effects.contains(&Effect::EndTurn(Outcome::Cancelled)),
            "{effects:?}"
        );
        state.step(Input::TurnStarted);
        let effects = state.step(Input::TurnStopped);
        assert!(
            effects.contains(&Effect::EndTurn(Outcome::Cancelled)),
            "{effects:?}"
        );
    }
}
