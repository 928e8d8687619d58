//! What a person asks for when something is wrong: each thing that the daemon stands on, tried now.

use std::path::Path;
use std::time::{Duration, Instant};

use super::GatewayState;
use crate::agent::{self, RunError};
use crate::session::Deps;
use crate::store::{self, Probe};

/// A database that somebody else holds makes its callers wait five seconds before it says so.
const DATABASE: Duration = Duration::from_secs(7);
/// Discord's answers, and a disk that may be at the other end of a network.
const OTHERS: Duration = Duration::from_secs(8);

/// The disk that the state directory is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// What is left, in bytes.
    pub free: u64,
    /// What there is, in bytes.
    pub total: u64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthReport {
    /// The connection to Discord.
    pub gateway: GatewayState,
    /// Writing to the database and reading it back, or why that failed.
    pub database: Result<Probe, String>,
    /// What the agent says of itself, and how long it took to say so.
    pub agent: Result<(String, Duration), RunError>,
    /// The disk, or why it cannot be looked at.
    pub disk: Result<Disk, String>,
    /// The bits of what the bot may do in the home channel, or why that is not known.
    pub permissions: Result<u64, String>,
}

impl HealthReport {
    /// Tries everything, at the same time and each with an end.
    pub async fn take(deps: &Deps) -> Self {
        let (database, agent, disk, permissions) = tokio::join!(
            database(deps),
            version(deps),
            disk(&deps.config.state_dir),
            permissions(deps)
        );
        Self {
            gateway: deps.host.gateway(),
            database,
            agent,
            disk,
            permissions,
        }
    }
}

async fn database(deps: &Deps) -> Result<Probe, String> {
    match tokio::time::timeout(DATABASE, deps.store.probe()).await {
        Err(_) => Err(format!("it did not answer within {} s", DATABASE.as_secs())),
        Ok(Ok(probe)) => Ok(probe),
        Ok(Err(error)) if store::is_busy(&error) => Err("another program holds it".to_owned()),
        Ok(Err(error)) => Err(format!("{error:#}")),
    }
}

async fn version(deps: &Deps) -> Result<(String, Duration), RunError> {
    let begin = Instant::now();
    let version = deps.agent_version().await?;
    Ok((version, begin.elapsed()))
}

/// The disk that a directory is on.
pub async fn disk(dir: &Path) -> Result<Disk, String> {
    let dir = dir.to_owned();
    let look = tokio::task::spawn_blocking(move || nix::sys::statvfs::statvfs(&dir));
    match tokio::time::timeout(OTHERS, look).await {
        Ok(Ok(Ok(seen))) => {
            let fragment = seen.fragment_size();
            Ok(Disk {
                free: seen.blocks_available().saturating_mul(fragment),
                total: seen.blocks().saturating_mul(fragment),
            })
        }
        Ok(Ok(Err(error))) => Err(error.to_string()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("it does not answer".to_owned()),
    }
}

async fn permissions(deps: &Deps) -> Result<u64, String> {
    let config = &deps.config;
    let asking = deps.rest.permissions_in(config.guild, config.home_channel);
    match tokio::time::timeout(OTHERS, asking).await {
        Ok(Ok(bits)) => Ok(bits),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("Discord did not answer in time".to_owned()),
    }
}

impl Deps {
    /// What the agent's program says of its version.
    pub async fn agent_version(&self) -> Result<String, RunError> {
        let marker = format!("{}/version", self.marker);
        agent::version(&self.config.agent.command, &self.agent_env(), &marker).await
    }
}
