//! The one line in which all requests wait for their place in the global pace.
//!
//! Discord allows a bot fifty requests a second, in all channels together. Fifty busy sessions want more than that, and
//! first come, first served would let a question that somebody has to answer wait behind a second of chatter. So each
//! waits with a deadline, and the earliest goes: what calls a person has none to spare, what only decorates has much. An
//! absolute order would starve the others; a deadline is met sooner or later.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Up to six go at once, then forty a second, so that no second has more than forty-five: a thousand lanes that wake
/// together would otherwise earn a thousand 429s, and ten thousand of those in ten minutes cost the token. With nothing
/// to spare the first requests, which have to connect, come late enough to meet those of the next second.
const SPACING: Duration = Duration::from_millis(25);
const BURST: u32 = 5;

/// How soon a request should have its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Haste {
    /// A person waits for it: a question, the end of a turn, an answer to a command.
    Person,
    /// What an agent says and does while it works.
    Words,
    /// What can be missed: cards, the typing indicator.
    Decoration,
}

impl Haste {
    /// How much longer than a person it may have to wait.
    fn patience(self) -> Duration {
        match self {
            Self::Person => Duration::ZERO,
            Self::Words => Duration::from_secs(5),
            Self::Decoration => Duration::from_secs(10),
        }
    }

    /// How many requests of a route's window it leaves to those that are in more haste: a question comes with
    /// what was said before it, and after five lines of log both would wait for the next window.
    pub(super) fn leaves(self) -> u32 {
        match self {
            Self::Person => 0,
            Self::Words => 2,
            Self::Decoration => 3,
        }
    }
}

/// When it has to go, and in which order they came.
type Key = (Instant, u64);

/// The line.
#[derive(Debug, Default)]
pub(super) struct Line(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    /// The theoretical time of the next request, as in a leaky bucket.
    next: Option<Instant>,
    waiting: BTreeMap<Key, Arc<Notify>>,
    came: u64,
}

/// Somebody in the line. Leaves it when dropped, and tells who is first then.
struct Place<'a> {
    line: &'a Line,
    key: Key,
    called: Arc<Notify>,
}

/// What somebody in the line sees.
enum Look {
    Go,
    /// First, but not before this.
    First(Instant),
    Behind,
}

impl Line {
    /// Waits for a place. Whoever is dropped meanwhile takes none.
    pub(super) async fn turn(&self, haste: Haste) {
        let place = self.join(haste);
        loop {
            match self.look(place.key) {
                Look::Go => return,
                Look::First(at) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(at) => {}
                        () = place.called.notified() => {}
                    }
                }
                Look::Behind => place.called.notified().await,
            }
        }
    }

    fn join(&self, haste: Haste) -> Place<'_> {
        let mut places = self.places();
        places.came += 1;
        let key = (Instant::now() + haste.patience(), places.came);
        let called = Arc::new(Notify::new());
        places.waiting.insert(key, Arc::clone(&called));
        Place {
            line: self,
            key,
            called,
        }
    }

    fn look(&self, key: Key) -> Look {
        let mut places = self.places();
        if places
            .waiting
            .first_key_value()
            .is_none_or(|(first, _)| *first != key)
        {
            return Look::Behind;
        }
        let now = Instant::now();
        let earliest = now.checked_sub(SPACING * BURST).unwrap_or(now);
        let at = places.next.map_or(earliest, |next| next.max(earliest));
        if at > now {
            return Look::First(at);
        }
        places.next = Some(at + SPACING);
        Look::Go
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut places = self.line.places();
        places.waiting.remove(&self.key);
        if let Some((_, first)) = places.waiting.first_key_value() {
            first.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;

    /// Who went, in order.
    type Went = Arc<Mutex<Vec<(&'static str, Instant)>>>;

    #[derive(Default)]
    struct Crowd {
        line: Arc<Line>,
        went: Went,
        tasks: JoinSet<()>,
    }

    impl Crowd {
        async fn come(&mut self, count: usize, haste: Haste, name: &'static str) {
            for _ in 0..count {
                let (line, went) = (Arc::clone(&self.line), Arc::clone(&self.went));
                self.tasks.spawn(async move {
                    line.turn(haste).await;
                    went.lock().unwrap().push((name, Instant::now()));
                });
            }
            // All of them are in the line.
            tokio::task::yield_now().await;
        }

        async fn go(self) -> Vec<(&'static str, Instant)> {
            self.tasks.join_all().await;
            let went = self.went.lock().unwrap();
            assert!(self.line.places().waiting.is_empty());
            went.clone()
        }
    }

    fn places(went: &[(&str, Instant)], name: &str) -> Vec<usize> {
        let all = went.iter().enumerate();
        all.filter(|(_, (who, _))| *who == name)
            .map(|(at, _)| at)
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_has_more_requests_than_discord_takes() {
        tokio::time::advance(Duration::from_mins(1)).await;
        let mut crowd = Crowd::default();
        crowd.come(200, Haste::Words, "words").await;
        let went = crowd.go().await;
        let began = went[0].1;
        let at_once = went.iter().filter(|(_, at)| *at == began).count();
        assert_eq!(at_once, 6, "a burst goes at once");
        for (_, at) in &went {
            let second = went
                .iter()
                .filter(|(_, other)| other >= at && *other < *at + Duration::from_secs(1));
            assert!(second.count() <= 45);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_calls_a_person_overtakes_words_and_these_overtake_decoration() {
        tokio::time::advance(Duration::from_mins(1)).await;
        let mut crowd = Crowd::default();
        crowd.come(60, Haste::Decoration, "card").await;
        crowd.come(60, Haste::Words, "words").await;
        crowd.come(1, Haste::Person, "question").await;
        let went = crowd.go().await;
        // What the burst let through is gone already; of the rest nobody is before it.
        assert_eq!(places(&went, "question"), [6]);
        let (words, cards) = (places(&went, "words"), places(&went, "card"));
        assert_eq!(words, (7..67).collect::<Vec<_>>());
        assert_eq!(cards.len(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_starves_however_many_people_are_called() {
        tokio::time::advance(Duration::from_mins(1)).await;
        let mut crowd = Crowd::default();
        crowd.come(100, Haste::Person, "question").await;
        crowd.come(1, Haste::Words, "words").await;
        let came = Instant::now();
        // Forty a second come and forty a second go, for ten seconds.
        for _ in 0..400 {
            crowd.come(1, Haste::Person, "question").await;
            tokio::time::sleep(SPACING).await;
        }
        let went = crowd.go().await;
        let words = places(&went, "words")[0];
        let waited = went[words].1 - came;
        let patience = Haste::Words.patience();
        assert!(waited >= patience && waited < 2 * patience, "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_the_line_takes_no_place() {
        tokio::time::advance(Duration::from_mins(1)).await;
        let mut crowd = Crowd::default();
        crowd.come(6, Haste::Words, "words").await;
        let (line, began) = (Arc::clone(&crowd.line), Instant::now());
        for _ in 0..40 {
            let gave_up = tokio::time::timeout(Duration::ZERO, line.turn(Haste::Person)).await;
            gave_up.unwrap_err();
        }
        line.turn(Haste::Person).await;
        assert!(began.elapsed() <= 3 * SPACING, "{:?}", began.elapsed());
        crowd.go().await;
    }
}
