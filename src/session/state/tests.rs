//! Transcripts: inputs and the effects that must follow, in order.

#[path = "model.rs"]
mod model;

use super::*;
use crate::event::{AgentExit, ExitHow};
use crate::session::view::Status;

pub(super) fn prompt(n: i64) -> OpenPrompt {
    let message = MessageId::from(n.unsigned_abs());
    OpenPrompt {
        id: PromptId(n),
        message: Some(message),
        position: n,
        state: PromptState::Queued,
    }
}

pub(super) fn in_state(n: i64, state: PromptState) -> OpenPrompt {
    OpenPrompt { state, ..prompt(n) }
}

fn message(n: u64) -> MessageId {
    MessageId::from(n)
}

fn exit(how: ExitHow) -> AgentExit {
    AgentExit {
        how,
        requested: false,
        last_lines: Vec::new(),
        swept: 0,
    }
}

pub(super) fn deliver(n: i64) -> Effect {
    Effect::Deliver {
        prompt: PromptId(n),
        continuing: false,
    }
}

pub(super) fn mark(n: i64, state: PromptState) -> Effect {
    Effect::Mark(PromptId(n), state)
}

/// A session whose thread exists and that has nothing to do.
pub(super) fn cold() -> State {
    let mut state = State::default();
    let effects = state.step(Input::Restored {
        prompts: Vec::new(),
        opened: true,
    });
    assert_eq!(effects, []);
    state
}

/// A session whose first prompt is running.
pub(super) fn busy() -> State {
    let mut state = cold();
    state.step(Input::Prompt(prompt(1)));
    state.step(Input::SlotGranted);
    let effects = state.step(Input::AgentStarted);
    assert!(effects.ends_with(&[Effect::BeginTurn, deliver(1)]), "{effects:?}");
    state.step(Input::TurnStarted);
    state
}

/// One step, and the next one where the messages of what waits are looked at: nothing has changed in them.
pub(super) fn looked(state: &mut State, input: Input) -> Vec<Effect> {
    let mut effects = state.step(input);
    if effects.last() == Some(&Effect::Recheck) {
        effects.pop();
        effects.extend(state.step(Input::Rechecked));
    }
    effects
}

/// A session whose process waits.
pub(super) fn idle() -> State {
    let mut state = busy();
    state.step(Input::TurnEnded);
    assert_eq!(state.phase(), &Phase::Idle);
    state
}

#[test]
fn a_new_session_makes_its_thread_and_then_runs_what_waits() {
    let mut state = State::default();
    let restored = Input::Restored {
        prompts: vec![prompt(1)],
        opened: false,
    };
    assert_eq!(state.step(restored), [Effect::OpenThread]);
    assert_eq!(state.step(Input::Opened), [Effect::AcquireSlot]);
    assert_eq!(state.step(Input::SlotGranted), [Effect::StartAgent]);
    assert_eq!(
        state.step(Input::AgentStarted),
        [
            Effect::ClearTimer(Timer::Idle),
            Effect::Evictable(false),
            Effect::BeginTurn,
            deliver(1)
        ]
    );
    assert_eq!(state.step(Input::TurnStarted), []);
    assert_eq!(
        state.step(Input::TurnEnded),
        [
            mark(1, PromptState::Done),
            Effect::EndTurn(Outcome::Done),
            Effect::Unpin,
            Effect::SetTimer(Timer::Idle),
            Effect::Evictable(true)
        ]
    );
}

#[test]
fn a_thread_that_cannot_be_made_fails_the_launch_so_that_it_can_be_tried_again() {
    let mut state = State::default();
    state.step(Input::Restored {
        prompts: vec![prompt(1)],
        opened: false,
    });
    assert_eq!(state.step(Input::OpenFailed), [Effect::Close]);
}

