//! A small bot made of serenity and poise, which tells the test what it hears.

use std::sync::Arc;

use ompcord::sim::Sim;
use poise::serenity_prelude as serenity;
use serenity::{
    ComponentInteractionDataKind, CreateActionRow, CreateButton, CreateInputText, CreateInteractionResponse,
    CreateInteractionResponseMessage, CreateModal, CreateSelectMenu, CreateSelectMenuKind,
    CreateSelectMenuOption, FullEvent, GatewayIntents, GuildId, Http, HttpBuilder, InputTextStyle,
    Interaction, ShardManager,
};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::task::TaskTracker;

/// What the bot heard.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Heard {
    Ready,
    Resumed,
    Guild(u64),
    Message(u64, String),
    /// Whether a person edited it.
    Edit(u64, bool),
    Delete(u64),
    Reaction(u64, String),
    Roles(Vec<u64>),
    /// Id and token of an interaction that a deaf bot leaves alone.
    Interaction(u64, String),
}

struct Data {
    heard: mpsc::UnboundedSender<Heard>,
    go_on: Arc<Notify>,
    deaf: bool,
}

type Error = serenity::Error;
type Context<'a> = poise::Context<'a, Data, Error>;

pub(super) fn http_for(sim: &Sim) -> Arc<Http> {
    http_with_token(sim, &sim.bot_token())
}

pub(super) fn http_with_token(sim: &Sim, token: &str) -> Arc<Http> {
    Arc::new(
        HttpBuilder::new(token)
            .proxy(sim.base_url())
            .ratelimiter_disabled(true)
            .build(),
    )
}

pub(super) struct Bot {
    heard: mpsc::UnboundedReceiver<Heard>,
    go_on: Arc<Notify>,
    shards: Arc<ShardManager>,
    ended: oneshot::Receiver<Result<(), Error>>,
}

impl Bot {
    pub(super) async fn start(sim: &Sim) -> Self {
        let intents = GatewayIntents::non_privileged() | GatewayIntents::MESSAGE_CONTENT;
        Self::start_with(http_for(sim), sim, intents).await.unwrap()
    }

    /// A bot that hears interactions but does not answer them.
    pub(super) async fn deaf(sim: &Sim) -> Self {
        let intents = GatewayIntents::non_privileged() | GatewayIntents::MESSAGE_CONTENT;
        Self::build(http_for(sim), sim, intents, true).await.unwrap()
    }

    pub(super) async fn start_with(
        http: Arc<Http>,
        sim: &Sim,
        intents: GatewayIntents,
    ) -> Result<Self, Error> {
        Self::build(http, sim, intents, false).await
    }

    async fn build(http: Arc<Http>, sim: &Sim, intents: GatewayIntents, deaf: bool) -> Result<Self, Error> {
        let (heard_tx, heard) = mpsc::unbounded_channel();
        let go_on = Arc::new(Notify::new());
        let data = Data {
            heard: heard_tx,
            go_on: Arc::clone(&go_on),
            deaf,
        };
        let guild = GuildId::new(sim.guild_id().get());
        let framework = poise::Framework::builder()
            .options(poise::FrameworkOptions {
                commands: vec![omp()],
                event_handler: |framework, event| {
                    Box::pin(on_event(framework.serenity_context, event, framework.user_data))
                },
                initialize_owners: false,
                ..Default::default()
            })
            .initialize_owners(false)
            .setup(move |ctx, _, framework| {
                Box::pin(async move {
                    poise::builtins::register_in_guild(ctx, &framework.options().commands, guild).await?;
                    Ok(data)
                })
            })
            .build();
        let http = Arc::try_unwrap(http).unwrap_or_else(|_| panic!("the client owns its http"));
        let mut client = serenity::ClientBuilder::new_with_http(http, intents)
            .framework(framework)
            .await?;
        let shards = Arc::clone(&client.shard_manager);
        let (ended_tx, ended) = oneshot::channel();
        TaskTracker::new().spawn(async move {
            let result = client.start().await;
            // The test may be over already.
            let _ = ended_tx.send(result);
        });
        Ok(Self {
            heard,
            go_on,
            shards,
            ended,
        })
    }

    /// Waits for something to be heard.
    pub(super) async fn until(&mut self, mut wanted: impl FnMut(&Heard) -> bool) {
        let mut before = Vec::new();
        let found = tokio::time::timeout(std::time::Duration::from_secs(30), async {
            while let Some(heard) = self.heard.recv().await {
                if wanted(&heard) {
                    return;
                }
                before.push(heard);
            }
        });
        assert!(found.await.is_ok(), "not heard; instead: {before:?}");
    }

    pub(super) fn go_on(&self) {
        self.go_on.notify_one();
    }

    pub(super) async fn ended(self) -> Result<(), Error> {
        self.ended.await.unwrap()
    }

    pub(super) async fn stop(self) {
        self.shards.shutdown_all().await;
        self.ended.await.unwrap().unwrap();
    }
}

