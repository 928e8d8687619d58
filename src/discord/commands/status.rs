//! `/omp status`: how the daemon is doing.

use super::{Context, Error, command};
use crate::ingress::commands::Command;

/// How ompcord is doing: gateway, database, sessions, agents, queue
#[poise::command(slash_command, prefix_command, guild_only)]
pub(super) async fn status(ctx: Context<'_>) -> Result<(), Error> {
    command(ctx, Command::Status).await
}
