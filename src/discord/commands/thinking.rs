//! `/omp thinking`: how much this thread's session thinks.

use super::{Context, Error, command};
use crate::ingress::commands::Command;

/// Change how much this session thinks, or see how much it does
#[poise::command(slash_command, prefix_command, guild_only)]
pub(super) async fn thinking(
    ctx: Context<'_>,
    #[description = "The level; without it you are told which it is"]
    #[autocomplete = "super::choices::thinking"]
    #[rest]
    level: Option<String>,
) -> Result<(), Error> {
    command(ctx, Command::Thinking { level }).await
}
