//! `/omp say`: a prompt without a message of one's own, here or to another session.

use super::{Context, Error, here, run};
use crate::ingress::Ask;

/// When the prompt reaches the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, poise::ChoiceParameter)]
pub(super) enum Mode {
    /// After what waits already.
    #[name = "queue"]
    Queue,
    /// At the next step of the running turn.
    #[name = "steer"]
    Steer,
}

/// Give a prompt to a session
#[poise::command(slash_command, guild_only)]
pub(super) async fn say(
    ctx: Context<'_>,
    #[description = "The prompt"] prompt: String,
    #[description = "Another session than this thread's: begin to write its name"]
    #[autocomplete = "super::choices::open"]
    session: Option<String>,
    #[description = "queue: after what waits; steer: into the running turn"] mode: Option<Mode>,
) -> Result<(), Error> {
    let steer = mode == Some(Mode::Steer);
    run(
        ctx,
        Ask::Say {
            channel: here(ctx),
            session,
            text: prompt,
            steer,
        },
    )
    .await
}

/// `!omp say …`: the rest of the line is the prompt for this thread's session.
#[poise::command(prefix_command, rename = "say", guild_only)]
pub(super) async fn say_text(ctx: Context<'_>, #[rest] prompt: String) -> Result<(), Error> {
    run(
        ctx,
        Ask::Say {
            channel: here(ctx),
            session: None,
            text: prompt,
            steer: false,
        },
    )
    .await
}
