//! `/omp log`: the transcript as a file.

use super::{Context, Error, command};
use crate::ingress::commands::{Command, Of};

/// This session's transcript as a file
#[poise::command(slash_command, prefix_command, guild_only)]
pub(super) async fn log(ctx: Context<'_>) -> Result<(), Error> {
    command(ctx, Command::Log(Of::Here)).await
}
