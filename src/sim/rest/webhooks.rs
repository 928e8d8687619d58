//! Webhooks: the configured ones, and the follow-ups of interactions, which share their routes.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::App;
use super::body::Form;
use super::error::ApiError;
use crate::ids::{MessageId, UserId};
use crate::sim::Shared;
use crate::sim::draft::Draft;
use crate::sim::limits::{self, Purpose};
use crate::sim::world::{Webhook, World, flag};

pub(super) fn routes() -> Router<Arc<Shared>> {
    let of = "/webhooks/{webhook}/{token}";
    Router::new().route(of, post(execute).get(describe)).route(
        &format!("{of}/messages/{{message}}"),
        get(read).patch(edit).delete(remove),
    )
}

#[derive(Debug, Deserialize)]
struct Options {
    wait: Option<bool>,
}

fn known(world: &World, id: u64, token: &str) -> Result<Webhook, ApiError> {
    let webhook = world.webhooks.get(&id).ok_or_else(ApiError::unknown_webhook)?;
    if webhook.token == token {
        Ok(webhook.clone())
    } else {
        Err(ApiError::new(401, 50027, "Invalid Webhook Token"))
    }
}

async fn describe(State(sim): App, Path((id, token)): Path<(u64, String)>) -> Result<Json<Value>, ApiError> {
    sim.look(|world| {
        let webhook = known(world, id, &token)?;
        let guild = world.channel(webhook.channel)?.guild;
        Ok(Json(json!({
            "id": id.to_string(), "type": 1, "token": token, "name": webhook.name, "avatar": null,
            "channel_id": webhook.channel, "guild_id": guild, "application_id": null,
        })))
    })
}

async fn execute(
    State(sim): App,
    Path((id, token)): Path<(u64, String)>,
    Query(options): Query<Options>,
    form: Form,
) -> Result<Response, ApiError> {
    sim.change(|world| {
        if id == world.bot.get() {
            let message = world.follow_up(&token, form)?;
            return Ok(world.answer_with("POST follow-up", message)?.into_response());
        }
        let webhook = known(world, id, &token)?;
        limits::message(
            &form.json,
            &form.files,
            Purpose::Create,
            world.config.upload_limit,
        )?;
        let name = form
            .json
            .get("username")
            .and_then(Value::as_str)
            .unwrap_or(&webhook.name);
        let mut draft = Draft::new(webhook.channel, UserId::from(id));
        draft.message.webhook = Some((id, name.to_owned()));
        world.fill(&mut draft, &form.json, form.files)?;
        draft.message.flags &= !flag::EPHEMERAL;
        let message = world.post(draft);
        if options.wait == Some(true) {
            return Ok(world.answer_with("POST webhook", message)?.into_response());
        }
        Ok(StatusCode::NO_CONTENT.into_response())
    })
}

/// The message that a token may touch: an answer of its interaction, or what its webhook wrote.
fn find(world: &World, id: u64, token: &str, which: &str) -> Result<MessageId, ApiError> {
    if id == world.bot.get() {
        return world.answer_message(token, which);
    }
    let webhook = known(world, id, token)?;
    let message = which.parse().map_err(|_| ApiError::unknown_message())?;
    let found = world.message_in(webhook.channel, message)?;
    if found.webhook.as_ref().is_some_and(|(author, _)| *author == id) {
        Ok(message)
    } else {
        Err(ApiError::unknown_message())
    }
}

type OfMessage = Path<(u64, String, String)>;

async fn read(State(sim): App, Path((id, token, which)): OfMessage) -> Result<Json<Value>, ApiError> {
    sim.change(|world| {
        let message = find(world, id, &token, &which)?;
        world.answer_with("GET answer", message)
    })
}

async fn edit(
    State(sim): App,
    Path((id, token, which)): OfMessage,
    mut form: Form,
) -> Result<Json<Value>, ApiError> {
    sim.change(|world| {
        let message = find(world, id, &token, &which)?;
        world.keep_layout_flag(message, &mut form.json);
        limits::message(&form.json, &form.files, Purpose::Edit, world.config.upload_limit)?;
        world.edit(message, &form.json, form.files);
        world.answer_with("PATCH answer", message)
    })
}

async fn remove(State(sim): App, Path((id, token, which)): OfMessage) -> Result<StatusCode, ApiError> {
    sim.change(|world| {
        let message = find(world, id, &token, &which)?;
        world.delete_message(message);
        Ok(StatusCode::NO_CONTENT)
    })
}
