//! How the daemon itself is doing: one answer for commands, the HTTP API and whoever else asks.
//!
//! Without it every place that shows a status would ask other rooms for other numbers, and two of them would disagree.

mod health;
mod host;
mod metrics;
mod process;

use std::net::SocketAddr;
use std::time::Duration;

use crate::agent;
use crate::discord::outbox::Backlog;
use crate::ids::ChannelId;
use crate::session::Deps;
use crate::session::view::{Status, all_views};

pub use health::{Disk, HealthReport, disk};
pub use host::{GatewayState, Host};
pub use metrics::{CONTENT_TYPE, DialogEnd, Metrics, PromptResult, PromptSource, exposition};

/// A question that is part of a status may take so long; the status itself is worth more than any of them.
const PATIENCE: Duration = Duration::from_secs(2);

/// How the daemon is doing.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusSnapshot {
    /// Since when it runs.
    pub uptime: Duration,
    /// The connection to Discord.
    pub gateway: GatewayState,
    /// How long the database takes; `None` when it did not answer in time.
    pub database: Option<Duration>,
    /// How many sessions are in which state, in the order of [`Status::ALL`]; `None` when the database does not say.
    pub sessions: Option<[usize; 5]>,
    /// How many agent processes there are.
    pub processes: usize,
    /// How many there may be.
    pub max_processes: usize,
    /// Prompts that wait for their turn.
    pub queued: usize,
    /// Prompts that wait for somebody to continue a queue.
    pub held: usize,
    /// Questions that wait for a person.
    pub dialogs: usize,
    /// For how long the oldest of them has been waiting.
    pub oldest_dialog: Option<Duration>,
    /// What Discord has not been told yet; `None` when the database does not say.
    pub outbox: Option<Backlog>,
    /// The agent's program as it was configured.
    pub agent: String,
    /// Whether that program is there.
    pub agent_installed: bool,
    /// Where the HTTP API answers.
    pub http: SocketAddr,
    /// Where the launch emoji counts.
    pub launch_channels: Vec<ChannelId>,
    /// How many users may use the bot.
    pub allowed_users: usize,
    /// How many roles may use the bot.
    pub allowed_roles: usize,
}

/// Not on a thread that serves everybody, and not for ever: a directory on the way may be on a server that is gone.
async fn installed(command: Vec<String>) -> bool {
    let look = tokio::task::spawn_blocking(move || agent::is_installed(&command));
    matches!(tokio::time::timeout(PATIENCE, look).await, Ok(Ok(true)))
}

impl StatusSnapshot {
    /// Looks at everything. What does not answer in time is left out, so this never fails.
    pub async fn take(deps: &Deps) -> Self {
        let within = |work| tokio::time::timeout(PATIENCE, work);
        let asked = async {
            tokio::join!(
                within(Box::pin(deps.store.latency())),
                tokio::time::timeout(PATIENCE, all_views(deps)),
                tokio::time::timeout(PATIENCE, deps.outbox.backlog()),
                installed(deps.config.agent.command.clone()),
            )
        };
        let (database, views, outbox, agent_installed) = asked.await;
        let views = views.ok().and_then(Result::ok);
        // Even where the database is slow: what runs is known here.
        let counted = views.clone().unwrap_or_else(|| deps.sessions.views());
        let count = |status: Status| counted.iter().filter(|view| view.status == status).count();
        let (processes, max_processes) = deps.slots.in_use();
        let config = &deps.config;
        Self {
            uptime: deps.host.uptime(),
            gateway: deps.host.gateway(),
            database: database.ok().and_then(Result::ok),
            sessions: views.is_some().then(|| Status::ALL.map(count)),
            processes,
            max_processes,
            queued: counted.iter().map(|view| view.queued).sum(),
            held: counted.iter().map(|view| view.held).sum(),
            dialogs: counted.iter().map(|view| view.dialogs).sum(),
            oldest_dialog: deps.sessions.oldest_question(),
            outbox: outbox.ok().and_then(Result::ok),
            agent: config.agent.command.first().cloned().unwrap_or_default(),
            agent_installed,
            http: deps.host.http(),
            launch_channels: config.launch.channels.iter().copied().collect(),
            allowed_users: config.access.users.len(),
            allowed_roles: config.access.roles.len(),
        }
    }

    /// Whether everything that is needed for work is there.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.gateway.connected
            && self.database.is_some()
            && self.agent_installed
            && self.allowed_users + self.allowed_roles > 0
    }
}
