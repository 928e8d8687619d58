//! `/omp resume`: a past session goes on in a new thread.

use super::{Context, Error, command};
use crate::ingress::commands::Command;

/// Continue a past session in a new thread, with all that it knows
#[poise::command(slash_command, prefix_command, guild_only)]
pub(super) async fn resume(
    ctx: Context<'_>,
    #[description = "Which one: begin to write its name"]
    #[autocomplete = "super::choices::past"]
    #[rest]
    session: String,
) -> Result<(), Error> {
    command(ctx, Command::Resume { session }).await
}
