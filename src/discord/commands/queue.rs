//! `/omp queue`: what waits here, with buttons to take it back.

use super::{Context, Error, command};
use crate::ingress::commands::{Command, Of};

/// What waits in this session's queue; drop what should not run
#[poise::command(slash_command, prefix_command, guild_only)]
pub(super) async fn queue(ctx: Context<'_>) -> Result<(), Error> {
    command(ctx, Command::Queue(Of::Here)).await
}
