//! The one painter of the cards and the board. It hears of changes and of what became of its messages, and decides
//! when to paint what.
//!
//! One task for all of them, because a card outlives the actor of its session: after a restart, and while the session
//! sleeps, there is nobody else to look after it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::Deps;
use super::card::{AT_ONCE, CardCare};
use super::paint::{Make, paint};
use super::view::{Status, all_views, view_of};
use crate::discord::outbox::OutboxEvent;
use crate::ids::{ChannelId, OutboxId, SessionId};
use crate::render::board::{Board, Daemon, board};
use crate::render::card::{self, Card};
use crate::store::dashboards::Place;
use crate::store::now_ms;

/// How long nothing is painted after the store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// The painter from outside. It ends with its last handle, or when it has painted everything offline.
#[derive(Clone, Debug)]
pub struct Dashboard(mpsc::UnboundedSender<Said>);

#[derive(Debug)]
enum Said {
    Outbox(OutboxEvent),
    /// The sessions that run.
    Stopping(HashSet<SessionId>),
    Offline(oneshot::Sender<()>),
}

impl Dashboard {
    /// Begins to paint as soon as `connected` says that the daemon is there.
    #[must_use]
    pub fn start(deps: &Arc<Deps>, connected: watch::Receiver<bool>) -> Self {
        let (say, said) = mpsc::unbounded_channel();
        let painter = Painter {
            up_since_ms: now_ms(),
            cards: HashMap::new(),
            rows: HashMap::new(),
            threads: HashMap::new(),
            below: HashMap::new(),
            complained: HashMap::new(),
            board: BoardCare::default(),
            leaving: None,
            not_before: None,
            deps: deps.clone(),
        };
        deps.tracker.spawn(painter.run(said, connected));
        Self(say)
    }

    /// Something became of a message.
    pub fn heard(&self, event: OutboxEvent) {
        self.tell(Said::Outbox(event));
    }

    /// The daemon goes down: these sessions are being finished. Said by whoever ends them, before that: the painter
    /// may hear of it only when the first of them is gone already, and would leave its card as it was.
    pub fn stopping(&self, running: HashSet<SessionId>) {
        self.tell(Said::Stopping(running));
    }

    /// The sessions have ended: everything is painted as offline, and nothing after that.
    pub async fn offline(&self) {
        let (done, painted) = oneshot::channel();
        self.tell(Said::Offline(done));
        // The painter has ended before: there is nothing more to be painted.
        painted.await.ok();
    }

    fn tell(&self, said: Said) {
        // The same.
        self.0.send(said).ok();
    }
}

/// What is remembered of the board.
#[derive(Debug, Default)]
pub(super) struct BoardCare {
    pub(super) dirty: bool,
    shown: Option<Instant>,
    pub(super) not_before: Option<Instant>,
    /// The row of a board that was made by this run and is to be pinned once it is there.
    pub(super) to_pin: Option<OutboxId>,
}

impl BoardCare {
    fn due(&self, now: Instant) -> Option<Instant> {
        let due = self.shown.map_or(now, |shown| shown + AT_ONCE);
        self.dirty
            .then(|| self.not_before.map_or(due, |not_before| due.max(not_before)))
    }
}

pub(super) struct Painter {
    pub(super) deps: Arc<Deps>,
    up_since_ms: i64,
    pub(super) cards: HashMap<SessionId, CardCare>,
    /// Whose row it is.
    pub(super) rows: HashMap<OutboxId, Place>,
    pub(super) threads: HashMap<ChannelId, SessionId>,
    /// How many messages stand below a thread's card.
    pub(super) below: HashMap<ChannelId, usize>,
    /// When the home channel was told that a session cannot write in its thread.
    pub(super) complained: HashMap<SessionId, Instant>,
    pub(super) board: BoardCare,
    /// The daemon goes down: the sessions that ran then.
    leaving: Option<HashSet<SessionId>>,
    not_before: Option<Instant>,
}

