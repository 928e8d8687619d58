//! What may happen in the small world of the model, by a number of chance.

use super::*;

impl World {
    fn waits(state: PromptState) -> bool {
        matches!(
            state,
            PromptState::Queued | PromptState::Held | PromptState::Asking
        )
    }

    #[expect(clippy::too_many_lines, reason = "one line or two for each event")]
    pub(super) fn happen(&mut self, what: u8, which: u8) {
        if self.closed {
            if what == 23 {
                self.restart();
            }
            return;
        }
        // From then on the ingress says that the session is over.
        let what = if self.stopped && what < 6 { 40 } else { what };
        match what {
            0..=2 => {
                let prompt = self.add(PromptState::Queued, which.is_multiple_of(2));
                self.step(Input::Prompt(prompt));
            }
            3 => {
                let prompt = self.add(PromptState::Asking, true);
                self.step(Input::Prompt(prompt));
            }
            4 | 5 => {
                let prompt = self.add(PromptState::Queued, true);
                self.step(Input::Steer(prompt));
            }
            6 => self.step(Input::Cancel),
            7 => self.step(Input::ContinueQueue),
            8 | 9 => {
                let choices = [
                    Choice::Continue,
                    Choice::Discard,
                    Choice::Run,
                    Choice::Retry,
                    Choice::StartFresh,
                ];
                let undecided = |state| {
                    matches!(
                        state,
                        PromptState::Asking | PromptState::Interrupted | PromptState::Failed
                    )
                };
                if let Some(id) = self.some(which, undecided) {
                    self.step(Input::Decide(id, choices[usize::from(which) % choices.len()]));
                }
            }
            10 => {
                if let Some(id) = self.some(which, Self::waits) {
                    self.prompts.get_mut(&id.0).unwrap().open.state = PromptState::Dropped;
                    self.step(Input::Dropped(id));
                }
            }
            11 => {
                let id = self.some(which, |state| {
                    matches!(state, PromptState::Queued | PromptState::Held)
                });
                self.step(Input::Discard(id.into_iter().collect()));
            }
            12 => self.step(Input::Hearing),
            13 => self.step(Input::Evict),
            14 => {
                let timers = [Timer::Idle, Timer::CancelGrace, Timer::Drain];
                // The last one is only set at a shutdown.
                let count = if self.draining { 3 } else { 2 };
                self.step(Input::TimerFired(timers[usize::from(which) % count]));
            }
            15 => self.step(Input::Compact),
            16 if which < 12 => self.step(Input::Stop),
            16 if which < 40 => {
                self.draining = true;
                self.step(Input::Shutdown);
            }
            17 if self.process == Process::Up || self.attached => self.step(Input::TurnStarted),
            18 if self.in_turn => self.step(Input::TurnFailed {
                error: "no".to_owned(),
            }),
            19 if self.process == Process::Up && self.in_turn => {
                if let Some(prompt) = self.some(which, |state| state == PromptState::Running) {
                    let error = "no".to_owned();
                    self.step(Input::PromptRefused { prompt, error });
                }
            }
            20 | 21 if self.process != Process::None => self.exit(),
            22 if self.slot == Slot::Asked => self.step(Input::SlotDelayed),
            23 => self.restart(),
            24 => self.step(Input::Attach),
            25 if self.attached => self.terminal_gone(which),
            26 if self.attached => {
                // It asks for what waits, and its next question acknowledges that.
                self.commands.retain(|_, given| !*given);
                self.commands.values_mut().for_each(|given| *given = true);
            }
            27 if self.attached => self.step(Input::TurnStopped),
            _ => {
                self.go_on();
            }
        }
    }

    pub(super) fn exit(&mut self) {
        self.process = Process::None;
        self.compacting = false;
        // From then on it is the terminal's, as the actor has it before it carries out what follows.
        self.attached |= std::mem::take(&mut self.arriving);
        self.step(exit());
    }

    fn terminal_gone(&mut self, which: u8) {
        self.attached = false;
        let left: Vec<_> = std::mem::take(&mut self.commands)
            .into_iter()
            .map(|(prompt, given)| Unacknowledged {
                prompt: PromptId(prompt),
                given,
            })
            .collect();
        for never in left.iter().filter(|left| !left.given) {
            let record = self.prompts.get_mut(&never.prompt.0).unwrap();
            if record.open.state == PromptState::Running {
                record.given -= 1;
            }
        }
        let how = [Gone::Off, Gone::Closed, Gone::Lost][usize::from(which % 3)];
        let has_it = which >= 128 && how != Gone::Closed;
        self.step(Input::TerminalGone { how, left, has_it });
    }
}