#[test]
fn prompts_run_one_per_turn_in_the_order_of_writing_and_say_that_they_wait() {
    let mut state = busy();
    assert_eq!(
        state.step(Input::Prompt(prompt(3))),
        [
            Effect::ShowQueued(message(3), true),
            Effect::Say(Notice::Queued { ahead: 1 })
        ]
    );
    // Written before the other one, though it arrived later.
    state.step(Input::Prompt(prompt(2)));
    let effects = looked(&mut state, Input::TurnEnded);
    assert!(
        effects.contains(&deliver(2)) && !effects.contains(&deliver(3)),
        "{effects:?}"
    );
    assert!(effects.contains(&Effect::ShowQueued(message(2), false)));
    assert!(!effects.contains(&Effect::Unpin), "the session still runs");
    assert!(looked(&mut state, Input::TurnEnded).contains(&deliver(3)));
}

#[test]
fn a_prompt_that_comes_twice_runs_once() {
    let mut state = busy();
    assert_eq!(state.step(Input::Prompt(prompt(1))), []);
    state.step(Input::Prompt(prompt(2)));
    assert_eq!(state.step(Input::Prompt(prompt(2))), []);
}

#[test]
fn steering_reaches_the_turn_and_is_a_prompt_when_there_is_none() {
    let mut state = busy();
    assert_eq!(state.step(Input::Steer(prompt(2))), [Effect::Steer(PromptId(2))]);
    let effects = state.step(Input::TurnEnded);
    assert!(effects.contains(&mark(2, PromptState::Done)), "{effects:?}");
    let effects = state.step(Input::Steer(prompt(3)));
    assert!(effects.contains(&deliver(3)), "{effects:?}");
}

#[test]
fn steering_that_the_agent_refuses_runs_as_a_prompt_instead_of_being_lost() {
    let mut state = busy();
    state.step(Input::Steer(prompt(2)));
    let refused = Input::PromptRefused {
        prompt: PromptId(2),
        error: "no".to_owned(),
    };
    assert_eq!(state.step(refused), [mark(2, PromptState::Queued)]);
    assert!(state.step(Input::TurnEnded).contains(&deliver(2)));
}

#[test]
fn a_dropped_prompt_does_not_run() {
    let mut state = busy();
    state.step(Input::Prompt(prompt(2)));
    state.step(Input::Dropped(PromptId(2)));
    assert!(state.step(Input::TurnEnded).contains(&Effect::Evictable(true)));
}

#[test]
fn cancel_aborts_and_holds_the_queue_until_a_person_continues_it() {
    let mut state = busy();
    state.step(Input::Prompt(prompt(2)));
    assert_eq!(
        state.step(Input::Cancel),
        [
            Effect::Reply(Reply::Cancelling),
            Effect::Abort,
            Effect::SetTimer(Timer::CancelGrace)
        ]
    );
    assert_eq!(
        state.step(Input::Cancel),
        [Effect::Reply(Reply::AlreadyCancelling)]
    );
    let effects = state.step(Input::TurnEnded);
    for expected in [
        mark(1, PromptState::Dropped),
        Effect::EndTurn(Outcome::Cancelled),
        Effect::Say(Notice::QueueHeld { count: 1 }),
        mark(2, PromptState::Held),
    ] {
        assert!(
            effects.contains(&expected),
            "{expected:?} is missing in {effects:?}"
        );
    }
    assert!(!effects.contains(&deliver(2)));
    // What is written now runs now; what is held stays.
    assert!(state.step(Input::Prompt(prompt(3))).contains(&deliver(3)));
    state.step(Input::TurnEnded);
    let effects = looked(&mut state, Input::ContinueQueue);
    assert!(effects.starts_with(&[
        Effect::Reply(Reply::Continued { count: 1 }),
        mark(2, PromptState::Queued)
    ]));
    assert!(effects.contains(&deliver(2)));
}

