//! `/omp stop`: ends the session and archives its thread.

use super::{Context, Error, here, run};
use crate::ingress::Ask;

/// End this session and archive its thread
#[poise::command(slash_command, prefix_command, guild_only)]
pub(super) async fn stop(ctx: Context<'_>) -> Result<(), Error> {
    run(ctx, Ask::Stop { channel: here(ctx) }).await
}
