//! Which sessions have a running actor. Finds it or starts it; nothing else may start one, or a session would have
//! two writers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use tokio::sync::{mpsc, oneshot, watch};
use tracing::Instrument as _;

use super::Deps;
use super::actor::{Actor, SessionHandle};
use super::attached::{Arrival, Arrived};
use super::control::Control;
use super::dialog::asked::{AllAsked, Asked};
use super::dialog::{By, Took, Unseen, Wish};
use super::missed::Ears;
use super::state::{Input, Reply};
use super::view::{SessionView, Status};
use crate::ids::{ChannelId, OutboxId, SessionId};
use crate::store::terminals::{Gone, NewTerminal};

/// The running sessions. A cheap clone.
#[derive(Clone, Debug, Default)]
pub struct Sessions(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    running: Mutex<HashMap<SessionId, SessionHandle>>,
    count: watch::Sender<usize>,
    closing: AtomicBool,
    asked: AllAsked,
    ears: Ears,
    views: Mutex<Views>,
    /// Counts the changes of views.
    changes: watch::Sender<u64>,
    painting: tokio::sync::Mutex<()>,
    /// Weak, because the sessions are part of what they need.
    deps: OnceLock<Weak<Deps>>,
}

/// What the actors last said of themselves.
#[derive(Debug, Default)]
struct Views {
    now: HashMap<SessionId, SessionView>,
    /// Sessions that changed since somebody asked, and whether an actor said so.
    changed: HashMap<SessionId, bool>,
    /// How many messages people wrote since then.
    written: HashMap<ChannelId, usize>,
    /// Sessions whose words do not arrive.
    blocked: HashMap<SessionId, &'static str>,
}

impl Views {
    /// What cannot be seen in a session's thread is what matters most about it.
    fn overlay(&self, view: &mut SessionView) {
        if let Some(why) = self.blocked.get(&view.id) {
            (view.status, view.phase_word) = (Status::Degraded, why);
        }
    }
}

impl Sessions {
    fn views_lock(&self) -> MutexGuard<'_, Views> {
        self.0.views.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sessions that have an actor, in no order.
    #[must_use]
    pub fn views(&self) -> Vec<SessionView> {
        let views = self.views_lock();
        let mut now: Vec<SessionView> = views.now.values().cloned().collect();
        for view in &mut now {
            views.overlay(view);
        }
        now
    }

    /// One session that has an actor.
    #[must_use]
    pub fn view(&self, id: &SessionId) -> Option<SessionView> {
        let views = self.views_lock();
        let mut view = views.now.get(id).cloned()?;
        views.overlay(&mut view);
        Some(view)
    }

    /// The same for a session that has no actor.
    pub(super) fn overlay(&self, view: &mut SessionView) {
        self.views_lock().overlay(view);
    }

    /// What a session says does not arrive, or does again. `true` where that is new.
    pub(super) fn set_blocked(&self, id: &SessionId, why: Option<&'static str>) -> bool {
        let mut views = self.views_lock();
        let before = match why {
            Some(why) => views.blocked.insert(id.clone(), why),
            None => views.blocked.remove(id),
        };
        let changed = before != why;
        if changed {
            views.changed.entry(id.clone()).or_default();
            drop(views);
            self.changed();
        }
        changed
    }

    /// The session is over: whether its words arrive is nobody's concern any more.
    pub(super) fn forget_blocked(&self, id: &SessionId) {
        self.views_lock().blocked.remove(id);
    }

    /// A person wrote a message in a session's thread.
    pub(crate) fn wrote(&self, channel: ChannelId) {
        *self.views_lock().written.entry(channel).or_default() += 1;
        self.changed();
    }

    /// Held by whoever paints a card.
    pub(super) async fn painting(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.painting.lock().await
    }

