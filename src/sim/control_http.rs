//! The hands and levers over HTTP, for the demo's page and for tests in other languages.
//!
//! Same verbs as in Rust, as JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::hands::Saying;
use super::names::{Where, Who};
use super::{Fault, GatewayMishap, InteractionId, Refused, Shared, Sim, feed, reading};
use crate::ids::{MessageId, ThreadId};

type Answer = Result<Json<Value>, Refused>;
type App = State<Arc<Shared>>;

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (StatusCode::CONFLICT, Json(json!({"error": self.to_string()}))).into_response()
    }
}

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/sim/say", post(say))
        .route("/sim/edit", post(edit))
        .route("/sim/delete", post(delete))
        .route("/sim/typing", post(typing))
        .route("/sim/react", post(react))
        .route("/sim/pin", post(pin))
        .route("/sim/slash", post(slash))
        .route("/sim/autocomplete", post(autocomplete))
        .route("/sim/click", post(click))
        .route("/sim/select", post(select))
        .route("/sim/modal", post(modal))
        .route("/sim/thread", post(thread))
        .route("/sim/channel/delete", post(delete_channel))
        .route("/sim/gateway", post(gateway))
        .route("/sim/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/sim/interactions/{id}", get(interaction))
        .route("/sim/state", get(state))
        .route("/sim/commands", get(commands))
        .route("/sim/requests", get(requests))
        .route("/sim/events", get(feed::stream))
        .merge(reading::routes())
        .layer(DefaultBodyLimit::max(32 * 1024 * 1024))
}

fn id_of(value: &str) -> Result<MessageId, Refused> {
    value
        .parse()
        .map_err(|_| Refused::new(format!("not a message id: {value:?}")))
}

fn interaction_of(value: &str) -> Result<InteractionId, Refused> {
    let id: u64 = value
        .parse()
        .map_err(|_| Refused::new(format!("not an interaction id: {value:?}")))?;
    Ok(InteractionId::from(id))
}

fn begun(id: Result<InteractionId, Refused>) -> Answer {
    Ok(Json(json!({"interaction": id?})))
}

fn done(result: Result<(), Refused>) -> Answer {
    result?;
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
struct Say {
    user: String,
    channel: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    files: Vec<SayFile>,
    reply_to: Option<MessageId>,
}

#[derive(Deserialize)]
struct SayFile {
    name: String,
    base64: String,
}

async fn say(State(sim): App, Json(body): Json<Say>) -> Answer {
    let mut files = Vec::new();
    for file in &body.files {
        let bytes = BASE64_STANDARD
            .decode(&file.base64)
            .map_err(|error| Refused::new(format!("file {}: {error}", file.name)))?;
        files.push((file.name.as_str(), bytes));
    }
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, bytes)| (*name, bytes.as_slice()))
        .collect();
    let saying = Saying {
        text: &body.text,
        files: &files,
        reply_to: body.reply_to,
        ..Saying::default()
    };
    let (who, channel) = (Who::from(body.user.as_str()), Where::from(body.channel.as_str()));
    let message = Sim::of(sim).say_more(&who, &channel, &saying)?;
    Ok(Json(json!({"message": message})))
}

#[derive(Deserialize)]
struct Typing {
    user: String,
    channel: String,
}

async fn typing(State(sim): App, Json(body): Json<Typing>) -> Answer {
    done(Sim::of(sim).type_in(body.user.as_str(), body.channel.as_str()))
}

#[derive(Deserialize)]
struct OnMessage {
    #[serde(default)]
    user: String,
    message: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    emoji: String,
    #[serde(default)]
    custom_id: String,
    #[serde(default)]
    values: Vec<String>,
    /// Takes a reaction or a pin away.
    #[serde(default)]
    remove: bool,
}

async fn edit(State(sim): App, Json(body): Json<OnMessage>) -> Answer {
    done(Sim::of(sim).edit(body.user.as_str(), id_of(&body.message)?, &body.text))
}

async fn delete(State(sim): App, Json(body): Json<OnMessage>) -> Answer {
    done(Sim::of(sim).delete(id_of(&body.message)?))
}

async fn react(State(sim): App, Json(body): Json<OnMessage>) -> Answer {
    let (sim, user, message) = (Sim::of(sim), body.user.as_str(), id_of(&body.message)?);
    done(if body.remove {
        sim.unreact(user, message, &body.emoji)
    } else {
        sim.react(user, message, &body.emoji)
    })
}

