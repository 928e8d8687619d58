//! The state against a model of everything around it: whatever happens in whatever order, no prompt is given to an agent
//! twice unless somebody wanted it, nothing is given to a process or a terminal that is not there, two never run the same
//! conversation, and nothing is forgotten.

use std::collections::BTreeMap;

#[path = "model_events.rs"]
mod events;

use proptest::prelude::*;

use super::super::*;
use crate::event::{AgentExit, ExitHow};
use crate::store::terminal_commands::Unacknowledged;
use crate::store::terminals::Gone;

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
    /// A terminal has the session, as the store has it.
    attached: bool,
    /// It waits for the idle process to go.
    arriving: bool,
    /// What waits for it, and whether it may have read that.
    commands: BTreeMap<i64, bool>,
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
            attached: false,
            arriving: false,
            commands: BTreeMap::new(),
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
                assert_eq!((self.slot, self.attached), (Slot::None, false), "{log:#?}");
                self.slot = Slot::Asked;
            }
            Effect::ReleaseSlot => self.slot = Slot::None,
            Effect::StartAgent => {
                assert_eq!((self.slot, self.process), (Slot::Held, Process::None), "{log:#?}");
                assert!(!self.attached, "two would run it: {log:#?}");
                self.process = Process::Starting;
            }
            Effect::Deliver { prompt, .. } | Effect::Steer(prompt) => {
                let there = if self.attached { Process::None } else { Process::Up };
                assert!(self.process == there && self.in_turn, "{log:#?}");
                if self.attached {
                    self.commands.insert(prompt.0, false);
                }
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
            Effect::Reply(Reply::Attached) => self.attached = true,
            Effect::Reply(Reply::Attaching) => self.arriving = true,
            Effect::LetTerminalGo => {
                self.attached = false;
                self.commands.clear();
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
        (self.closed, self.draining, self.arriving) = (self.stopped, false, false);
        if self.attached {
            self.state.set_place(Place::Terminal);
        }
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
            // What came late waits for its question, for ever if need be; a shutdown leaves the rest to the next start,
            // and what a terminal runs to the terminal.
            let left = self.draining && (self.attached || state != PromptState::Running);
            let waits = state == PromptState::Asking || left;
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
