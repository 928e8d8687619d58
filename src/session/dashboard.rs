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
use super::view::{SessionView, Status, all_views, view_of};
use crate::discord::draft::Draft;
use crate::discord::outbox::{Act, OutboxEvent};
use crate::ids::{ChannelId, MessageId, OutboxId, SessionId};
use crate::render::board::{Board, Daemon, board};
use crate::render::card::{self, Card};
use crate::store::dashboards::Place;
use crate::store::now_ms;

/// How long nothing is painted after the store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How long a place is left alone where Discord wants no message.
const AFTER_REFUSAL: Duration = Duration::from_mins(10);
/// The thread is archived, and what was to be done does not open it or may not.
const ARCHIVED: u32 = 50_083;
const MISSING_ACCESS: u32 = 50_001;
const MISSING_PERMISSIONS: u32 = 50_013;

/// The painter from outside. It ends with its last handle, or when it has painted everything offline.
#[derive(Clone, Debug)]
pub struct Dashboard(mpsc::UnboundedSender<Said>);

#[derive(Debug)]
enum Said {
    Outbox(OutboxEvent),
    Stopping,
    Offline(oneshot::Sender<()>),
}

impl Dashboard {
    /// Begins to paint as soon as `connected` says that the daemon is there.
    #[must_use]
    pub fn start(deps: Arc<Deps>, connected: watch::Receiver<bool>) -> Self {
        let (say, said) = mpsc::unbounded_channel();
        let painter = Painter {
            up_since_ms: now_ms(),
            cards: HashMap::new(),
            rows: HashMap::new(),
            threads: HashMap::new(),
            below: HashMap::new(),
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

    /// The daemon goes down: what runs from now on is being finished.
    pub fn stopping(&self) {
        self.tell(Said::Stopping);
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
struct BoardCare {
    dirty: bool,
    shown: Option<Instant>,
    not_before: Option<Instant>,
    /// The row of a board that was made by this run and is to be pinned once it is there.
    to_pin: Option<OutboxId>,
}

impl BoardCare {
    fn due(&self, now: Instant) -> Option<Instant> {
        let due = self.shown.map_or(now, |shown| shown + AT_ONCE);
        self.dirty
            .then(|| self.not_before.map_or(due, |not_before| due.max(not_before)))
    }
}

struct Painter {
    deps: Arc<Deps>,
    up_since_ms: i64,
    cards: HashMap<SessionId, CardCare>,
    /// Whose row it is.
    rows: HashMap<OutboxId, Place>,
    threads: HashMap<ChannelId, SessionId>,
    /// How many messages stand below a thread's card.
    below: HashMap<ChannelId, usize>,
    board: BoardCare,
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
                    Some(Said::Stopping) => {
                        self.leaving = Some(self.deps.sessions.views().into_iter().map(|view| view.id).collect());
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
        for id in changed {
            self.cards.entry(id).or_default().dirty = true;
            self.board.dirty = true;
        }
        for (channel, count) in written {
            self.more_below(channel, count);
        }
    }

    fn more_below(&mut self, channel: ChannelId, count: usize) {
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
            self.paint_card(&id).await?;
        }
        if is_due(self.board.due(now)) {
            let daemon = match self.leaving {
                None => Daemon::Online,
                Some(_) => Daemon::Stopping,
            };
            self.paint_board(daemon).await?;
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
        let make = match care.painted(&view, (below, coming), Instant::now()) {
            // Nothing new in a thread where nobody works: it may be archived, and a message would open it.
            _ if !live => Make::Never,
            _ if self.leaving.is_some() => Make::Missing,
            make => make,
        };
        self.threads.insert(channel, id.clone());
        let card = card::card(&view, false);
        let place = Place::Card(id.clone());
        if make == Make::AtTheBottom {
            self.below.insert(channel, 0);
        }
        if let Some(row) = paint(&deps, &place, channel, card, make).await? {
            self.rows.insert(row, place);
        }
        Ok(())
    }

    /// The session is not open any more.
    async fn forget(&mut self, id: &SessionId) -> Result<()> {
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
        self.deps.store.unpainted(&Place::Card(id.clone())).await
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
            && self.rows.insert(row, Place::Board).is_none()
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

    async fn outbox(&mut self, event: OutboxEvent) -> Result<()> {
        match event {
            OutboxEvent::Sent {
                row,
                channel,
                message,
            } => self.sent(row, channel, message).await,
            OutboxEvent::MessageGone { row, .. } => self.gone(row).await,
            OutboxEvent::ChannelGone { channel } => {
                if let Some(id) = self.threads.get(&channel).cloned() {
                    return self.forget(&id).await;
                }
                if channel == self.deps.config.home_channel {
                    self.deps.store.unpainted(&Place::Board).await?;
                    self.board.not_before = Some(Instant::now() + AFTER_REFUSAL);
                }
                Ok(())
            }
            OutboxEvent::Refused {
                channel, row, code, ..
            } => self.refused(channel, row, code).await,
            OutboxEvent::Unauthorized => Ok(()),
        }
    }

    async fn sent(&mut self, row: OutboxId, channel: ChannelId, message: MessageId) -> Result<()> {
        if let Some(id) = self.threads.get(&channel) {
            self.deps.sessions.set_blocked(id, None);
        }
        if !self.rows.contains_key(&row) {
            self.more_below(channel, 1);
            return Ok(());
        }
        self.below.insert(channel, 0);
        self.deps.store.card_sent(row, message).await?;
        if self.board.to_pin.take_if(|to_pin| *to_pin == row).is_some() {
            self.deps.outbox.act(channel, Act::Pin { message }).await?;
        }
        Ok(())
    }

    /// Somebody deleted a message. What had changed then is shown by a new one, and nothing before it changes again:
    /// whoever goes on deleting it is not flooded.
    async fn gone(&mut self, row: OutboxId) -> Result<()> {
        let Some(place) = self.rows.remove(&row) else {
            return Ok(());
        };
        if self
            .deps
            .store
            .painted(&place)
            .await?
            .is_none_or(|known| known.row != row)
        {
            return Ok(());
        }
        self.deps.store.unpainted(&place).await?;
        match place {
            Place::Board => self.board.dirty = true,
            Place::Card(id) => self.cards.entry(id).or_default().is_gone(),
        }
        Ok(())
    }

    async fn refused(&mut self, channel: ChannelId, row: OutboxId, code: u32) -> Result<()> {
        let Some(place) = self.rows.get(&row) else {
            return self.blocked(channel, code).await;
        };
        if code == ARCHIVED {
            // It is painted when something has opened the thread.
            return Ok(());
        }
        let later = Some(Instant::now() + AFTER_REFUSAL);
        match place {
            Place::Board => self.board.not_before = later,
            Place::Card(id) => self.cards.entry(id.clone()).or_default().not_before = later,
        }
        Ok(())
    }

    /// What a session says does not arrive. Said once where it can be read.
    async fn blocked(&mut self, channel: ChannelId, code: u32) -> Result<()> {
        let why = match code {
            ARCHIVED => "it is locked. Unlock it, or give me **Manage Threads**.",
            MISSING_ACCESS => "I cannot see it any more. Give me **View Channel** there.",
            MISSING_PERMISSIONS => "I may not. Give me **Send Messages in Threads**.",
            _ => return Ok(()),
        };
        let session = self.deps.store.session_of_thread(channel.thread()).await?;
        let Some(session) = session else { return Ok(()) };
        let Some(view) = view_of(&self.deps, &session.id).await? else {
            return Ok(());
        };
        if !self
            .deps
            .sessions
            .set_blocked(&session.id, Some("cannot write in its thread"))
        {
            return Ok(());
        }
        tracing::warn!(session = %view.id, code, "session {} cannot write in its thread {channel}", view.id);
        self.say_blocked(&view, why).await
    }

    async fn say_blocked(&self, view: &SessionView, why: &str) -> Result<()> {
        let said = Draft::text(card::blocked(view, why));
        let row = self.deps.outbox.post(self.deps.config.home_channel, said).await?;
        self.deps.outbox.seal(row).await
    }
}

async fn until(connected: &mut watch::Receiver<bool>) {
    if connected.wait_for(|connected| *connected).await.is_err() {
        // The gateway has ended, and so does the daemon.
        std::future::pending::<()>().await;
    }
}
