//! `/omp sessions`: the open sessions with their threads.

use super::{Context, Error, command};
use crate::ingress::commands::Command;

/// Every open session with its state and its thread
#[poise::command(slash_command, prefix_command, guild_only)]
pub(super) async fn sessions(ctx: Context<'_>) -> Result<(), Error> {
    command(ctx, Command::Sessions { page: 0 }).await
}
