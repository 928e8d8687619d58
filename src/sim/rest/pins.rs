//! Pins, by the old routes and by the new ones.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, put};
use axum::{Json, Router};
use serde_json::{Value, json};
use serenity::model::channel::Message;

use super::App;
use super::error::ApiError;
use crate::ids::{ChannelId, MessageId};
use crate::sim::Shared;
use crate::sim::config::permission;
use crate::sim::json::timestamp;
use crate::sim::world::World;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/channels/{channel}/pins", get(list))
        .route("/channels/{channel}/pins/{message}", put(pin).delete(unpin))
        .route("/channels/{channel}/messages/pins", get(list_new))
        .route(
            "/channels/{channel}/messages/pins/{message}",
            put(pin).delete(unpin),
        )
}

type OfMessage = Path<(ChannelId, MessageId)>;

fn pinned(world: &World, id: ChannelId) -> Result<Vec<Value>, ApiError> {
    let channel = world.may(id, 0)?;
    let messages = channel
        .messages
        .iter()
        .rev()
        .filter_map(|id| world.messages.get(id));
    Ok(messages
        .filter(|message| message.pinned)
        .map(|message| world.message_json(message))
        .collect())
}

async fn list(State(sim): App, Path(id): Path<ChannelId>) -> Result<Json<Value>, ApiError> {
    sim.change(|world| {
        let messages = pinned(world, id)?;
        Ok(Json(
            world.checked::<Vec<Message>>("GET pins", Value::Array(messages)),
        ))
    })
}

async fn list_new(State(sim): App, Path(id): Path<ChannelId>) -> Result<Json<Value>, ApiError> {
    sim.change(|world| {
        let at = world.may(id, 0)?.last_pin.map(timestamp);
        let items: Vec<Value> = pinned(world, id)?
            .into_iter()
            .map(|message| json!({"pinned_at": at, "message": message}))
            .collect();
        Ok(Json(json!({"items": items, "has_more": false})))
    })
}

fn check(world: &World, channel: ChannelId, id: MessageId) -> Result<(), ApiError> {
    let have = world.permissions_in(world.may_now(channel, 0)?);
    // Pinning was part of managing messages before it had a permission of its own.
    if have & (permission::MANAGE_MESSAGES | permission::PIN_MESSAGES) == 0 {
        return Err(ApiError::missing_permissions());
    }
    let message = world.message_in(channel, id)?;
    if !matches!(message.kind, 0 | 19 | 20) {
        return Err(ApiError::new(
            403,
            50021,
            "Cannot execute action on a system message",
        ));
    }
    Ok(())
}

async fn pin(State(sim): App, Path((channel, id)): OfMessage) -> Result<StatusCode, ApiError> {
    sim.change(|world| {
        check(world, channel, id)?;
        let most = world.config.max_pins;
        let count = pinned(world, channel)?.len();
        if count >= most && !world.message_in(channel, id)?.pinned {
            let what = format!("Maximum number of pins reached ({most})");
            return Err(ApiError::new(400, 30003, &what));
        }
        let bot = world.bot;
        world.set_pinned(id, bot, true);
        Ok(StatusCode::NO_CONTENT)
    })
}

async fn unpin(State(sim): App, Path((channel, id)): OfMessage) -> Result<StatusCode, ApiError> {
    sim.change(|world| {
        check(world, channel, id)?;
        let bot = world.bot;
        world.set_pinned(id, bot, false);
        Ok(StatusCode::NO_CONTENT)
    })
}
