//! `ompcord run`: the daemon, from the environment.

use std::path::Path;

use super::{block_on, logging};
use crate::config::{Config, InstanceLock, process_env};
use crate::daemon;

pub(super) fn execute(env_file: Option<&Path>) -> anyhow::Result<()> {
    let config = Config::load(env_file, process_env)?;
    logging::start(&config.log)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    // Held until everything has ended: the next instance must find the database at rest.
    let _lock = InstanceLock::acquire(&config.state_dir)?;
    config.create_directories()?;
    block_on(daemon::run(config))
}
