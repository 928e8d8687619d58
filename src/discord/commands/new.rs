//! `/omp new`: a session in a new thread.

use super::{Context, Error, here, run};
use crate::ingress::Ask;

/// Start a session in a new thread
#[poise::command(slash_command, guild_only)]
pub(super) async fn new(
    ctx: Context<'_>,
    #[description = "What it is about: the thread's name"] topic: Option<String>,
    #[description = "The first prompt; without one the agent waits for your first message"] prompt: Option<
        String,
    >,
    #[description = "The model, as provider/model"]
    #[autocomplete = "super::choices::model"]
    model: Option<String>,
    #[description = "The directory to work in"]
    #[autocomplete = "super::choices::workspace"]
    workspace: Option<String>,
) -> Result<(), Error> {
    run(
        ctx,
        Ask::New {
            channel: here(ctx),
            topic,
            prompt,
            model,
            workspace,
        },
    )
    .await
}

/// `!omp new fix the login`: the rest of the line is the prompt.
#[poise::command(prefix_command, rename = "new", guild_only)]
pub(super) async fn new_text(ctx: Context<'_>, #[rest] prompt: Option<String>) -> Result<(), Error> {
    run(
        ctx,
        Ask::New {
            channel: here(ctx),
            topic: None,
            prompt,
            model: None,
            workspace: None,
        },
    )
    .await
}