#[test]
fn an_agent_that_ignores_the_abort_is_ended_and_resumed_by_the_next_prompt() {
    let mut state = busy();
    state.step(Input::Cancel);
    let effects = state.step(Input::TimerFired(Timer::CancelGrace));
    assert_eq!(
        effects,
        [
            mark(1, PromptState::Dropped),
            Effect::EndTurn(Outcome::Cancelled),
            Effect::EndAgent { abort: true },
            Effect::Unpin
        ]
    );
    // The end of the turn that comes after all changes nothing, and what is written now waits for a new process.
    assert_eq!(state.step(Input::TurnEnded), []);
    assert!(!state.step(Input::Prompt(prompt(2))).contains(&deliver(2)));
    let effects = looked(&mut state, Input::Exited(exit(ExitHow::Signal(9))));
    assert!(effects.contains(&Effect::ReleaseSlot), "{effects:?}");
    assert!(effects.ends_with(&[Effect::AcquireSlot]), "{effects:?}");
}

#[test]
fn cancel_before_the_start_drops_the_prompt_and_gives_the_slot_back() {
    let mut state = cold();
    state.step(Input::Prompt(prompt(1)));
    let effects = state.step(Input::Cancel);
    assert!(effects.contains(&mark(1, PromptState::Dropped)) && effects.contains(&Effect::ReleaseSlot));
    assert!(state.is_dormant());
    // The grant that was on its way is given back.
    assert_eq!(state.step(Input::SlotGranted), [Effect::ReleaseSlot]);
}

#[test]
fn a_process_that_dies_in_a_turn_fails_it_and_offers_a_retry() {
    let mut state = busy();
    state.step(Input::Prompt(prompt(2)));
    let died = exit(ExitHow::Code(1));
    let effects = state.step(Input::Exited(died.clone()));
    for expected in [
        mark(1, PromptState::Failed),
        Effect::EndTurn(Outcome::Died(died.clone())),
        Effect::Say(Notice::TurnDied {
            exit: died,
            prompt: Some(PromptId(1)),
        }),
        mark(2, PromptState::Held),
        Effect::ReleaseSlot,
    ] {
        assert!(
            effects.contains(&expected),
            "{expected:?} is missing in {effects:?}"
        );
    }
    let effects = state.step(Input::Decide(PromptId(1), Choice::Retry));
    assert_eq!(
        effects,
        [
            Effect::Reply(Reply::Decided),
            mark(1, PromptState::Queued),
            Effect::AcquireSlot
        ]
    );
    assert_eq!(
        state.step(Input::Decide(PromptId(1), Choice::Retry)),
        [Effect::Reply(Reply::Stale)]
    );
}

#[test]
fn an_agent_that_cannot_start_fails_the_prompt_and_the_launch() {
    let mut state = cold();
    state.step(Input::Prompt(prompt(1)));
    state.step(Input::SlotGranted);
    let how = ExitHow::NotStarted {
        program: "omp".to_owned(),
        error: "no".to_owned(),
        not_found: true,
    };
    let effects = state.step(Input::Exited(exit(how.clone())));
    assert!(effects.contains(&mark(1, PromptState::Failed)) && effects.contains(&Effect::LaunchFailed));
    assert!(effects.contains(&Effect::Say(Notice::StartFailed {
        exit: exit(how),
        prompt: Some(PromptId(1))
    })));
    // Launched again: it is not taken for one that is known.
    assert_eq!(state.step(Input::Prompt(prompt(1))), [Effect::AcquireSlot]);
}

#[test]
fn a_missing_conversation_is_told_and_only_a_person_starts_a_new_one() {
    let mut state = cold();
    state.step(Input::Prompt(prompt(1)));
    state.step(Input::SlotGranted);
    let effects = state.step(Input::Exited(exit(ExitHow::SessionMissing)));
    assert!(effects.contains(&Effect::Say(Notice::ConversationMissing {
        prompt: Some(PromptId(1))
    })));
    assert!(!effects.contains(&Effect::ForgetConversation));
    let effects = state.step(Input::Decide(PromptId(1), Choice::StartFresh));
    assert!(effects.contains(&Effect::ForgetConversation) && effects.contains(&Effect::AcquireSlot));
}

