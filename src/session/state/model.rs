//! The state against a model of everything around it: whatever happens in whatever order, no prompt is given to an agent
//! twice unless somebody wanted it, nothing is given to a process that is not there, and nothing is forgotten.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::*;
use crate::event::{AgentExit, ExitHow};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    None,
    Asked,
    Held,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Process {
    None,
    Starting,
    Up,
    Ending,
}

/// A prompt as the store has it.
#[derive(Debug, Clone)]
struct Record {
    open: OpenPrompt,
    given: usize,
    /// How often it may be given: once, and once more for each decision of a person.
    allowed: usize,
}

/// What surrounds a session: the store, the slots, the process, Discord.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts of a small world")]
struct World {
    state: State,
    slot: Slot,
    process: Process,
    in_turn: bool,
    looking: bool,
    compacting: bool,
    closed: bool,
    stopped: bool,
    draining: bool,
    prompts: BTreeMap<i64, Record>,
    /// A person, or the agent's refusal, lets what is queued again be given again.
    again: bool,
    log: Vec<String>,
}

fn exit() -> Input {
    Input::Exited(AgentExit {
        how: ExitHow::Signal(9),
        requested: false,
        last_lines: Vec::new(),
        swept: 0,
    })
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            state: State::default(),
            slot: Slot::None,
            process: Process::None,
            in_turn: false,
            looking: false,
            compacting: false,
            closed: false,
            stopped: false,
            draining: false,
            prompts: BTreeMap::new(),
            again: false,
            log: Vec::new(),
        };
        world.step(Input::Restored {
            prompts: Vec::new(),
            opened: true,
        });
        world
    }

    fn step(&mut self, input: Input) {
        self.log.push(format!("{input:?}"));
        self.again = matches!(input, Input::Decide(..) | Input::PromptRefused { .. });
        for effect in self.state.step(input) {
            self.log.push(format!("    {effect:?}"));
            assert!(
                !self.closed || matches!(effect, Effect::Reply(_)),
                "after the end: {:#?}",
                self.log
            );
            self.carry_out(&effect);
        }
    }

    #[expect(clippy::too_many_lines, reason = "one line or two for each effect")]
    fn carry_out(&mut self, effect: &Effect) {
        let log = &self.log;
        match effect {
            Effect::AcquireSlot => {
                assert_eq!(self.slot, Slot::None, "{log:#?}");
                self.slot = Slot::Asked;
            }
            Effect::ReleaseSlot => self.slot = Slot::None,
            Effect::StartAgent => {
                assert_eq!((self.slot, self.process), (Slot::Held, Process::None), "{log:#?}");
                self.process = Process::Starting;
            }
            Effect::Deliver { prompt, .. } | Effect::Steer(prompt) => {
                assert!(self.process == Process::Up && self.in_turn, "{log:#?}");
                let record = self.prompts.get_mut(&prompt.0).unwrap();
                record.given += 1;
                record.open.state = PromptState::Running;
                assert!(
                    record.given <= record.allowed,
                    "{prompt} was given again: {log:#?}"
                );
            }
            Effect::EndAgent { .. } => {
                assert!(self.process != Process::None, "{log:#?}");
                self.process = Process::Ending;
            }
            Effect::Recheck => {
                assert!(!self.looking, "{log:#?}");
                self.looking = true;
            }
            Effect::Compact => {
                assert!(
                    self.process == Process::Up && !self.in_turn && !self.compacting,
                    "{log:#?}"
                );
                self.compacting = true;
            }
            Effect::Mark(id, state) => {
                let record = self.prompts.get_mut(&id.0).unwrap();
                if self.again && *state == PromptState::Queued {
                    record.allowed = record.given + 1;
                }
                record.open.state = *state;
            }
            Effect::BeginTurn => {
                assert!(!self.in_turn, "{log:#?}");
                self.in_turn = true;
            }
            Effect::EndTurn(_) => {
                assert!(self.in_turn, "{log:#?}");
                self.in_turn = false;
            }
            Effect::StoreStopped => {
                self.stopped = true;
                for record in self.prompts.values_mut() {
                    if !matches!(record.open.state, PromptState::Done | PromptState::Failed) {
                        record.open.state = PromptState::Dropped;
                    }
                }
            }
            Effect::Close => self.closed = true,
            _ => {}
        }
    }

    fn add(&mut self, state: PromptState, in_message: bool) -> OpenPrompt {
        let id = i64::try_from(self.prompts.len()).unwrap() + 1;
        let open = OpenPrompt {
            id: PromptId(id),
            message: in_message.then(|| MessageId::from(id.unsigned_abs())),
            position: id,
            state,
        };
        self.prompts.insert(
            id,
            Record {
                open,
                given: 0,
                allowed: 1,
            },
        );
        open
    }

    fn some(&self, which: u8, is: fn(PromptState) -> bool) -> Option<PromptId> {
        let found: Vec<_> = self
            .prompts
            .values()
            .filter(|r| is(r.open.state))
            .map(|r| r.open.id)
            .collect();
        let at = usize::from(which) % found.len().max(1);
        found.get(at).copied()
    }

    /// The daemon is killed and started again: what the store has is all that is left.
    fn restart(&mut self) {
        self.log.push("killed".to_owned());
        self.state = State::default();
        self.state.mistrust();
        (self.slot, self.process) = (Slot::None, Process::None);
        (self.in_turn, self.looking, self.compacting) = (false, false, false);
        (self.closed, self.draining) = (self.stopped, false);
        if self.closed {
            return;
        }
        let open = |record: &&Record| !matches!(record.open.state, PromptState::Done | PromptState::Dropped);
        let prompts = self
            .prompts
            .values()
            .filter(open)
            .map(|record| record.open)
            .collect();
        self.step(Input::Restored {
            prompts,
            opened: true,
        });
    }

    fn waits(state: PromptState) -> bool {
        matches!(
            state,
            PromptState::Queued | PromptState::Held | PromptState::Asking
        )
    }

    #[expect(clippy::too_many_lines, reason = "one line or two for each event")]
    fn happen(&mut self, what: u8, which: u8) {
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
            17 if self.process == Process::Up => self.step(Input::TurnStarted),
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
            _ => {
                self.go_on();
            }
        }
    }

    fn exit(&mut self) {
        self.process = Process::None;
        self.compacting = false;
        self.step(exit());
    }

    /// Whatever is under way comes to its end. `false`: nothing is.
    fn go_on(&mut self) -> bool {
        if self.closed {
            return false;
        }
        if self.looking {
            self.looking = false;
            self.step(Input::Rechecked);
        } else if self.slot == Slot::Asked {
            self.slot = Slot::Held;
            self.step(Input::SlotGranted);
        } else if self.process == Process::Starting {
            self.process = Process::Up;
            self.step(Input::AgentStarted);
        } else if self.process == Process::Ending {
            self.exit();
        } else if self.compacting {
            self.compacting = false;
            self.step(Input::Compacted);
        } else if self.in_turn {
            self.step(Input::TurnEnded);
        } else {
            return false;
        }
        true
    }

    /// Lets everything end, with a person who wants what waits and takes back what was interrupted.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            if self.go_on() {
                continue;
            }
            if self.closed {
                break;
            }
            let interrupted = self.some(0, |state| state == PromptState::Interrupted);
            if let Some(id) = interrupted {
                self.step(Input::Decide(id, Choice::Discard));
            } else if self.some(0, |state| state == PromptState::Held).is_some() {
                self.step(Input::ContinueQueue);
            } else {
                break;
            }
        }
        for record in self.prompts.values() {
            let state = record.open.state;
            let ended = matches!(
                state,
                PromptState::Done | PromptState::Failed | PromptState::Dropped
            );
            // What came late waits for its question, for ever if need be; a shutdown leaves the rest to the next start.
            let waits = state == PromptState::Asking || (self.draining && state != PromptState::Running);
            assert!(ended || waits, "{record:?} was forgotten: {:#?}", self.log);
        }
        assert!(self.closed || !self.in_turn, "{:#?}", self.log);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_prompt_is_lost_or_given_twice(events in proptest::collection::vec((0_u8..40, any::<u8>()), 0..60)) {
        let mut world = World::new();
        for (what, which) in events {
            world.happen(what, which);
        }
        world.settle();
    }
}