async fn on_event(ctx: &serenity::Context, event: &FullEvent, data: &Data) -> Result<(), Error> {
    let heard = match event {
        FullEvent::Ready { .. } => Heard::Ready,
        FullEvent::Resume { .. } => Heard::Resumed,
        FullEvent::GuildCreate { guild, .. } => Heard::Guild(guild.id.get()),
        FullEvent::Message { new_message } => {
            Heard::Message(new_message.id.get(), new_message.content.clone())
        }
        FullEvent::MessageUpdate { event, .. } => {
            Heard::Edit(event.id.get(), event.edited_timestamp.is_some())
        }
        FullEvent::MessageDelete {
            deleted_message_id, ..
        } => Heard::Delete(deleted_message_id.get()),
        FullEvent::ReactionAdd { add_reaction } => {
            Heard::Reaction(add_reaction.message_id.get(), add_reaction.emoji.to_string())
        }
        FullEvent::InteractionCreate {
            interaction: Interaction::Component(click),
        } if data.deaf => Heard::Interaction(click.id.get(), click.token.clone()),
        FullEvent::GuildMemberUpdate { event, .. } => {
            Heard::Roles(event.roles.iter().map(|role| role.get()).collect())
        }
        FullEvent::InteractionCreate { interaction } => return on_interaction(ctx, interaction).await,
        _ => return Ok(()),
    };
    // The test may be over already.
    let _ = data.heard.send(heard);
    Ok(())
}

async fn on_interaction(ctx: &serenity::Context, interaction: &Interaction) -> Result<(), Error> {
    let message = |text: String| CreateInteractionResponseMessage::new().content(text);
    match interaction {
        Interaction::Component(click) => {
            let response = match (&click.data.kind, click.data.custom_id.as_str()) {
                (ComponentInteractionDataKind::StringSelect { values }, _) => {
                    CreateInteractionResponse::Message(message(format!("chose {}", values.join(" "))))
                }
                (_, "ask") => {
                    let input = CreateInputText::new(InputTextStyle::Short, "Reason", "reason");
                    let modal =
                        CreateModal::new("why", "Why?").components(vec![CreateActionRow::InputText(input)]);
                    CreateInteractionResponse::Modal(modal)
                }
                _ => CreateInteractionResponse::UpdateMessage(message(format!(
                    "clicked by {}",
                    click.user.name
                ))),
            };
            click.create_response(ctx, response).await
        }
        Interaction::Modal(modal) => {
            let serenity::ActionRowComponent::InputText(input) = &modal.data.components[0].components[0]
            else {
                panic!("no text input");
            };
            let text = input.value.clone().unwrap_or_default();
            modal
                .create_response(ctx, CreateInteractionResponse::Message(message(text)))
                .await
        }
        _ => Ok(()),
    }
}

#[poise::command(
    slash_command,
    subcommands("echo", "later", "secret", "panel"),
    subcommand_required
)]
#[expect(clippy::unused_async, reason = "poise commands are async")]
async fn omp(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

#[expect(clippy::unused_async, reason = "poise autocompletes are async")]
async fn louder(_: Context<'_>, partial: &str) -> serenity::CreateAutocompleteResponse {
    let louder = format!("{partial}!");
    serenity::CreateAutocompleteResponse::new().add_string_choice(louder.clone(), louder)
}

/// Says something back.
#[poise::command(slash_command)]
async fn echo(
    ctx: Context<'_>,
    #[description = "What to say"]
    #[autocomplete = "louder"]
    text: String,
    #[description = "How often"] times: Option<u8>,
) -> Result<(), Error> {
    let text = vec![text; times.unwrap_or(1).into()].join(" ");
    ctx.say(text).await?;
    Ok(())
}

/// Takes its time.
#[poise::command(slash_command)]
async fn later(ctx: Context<'_>) -> Result<(), Error> {
    ctx.defer().await?;
    ctx.data().go_on.notified().await;
    ctx.say("first").await?;
    ctx.say("second").await?;
    Ok(())
}

/// Whispers.
#[poise::command(slash_command, ephemeral)]
async fn secret(ctx: Context<'_>) -> Result<(), Error> {
    ctx.defer_ephemeral().await?;
    ctx.say("only for you").await?;
    Ok(())
}

/// Shows buttons and a menu.
#[poise::command(slash_command)]
async fn panel(ctx: Context<'_>) -> Result<(), Error> {
    let buttons = vec![
        CreateButton::new("count").label("Count"),
        CreateButton::new("ask").label("Ask"),
    ];
    let options = vec![
        CreateSelectMenuOption::new("One", "1"),
        CreateSelectMenuOption::new("Two", "2"),
    ];
    let menu = CreateSelectMenu::new("menu", CreateSelectMenuKind::String { options });
    let rows = vec![
        CreateActionRow::Buttons(buttons),
        CreateActionRow::SelectMenu(menu),
    ];
    ctx.send(poise::CreateReply::default().content("panel").components(rows))
        .await?;
    Ok(())
}
