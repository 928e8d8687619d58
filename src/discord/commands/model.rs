//! `/omp model`: another model for this thread's session.

use super::{Context, Error, command};
use crate::ingress::commands::Command;

/// Change the model of this session, or see which it is
#[poise::command(slash_command, prefix_command, guild_only)]
pub(super) async fn model(
    ctx: Context<'_>,
    #[description = "The model; without it you are told which it is"]
    #[autocomplete = "super::choices::model"]
    #[rest]
    name: Option<String>,
) -> Result<(), Error> {
    command(ctx, Command::Model { name }).await
}
