//! When the card of a session is painted: at once when its state changes, now and then for the rest, and at the
//! bottom of the thread again when it is out of sight.

use std::time::Duration;

use tokio::time::Instant;

use super::paint::Make;
use super::view::{SessionView, Status};

/// A change of state is shown at most this often.
pub(super) const AT_ONCE: Duration = Duration::from_millis(1500);
/// Everything else on it, such as the tool that runs, is shown at most this often: what Discord takes in a thread is for
/// the words.
const NOW_AND_THEN: Duration = Duration::from_secs(5);
/// So many messages below it at the end of a turn, and it is out of sight on a phone.
const FAR_AT_REST: usize = 5;
/// So many while the turn runs. It moves once a turn: after that it would only run after the words.
const FAR_AT_WORK: usize = 12;

/// What is remembered of a card.
#[derive(Debug, Clone, Default)]
pub(super) struct CardCare {
    /// Something has changed.
    pub(super) dirty: bool,
    /// What changed was done by an actor, which may have ended since.
    pub(super) at_work: bool,
    shown: Option<Shown>,
    /// It was moved in this turn.
    moved: bool,
    /// Discord refused it: not again before this.
    pub(super) not_before: Option<Instant>,
}

/// What was painted last.
#[derive(Debug, Clone, Copy)]
struct Shown {
    status: Status,
    turn: Option<i64>,
    /// When the session had last done something: a whole turn may have passed since.
    active: i64,
    at: Instant,
}

impl Shown {
    fn is_of(&self, view: &SessionView) -> bool {
        (self.status, self.active) == (view.status, view.last_active_ms)
    }
}

impl CardCare {
    /// The card of a session that was not known: its first words come first, and a short turn may be over by then.
    pub(super) fn fresh(now: Instant) -> Self {
        Self {
            not_before: Some(now + AT_ONCE),
            ..Self::default()
        }
    }

    /// When it should be painted, seen from how the session is doing now.
    pub(super) fn due(&self, now: Instant, view: Option<&SessionView>) -> Option<Instant> {
        if !self.dirty {
            return None;
        }
        let due = match (&self.shown, view) {
            (None, _) => now,
            (Some(shown), Some(view)) if shown.is_of(view) => shown.at + NOW_AND_THEN,
            (Some(shown), _) => shown.at + AT_ONCE,
        };
        Some(self.not_before.map_or(due, |not_before| due.max(not_before)))
    }

    /// Whether so many messages below it are reason enough to look after it in the middle of a turn.
    pub(super) fn is_left_behind(&self, below: usize) -> bool {
        below >= FAR_AT_WORK && !self.moved && self.shown.is_some_and(|shown| shown.turn.is_some())
    }

    /// It is being painted: where it should be. `below` counts the messages below it, `coming` those that wait to be
    /// sent.
    pub(super) fn painted(
        &mut self,
        view: &SessionView,
        (below, coming): (usize, usize),
        at: Instant,
    ) -> Make {
        self.dirty = false;
        let (status, turn, active) = (view.status, view.turn_began_ms, view.last_active_ms);
        let before = self.shown.replace(Shown {
            status,
            turn,
            active,
            at,
        });
        let Some(before) = before else {
            return Make::Missing;
        };
        let over = before.active != active && (before.turn.is_some() || turn.is_none());
        if before.turn != turn {
            self.moved = false;
        }
        if over && below + coming >= FAR_AT_REST {
            return Make::AtTheBottom;
        }
        if turn.is_some() && below >= FAR_AT_WORK && !self.moved {
            self.moved = true;
            return Make::AtTheBottom;
        }
        Make::Missing
    }

    /// Somebody deleted it: whatever comes next makes it again.
    pub(super) fn is_gone(&mut self) {
        (self.dirty, self.shown) = (true, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(turn: Option<i64>) -> SessionView {
        SessionView {
            id: crate::ids::SessionId::random(),
            thread: None,
            parent: 1.into(),
            name: String::new(),
            status: if turn.is_some() {
                Status::Busy
            } else {
                Status::Idle
            },
            phase_word: "",
            next: crate::session::view::Next::AtOnce,
            tool: None,
            turn_began_ms: turn,
            queued: 0,
            held: 0,
            model: None,
            thinking: None,
            tokens: None,
            cost: 0.0,
            context_percent: None,
            workspace: String::new(),
            approval_mode: String::new(),
            dialogs: 0,
            last_active_ms: 0,
            created_ms: 0,
            process: false,
            terminal: false,
        }
    }

    #[test]
    fn it_moves_once_in_a_turn_and_at_its_end() {
        let (mut care, now) = (CardCare::default(), Instant::now());
        let mut paint = |turn, active, below| {
            let view = SessionView {
                last_active_ms: active,
                ..view(turn)
            };
            let behind = care.is_left_behind(below);
            (behind, care.painted(&view, (below, 0), now))
        };
        assert_eq!(paint(None, 0, 40), (false, Make::Missing), "nothing goes on");
        assert_eq!(paint(Some(1), 1, 11), (false, Make::Missing));
        assert_eq!(paint(Some(1), 1, 12), (true, Make::AtTheBottom));
        assert_eq!(paint(Some(1), 1, 50), (false, Make::Missing), "once a turn");
        assert_eq!(paint(None, 2, 5), (false, Make::AtTheBottom));
        assert_eq!(paint(Some(3), 3, 0), (false, Make::Missing));
        assert_eq!(paint(Some(4), 4, 4), (false, Make::Missing), "a short turn");
        assert_eq!(paint(Some(4), 4, 12), (true, Make::AtTheBottom));
        assert_eq!(paint(None, 5, 4), (false, Make::Missing));
        assert_eq!(
            paint(None, 7, 5),
            (false, Make::AtTheBottom),
            "a turn that nobody saw"
        );
        assert_eq!(paint(None, 7, 9), (false, Make::Missing), "people may talk");
    }

    #[test]
    fn what_waits_to_be_sent_will_stand_below_it_as_well() {
        let (mut care, now) = (CardCare::default(), Instant::now());
        care.painted(&view(Some(1)), (0, 0), now);
        let over = SessionView {
            last_active_ms: 9,
            ..view(None)
        };
        assert_eq!(care.painted(&over, (3, 2), now), Make::AtTheBottom);
    }

    #[test]
    fn a_change_of_state_is_shown_sooner_than_the_rest() {
        let (mut care, now) = (CardCare::default(), Instant::now());
        assert_eq!(care.due(now, None), None);
        care.dirty = true;
        assert_eq!(care.due(now, None), Some(now));
        care.painted(&view(Some(1)), (0, 0), now);
        care.dirty = true;
        assert_eq!(care.due(now, Some(&view(Some(1)))), Some(now + NOW_AND_THEN));
        assert_eq!(care.due(now, Some(&view(None))), Some(now + AT_ONCE));
        assert_eq!(care.due(now, None), Some(now + AT_ONCE));
        let later = now + Duration::from_mins(10);
        care.not_before = Some(later);
        assert_eq!(care.due(now, Some(&view(None))), Some(later));
        care.not_before = None;
        care.is_gone();
        assert_eq!(care.due(now, None), Some(now));
    }
}