    /// Counts up whenever a session has changed.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// The sessions that have changed since this was last asked, each with whether an actor was at work, and how much
    /// people wrote where, for the one who paints them.
    pub(super) fn take_changed(&self) -> (HashMap<SessionId, bool>, HashMap<ChannelId, usize>) {
        let mut views = self.views_lock();
        (
            std::mem::take(&mut views.changed),
            std::mem::take(&mut views.written),
        )
    }

    /// An actor tells how its session is doing.
    pub(super) fn publish(&self, view: SessionView) {
        let mut views = self.views_lock();
        if views.now.get(&view.id) != Some(&view) {
            views.changed.insert(view.id.clone(), true);
            views.now.insert(view.id.clone(), view);
            drop(views);
            self.changed();
        }
    }

    /// A session's thread has another name, as the store knows.
    pub(crate) fn named(&self, id: &SessionId, name: &str) {
        if let Some(handle) = self.lock().get(id) {
            handle.control(Control::Named(name.to_owned()));
        }
        self.touch(id);
    }

    /// A session has changed in the store.
    pub(super) fn touch(&self, id: &SessionId) {
        self.views_lock().changed.entry(id.clone()).or_default();
        self.changed();
    }

    fn changed(&self) {
        self.0.changes.send_modify(|count| *count += 1);
    }

    /// The session has no actor any more: what the store says counts.
    fn hide(&self, id: &SessionId) {
        let mut views = self.views_lock();
        if views.now.remove(id).is_some() {
            views.changed.entry(id.clone()).or_default();
            drop(views);
            self.changed();
        }
    }

