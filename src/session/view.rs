//! What can be known of a session from outside: its status, and what a card, the board and the commands show.
//!
//! Every actor publishes its view; a session without one is read from the store. Without this room whoever wants to
//! show something would have to ask each actor and wait for it.

use std::collections::HashMap;

use anyhow::Result;

use super::Deps;
use super::actor::Actor;
use super::state::{Health, Place};
use crate::agent::AgentStateReport;
use crate::ids::{ChannelId, SessionId, ThreadId};
use crate::store::now_ms;
use crate::store::vitals::StoredView;

/// How a session is doing, in five words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// Ready for a prompt.
    Idle,
    /// A turn is running.
    Busy,
    /// A dialog waits for a person.
    Waiting,
    /// The last turn failed or warned, or the agent retries.
    Degraded,
    /// The process could not start or died, or the daemon is stopping or offline.
    Failed,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Idle,
        Self::Busy,
        Self::Waiting,
        Self::Degraded,
        Self::Failed,
    ];

    /// The colour of an embed.
    #[must_use]
    pub const fn colour(self) -> u32 {
        match self {
            Self::Idle => 0x002E_CC71,
            Self::Busy => 0x0058_65F2,
            Self::Waiting => 0x00F1_C40F,
            Self::Degraded => 0x00E6_7E22,
            Self::Failed => 0x00E7_4C3C,
        }
    }

    /// The sign in a list.
    #[must_use]
    pub const fn emoji(self) -> &'static str {
        match self {
            Self::Idle => "🟢",
            Self::Busy => "🔵",
            Self::Waiting => "🟡",
            Self::Degraded => "🟠",
            Self::Failed => "🔴",
        }
    }

    /// Its name for programs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Busy => "busy",
            Self::Waiting => "waiting",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
        }
    }

    /// Its name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Idle => "Idle",
            Self::Busy => "Busy",
            Self::Waiting => "Waiting",
            Self::Degraded => "Degraded",
            Self::Failed => "Failed",
        }
    }
}

/// When a prompt runs that is written now and has none before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Next {
    /// Nothing is in its way.
    AtOnce,
    /// When the running turn is over.
    AfterTurn,
    /// When the conversation is compacted.
    AfterCompacting,
    /// When there is a process for it.
    WhenFree,
    /// When somebody has decided about the prompt that the daemon did not outlive.
    WhenDecided,
    /// Not any more: the session or the daemon ends.
    Never,
}

/// A session as it is seen from outside.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// Its thread; `None` while it is being made.
    pub thread: Option<ThreadId>,
    /// The channel that the thread is under.
    pub parent: ChannelId,
    /// The thread's name.
    pub name: String,
    /// How it is doing.
    pub status: Status,
    /// What it is doing, in a few words: `working`, `starting`, `the last turn failed`.
    pub phase_word: &'static str,
    /// When a prompt runs that is written now.
    pub next: Next,
    /// The tool that runs.
    pub tool: Option<String>,
    /// When the running turn began, in unix milliseconds.
    pub turn_began_ms: Option<i64>,
    /// Prompts that wait for their turn.
    pub queued: usize,
    /// Prompts that were set aside until somebody continues the queue.
    pub held: usize,
    /// The model.
    pub model: Option<String>,
    /// How much it thinks.
    pub thinking: Option<String>,
    /// Tokens in the context.
    pub tokens: Option<u64>,
    /// What all turns cost together, in US dollars.
    pub cost: f64,
    /// How full the context is.
    pub context_percent: Option<f64>,
    /// The directory that it runs in.
    pub workspace: String,
    /// `always-ask`, `write` or `yolo`.
    pub approval_mode: String,
    /// Questions that wait for a person.
    pub dialogs: usize,
    /// When it last did something, in unix milliseconds.
    pub last_active_ms: i64,
    /// When it was made, in unix milliseconds.
    pub created_ms: i64,
    /// Whether it has a process.
    pub process: bool,
    /// Whether its agent runs in a person's terminal.
    pub terminal: bool,
}

impl SessionView {
    /// A session without an actor.
    fn dormant(stored: StoredView) -> Self {
        let health: Health = stored.health;
        let interrupted = stored.interrupted > 0;
        let count = |count: i64| usize::try_from(count).unwrap_or_default();
        Self {
            id: stored.id,
            thread: stored.thread,
            parent: stored.parent,
            name: stored.name,
            status: match health.status() {
                Status::Failed => Status::Failed,
                _ if interrupted => Status::Degraded,
                status => status,
            },
            phase_word: match health.status() {
                Status::Failed => health.word(),
                _ if interrupted => super::state::INTERRUPTED,
                _ => health.word(),
            },
            next: if interrupted {
                Next::WhenDecided
            } else {
                Next::AtOnce
            },
            tool: None,
            turn_began_ms: None,
            queued: count(stored.queued),
            held: count(stored.held),
            model: stored.model,
            thinking: stored.thinking,
            tokens: stored.tokens.and_then(|tokens| tokens.try_into().ok()),
            cost: stored.cost,
            context_percent: stored.context_percent,
            workspace: stored.workspace,
            approval_mode: stored.approval_mode,
            dialogs: 0,
            last_active_ms: stored.last_active_at,
            created_ms: stored.created_at,
            process: false,
            terminal: false,
        }
    }
}

