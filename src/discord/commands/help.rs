//! `/omp help`: every command in short.

use super::{Context, Error, command};
use crate::ingress::commands::Command;

/// Every command in short
#[poise::command(slash_command, prefix_command, guild_only)]
pub(super) async fn help(ctx: Context<'_>) -> Result<(), Error> {
    command(ctx, Command::Help).await
}
