//! Which row of a lane has its turn: pure, so that fairness can be tested without a clock or a Discord.

use tokio::time::Instant;

use super::act::{Act, Place};
use crate::discord::rest::Haste;
use crate::ids::OutboxId;
use crate::store::outbox::{PendingRow, RowKind};

/// Rows that Discord limits together: while creates are limited, edits may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Messages to be made.
    Create,
    /// Messages to be edited or deleted.
    Touch,
    /// Everything else.
    Act,
}

/// What had its turn, and what may not have one yet.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Turns {
    /// The last row that was edited or deleted.
    touched: Option<OutboxId>,
    /// Whether that was the last turn of all.
    touching: bool,
    /// Until when a class waits.
    parked: [Option<Instant>; 3],
    /// Until when those wait that give way to everything.
    background: Option<Instant>,
}

/// A row that has its turn.
#[derive(Debug)]
pub(super) struct Pick<'a> {
    /// The row.
    pub(super) row: &'a PendingRow,
    /// What it counts as.
    pub(super) class: Class,
    /// Its act, where it is one and can be read.
    pub(super) act: Option<Act>,
}

impl Turns {
    /// A row of this class is through.
    pub(super) fn took(&mut self, class: Class, row: OutboxId) {
        self.parked[class as usize] = None;
        self.touching = class == Class::Touch;
        if self.touching {
            self.touched = Some(row);
        }
    }

    /// No row of this class before `until`.
    pub(super) fn park(&mut self, class: Class, until: Instant) {
        self.parked[class as usize] = Some(until);
    }

    /// When the first class that waits may go on.
    pub(super) fn open_again(&self, now: Instant) -> Option<Instant> {
        self.parked
            .iter()
            .flatten()
            .filter(|until| **until > now)
            .min()
            .copied()
    }

    /// How soon the lane should send what is next: a person who is called is called after what stands before.
    pub(super) fn haste(&self, rows: &[PendingRow], next: &Pick<'_>, now: Instant) -> Haste {
        let called = |row: &PendingRow| row.calls && self.may(Class::Create, now);
        if next.row.background {
            Haste::Decoration
        } else if rows.iter().any(called) {
            Haste::Person
        } else {
            Haste::Words
        }
    }

    /// Those that give way to everything wait until then.
    pub(super) fn hold_background(&mut self, until: Option<Instant>) {
        self.background = until;
    }

    /// When it is worth to look again.
    pub(super) fn look_again(&self, now: Instant) -> Option<Instant> {
        let background = self.background.filter(|until| *until > now);
        self.open_again(now).into_iter().chain(background).min()
    }

    fn may_in_background(&self, pick: &Pick<'_>, now: Instant) -> bool {
        // A deletion has a limit of its own, and makes room for what follows it.
        let held = self.background.is_some_and(|until| until > now) && pick.row.kind != RowKind::Deletion;
        !held && self.may(pick.class, now)
    }

    fn may(&self, class: Class, now: Instant) -> bool {
        self.parked[class as usize].is_none_or(|until| until <= now)
    }
}

/// Which row has its turn. Acts that may overtake go first. Creates and the acts among them stand in line; edits
/// and deletions take turns with that line and with each other. So an edit waits for one create and not for all
/// of them, and a message that is edited all the time keeps nothing waiting. The last edit of a message goes before
/// what was wished for after it: a footer that overtakes the end of the answer would notify of half an answer. Cards
/// come when nobody else wants anything.
pub(super) fn next<'a>(rows: &'a [PendingRow], turns: &Turns, now: Instant) -> Option<Pick<'a>> {
    let (mut line, mut touch, mut again, mut closing) = (None, None, None, None);
    let (mut held, mut background) = (false, None);
    for row in rows {
        let pick = pick(row);
        if row.background {
            background = background.or(Some(pick));
            continue;
        }
        match (pick.class, pick.act.as_ref().map_or(Place::Overtakes, Act::place)) {
            (Class::Act, Place::Overtakes) if turns.may(Class::Act, now) => return Some(pick),
            // It may wait for minutes, and an archive may not come before it.
            (Class::Act, Place::Overtakes | Place::Last) => closing = closing.or(Some(pick)),
            (Class::Act, Place::InOrder) | (Class::Create, _) if line.is_none() => {
                held = row.after_edits && (touch.is_some() || again.is_some());
                line = Some(pick);
            }
            (Class::Act, Place::InOrder) | (Class::Create, _) => {}
            (Class::Touch, _) if Some(row.outbox_id) > turns.touched => touch = touch.or(Some(pick)),
            (Class::Touch, _) => again = again.or(Some(pick)),
        }
    }
    let touch = touch.or(again);
    let others = line.is_some() || touch.is_some();
    let may = |pick: &Pick<'_>| turns.may(pick.class, now);
    let (line, touch) = (line.filter(may).filter(|_| !held), touch.filter(may));
    if let Some(line) = &line
        && turns.may(Class::Touch, now)
        && let Some(last_edit) = rows
            .iter()
            .find(|row| row.sealed && row.message_id.is_some() && !row.background)
        && last_edit.outbox_id < line.row.outbox_id
    {
        return Some(self::pick(last_edit));
    }
    let turn = if turns.touching {
        line.or(touch)
    } else {
        touch.or(line)
    };
    if turn.is_some() || others {
        return turn;
    }
    // An archive comes after them all.
    match background {
        Some(pick) => Some(pick).filter(|pick| turns.may_in_background(pick, now)),
        None => closing.filter(may),
    }
}