/// Every open session: those with an actor as it sees them, the others as the store knows them. Oldest first.
pub async fn all_views(deps: &Deps) -> Result<Vec<SessionView>> {
    let stored = deps.store.stored_views().await?;
    let live = deps.sessions.views().into_iter();
    let mut live: HashMap<_, _> = live.map(|view| (view.id.clone(), view)).collect();
    let views = stored
        .into_iter()
        .map(|stored| live.remove(&stored.id).unwrap_or_else(|| dormant(deps, stored)));
    Ok(views.collect())
}

/// One session, whether it has an actor or not; `None` where it is not open.
pub async fn view_of(deps: &Deps, id: &SessionId) -> Result<Option<SessionView>> {
    let stored = deps.store.stored_view(id).await?;
    let live = || deps.sessions.view(id);
    Ok(stored.map(|stored| live().unwrap_or_else(|| dormant(deps, stored))))
}

fn dormant(deps: &Deps, stored: StoredView) -> SessionView {
    let mut view = SessionView::dormant(stored);
    deps.sessions.overlay(&mut view);
    view
}

/// How a session is doing, where a person may be asked: also outside of a turn, as extensions do.
fn asking((status, word): (Status, &'static str), asks: bool) -> (Status, &'static str) {
    match status {
        Status::Idle | Status::Busy | Status::Degraded if asks => (Status::Waiting, "waiting for an answer"),
        _ => (status, word),
    }
}

impl Actor {
    /// Tells everybody how the session is doing, where that has changed.
    pub(super) async fn publish_view(&mut self) -> Result<()> {
        let Some(view) = self.view() else { return Ok(()) };
        self.deps.sessions.publish(view);
        self.vitals.health = self.state.health();
        if self.vitals == self.kept_vitals {
            return Ok(());
        }
        self.deps.store.set_vitals(self.handle.id(), &self.vitals).await?;
        self.kept_vitals = self.vitals.clone();
        Ok(())
    }

    /// What the turn has used. It is stored with the view that follows.
    pub(super) fn spent(&mut self, cost: f64, model: Option<&str>, report: Option<&AgentStateReport>) {
        let vitals = &mut self.vitals;
        vitals.active_at = now_ms();
        vitals.cost += cost;
        if let Some(model) = model {
            vitals.model = Some(model.to_owned());
        }
        if let Some(report) = report {
            vitals.model = report.model.clone().or(vitals.model.take());
            vitals.thinking = report.thinking.clone().or(vitals.thinking.take());
            vitals.context_percent = report.context_percent;
            vitals.tokens = report.context_tokens.and_then(|tokens| tokens.try_into().ok());
        }
    }

    /// How the session is doing now.
    pub(super) fn view(&self) -> Option<SessionView> {
        let session = self.session.as_ref()?;
        let (status, phase_word) = asking((self.state.status(), self.state.word()), self.is_asking());
        let turn = self.turn.as_ref();
        let tool = turn
            .and_then(|turn| turn.tools.last())
            .map(|(_, tool)| tool.clone());
        Some(SessionView {
            id: session.id.clone(),
            thread: self.thread,
            parent: session.parent,
            name: session.thread_name.clone(),
            status,
            phase_word,
            next: self.state.next(),
            tool,
            turn_began_ms: turn.and_then(|turn| turn.began_ms),
            queued: self.state.queued(),
            held: self.state.held(),
            model: self.vitals.model.clone().or_else(|| session.model.clone()),
            thinking: self.vitals.thinking.clone().or_else(|| session.thinking.clone()),
            tokens: self.vitals.tokens.and_then(|tokens| tokens.try_into().ok()),
            cost: self.vitals.cost + turn.map_or(0.0, |turn| turn.cost),
            context_percent: self.vitals.context_percent,
            workspace: session.workspace.clone(),
            approval_mode: session.approval_mode.clone(),
            dialogs: self.dialogs.count(),
            last_active_ms: self.vitals.active_at,
            created_ms: session.created_at,
            process: self.running.is_some(),
            terminal: self.state.place() == Place::Terminal,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_asked_something_is_waited_for() {
        for status in Status::ALL {
            let (shown, word) = asking((status, "so"), true);
            match status {
                Status::Failed => assert_eq!((shown, word), (status, "so")),
                Status::Waiting => assert_eq!(shown, Status::Waiting),
                _ => assert_eq!((shown, word), (Status::Waiting, "waiting for an answer")),
            }
            assert_eq!(asking((status, "so"), false), (status, "so"));
        }
    }

    #[test]
    fn colours_and_signs_are_these() {
        let shown: Vec<_> = Status::ALL
            .iter()
            .map(|status| format!("{} {:06X} {}", status.word(), status.colour(), status.emoji()))
            .collect();
        assert_eq!(
            shown,
            [
                "Idle 2ECC71 🟢",
                "Busy 5865F2 🔵",
                "Waiting F1C40F 🟡",
                "Degraded E67E22 🟠",
                "Failed E74C3C 🔴"
            ]
        );
    }
}
