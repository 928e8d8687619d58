//! `ompcord run`: the daemon, from the environment.

use std::path::Path;
use std::time::Duration;

use super::{block_on, logging};
use crate::config::{Config, InstanceLock, process_env};
use crate::daemon;

#[derive(Debug, Default, clap::Args)]
pub(super) struct Args {
    /// How long Discord may take to answer at the start (default: 20s)
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    connect_timeout: Option<Duration>,
}

pub(super) fn execute(args: &Args, env_file: Option<&Path>) -> anyhow::Result<()> {
    let config = Config::load(env_file, process_env)?;
    logging::start(&config.log)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    if let Some(path) = config.exposed.as_ref().map(|path| path.display()) {
        tracing::warn!("{path} has the bot token and others can read it: chmod 600 {path}");
    }
    #[cfg(feature = "failpoints")]
    if let Some(wish) = process_env("OMPCORD_DIE_AT") {
        crate::failpoint::arm(&wish)?;
    }
    // Held until everything has ended: the next instance must find the database at rest.
    let _lock = InstanceLock::acquire(&config.state_dir)?;
    let patience = args.connect_timeout.unwrap_or(daemon::CONNECT_TIMEOUT);
    block_on(daemon::run(config, patience))
}
