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
#[derive(Debug, Default)]
pub(super) struct CardCare {
    /// Something has changed.
    pub(super) dirty: bool,
    /// What was painted last, and when.
    shown: Option<(Status, Option<i64>, Instant)>,
    /// It was moved in this turn.
    moved: bool,
    /// Discord refused it: not again before this.
    pub(super) not_before: Option<Instant>,
}

impl CardCare {
    /// When it should be painted, seen from how the session is doing now.
    pub(super) fn due(&self, now: Instant, view: Option<&SessionView>) -> Option<Instant> {
        if !self.dirty {
            return None;
        }
        let due = match (&self.shown, view) {
            (None, _) => now,
            (Some((status, turn, at)), Some(view))
                if (*status, *turn) == (view.status, view.turn_began_ms) =>
            {
                *at + NOW_AND_THEN
            }
            (Some((.., at)), _) => *at + AT_ONCE,
        };
        Some(self.not_before.map_or(due, |not_before| due.max(not_before)))
    }

    /// Whether so many messages below it are reason enough to look after it in the middle of a turn.
    pub(super) fn is_left_behind(&self, below: usize) -> bool {
        below >= FAR_AT_WORK && !self.moved && self.shown.as_ref().is_some_and(|(_, turn, _)| turn.is_some())
    }

    /// It is being painted: where it should be. `below` counts the messages below it, `coming` those that wait to be
    /// sent.
    pub(super) fn painted(
        &mut self,
        view: &SessionView,
        (below, coming): (usize, usize),
        now: Instant,
    ) -> Make {
        self.dirty = false;
        let before = self.shown.replace((view.status, view.turn_began_ms, now));
        let turn_before = before.and_then(|(_, turn, _)| turn);
        let over = turn_before.is_some() && turn_before != view.turn_began_ms;
        if turn_before != view.turn_began_ms {
            self.moved = false;
        }
        if over && below + coming >= FAR_AT_REST {
            return Make::AtTheBottom;
        }
        if view.turn_began_ms.is_some() && below >= FAR_AT_WORK && !self.moved {
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
        }
    }

    #[test]
    fn it_moves_once_in_a_turn_and_at_its_end() {
        let (mut care, now) = (CardCare::default(), Instant::now());
        assert_eq!(
            care.painted(&view(None), (40, 0), now),
            Make::Missing,
            "nothing goes on"
        );
        assert_eq!(care.painted(&view(Some(1)), (11, 9), now), Make::Missing);
        assert!(!care.is_left_behind(11) && care.is_left_behind(12));
        assert_eq!(care.painted(&view(Some(1)), (12, 0), now), Make::AtTheBottom);
        assert!(!care.is_left_behind(50));
        assert_eq!(care.painted(&view(Some(1)), (50, 0), now), Make::Missing);
        assert_eq!(care.painted(&view(None), (3, 2), now), Make::AtTheBottom);
        assert_eq!(care.painted(&view(Some(2)), (0, 0), now), Make::Missing);
        assert_eq!(
            care.painted(&view(Some(3)), (4, 0), now),
            Make::Missing,
            "short turns"
        );
        assert_eq!(care.painted(&view(Some(3)), (12, 0), now), Make::AtTheBottom);
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