impl Painter {
    async fn run(mut self, mut said: mpsc::UnboundedReceiver<Said>, mut connected: watch::Receiver<bool>) {
        let mut changes = self.deps.sessions.changes();
        if let Err(error) = self.remember().await {
            tracing::error!("cannot read which messages are cards: {error:#}");
        }
        // Before that a card would say that somebody is there who is not.
        let mut ready = false;
        loop {
            let due = self.due().filter(|_| ready);
            let sleep = tokio::time::sleep_until(due.unwrap_or_else(Instant::now));
            let done = tokio::select! {
                heard = said.recv() => match heard {
                    Some(Said::Outbox(event)) => self.outbox(event).await,
                    Some(Said::Stopping(running)) => {
                        self.leaving = Some(running);
                        self.board.dirty = true;
                        Ok(())
                    }
                    Some(Said::Offline(done)) => {
                        if let Err(error) = self.paint_offline().await {
                            tracing::error!("cannot paint the board offline: {error:#}");
                        }
                        // Whoever asked may have given up.
                        done.send(()).ok();
                        return;
                    }
                    None => return,
                },
                // The sender lives as long as the sessions.
                Ok(()) = changes.changed() => {
                    self.changed();
                    Ok(())
                }
                () = until(&mut connected), if !ready => {
                    ready = true;
                    Ok(())
                }
                () = sleep, if due.is_some() => self.paint_due().await,
            };
            if let Err(error) = done {
                tracing::error!("cannot paint a card: {error:#}");
                self.not_before = Some(Instant::now() + AFTER_FAILURE);
            }
        }
    }

    /// What an earlier run has painted is looked after again.
    async fn remember(&mut self) -> Result<()> {
        self.board.dirty = true;
        for (place, row) in self.deps.store.painted_places().await? {
            if let Place::Card(session) = &place {
                self.cards.entry(session.clone()).or_default().dirty = true;
            }
            self.rows.insert(row, place);
        }
        Ok(())
    }

    fn due(&self) -> Option<Instant> {
        let now = Instant::now();
        let cards = self.cards.iter().filter(|(_, care)| care.dirty);
        let cards = cards.filter_map(|(id, care)| care.due(now, self.deps.sessions.view(id).as_ref()));
        let due = cards.chain(self.board.due(now)).min()?;
        Some(self.not_before.map_or(due, |not_before| due.max(not_before)))
    }

    fn changed(&mut self) {
        let (changed, written) = self.deps.sessions.take_changed();
        let now = Instant::now();
        for (id, at_work) in changed {
            let care = self.cards.entry(id).or_insert_with(|| CardCare::fresh(now));
            care.dirty = true;
            care.at_work |= at_work;
            self.board.dirty = true;
        }
        for (channel, count) in written {
            self.more_below(channel, count);
        }
    }

    pub(super) fn more_below(&mut self, channel: ChannelId, count: usize) {
        let Some(id) = self.threads.get(&channel) else {
            return;
        };
        let below = self.below.entry(channel).or_default();
        *below += count;
        if let Some(care) = self.cards.get_mut(id)
            && care.is_left_behind(*below)
        {
            care.dirty = true;
        }
    }