fn pick(row: &PendingRow) -> Pick<'_> {
    let class = match (row.kind, row.message_id) {
        (RowKind::Action, _) => Class::Act,
        (RowKind::Message, None) => Class::Create,
        (RowKind::Message | RowKind::Deletion, _) => Class::Touch,
    };
    let act = row
        .action
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok());
    Pick { row, class, act }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ids::{MessageId, UserId};

    fn message(id: i64, sent: bool) -> PendingRow {
        PendingRow {
            outbox_id: OutboxId(id),
            kind: RowKind::Message,
            message_id: sent.then(|| MessageId::from(1000)),
            action: None,
            sealed: false,
            after_edits: false,
            background: false,
            calls: false,
        }
    }

    fn card(id: i64, sent: bool) -> PendingRow {
        PendingRow {
            background: true,
            ..message(id, sent)
        }
    }

    fn action(id: i64, act: &Act) -> PendingRow {
        PendingRow {
            outbox_id: OutboxId(id),
            kind: RowKind::Action,
            message_id: None,
            action: Some(serde_json::to_string(act).unwrap()),
            sealed: false,
            after_edits: false,
            background: false,
            calls: false,
        }
    }

    fn react() -> Act {
        Act::React {
            message: MessageId::from(1),
            emoji: "x".to_owned(),
        }
    }

    /// The order in which rows have their turns when each is done after one.
    fn order(mut rows: Vec<PendingRow>, mut turns: Turns) -> Vec<i64> {
        let mut order = Vec::new();
        while let Some(Pick { row, class, .. }) = next(&rows, &turns, Instant::now()) {
            let id = row.outbox_id;
            order.push(id.0);
            turns.took(class, id);
            rows.retain(|row| row.outbox_id != id);
        }
        order
    }

    #[test]
    fn creates_stay_in_order_and_edits_take_turns_with_them() {
        let rows = vec![
            message(1, true),
            message(2, false),
            message(3, false),
            message(4, true),
            message(5, false),
        ];
        assert_eq!(order(rows, Turns::default()), [1, 2, 4, 3, 5]);
    }

    #[test]
    fn a_last_edit_goes_before_what_came_after_it() {
        let sealed = |id| PendingRow {
            sealed: true,
            ..message(id, true)
        };
        let rows = vec![
            message(1, false),
            message(2, true),
            sealed(3),
            sealed(4),
            message(5, false),
        ];
        assert_eq!(order(rows.clone(), Turns::default()), [2, 1, 3, 4, 5]);
        let mut turns = Turns::default();
        turns.park(Class::Touch, Instant::now() + Duration::from_hours(1));
        assert_eq!(order(rows, turns), [1, 5], "limited edits hold up no message");
    }

    #[test]
    fn a_message_that_is_edited_all_the_time_keeps_nothing_waiting() {
        let rows = [message(1, true), message(2, true), message(3, false)];
        let mut turns = Turns::default();
        let mut picked = Vec::new();
        for _ in 0..6 {
            let Pick { row, class, .. } = next(&rows, &turns, Instant::now()).unwrap();
            picked.push(row.outbox_id.0);
            turns.took(class, row.outbox_id);
        }
        assert_eq!(picked, [1, 3, 2, 3, 1, 3]);
    }

    #[test]
    fn a_footer_waits_for_the_edits_before_it_and_keeps_its_place() {
        let footer = PendingRow {
            after_edits: true,
            ..message(4, false)
        };
        let rows = vec![
            message(1, true),
            message(2, true),
            footer,
            message(5, false),
            message(6, true),
        ];
        assert_eq!(order(rows.clone(), Turns::default()), [1, 2, 4, 6, 5]);
        let mut turns = Turns::default();
        turns.park(Class::Touch, Instant::now() + Duration::from_hours(1));
        assert_eq!(order(rows, turns), Vec::<i64>::new());
    }

    #[test]
    fn reactions_overtake_pins_wait_and_an_archive_is_last() {
        let message_id = MessageId::from(1);
        let rows = vec![
            action(1, &Act::Archive { locked: false }),
            action(
                2,
                &Act::AddMember {
                    user: UserId::from(1),
                },
            ),
            message(3, false),
            action(4, &Act::Pin { message: message_id }),
            message(5, false),
            action(6, &react()),
        ];
        assert_eq!(order(rows, Turns::default()), [6, 2, 3, 4, 5, 1]);
    }

    #[test]
    fn a_limit_holds_its_class_and_an_archive_waits_for_all() {
        let rows = vec![
            message(1, false),
            message(2, true),
            action(3, &Act::Archive { locked: false }),
        ];
        let mut turns = Turns::default();
        let until = Instant::now() + Duration::from_hours(1);
        turns.park(Class::Create, until);
        assert_eq!(order(rows.clone(), turns), [2]);
        assert_eq!(turns.open_again(Instant::now()), Some(until));
        let later = until + Duration::from_millis(1);
        assert_eq!(turns.open_again(later), None);
        assert_eq!(next(&rows[..1], &turns, later).unwrap().row.outbox_id.0, 1);

        let mut turns = Turns::default();
        turns.park(Class::Act, until);
        let rows = vec![message(1, false), action(2, &react())];
        assert_eq!(order(rows, turns), [1], "a limited reaction holds up no message");
    }

    #[test]
    fn a_card_gives_way_to_everything_but_an_archive() {
        let footer = PendingRow {
            after_edits: true,
            ..message(6, false)
        };
        let rows = vec![
            action(1, &Act::Archive { locked: false }),
            card(2, true),
            card(3, false),
            message(4, true),
            message(5, false),
            footer,
        ];
        assert_eq!(order(rows.clone(), Turns::default()), [4, 5, 6, 2, 3, 1]);
        let mut turns = Turns::default();
        let until = Instant::now() + Duration::from_hours(1);
        turns.hold_background(Some(until));
        assert_eq!(order(rows.clone(), turns), [4, 5, 6], "the archive waits as well");
        assert_eq!(turns.look_again(Instant::now()), Some(until));
        assert_eq!(turns.open_again(Instant::now()), None, "nothing is stalled by it");
        turns.hold_background(None);
        turns.park(Class::Create, until);
        assert_eq!(order(rows, turns), [4], "not even then is the way free");
    }

    #[test]
    fn a_lane_is_in_haste_for_as_long_as_it_can_call_somebody() {
        let question = PendingRow {
            calls: true,
            ..message(3, false)
        };
        let now = Instant::now();
        let haste =
            |rows: &[PendingRow], turns: &Turns| turns.haste(rows, &next(rows, turns, now).unwrap(), now);
        let mut turns = Turns::default();
        let rows = [message(1, true), message(2, false), question];
        assert_eq!(
            haste(&rows, &turns),
            Haste::Person,
            "also for what stands before it"
        );
        assert_eq!(haste(&rows[..2], &turns), Haste::Words);
        assert_eq!(haste(&[card(1, true)], &turns), Haste::Decoration);
        turns.park(Class::Create, now + Duration::from_secs(5));
        assert_eq!(haste(&rows, &turns), Haste::Words, "haste would not help it now");
    }

    #[test]
    fn an_act_that_cannot_be_read_is_picked_to_be_dropped() {
        let mut row = action(2, &Act::Unarchive);
        row.action = Some("{}".to_owned());
        assert_eq!(order(vec![message(1, false), row], Turns::default()), [2, 1]);
    }
}