    /// Says what the actors need. Until then every message is dropped; it is durable anyway.
    pub fn connect(&self, deps: &Arc<Deps>) {
        // A second call would be a mistake of the boot; the first one stands.
        self.0.deps.set(Arc::downgrade(deps)).ok();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, SessionHandle>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Delivers under the lock, so that an actor cannot retire between being found and being told.
    pub(super) fn deliver(&self, id: &SessionId, control: Control) {
        let mut running = self.lock();
        let known = running.get(id).filter(|handle| !handle.is_closed()).cloned();
        let handle = if let Some(handle) = known {
            handle
        } else {
            let deps = self.0.deps.get().and_then(Weak::upgrade);
            let Some(deps) = deps.filter(|_| !self.0.closing.load(Ordering::Relaxed)) else {
                return;
            };
            let (handle, inbox) = SessionHandle::new(id.clone());
            running.insert(id.clone(), handle.clone());
            self.0.count.send_replace(running.len());
            let tracker = deps.tracker.clone();
            let actor = Actor::new(deps, handle.clone());
            let span = actor.spans.now();
            tracker.spawn(actor.run(inbox).instrument(span));
            handle
        };
        handle.control(control);
    }

    pub(super) fn ears(&self) -> &Ears {
        &self.0.ears
    }

    /// Tells every running session something.
    pub(super) fn tell_all(&self, input: &Input) {
        for handle in self.lock().values() {
            handle.send(input.clone());
        }
    }

    /// Delivers to an actor that runs already. `false`: there is none.
    pub(super) fn deliver_if_running(&self, id: &SessionId, control: Control) -> bool {
        let running = self.lock();
        let handle = running.get(id).filter(|handle| !handle.is_closed());
        if let Some(handle) = handle {
            handle.control(control);
        }
        handle.is_some()
    }

    /// Tells a session something, starting its actor if need be.
    pub fn send(&self, id: &SessionId, input: Input) {
        self.deliver(id, Control::Input(input));
    }

    /// Starts a session's actor, which then looks for its work in the store.
    pub fn wake(&self, id: &SessionId) {
        self.deliver(id, Control::Wake);
    }

    /// Asks a session for something. `None`: it could not answer.
    pub async fn ask(&self, id: &SessionId, input: Input) -> Option<Reply> {
        let (reply, answer) = oneshot::channel();
        self.deliver(id, Control::Ask(input, reply));
        answer.await.ok()
    }

    /// Wants something of a question of the agent. `None`: the session could not answer.
    pub(crate) async fn answer(&self, id: &SessionId, key: String, wish: Wish, by: By) -> Option<Took> {
        let (reply, answer) = oneshot::channel();
        self.deliver(id, Control::Answer { key, wish, by, reply });
        answer.await.ok()
    }

    /// A terminal wants to share its session. `None`: the session could not answer.
    pub(crate) async fn terminal_arrives(&self, id: &SessionId, terminal: NewTerminal) -> Option<Arrived> {
        let (reply, answer) = oneshot::channel();
        self.deliver(id, Control::Arrives(Arrival { terminal, reply }));
        answer.await.ok()
    }

    /// The terminal of a session goes.
    pub(crate) fn terminal_leaves(&self, id: &SessionId, how: Gone) {
        self.deliver(id, Control::Leaves(how));
    }

    /// The open question with this key, without waiting for anything.
    pub(crate) fn asked(&self, id: &SessionId, key: &str) -> Option<Arc<Asked>> {
        self.0.asked.get(id, key)
    }

    /// For how long the oldest open question has been waiting for a person.
    pub(crate) fn oldest_question(&self) -> Option<std::time::Duration> {
        self.0.asked.oldest()
    }

    /// The threads in which something is asked.
    pub(crate) fn asking_in(&self) -> Vec<ChannelId> {
        let mut threads: Vec<_> = self.0.asked.asking().into_iter().map(|(_, at)| at).collect();
        threads.dedup();
        threads
    }

    /// A message in a thread cannot be seen. Where it was a question, nobody could answer.
    pub(crate) fn unseen(&self, channel: ChannelId, row: OutboxId, how: Unseen) {
        for (id, _) in self.0.asked.asking().into_iter().filter(|(_, at)| *at == channel) {
            self.deliver_if_running(&id, Control::Unseen { row, how });
        }
    }

    pub(super) fn all_asked(&self) -> &AllAsked {
        &self.0.asked
    }

    /// Tells every running session that the daemon goes down, and starts none from now on.
    pub fn shut_down(&self) {
        // Under the lock, so that none is started between the two and never hears of it.
        let running = self.lock();
        self.0.closing.store(true, Ordering::Relaxed);
        for handle in running.values() {
            handle.send(Input::Shutdown);
        }
    }

    /// Returns when no actor runs any more.
    pub async fn all_ended(&self) {
        let mut count = self.0.count.subscribe();
        // The sender lives as long as `self`.
        count.wait_for(|count| *count == 0).await.ok();
    }

    /// Returns when this session has no actor, and with it no process.
    pub(crate) async fn ended(&self, id: &SessionId) {
        let mut count = self.0.count.subscribe();
        while self.lock().contains_key(id) {
            // The sender lives as long as `self`. The map is not looked at from within the watch: whoever changes it
            // tells the watch while holding the map.
            count.changed().await.ok();
        }
    }

    /// Whether the daemon goes down.
    pub(super) fn is_closing(&self) -> bool {
        self.0.closing.load(Ordering::Relaxed)
    }

    /// Lets an actor end, unless something has come for it meanwhile.
    pub(super) fn retire(&self, handle: &SessionHandle, inbox: &mpsc::UnboundedReceiver<Control>) -> bool {
        let mut running = self.lock();
        let idle = inbox.is_empty();
        if idle {
            running.remove(handle.id());
            self.hide(handle.id());
            self.0.count.send_replace(running.len());
        }
        idle
    }

    /// The actor has ended, whatever was in its mailbox: what matters is durable. One that has retired may have a
    /// successor already, which stays.
    pub(super) fn forget(&self, handle: &SessionHandle) {
        let mut running = self.lock();
        if running
            .get(handle.id())
            .is_some_and(|known| known.is_same(handle))
        {
            running.remove(handle.id());
            self.hide(handle.id());
            self.0.count.send_replace(running.len());
        }
    }
}
