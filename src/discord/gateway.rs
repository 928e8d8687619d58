//! Events of the gateway become [`Inbound`]s, in the order in which they came. Translation only.
//!
//! serenity runs every event in a task of its own, so nothing is awaited before an event is in the queue; one
//! consumer takes them out in order.

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use anyhow::{Context as _, Result};
use serenity::all as s;
use serenity::async_trait;
use serenity::gateway::GatewayError;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::commands::{self, Data};
use super::intake::{CatchUp, Item, consume};
use super::{components, missed_launches, recheck, translate};
use crate::config::Config;
use crate::error::Fatal;
use crate::ids::UserId;
use crate::ingress::{Ask, Inbound, Ingress};
use crate::store::now_ms;

/// The gateway's side of the bot.
#[derive(Clone)]
struct Handler {
    config: Arc<Config>,
    bot: UserId,
    ingress: Ingress,
    queue: mpsc::UnboundedSender<Item>,
    /// Rung where launches may have been missed.
    launches: Arc<Notify>,
    ready: watch::Sender<bool>,
    connecting: Arc<Connecting>,
}

/// When the newest connection was begun: what was written before that was not heard, what came after it may have been.
struct Connecting {
    /// In unix milliseconds.
    since: AtomicI64,
    /// Whether there was a connection before: the first one is as old as the handler.
    again: AtomicBool,
}

impl Connecting {
    fn now() -> Arc<Self> {
        Arc::new(Self {
            since: AtomicI64::new(now_ms()),
            again: AtomicBool::new(false),
        })
    }

    fn identifies(&self) {
        if self.again.load(Ordering::Relaxed) {
            self.since.store(now_ms(), Ordering::Relaxed);
        }
    }

    /// It is there. Gives when it was begun.
    fn is_there(&self) -> i64 {
        self.again.store(true, Ordering::Relaxed);
        self.since.load(Ordering::Relaxed)
    }
}

impl Handler {
    fn put(&self, item: Item) {
        // The consumer only ends with the daemon.
        self.queue.send(item).ok();
    }

    fn ask(&self, by: crate::ingress::auth::Person, ask: Ask) {
        self.put(Item::Inbound(Inbound { by: Some(by), ask }));
    }
}

#[async_trait]
impl s::EventHandler for Handler {
    async fn ready(&self, _: s::Context, ready: s::Ready) {
        tracing::info!("connected to Discord as {}", ready.user.name);
        self.ingress.host().metrics().connected(false);
        self.ready.send_replace(true);
        self.put(Item::Hearing);
        let heard = self.connecting.is_there();
        self.put(Item::CatchUp(CatchUp { heard, marks: None }));
        self.launches.notify_one();
    }

    async fn resume(&self, _: s::Context, _: s::ResumedEvent) {
        tracing::info!("the gateway connection was resumed");
        self.ingress.host().metrics().connected(true);
        self.ready.send_replace(true);
        self.put(Item::Hearing);
    }

    async fn shard_stage_update(&self, _: s::Context, event: s::ShardStageUpdateEvent) {
        if event.new != s::ConnectionStage::Connected && self.ready.send_replace(false) {
            tracing::warn!("the gateway connection was lost; connecting again");
        }
        if event.new == s::ConnectionStage::Identifying {
            self.connecting.identifies();
        }
    }

    async fn message(&self, _: s::Context, message: s::Message) {
        if message.author.id.get() == self.bot.get() && message.kind == s::MessageType::PinsAdd {
            self.put(Item::PinNotice(
                message.channel_id.get().into(),
                message.id.get().into(),
            ));
        }
        if message.author.bot {
            return;
        }
        let roles = message.member.as_ref().map_or(&[][..], |member| &member.roles);
        let by = translate::person(&message.author, roles, message.guild_id);
        if let Some(written) = translate::written(&message, self.bot) {
            self.ask(by, Ask::Write(Box::new(written)));
        }
    }

    async fn message_update(
        &self,
        _: s::Context,
        _: Option<s::Message>,
        _: Option<s::Message>,
        event: s::MessageUpdateEvent,
    ) {
        // A link preview is an update too; an edit by a person has the time of the edit.
        let (Some(author), Some(text), Some(_)) = (event.author, event.content, event.edited_timestamp)
        else {
            return;
        };
        let roles = event
            .member
            .flatten()
            .map(|member| member.roles.clone())
            .unwrap_or_default();
        let by = translate::person(&author, &roles, event.guild_id);
        let (channel, message) = (event.channel_id.get().into(), event.id.get().into());
        self.ask(
            by,
            Ask::Edited {
                channel,
                message,
                text,
            },
        );
    }

    async fn message_delete(&self, _: s::Context, _: s::ChannelId, id: s::MessageId, _: Option<s::GuildId>) {
        self.put(Item::Inbound(Inbound {
            by: None,
            ask: Ask::Deleted {
                message: id.get().into(),
            },
        }));
    }

    async fn message_delete_bulk(
        &self,
        _: s::Context,
        _: s::ChannelId,
        ids: Vec<s::MessageId>,
        _: Option<s::GuildId>,
    ) {
        for id in ids {
            self.put(Item::Inbound(Inbound {
                by: None,
                ask: Ask::Deleted {
                    message: id.get().into(),
                },
            }));
        }
    }

