//! `/omp …` and `!omp …`: one file per command. A command translates its words into an [`Ask`]; the ingress decides.

mod cancel;
mod new;
mod say;
mod stop;

use poise::serenity_prelude as s;
use serde_json::Value;

use super::translate;
use crate::error::for_person;
use crate::ids::ChannelId;
use crate::ingress::auth::Decision;
use crate::ingress::{Answer, Ask, Inbound, Ingress, refusal};
use crate::render::notice::failure;

/// What commands work with.
#[derive(Debug, Clone)]
pub struct Data {
    /// The one way in.
    pub ingress: Ingress,
}

/// An error on its way to the person who gave the command.
type Error = anyhow::Error;
type Context<'a> = poise::Context<'a, Data, Error>;
type Command = poise::Command<Data, Error>;

/// Run a coding agent in a thread
#[poise::command(slash_command, prefix_command, guild_only)]
// poise wants an async function even where nothing is awaited.
#[expect(clippy::unused_async, reason = "the signature is poise's")]
async fn omp(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// A command whose text form takes the rest of the line, where the slash form has options.
fn with_text(mut slash: Command, text: &Command) -> Command {
    slash.prefix_action = text.prefix_action;
    slash
}

fn root() -> Command {
    let mut root = omp();
    root.subcommand_required = true;
    root.subcommands = vec![
        with_text(new::new(), &new::new_text()),
        with_text(say::say(), &say::say_text()),
        cancel::cancel(),
        stop::stop(),
    ];
    root
}

/// The commands as Discord wants them registered.
pub fn registration() -> anyhow::Result<Value> {
    Ok(serde_json::to_value(
        poise::builtins::create_application_commands(&[root()]),
    )?)
}

pub(super) fn framework(data: Data) -> poise::Framework<Data, Error> {
    poise::Framework::builder()
        .options(poise::FrameworkOptions {
            commands: vec![root()],
            prefix_options: poise::PrefixFrameworkOptions {
                prefix: Some("!".into()),
                // A mention starts a session; it is not a prefix.
                mention_as_prefix: false,
                case_insensitive_commands: true,
                ..Default::default()
            },
            on_error: |error| Box::pin(failed(error)),
            allowed_mentions: Some(s::CreateAllowedMentions::new()),
            ..Default::default()
        })
        // Who may do what is the ingress's to decide; asking for the owners would be one more request.
        .initialize_owners(false)
        .setup(|_, _, _| Box::pin(async { Ok(data) }))
        .build()
}

/// Authorizes, acknowledges, acts, answers: the way of every command.
async fn run(ctx: Context<'_>, ask: Ask) -> Result<(), Error> {
    let inbound = Inbound {
        by: Some(who(ctx)),
        ask,
    };
    let ingress = &ctx.data().ingress;
    match ingress.decide(&inbound) {
        Decision::Ignore => return Ok(()),
        Decision::Refuse(why) => return refuse(ctx, refusal(why)).await,
        Decision::Allow => {}
    }
    // Within three seconds, before anything that may be slow.
    ctx.defer().await?;
    match ingress.take(inbound).await? {
        Answer::Nothing => Ok(()),
        Answer::Said(text) | Answer::Privately(text) => say(ctx, text, false).await,
    }
}

/// A text command cannot be answered privately, and answering strangers in public would be noise.
async fn refuse(ctx: Context<'_>, why: &str) -> Result<(), Error> {
    match ctx {
        poise::Context::Application(_) => say(ctx, why.to_owned(), true).await,
        poise::Context::Prefix(_) => Ok(()),
    }
}

fn who(ctx: Context<'_>) -> crate::ingress::auth::Person {
    let member = match ctx {
        poise::Context::Application(app) => app.interaction.member.as_deref().map(translate::member),
        poise::Context::Prefix(prefix) => prefix
            .msg
            .member
            .as_ref()
            .map(|member| translate::person(&prefix.msg.author, &member.roles, prefix.msg.guild_id)),
    };
    member.unwrap_or_else(|| translate::person(ctx.author(), &[], ctx.guild_id()))
}

async fn say(ctx: Context<'_>, text: String, ephemeral: bool) -> Result<(), Error> {
    match ctx {
        poise::Context::Application(_) => {
            ctx.send(poise::CreateReply::default().content(text).ephemeral(ephemeral))
                .await?;
        }
        // An ordinary message: it goes out like every other one.
        poise::Context::Prefix(prefix) => {
            ctx.data()
                .ingress
                .reply_to(here(ctx), prefix.msg.id.get().into(), text)
                .await?;
        }
    }
    Ok(())
}

fn here(ctx: Context<'_>) -> ChannelId {
    ctx.channel_id().get().into()
}

/// The one place where a command's error becomes words.
async fn failed(error: poise::FrameworkError<'_, Data, Error>) {
    match error {
        poise::FrameworkError::Command { error, ctx, .. } => {
            if let Err(error) = say(ctx, failure(&for_person(&error)), true).await {
                tracing::warn!("cannot answer a command: {error:#}");
            }
        }
        poise::FrameworkError::ArgumentParse { ctx, .. }
        | poise::FrameworkError::SubcommandRequired { ctx } => {
            if let Err(error) = usage(ctx).await {
                tracing::warn!("cannot answer a command: {error:#}");
            }
        }
        // `!something` is for the agent, not an unknown command.
        poise::FrameworkError::UnknownCommand { .. } => {}
        other => tracing::warn!("a command failed: {other}"),
    }
}

async fn usage(ctx: Context<'_>) -> Result<(), Error> {
    let text = "`!omp new [prompt]` starts a session · `!omp say <prompt>` · `!omp cancel` ends the turn · `!omp stop` ends the session";
    // Only for those who may use it.
    let ask = Ask::Cancel { channel: here(ctx) };
    let inbound = Inbound {
        by: Some(who(ctx)),
        ask,
    };
    match ctx.data().ingress.decide(&inbound) {
        Decision::Allow => say(ctx, text.to_owned(), true).await,
        _ => Ok(()),
    }
}
