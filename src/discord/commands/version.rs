//! `/omp version`: what exactly is running.

use super::{Context, Error, command};
use crate::ingress::commands::Command;

/// What exactly is running: version, commit, process, agent
#[poise::command(slash_command, prefix_command, guild_only)]
pub(super) async fn version(ctx: Context<'_>) -> Result<(), Error> {
    command(ctx, Command::Version).await
}
