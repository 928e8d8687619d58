//! `/omp …` and `!omp …`: one file per command. A command translates its words into an [`Ask`]; the ingress decides.

mod cancel;
mod choices;
mod compact;
mod failures;
mod health;
mod help;
mod log;
mod model;
mod new;
mod queue;
mod resume;
mod say;
mod sessions;
mod status;
mod stop;
mod thinking;
mod version;

use std::sync::atomic::Ordering;

use poise::serenity_prelude as s;
use serde_json::Value;

use super::draft::Draft;
use super::translate;
use crate::ids::ChannelId;
use crate::ingress::auth::{Decision, Person};
use crate::ingress::commands::Command;
use crate::ingress::{Ask, Inbound, Ingress, refusal};

/// The name of the one command; everything else is a word after it.
pub(crate) const ROOT: &str = "omp";

/// What commands work with.
#[derive(Debug, Clone)]
pub struct Data {
    /// The one way in.
    pub ingress: Ingress,
}

/// An error on its way to the person who gave the command.
type Error = anyhow::Error;
type Context<'a> = poise::Context<'a, Data, Error>;
type Spec = poise::Command<Data, Error>;

/// Run a coding agent in a thread
#[poise::command(slash_command, prefix_command, guild_only)]
// poise wants an async function even where nothing is awaited.
#[expect(clippy::unused_async, reason = "the signature is poise's")]
async fn omp(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// A command whose text form takes the rest of the line, where the slash form has options.
fn with_text(mut slash: Spec, text: &Spec) -> Spec {
    slash.prefix_action = text.prefix_action;
    slash
}

fn root() -> Spec {
    let mut root = omp();
    root.subcommand_required = true;
    root.subcommands = vec![
        with_text(new::new(), &new::new_text()),
        with_text(say::say(), &say::say_text()),
        cancel::cancel(),
        stop::stop(),
        queue::queue(),
        resume::resume(),
        model::model(),
        thinking::thinking(),
        compact::compact(),
        sessions::sessions(),
        log::log(),
        status::status(),
        health::health(),
        version::version(),
        help::help(),
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
            on_error: |error| Box::pin(failures::failed(error)),
            allowed_mentions: Some(s::CreateAllowedMentions::new()),
            ..Default::default()
        })
        // Who may do what is the ingress's to decide; asking for the owners would be one more request.
        .initialize_owners(false)
        .setup(|_, _, _| Box::pin(async { Ok(data) }))
        .build()
}

/// Asks one of the commands that have no other words.
async fn command(ctx: Context<'_>, command: Command) -> Result<(), Error> {
    let channel = here(ctx);
    run(ctx, Ask::Command { channel, command }).await
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
    // What comes to nothing is for the one who asked; a public answer would also open an archived thread again. Only an
    // interaction can be answered privately: a text command need not look.
    let is_interaction = matches!(ctx, poise::Context::Application(_));
    let private =
        inbound.ask.is_private() || (is_interaction && !ingress.has_its_session(&inbound.ask).await);
    // Within three seconds: nothing but that look, which is short or given up, comes before it.
    if private {
        ctx.defer_ephemeral().await?;
    } else {
        ctx.defer().await?;
    }
    let answer = ingress.take(inbound).await?;
    say(ctx, answer.into_draft(), private).await
}

/// A text command cannot be answered privately, and answering strangers in public would be noise.
async fn refuse(ctx: Context<'_>, why: &str) -> Result<(), Error> {
    match ctx {
        poise::Context::Application(_) => say(ctx, Draft::text(why), true).await,
        poise::Context::Prefix(_) => Ok(()),
    }
}

fn who(ctx: Context<'_>) -> Person {
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

/// Answers. What was acknowledged already is only seen by those to whom the acknowledgement was shown.
async fn say(ctx: Context<'_>, draft: Draft, ephemeral: bool) -> Result<(), Error> {
    match ctx {
        poise::Context::Application(app) if app.has_sent_initial_response.load(Ordering::SeqCst) => {
            let application = app.interaction.application_id.get().into();
            let rest = ctx.data().ingress.rest();
            rest.answer(application, &app.interaction.token, &draft).await?;
        }
        poise::Context::Application(_) => {
            let reply = poise::CreateReply::default()
                .content(draft.content)
                .ephemeral(ephemeral);
            ctx.send(reply).await?;
        }
        // An ordinary message: it goes out like every other one.
        poise::Context::Prefix(prefix) => {
            ctx.data()
                .ingress
                .reply_to(here(ctx), prefix.msg.id.get().into(), draft)
                .await?;
        }
    }
    Ok(())
}

fn here(ctx: Context<'_>) -> ChannelId {
    ctx.channel_id().get().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::help::commands;

    /// The subcommands as Discord is told of them.
    fn registered() -> Vec<Value> {
        let all = registration().unwrap();
        assert_eq!(all.as_array().unwrap().len(), 1, "one root");
        all[0]["options"].as_array().unwrap().clone()
    }

    #[test]
    fn help_knows_every_command_and_no_other() {
        let mut told: Vec<&str> = commands().map(|command| command.name).collect();
        let all = registered();
        let mut there: Vec<&str> = all.iter().map(|c| c["name"].as_str().unwrap()).collect();
        told.sort_unstable();
        there.sort_unstable();
        assert_eq!(told, there);
    }

    #[test]
    fn every_command_is_there_as_text_too() {
        for command in root().subcommands {
            assert!(
                command.prefix_action.is_some() && command.slash_action.is_some(),
                "{}",
                command.name
            );
            assert!(command.guild_only, "{}", command.name);
        }
    }

    #[test]
    fn what_is_registered_fits() {
        fn size(item: &Value) -> usize {
            let own = ["name", "description", "value"].map(|key| {
                let text = item[key].as_str().unwrap_or_default();
                assert!(key != "description" || text.chars().count() <= 100, "{text}");
                text.chars().count()
            });
            let inner = ["options", "choices"].map(|key| {
                let list = item[key].as_array().map(Vec::as_slice).unwrap_or_default();
                assert!(list.len() <= 25);
                list.iter().map(size).sum::<usize>()
            });
            own.iter().chain(&inner).sum()
        }
        let whole = size(&registration().unwrap()[0]);
        assert!(whole < 4_000, "{whole} of 8,000 characters");
    }
}