    async fn paint_due(&mut self) -> Result<()> {
        self.not_before = None;
        let now = Instant::now();
        let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= now);
        let cards = self.cards.iter().filter(|(_, care)| care.dirty);
        let cards = cards.filter(|(id, care)| is_due(care.due(now, self.deps.sessions.view(id).as_ref())));
        let cards: Vec<SessionId> = cards.map(|(id, _)| id.clone()).collect();
        for id in cards {
            let before = self.cards.get(&id).cloned();
            if let Err(error) = self.paint_card(&id).await {
                if let Some(mut care) = before {
                    // As if nobody had tried; the others go first, because it may be this one that fails.
                    care.not_before = Some(now + 2 * AFTER_FAILURE);
                    self.cards.insert(id, care);
                }
                return Err(error);
            }
        }
        if is_due(self.board.due(now)) {
            let daemon = match self.leaving {
                None => Daemon::Online,
                Some(_) => Daemon::Stopping,
            };
            let shown = self.board.shown;
            let painted = self.paint_board(daemon).await;
            if painted.is_err() {
                (self.board.dirty, self.board.shown) = (true, shown);
            }
            return painted;
        }
        Ok(())
    }

    async fn paint_card(&mut self, id: &SessionId) -> Result<()> {
        let deps = self.deps.clone();
        // A session that ends meanwhile has the last word.
        let _painting = deps.sessions.painting().await;
        let live = deps.sessions.view(id).is_some();
        let Some(view) = view_of(&deps, id).await? else {
            return self.forget(id).await;
        };
        let Some(care) = self.cards.get_mut(id) else {
            return Ok(());
        };
        let Some(thread) = view.thread.filter(|_| live || self.leaving.is_none()) else {
            care.dirty = false;
            return Ok(());
        };
        let channel = thread.channel();
        let below = self.below.get(&channel).copied().unwrap_or_default();
        let coming = deps.outbox.lane(channel).borrow().unmade;
        let at_work = live || std::mem::take(&mut care.at_work);
        let make = match care.painted(&view, (below, coming), Instant::now()) {
            // Nothing new in a thread where nobody works: it may be archived, and a message would open it.
            _ if !at_work => Make::Never,
            _ if self.leaving.is_some() => Make::Missing,
            make => make,
        };
        self.threads.insert(channel, id.clone());
        let shown = card::card(&view, false);
        let place = Place::Card(id.clone());
        if let Some(row) = paint(&deps, &place, channel, shown, make).await? {
            self.stands_for(row, place);
        }
        if make == Make::AtTheBottom {
            self.below.insert(channel, 0);
        }
        Ok(())
    }

    /// Whose row it is from now on; `false` where that is new. The rows of the messages that a place had before are
    /// done with.
    fn stands_for(&mut self, row: OutboxId, place: Place) -> bool {
        self.rows.retain(|other, of| *other == row || *of != place);
        self.rows.insert(row, place).is_some()
    }

    /// The session is not open any more.
    pub(super) async fn forget(&mut self, id: &SessionId) -> Result<()> {
        self.deps.store.unpainted(&Place::Card(id.clone())).await?;
        self.deps.sessions.forget_blocked(id);
        self.complained.remove(id);
        self.cards.remove(id);
        self.rows
            .retain(|_, place| !matches!(place, Place::Card(of) if of == id));
        self.threads.retain(|channel, of| {
            let keep = of != id;
            if !keep {
                self.below.remove(channel);
            }
            keep
        });
        Ok(())
    }

    async fn paint_board(&mut self, daemon: Daemon) -> Result<()> {
        let views = all_views(&self.deps).await?;
        self.board.dirty = false;
        self.board.shown = Some(Instant::now());
        let config = &self.deps.config;
        let launch = config.launch.emoji.to_string();
        let embed = board(&Board {
            daemon,
            up_since_ms: self.up_since_ms,
            most_processes: config.agent.max_processes.get(),
            launch: &launch,
            views: &views,
        });
        let card = Card {
            embed,
            components: Vec::new(),
        };
        let home = config.home_channel;
        if let Some(row) = paint(&self.deps, &Place::Board, home, card, Make::Missing).await?
            && !self.stands_for(row, Place::Board)
        {
            self.board.to_pin = Some(row);
        }
        Ok(())
    }

    async fn paint_offline(&mut self) -> Result<()> {
        let views = all_views(&self.deps).await?;
        let ran = self.leaving.take().unwrap_or_default();
        for mut view in views.into_iter().filter(|view| ran.contains(&view.id)) {
            let Some(thread) = view.thread else { continue };
            view.status = Status::Failed;
            view.phase_word = "ompcord is offline";
            let card = card::card(&view, true);
            let place = Place::Card(view.id.clone());
            paint(&self.deps, &place, thread.channel(), card, Make::Never).await?;
        }
        self.paint_board(Daemon::Offline(now_ms())).await
    }
}

async fn until(connected: &mut watch::Receiver<bool>) {
    if connected.wait_for(|connected| *connected).await.is_err() {
        // The gateway has ended, and so does the daemon.
        std::future::pending::<()>().await;
    }
}