    async fn reaction_add(&self, _: s::Context, reaction: s::Reaction) {
        let launch = &self.config.launch;
        let matches = match &reaction.emoji {
            s::ReactionType::Unicode(name) => launch.emoji.matches(Some(name), None),
            s::ReactionType::Custom { id, name, .. } => launch.emoji.matches(name.as_deref(), Some(id.get())),
            _ => false,
        };
        let channel = reaction.channel_id.get().into();
        // Only a member carries the roles that decide; without one it happened in a direct message.
        if let (true, true, Some(member)) = (matches, launch.channels.contains(&channel), &reaction.member) {
            let mut by = translate::member(member);
            by.guild = reaction.guild_id.map(|guild| guild.get().into());
            self.ask(
                by,
                Ask::Launch {
                    channel,
                    message: reaction.message_id.get().into(),
                    late: false,
                },
            );
        }
    }

    async fn thread_delete(&self, _: s::Context, thread: s::PartialGuildChannel, _: Option<s::GuildChannel>) {
        self.put(Item::ThreadGone(thread.id.get().into()));
    }

    async fn thread_update(&self, _: s::Context, _: Option<s::GuildChannel>, thread: s::GuildChannel) {
        self.put(Item::ThreadNamed(thread.id.get().into(), thread.name));
    }

    async fn interaction_create(&self, ctx: s::Context, interaction: s::Interaction) {
        match interaction {
            s::Interaction::Component(component) => {
                components::pressed(&ctx, &component, &self.ingress).await;
            }
            s::Interaction::Modal(modal) => components::submitted(&ctx, &modal, &self.ingress).await,
            _ => {}
        }
    }
}

/// As whom to connect, and where.
#[derive(Debug)]
pub struct Login {
    /// The bot.
    pub bot: UserId,
    /// The library's client, with the token.
    pub http: s::Http,
    /// The gateway's address.
    pub gateway_url: String,
}

/// Runs the gateway until `stop`. An error means that the daemon cannot go on.
pub async fn run(
    config: Arc<Config>,
    ingress: Ingress,
    login: Login,
    ready: watch::Sender<bool>,
    (tracker, stop): (TaskTracker, CancellationToken),
) -> Result<()> {
    let (queue, items) = mpsc::unbounded_channel();
    let bot = login.bot;
    let announced = ready.clone();
    let launches = Arc::new(Notify::new());
    // Weak, so that the queue ends with its handler.
    let again = queue.downgrade();
    let handler = Handler {
        config,
        bot,
        ingress: ingress.clone(),
        queue,
        launches: launches.clone(),
        ready,
        connecting: Connecting::now(),
    };
    let intents = s::GatewayIntents::GUILDS
        | s::GatewayIntents::GUILD_MESSAGES
        | s::GatewayIntents::GUILD_MESSAGE_REACTIONS
        | s::GatewayIntents::MESSAGE_CONTENT;
    let building = s::ClientBuilder::new_with_http(login.http, intents)
        .event_handler(handler)
        .framework(commands::framework(Data {
            ingress: ingress.clone(),
        }));
    let Some(client) = stop.run_until_cancelled(building.into_future()).await else {
        return Ok(());
    };
    let mut client = client.context("cannot prepare the gateway")?;
    // The library asks for the address too, but when that fails it takes Discord's, whatever server this is.
    *client.ws_url.lock().await = login.gateway_url;
    let shards = client.shard_manager.clone();
    let pulse = ingress.host().pulse().clone();
    let (followed, until) = (shards.clone(), stop.clone());
    tracker.spawn(async move { until.run_until_cancelled(pulse.follow(followed, announced)).await });
    let first_sight = missed_launches::first_sight(&ingress);
    if let Some(Err(error)) = stop.run_until_cancelled(first_sight).await {
        tracing::warn!("cannot look at the launch channels: {error:#}");
    }
    recheck::start(&ingress, &again, (&tracker, &stop));
    missed_launches::start(&ingress, (launches, again.clone()), (&tracker, &stop));
    tracker.spawn(consume(
        (items, again),
        ingress,
        bot,
        tracker.clone(),
        stop.clone(),
    ));
    tokio::select! {
        ended = client.start() => Err(why_ended(ended)),
        () = stop.cancelled() => {
            shards.shutdown_all().await;
            Ok(())
        }
    }
}

/// A connection that ended by itself; only some of the reasons are a person's to mend.
fn why_ended(ended: s::Result<()>) -> anyhow::Error {
    match ended {
        Err(s::Error::Gateway(GatewayError::InvalidAuthentication)) => Fatal::TokenRejected.into(),
        Err(s::Error::Gateway(
            GatewayError::DisallowedGatewayIntents | GatewayError::InvalidGatewayIntents,
        )) => Fatal::Intents.into(),
        Err(error) => anyhow::Error::new(error).context("the gateway connection ended"),
        Ok(()) => anyhow::anyhow!("the gateway connection ended"),
    }
}
