//! `/omp compact`: a shorter conversation.

use super::{Context, Error, command};
use crate::ingress::commands::Command;

/// Make the conversation of this session shorter
#[poise::command(slash_command, prefix_command, guild_only)]
pub(super) async fn compact(
    ctx: Context<'_>,
    #[description = "What the summary should keep"]
    #[rest]
    instructions: Option<String>,
) -> Result<(), Error> {
    command(ctx, Command::Compact { instructions }).await
}
