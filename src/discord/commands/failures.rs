//! The one place where a command's error becomes words.

use poise::FrameworkError as Failure;

use super::{Context, Data, Error, command, here, refuse, say, who};
use crate::discord::draft::Draft;
use crate::error::for_person;
use crate::ingress::auth::{Decision, Refusal};
use crate::ingress::commands::Command;
use crate::ingress::{Ask, Inbound, refusal};
use crate::render::help;
use crate::render::notice::failure;
use crate::session::models::nearest;

pub(super) async fn failed(error: Failure<'_, Data, Error>) {
    let answered = match error {
        Failure::Command { error, ctx, .. } => tell(ctx, &error).await,
        Failure::CommandPanic { payload, ctx, .. } => {
            let what = payload.unwrap_or_else(|| "no words".to_owned());
            tell(ctx, &anyhow::anyhow!("a command panicked: {what}")).await
        }
        Failure::SubcommandRequired { ctx } => not_a_command(ctx).await,
        Failure::ArgumentParse { ctx, .. } => to_the_allowed(ctx, help::usage(&ctx.command().name)).await,
        Failure::CommandStructureMismatch { ctx, .. } => {
            let ctx = ctx.into();
            let text =
                "This command has just changed. Close the command list, and give it again in a minute.";
            to_the_allowed(ctx, text.to_owned()).await
        }
        Failure::GuildOnly { ctx, .. } => refuse(ctx, refusal(Refusal::Elsewhere)).await,
        // `!something` is for the agent, not an unknown command.
        Failure::UnknownCommand { .. } => Ok(()),
        other => {
            tracing::warn!("a command failed: {other}");
            Ok(())
        }
    };
    if let Err(error) = answered {
        tracing::warn!("cannot answer a command: {error:#}");
    }
}

async fn tell(ctx: Context<'_>, error: &Error) -> Result<(), Error> {
    say(ctx, Draft::text(failure(&for_person(error))), true).await
}

/// `!omp` alone, or `!omp` with a word that is no command.
async fn not_a_command(ctx: Context<'_>) -> Result<(), Error> {
    let poise::Context::Prefix(prefix) = ctx else {
        return command(ctx, Command::Help).await;
    };
    let word = prefix.args.split_whitespace().next().unwrap_or_default();
    let names = help::commands().map(|command| command.name);
    let meant = nearest(&word.to_lowercase(), names, 1);
    let meant = meant.first().copied().filter(|_| !word.is_empty());
    to_the_allowed(ctx, help::unknown(word, meant)).await
}

/// Hints are for those who may use the commands; to others they would be noise.
async fn to_the_allowed(ctx: Context<'_>, text: String) -> Result<(), Error> {
    let inbound = Inbound {
        by: Some(who(ctx)),
        ask: Ask::Command {
            channel: here(ctx),
            command: Command::Help,
        },
    };
    match ctx.data().ingress.decide(&inbound) {
        Decision::Allow => say(ctx, Draft::text(text), true).await,
        Decision::Refuse(why) => refuse(ctx, refusal(why)).await,
        Decision::Ignore => Ok(()),
    }
}