#[test]
fn an_idle_process_ends_and_a_prompt_that_comes_meanwhile_is_not_lost() {
    let mut state = idle();
    let effects = state.step(Input::TimerFired(Timer::Idle));
    assert!(effects.contains(&Effect::EndAgent { abort: false }));
    state.step(Input::Prompt(prompt(2)));
    let effects = looked(&mut state, Input::Exited(exit(ExitHow::Code(0))));
    assert!(effects.ends_with(&[Effect::AcquireSlot]), "{effects:?}");
}

#[test]
fn only_an_idle_process_is_evicted() {
    let mut state = busy();
    assert_eq!(state.step(Input::Evict), []);
    state.step(Input::TurnEnded);
    assert!(
        state
            .step(Input::Evict)
            .contains(&Effect::EndAgent { abort: false })
    );
}

#[test]
fn a_turn_that_was_running_at_the_crash_is_never_rerun_by_itself() {
    let mut state = State::default();
    let prompts = vec![in_state(1, PromptState::Running), prompt(2)];
    let effects = state.step(Input::Restored {
        prompts,
        opened: true,
    });
    assert_eq!(
        effects,
        [
            Effect::Say(Notice::Interrupted {
                prompt: PromptId(1),
                waiting: 1
            }),
            mark(1, PromptState::Interrupted),
            Effect::ShowQueued(message(2), true),
            Effect::Unpin
        ]
    );
    let effects = state.step(Input::Decide(PromptId(1), Choice::Continue));
    assert!(effects.ends_with(&[Effect::AcquireSlot]), "{effects:?}");
    state.step(Input::SlotGranted);
    let effects = state.step(Input::AgentStarted);
    assert!(effects.contains(&Effect::Deliver {
        prompt: PromptId(1),
        continuing: true
    }));
    assert!(state.step(Input::TurnEnded).contains(&deliver(2)));
}

#[test]
fn discarding_what_was_interrupted_lets_the_queue_go_on() {
    let mut state = State::default();
    let prompts = vec![in_state(1, PromptState::Interrupted), prompt(2)];
    // The thread was told before.
    assert_eq!(
        state.step(Input::Restored {
            prompts,
            opened: true
        }),
        [Effect::ShowQueued(message(2), true), Effect::Unpin]
    );
    let effects = state.step(Input::Decide(PromptId(1), Choice::Discard));
    assert_eq!(
        effects,
        [
            Effect::Reply(Reply::Decided),
            mark(1, PromptState::Dropped),
            Effect::AcquireSlot
        ]
    );
}

#[test]
fn what_came_while_the_daemon_was_away_is_asked_about() {
    let mut state = idle();
    let late = in_state(2, PromptState::Asking);
    assert_eq!(
        state.step(Input::Prompt(late)),
        [Effect::Say(Notice::Stale { prompt: PromptId(2) })]
    );
    assert!(
        state.step(Input::Prompt(prompt(3))).contains(&deliver(3)),
        "others do not wait for the answer"
    );
    state.step(Input::TurnEnded);
    assert!(looked(&mut state, Input::Decide(PromptId(2), Choice::Run)).contains(&deliver(2)));
}

#[test]
fn stop_drops_everything_and_archives_after_the_process_is_gone() {
    let mut state = busy();
    state.step(Input::Prompt(prompt(2)));
    let effects = state.step(Input::Stop);
    assert!(effects.contains(&Effect::EndAgent { abort: true }) && !effects.contains(&Effect::Archive));
    let effects = state.step(Input::Exited(exit(ExitHow::Code(0))));
    assert!(effects.contains(&mark(2, PromptState::Dropped)));
    assert!(effects.ends_with(&[
        Effect::Say(Notice::Stopped { dropped: 1 }),
        Effect::Archive,
        Effect::Close
    ]));
}

#[test]
fn a_deleted_thread_ends_the_session_without_a_word() {
    let mut state = busy();
    let effects = state.step(Input::ThreadGone);
    assert!(effects.contains(&Effect::EndAgent { abort: true }));
    let effects = state.step(Input::Exited(exit(ExitHow::Code(0))));
    assert!(
        !effects
            .iter()
            .any(|effect| matches!(effect, Effect::Say(_) | Effect::Archive)),
        "{effects:?}"
    );
    assert!(effects.ends_with(&[Effect::Close]));
}

