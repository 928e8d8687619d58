//! `/omp health`: everything that the daemon stands on, tried now.

use super::{Context, Error, command};
use crate::ingress::commands::Command;

/// Try everything that ompcord needs, and say what to do about what does not work
#[poise::command(slash_command, prefix_command, guild_only)]
pub(super) async fn health(ctx: Context<'_>) -> Result<(), Error> {
    command(ctx, Command::Health).await
}
