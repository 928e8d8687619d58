//! The daemon: boots everything, owns every task, drains on shutdown.

use crate::config::Config;

/// Runs until it is told to end.
#[expect(
    clippy::unused_async,
    reason = "the seam that the command line is built against"
)]
pub async fn run(_config: Config) -> anyhow::Result<()> {
    anyhow::bail!("the daemon is not part of this build yet")
}