#[test]
fn shutdown_lets_the_turn_finish_and_starts_nothing() {
    let mut state = busy();
    state.step(Input::Prompt(prompt(2)));
    assert_eq!(
        state.step(Input::Shutdown),
        [Effect::Say(Notice::ShuttingDown), Effect::SetTimer(Timer::Drain)]
    );
    let effects = state.step(Input::TurnEnded);
    assert!(effects.contains(&Effect::EndAgent { abort: false }) && !effects.contains(&deliver(2)));
    assert!(
        state
            .step(Input::Exited(exit(ExitHow::Code(0))))
            .ends_with(&[Effect::Close])
    );
}

#[test]
fn a_turn_that_outlives_the_shutdown_is_interrupted_and_said_so() {
    let mut state = busy();
    state.step(Input::Shutdown);
    let effects = state.step(Input::TimerFired(Timer::Drain));
    assert_eq!(
        effects,
        [
            Effect::EndTurn(Outcome::Shutdown),
            Effect::Say(Notice::Interrupted {
                prompt: PromptId(1),
                waiting: 0
            }),
            mark(1, PromptState::Interrupted),
            Effect::EndAgent { abort: true }
        ]
    );
}

#[test]
fn a_late_steer_that_begins_a_turn_by_itself_is_a_turn() {
    let mut state = idle();
    assert!(state.step(Input::TurnStarted).contains(&Effect::BeginTurn));
    assert!(
        state
            .step(Input::TurnEnded)
            .contains(&Effect::EndTurn(Outcome::Done))
    );
}

#[test]
fn an_error_that_was_retried_successfully_is_no_failure() {
    let mut state = busy();
    state.step(Input::TurnFailed {
        error: "overloaded".to_owned(),
    });
    state.step(Input::TurnRecovered);
    assert!(
        state
            .step(Input::TurnEnded)
            .contains(&Effect::EndTurn(Outcome::Done))
    );
}

#[test]
fn a_turn_with_steers_that_was_interrupted_is_one_question() {
    let mut state = State::default();
    let prompts = vec![
        in_state(1, PromptState::Running),
        in_state(2, PromptState::Running),
    ];
    let effects = state.step(Input::Restored {
        prompts,
        opened: true,
    });
    let said = effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Say(_)))
        .count();
    assert_eq!(said, 1, "{effects:?}");
    let effects = state.step(Input::Decide(PromptId(1), Choice::Continue));
    assert!(effects.contains(&mark(2, PromptState::Queued)), "{effects:?}");
    state.step(Input::SlotGranted);
    let effects = state.step(Input::AgentStarted);
    assert!(
        effects.contains(&Effect::Deliver {
            prompt: PromptId(1),
            continuing: true
        }),
        "{effects:?}"
    );
    assert!(state.step(Input::TurnEnded).contains(&deliver(2)));
}

#[test]
fn a_steer_that_came_too_late_is_the_prompt_of_the_turn_that_hears_it() {
    let mut state = busy();
    state.step(Input::Steer(prompt(2)));
    state.step(Input::TurnEnded);
    assert!(
        state
            .step(Input::TurnStarted)
            .contains(&mark(2, PromptState::Running))
    );
    assert!(
        state
            .step(Input::Exited(exit(ExitHow::Code(1))))
            .contains(&mark(2, PromptState::Failed))
    );
}

#[test]
fn a_stop_is_stored_before_the_process_is_ended() {
    let mut state = busy();
    let effects = state.step(Input::Stop);
    assert_eq!(effects.first(), Some(&Effect::StoreStopped));
}