async fn pin(State(sim): App, Json(body): Json<OnMessage>) -> Answer {
    done(Sim::of(sim).pin(body.user.as_str(), id_of(&body.message)?, !body.remove))
}

async fn click(State(sim): App, Json(body): Json<OnMessage>) -> Answer {
    begun(Sim::of(sim).click(body.user.as_str(), id_of(&body.message)?, &body.custom_id))
}

async fn select(State(sim): App, Json(body): Json<OnMessage>) -> Answer {
    let values: Vec<&str> = body.values.iter().map(String::as_str).collect();
    begun(Sim::of(sim).select(
        body.user.as_str(),
        id_of(&body.message)?,
        &body.custom_id,
        &values,
    ))
}

/// A command, or one that is being typed. The options keep their order: the last is the focused one.
#[derive(Deserialize)]
struct Slash {
    user: String,
    channel: String,
    command: String,
    #[serde(default)]
    options: Vec<(String, String)>,
}

impl Slash {
    fn options(&self) -> Vec<(&str, &str)> {
        self.options
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }
}

async fn slash(State(sim): App, Json(body): Json<Slash>) -> Answer {
    let sim = Sim::of(sim);
    begun(sim.slash(
        body.user.as_str(),
        body.channel.as_str(),
        &body.command,
        &body.options(),
    ))
}

async fn autocomplete(State(sim): App, Json(body): Json<Slash>) -> Answer {
    let sim = Sim::of(sim);
    begun(sim.autocomplete(
        body.user.as_str(),
        body.channel.as_str(),
        &body.command,
        &body.options(),
    ))
}

#[derive(Deserialize)]
struct Modal {
    user: String,
    interaction: String,
    inputs: BTreeMap<String, String>,
}

async fn modal(State(sim): App, Json(body): Json<Modal>) -> Answer {
    let inputs: Vec<(&str, &str)> = body
        .inputs
        .iter()
        .map(|(id, text)| (id.as_str(), text.as_str()))
        .collect();
    let opened = interaction_of(&body.interaction)?;
    begun(Sim::of(sim).submit_modal(body.user.as_str(), opened, &inputs))
}

#[derive(Deserialize)]
struct OnThread {
    thread: ThreadId,
    archived: Option<bool>,
    locked: Option<bool>,
}

async fn thread(State(sim): App, Json(body): Json<OnThread>) -> Answer {
    let sim = Sim::of(sim);
    if let Some(archived) = body.archived {
        sim.archive(body.thread, archived);
    }
    if let Some(locked) = body.locked {
        sim.lock(body.thread, locked);
    }
    done(Ok(()))
}

#[derive(Deserialize)]
struct OnChannel {
    channel: String,
}

async fn delete_channel(State(sim): App, Json(body): Json<OnChannel>) -> Answer {
    done(Sim::of(sim).delete_channel(body.channel.as_str()))
}

async fn gateway(State(sim): App, Json(mishap): Json<GatewayMishap>) -> Answer {
    Sim::of(sim).gateway(mishap);
    done(Ok(()))
}

async fn faults(State(sim): App) -> Json<Value> {
    Json(json!(Sim::of(sim).faults()))
}

async fn add_fault(State(sim): App, Json(fault): Json<Fault>) -> Answer {
    Sim::of(sim).fault(fault);
    done(Ok(()))
}

async fn clear_faults(State(sim): App) -> Answer {
    Sim::of(sim).clear_faults();
    done(Ok(()))
}

async fn interaction(State(sim): App, Path(id): Path<String>) -> Answer {
    let reply = Sim::of(sim).reply_to(interaction_of(&id)?);
    reply
        .map(|reply| Json(json!(reply)))
        .ok_or_else(|| Refused::new(format!("there is no interaction {id}")))
}

async fn state(State(sim): App) -> Json<Value> {
    let sim = Sim::of(sim);
    let channels: Vec<Value> = sim
        .channels()
        .into_iter()
        .map(|channel| json!({"channel": channel, "messages": sim.messages(channel.id)}))
        .collect();
    Json(json!({
        "bot": sim.bot_id(), "guild": sim.guild_id(), "users": sim.users(), "channels": channels,
        "threads": sim.threads(), "connected": sim.gateway_connected(), "complaints": sim.complaints(),
    }))
}

async fn commands(State(sim): App) -> Json<Value> {
    let commands = sim.look(|world| world.commands.values().flatten().cloned().collect::<Vec<_>>());
    Json(json!(commands))
}

async fn requests(State(sim): App) -> Json<Value> {
    Json(json!(Sim::of(sim).requests()))
}
