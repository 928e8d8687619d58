//! `/omp cancel`: ends the turn; what waits stays.

use super::{Context, Error, here, run};
use crate::ingress::Ask;

/// End the running turn; waiting prompts stay
#[poise::command(slash_command, prefix_command, guild_only)]
pub(super) async fn cancel(ctx: Context<'_>) -> Result<(), Error> {
    run(ctx, Ask::Cancel { channel: here(ctx) }).await
}