#[test]
fn a_process_that_gives_way_stays_marked_until_its_slot_is_back() {
    let mut state = idle();
    let effects = state.step(Input::Evict);
    assert!(!effects.contains(&Effect::Evictable(false)), "{effects:?}");
    let effects = state.step(Input::Exited(exit(ExitHow::Code(0))));
    assert!(
        effects.contains(&Effect::ReleaseSlot) && !effects.contains(&Effect::Evictable(false)),
        "{effects:?}"
    );
}

/// What a person sees after each step.
fn seen(state: &State) -> (Status, &'static str) {
    (state.status(), state.word())
}

#[test]
fn every_phase_has_its_status_and_a_failure_stays_until_something_went_well() {
    use Status::{Busy, Degraded, Failed, Idle};
    let mut state = State::default();
    assert_eq!(seen(&state), (Busy, "opening"));
    state.step(Input::Restored {
        prompts: vec![prompt(1)],
        opened: true,
    });
    assert_eq!(seen(&state), (Busy, "waiting for a free agent process"));
    let mut step = |input: Input| {
        state.step(input);
        seen(&state)
    };
    assert_eq!(step(Input::SlotGranted), (Busy, "starting"));
    assert_eq!(step(Input::AgentStarted), (Busy, "working"));
    assert_eq!(step(Input::Retrying(true)), (Degraded, "retrying"));
    assert_eq!(step(Input::Retrying(false)), (Busy, "working"));
    assert_eq!(step(Input::TurnEnded), (Idle, "ready"), "it was retried well");
    step(Input::Prompt(prompt(2)));
    step(Input::TurnWarned);
    assert_eq!(
        step(Input::TurnEnded),
        (Degraded, "ready; the last turn had a warning")
    );
    step(Input::Prompt(prompt(3)));
    step(Input::TurnFailed {
        error: "no".to_owned(),
    });
    assert_eq!(step(Input::TurnEnded), (Degraded, "the last turn failed"));
    assert_eq!(step(Input::Evict), (Degraded, "the last turn failed"));
    let gone = || Input::Exited(exit(ExitHow::Code(0)));
    assert_eq!(
        step(gone()),
        (Degraded, "the last turn failed"),
        "nor with its process"
    );
    step(Input::Prompt(prompt(4)));
    step(Input::SlotGranted);
    assert_eq!(step(gone()), (Failed, "the agent could not be started"));
    step(Input::Prompt(prompt(5)));
    step(Input::SlotGranted);
    assert_eq!(step(Input::AgentStarted), (Busy, "working"));
    assert_eq!(step(Input::Cancel), (Busy, "cancelling"));
    assert_eq!(step(Input::TurnEnded), (Idle, "ready"), "a person wanted it so");
    assert_eq!(step(gone()), (Failed, "the agent's process died"));
    step(Input::Prompt(prompt(6)));
    step(Input::SlotGranted);
    step(Input::AgentStarted);
    assert_eq!(step(gone()), (Failed, "the agent's process died"));
    assert_eq!(step(Input::Shutdown), (Failed, "ompcord is shutting down"));
}

#[test]
fn what_was_known_before_a_restart_is_known_after_it() {
    let restored = |health, prompts| {
        let mut state = State::default();
        state.remember(health);
        state.step(Input::Restored {
            prompts,
            opened: true,
        });
        seen(&state)
    };
    let interrupted = || vec![in_state(1, PromptState::Running)];
    assert_eq!(restored(Health::Good, Vec::new()), (Status::Idle, "ready"));
    assert_eq!(
        restored(Health::TurnFailed, Vec::new()),
        (Status::Degraded, "the last turn failed")
    );
    assert_eq!(
        restored(Health::Died, interrupted()),
        (Status::Failed, "the agent's process died")
    );
    assert_eq!(
        restored(Health::Good, interrupted()),
        (Status::Degraded, INTERRUPTED)
    );
}

mod compacting {
    use super::*;

    fn died() -> Input {
        Input::Exited(exit(ExitHow::Code(1)))
    }

