//! One actor per session around a pure state machine.
//!
//! `state` decides, `actor` and `effects` carry out, `registry` finds or starts the actor, `slots` bounds the
//! processes, `publish` turns events into messages.

mod abandoned;
pub mod actor;
mod attached;
mod card;
mod control;
pub mod dashboard;
mod deliver;
mod desk;
mod dialog;
mod effects;
mod events;
mod feedback;
mod host;
mod link;
pub mod live;
mod logs;
mod mirror;
mod missed;
pub mod models;
pub mod open;
mod paint;
mod prose;
mod publish;
pub mod registry;
mod rename;
mod room;
mod running;
mod seat;
mod secrets;
pub mod slots;
mod spans;
pub mod state;
pub mod terminal;
mod tools;
mod transcript;
pub mod view;
mod workspace;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use secrecy::ExposeSecret as _;
use tokio_util::task::TaskTracker;

use crate::config::{Config, create_private_dir, write_private};
use crate::discord::outbox::Outbox;
use crate::discord::rest::Rest;
use crate::ids::SessionId;
use crate::render::redact::Redactor;
use crate::store::Store;
use crate::store::events::EventLog;
use crate::store::tokens::Holder;
use crate::token::Tokens;

pub(crate) use abandoned::settle_left;
pub(crate) use attached::Arrived;
pub use deliver::safe_name;
use dialog::left;
pub(crate) use dialog::{By, Took, ToolAnswer, Unseen};
pub use dialog::{Form, Wish};
pub(crate) use link::watch_terminals;
pub(crate) use mirror::LEFT;
pub(crate) use missed::Recheck;
pub use registry::Sessions;

/// Discord shows a typing indicator for about ten seconds.
const TYPING_EVERY: Duration = Duration::from_secs(8);

/// What every session needs.
#[derive(Debug)]
pub struct Deps {
    /// The configuration.
    pub config: Arc<Config>,
    /// The store.
    pub store: Store,
    /// The way out.
    pub outbox: Outbox,
    /// Requests whose answer is needed at once.
    pub rest: Rest,
    /// Takes secrets out of what leaves.
    pub redactor: Redactor,
    /// Fetches attachments.
    pub client: reqwest::Client,
    /// The process slots.
    pub slots: slots::Slots,
    /// Owns the actors' and the agents' tasks.
    pub tracker: TaskTracker,
    /// The running actors.
    pub sessions: Sessions,
    /// The models that agents have offered.
    pub models: models::Models,
    /// How the daemon itself is doing.
    pub host: crate::status::Host,
    /// Marks the agents of this installation in their environment.
    pub marker: String,
    /// What happened, for programs.
    pub events: EventLog,
    /// Commands for agents in terminals.
    pub commands: terminal::Commands,
    /// Where the HTTP API is, for agents.
    pub api_url: String,
    /// Who may use it.
    pub tokens: Tokens,
}

impl Deps {
    /// What an agent's environment gets besides the allowed variables, whatever it is started for.
    pub(crate) fn agent_env(&self) -> Vec<(String, String)> {
        let extra = self.config.agent.extra_env.iter();
        extra
            .map(|(name, value)| (name.clone(), value.expose_secret().to_owned()))
            .collect()
    }

    /// The same for an agent that works in a session: it is told the way to the daemon.
    async fn session_env(&self, session: &SessionId) -> Vec<(String, String)> {
        let mut env = self.agent_env();
        let mut give = |name: &str, value: &str| env.push((name.to_owned(), value.to_owned()));
        give("OMPCORD_OWNED", "1");
        match self.tokens.issue(session, Holder::Agent).await {
            Ok(token) => {
                give("OMPCORD_URL", &self.api_url);
                give("OMPCORD_SESSION_ID", session.as_str());
                give("OMPCORD_SESSION_TOKEN", token.expose_secret());
            }
            // It can work without.
            Err(error) => tracing::warn!(%session, "session {session} gets no token: {error:#}"),
        }
        env
    }
}

/// Keeps a file below the state directory, where only its owner can read it.
pub(crate) async fn keep_private(path: PathBuf, content: Vec<u8>) -> Result<()> {
    let place = path.display().to_string();
    let write = move || {
        if let Some(dir) = path.parent() {
            create_private_dir(dir)?;
        }
        write_private(&path, &content)
    };
    let written = tokio::task::spawn_blocking(write).await;
    written
        .context("a write did not end")?
        .with_context(|| format!("cannot write {place}"))
}
