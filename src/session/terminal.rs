//! Commands on their way to agents in people's terminals: kept in the store, and whoever waits for one is woken.
//!
//! A terminal that shares its session always asks for commands, so here is also known which one is there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::ids::{PromptId, SessionId};
use crate::store::Store;
use crate::store::terminal_commands::{NewCommand, TerminalCommand};
use crate::store::terminals::Gone;

/// How many commands one answer brings.
const MOST: u32 = 100;

/// The queue of commands. A cheap clone.
#[derive(Debug, Clone)]
pub struct Commands(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    /// Counts what happened, so that whoever waits looks again.
    changes: watch::Sender<u64>,
    polls: Mutex<HashMap<SessionId, Polls>>,
    /// Held while commands are given, so that whoever closes a queue knows what was.
    giving: tokio::sync::Mutex<()>,
}

/// Who asks for the commands of a session.
#[derive(Debug)]
struct Polls {
    /// Which poll is the newest.
    newest: u64,
    /// How many are being answered.
    open: usize,
    /// When the last one came or ended.
    heard: Instant,
    /// Nothing is given any more.
    closed: bool,
}

/// A poll that is being answered.
struct Poll<'a> {
    of: &'a Inner,
    session: &'a SessionId,
    number: u64,
}

impl Drop for Poll<'_> {
    fn drop(&mut self) {
        if let Some(polls) = self.of.polls().get_mut(self.session) {
            polls.open -= 1;
            polls.heard = Instant::now();
        }
    }
}

impl Inner {
    fn polls(&self) -> MutexGuard<'_, HashMap<SessionId, Polls>> {
        self.polls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin<'a>(&'a self, session: &'a SessionId) -> Poll<'a> {
        let mut all = self.polls();
        let polls = all.entry(session.clone()).or_insert_with(|| Polls {
            newest: 0,
            open: 0,
            heard: Instant::now(),
            closed: false,
        });
        polls.newest += 1;
        polls.open += 1;
        polls.heard = Instant::now();
        Poll {
            of: self,
            session,
            number: polls.newest,
        }
    }
}

impl Poll<'_> {
    fn may_be_given(&self) -> bool {
        let polls = self.of.polls();
        polls
            .get(self.session)
            .is_some_and(|polls| polls.newest == self.number && !polls.closed)
    }
}

impl Commands {
    /// The queue in this store.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self(Arc::new(Inner {
            store,
            changes: watch::Sender::new(0),
            polls: Mutex::default(),
            giving: tokio::sync::Mutex::default(),
        }))
    }

    /// Keeps a command and wakes the terminal.
    pub async fn enqueue(&self, session: &SessionId, new: &NewCommand) -> Result<()> {
        self.0.store.enqueue_command(session, new).await?;
        self.changed();
        Ok(())
    }

    /// Gives a prompt to the terminal and wakes it. `false`: it is not wanted any more.
    pub async fn hand(&self, session: &SessionId, prompt: PromptId, new: &NewCommand) -> Result<bool> {
        let handed = self.0.store.hand_to_terminal(session, prompt, new).await?;
        self.changed();
        Ok(handed)
    }

    /// The terminal of this session is given nothing any more until another one is there: what it may have read is known
    /// from then on.
    pub(super) async fn close(&self, session: &SessionId) {
        let _giving = self.0.giving.lock().await;
        if let Some(polls) = self.0.polls().get_mut(session) {
            polls.closed = true;
        }
        self.changed();
    }

    /// The session is over: the terminal is told, and nothing else any more.
    pub async fn let_go(&self, session: &SessionId) -> Result<()> {
        self.0.store.detach_terminal(session, Gone::Off, true).await?;
        self.changed();
        Ok(())
    }

    /// What waits for the terminal, after `after` was acknowledged. Waits until there is something, for so long.
    ///
    /// A terminal has one poll. One that comes while another waits is from an extension that has lost the earlier
    /// answer, so the earlier one ends with nothing: it would give a command to nobody.
    pub async fn poll(
        &self,
        session: &SessionId,
        after: Option<i64>,
        wait: Duration,
        stop: &CancellationToken,
    ) -> Result<Vec<TerminalCommand>> {
        let until = Instant::now() + wait;
        let mut changes = self.0.changes.subscribe();
        let mine = self.0.begin(session);
        self.changed();
        if let Some(after) = after {
            self.0.store.acknowledge_commands(session, after).await?;
        }
        loop {
            changes.mark_unchanged();
            let waiting = self.0.store.waiting_commands(session, MOST).await?;
            let giving = self.0.giving.lock().await;
            if !mine.may_be_given() {
                return Ok(Vec::new());
            }
            if let Some(last) = waiting.last() {
                // Before it leaves: from now on the terminal may have read it.
                self.0.store.commands_given(session, last.id).await?;
                return Ok(waiting);
            }
            drop(giving);
            tokio::select! {
                () = stop.cancelled() => return Ok(Vec::new()),
                () = tokio::time::sleep_until(until) => return Ok(Vec::new()),
                _ = changes.changed() => {}
            }
        }
    }

    /// Since when the terminal of this session has not been heard of; now where it waits for an answer, and `since`
    /// where it has not come yet.
    #[must_use]
    pub fn silent_since(&self, session: &SessionId, since: Instant) -> Instant {
        match self.0.polls().get(session) {
            Some(polls) if polls.open > 0 => Instant::now(),
            Some(polls) => polls.heard.max(since),
            None => since,
        }
    }

    /// The terminal of this session is there. A poll of an earlier one ends: it would give a command to both.
    pub fn heard(&self, session: &SessionId) {
        drop(self.0.begin(session));
        if let Some(polls) = self.0.polls().get_mut(session) {
            polls.closed = false;
        }
        self.changed();
    }

    fn changed(&self) {
        self.0.changes.send_modify(|count| *count += 1);
    }
}