    #[test]
    fn an_idle_agent_compacts_and_nothing_else_begins_meanwhile() {
        let mut state = idle();
        let effects = state.step(Input::Compact);
        assert_eq!(
            effects,
            [
                Effect::ClearTimer(Timer::Idle),
                Effect::Evictable(false),
                Effect::Compact
            ]
        );
        assert_eq!(state.cannot_compact(), Some(CannotCompact::Already));
        assert!(state.step(Input::Evict).is_empty() && state.step(Input::TimerFired(Timer::Idle)).is_empty());
        let effects = state.step(Input::Prompt(prompt(2)));
        assert!(
            effects.contains(&Effect::Say(Notice::Queued { ahead: 0 })) && state.phase() == &Phase::Idle,
            "{effects:?}"
        );
        let effects = looked(&mut state, Input::Compacted);
        assert!(effects.ends_with(&[Effect::BeginTurn, deliver(2)]), "{effects:?}");
        assert_eq!(state.cannot_compact(), Some(CannotCompact::Busy));
    }

    #[test]
    fn a_cold_session_gets_a_process_for_it_and_rests_after_it() {
        let mut state = cold();
        assert_eq!(state.step(Input::Compact), [Effect::AcquireSlot]);
        assert!(!state.is_dormant());
        assert_eq!(state.step(Input::SlotGranted), [Effect::StartAgent]);
        assert!(state.step(Input::AgentStarted).contains(&Effect::Compact));
        let effects = state.step(Input::Compacted);
        assert_eq!(effects, [Effect::SetTimer(Timer::Idle), Effect::Evictable(true)]);
        assert_eq!(state.cannot_compact(), None);
    }

    #[test]
    fn an_agent_that_dies_of_it_or_does_not_start_is_not_asked_again() {
        let mut state = idle();
        state.step(Input::Compact);
        state.step(died());
        assert!(state.is_dormant() && !state.is_compacting());
        let mut state = cold();
        state.step(Input::Compact);
        state.step(Input::SlotGranted);
        let effects = state.step(died());
        assert!(
            !effects.contains(&Effect::AcquireSlot) && state.is_dormant(),
            "{effects:?}"
        );
    }

    #[test]
    fn asked_while_the_idle_process_goes_it_gets_the_next_one() {
        let mut state = idle();
        state.step(Input::TimerFired(Timer::Idle));
        assert!(state.step(Input::Compact).is_empty());
        let effects = state.step(died());
        assert!(effects.contains(&Effect::AcquireSlot), "{effects:?}");
    }

    #[test]
    fn a_shutdown_does_not_wait_for_it() {
        let mut state = idle();
        state.step(Input::Compact);
        assert_eq!(state.step(Input::Shutdown), [Effect::EndAgent { abort: false }]);
        assert_eq!(state.cannot_compact(), Some(CannotCompact::Ending));
        assert!(state.step(died()).ends_with(&[Effect::Close]));
    }

    #[test]
    fn a_prompt_that_is_taken_back_leaves_the_queue_and_its_mark() {
        let mut state = busy();
        for n in 2..=4 {
            state.step(Input::Prompt(prompt(n)));
        }
        let effects = state.step(Input::Discard(vec![PromptId(3), PromptId(9)]));
        assert_eq!(
            effects,
            [
                Effect::ShowQueued(message(3), false),
                mark(3, PromptState::Dropped),
                Effect::Reply(Reply::Discarded { count: 1 })
            ]
        );
        assert_eq!(state.queued(), 2);
        // The last one that a process was asked for.
        let mut state = cold();
        state.step(Input::Prompt(prompt(1)));
        let effects = state.step(Input::Discard(vec![PromptId(1)]));
        assert!(
            effects.contains(&Effect::ReleaseSlot) && state.is_dormant(),
            "{effects:?}"
        );
    }
}

#[test]
fn a_wait_for_a_slot_is_said_once_and_the_next_wait_again() {
    let mut state = cold();
    state.step(Input::Prompt(prompt(1)));
    let said = [Effect::Say(Notice::WaitingForSlot)];
    assert_eq!(state.step(Input::SlotDelayed), said);
    assert_eq!(state.step(Input::SlotDelayed), []);
    state.step(Input::Cancel);
    state.step(Input::Prompt(prompt(2)));
    assert_eq!(state.step(Input::SlotDelayed), said);
}

mod missed {
    use super::*;

    /// A process that idles while what waits for it has to be looked at again.
    fn looking() -> State {
        let mut state = State::default();
        state.mistrust();
        let prompts = vec![prompt(1), prompt(2)];
        let effects = state.step(Input::Restored {
            prompts,
            opened: true,
        });
        assert_eq!(effects, [Effect::ShowQueued(message(2), true), Effect::Recheck]);
        state
    }

    #[test]
    fn nothing_that_was_stored_before_runs_unseen() {
        let mut state = looking();
        // Whatever else happens, it waits for the answer.
        let effects = state.step(Input::Prompt(prompt(3)));
        assert!(!effects.contains(&Effect::AcquireSlot), "{effects:?}");
        assert_eq!(state.step(Input::Dropped(PromptId(1))), []);
        assert_eq!(state.step(Input::Rechecked), [Effect::AcquireSlot]);
        state.step(Input::SlotGranted);
        let effects = state.step(Input::AgentStarted);
        assert!(effects.ends_with(&[Effect::BeginTurn, deliver(2)]), "{effects:?}");
        // The next one has waited as well.
        assert!(state.step(Input::TurnEnded).ends_with(&[Effect::Recheck]));
        assert!(state.step(Input::Rechecked).contains(&deliver(3)));
    }

    #[test]
    fn what_is_deleted_while_the_process_waits_for_it_lets_it_rest() {
        let mut state = busy();
        state.step(Input::Prompt(prompt(2)));
        let effects = state.step(Input::TurnEnded);
        assert!(effects.ends_with(&[Effect::Recheck]), "{effects:?}");
        let effects = state.step(Input::Dropped(PromptId(2)));
        assert!(
            effects.contains(&Effect::SetTimer(Timer::Idle)) && effects.contains(&Effect::Evictable(true)),
            "{effects:?}"
        );
        assert_eq!(state.step(Input::Rechecked), []);
        assert_eq!(state.phase(), &Phase::Idle);
    }

    #[test]
    fn a_gap_within_a_look_makes_it_look_again() {
        let mut state = looking();
        assert_eq!(state.step(Input::Hearing), []);
        assert_eq!(state.step(Input::Rechecked), [Effect::Recheck]);
        assert_eq!(state.step(Input::Rechecked), [Effect::AcquireSlot]);
    }

    #[test]
    fn what_came_in_no_message_need_not_be_looked_at() {
        let mut state = busy();
        let by_command = OpenPrompt {
            message: None,
            ..prompt(2)
        };
        state.step(Input::Prompt(by_command));
        assert_eq!(state.step(Input::Hearing), []);
        assert!(state.step(Input::TurnEnded).contains(&deliver(2)));
    }

    #[test]
    fn what_is_held_or_asked_about_is_looked_at_before_it_runs() {
        let mut state = State::default();
        state.mistrust();
        let prompts = vec![in_state(1, PromptState::Asking), in_state(2, PromptState::Held)];
        let effects = state.step(Input::Restored {
            prompts,
            opened: true,
        });
        assert_eq!(effects, []);
        let effects = state.step(Input::Decide(PromptId(1), Choice::Run));
        assert!(effects.ends_with(&[Effect::Recheck]), "{effects:?}");
        assert_eq!(state.step(Input::Rechecked), [Effect::AcquireSlot]);
    }

    #[test]
    fn what_is_written_behind_an_interrupted_turn_says_what_it_waits_for() {
        let mut state = State::default();
        let prompts = vec![in_state(1, PromptState::Interrupted)];
        state.step(Input::Restored {
            prompts,
            opened: true,
        });
        let effects = state.step(Input::Prompt(prompt(2)));
        assert!(
            effects.contains(&Effect::Say(Notice::QueuedUndecided)),
            "{effects:?}"
        );
    }
}
