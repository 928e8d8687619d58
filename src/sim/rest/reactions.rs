//! Reactions.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, put};
use axum::{Json, Router};
use serde_json::Value;
use serenity::model::user::User;

use super::App;
use super::error::ApiError;
use crate::ids::{ChannelId, MessageId, UserId};
use crate::sim::Shared;
use crate::sim::config::permission;
use crate::sim::world::Emoji;

pub(super) fn routes() -> Router<Arc<Shared>> {
    let of = "/channels/{channel}/messages/{message}/reactions";
    Router::new()
        .route(of, delete(clear))
        .route(&format!("{of}/{{emoji}}"), get(list).delete(clear_emoji))
        .route(&format!("{of}/{{emoji}}/@me"), put(add).delete(remove_own))
        .route(&format!("{of}/{{emoji}}/{{user}}"), delete(remove))
}

type OfEmoji = Path<(ChannelId, MessageId, String)>;

async fn add(State(sim): App, Path((channel, id, emoji)): OfEmoji) -> Result<StatusCode, ApiError> {
    let emoji = Emoji::parse(&emoji);
    sim.change(|world| {
        world.may_now(channel, permission::READ_MESSAGE_HISTORY)?;
        let message = world.message_in(channel, id)?;
        if !message.reactions.iter().any(|reacted| reacted.emoji == emoji) {
            world.may(channel, permission::ADD_REACTIONS)?;
            if message.reactions.len() >= 20 {
                return Err(ApiError::new(
                    400,
                    30010,
                    "Maximum number of reactions reached (20)",
                ));
            }
        }
        if emoji.id.is_none() && emoji.name.is_ascii() {
            return Err(ApiError::new(400, 10014, "Unknown Emoji"));
        }
        let bot = world.bot;
        world.react(id, bot, &emoji);
        Ok(StatusCode::NO_CONTENT)
    })
}

async fn remove_own(State(sim): App, Path((channel, id, emoji)): OfEmoji) -> Result<StatusCode, ApiError> {
    sim.change(|world| {
        world.may_now(channel, 0)?;
        world.message_in(channel, id)?;
        let bot = world.bot;
        world.unreact(id, bot, &Emoji::parse(&emoji));
        Ok(StatusCode::NO_CONTENT)
    })
}

async fn remove(
    State(sim): App,
    Path((channel, id, emoji, user)): Path<(ChannelId, MessageId, String, UserId)>,
) -> Result<StatusCode, ApiError> {
    sim.change(|world| {
        let needed = if user == world.bot {
            0
        } else {
            permission::MANAGE_MESSAGES
        };
        world.may_now(channel, needed)?;
        world.message_in(channel, id)?;
        world.unreact(id, user, &Emoji::parse(&emoji));
        Ok(StatusCode::NO_CONTENT)
    })
}

async fn list(State(sim): App, Path((channel, id, emoji)): OfEmoji) -> Result<Json<Value>, ApiError> {
    let emoji = Emoji::parse(&emoji);
    sim.change(|world| {
        world.may(channel, permission::READ_MESSAGE_HISTORY)?;
        let message = world.message_in(channel, id)?;
        let reacted = message.reactions.iter().find(|reacted| reacted.emoji == emoji);
        let users = reacted.map(|reacted| reacted.users.clone()).unwrap_or_default();
        let users: Vec<Value> = users.iter().map(|user| world.user_json(*user)).collect();
        Ok(Json(
            world.checked::<Vec<User>>("GET reactions", Value::Array(users)),
        ))
    })
}

async fn clear_emoji(State(sim): App, Path((channel, id, emoji)): OfEmoji) -> Result<StatusCode, ApiError> {
    clear_matching(&sim, channel, id, Some(&Emoji::parse(&emoji)))
}

async fn clear(
    State(sim): App,
    Path((channel, id)): Path<(ChannelId, MessageId)>,
) -> Result<StatusCode, ApiError> {
    clear_matching(&sim, channel, id, None)
}

fn clear_matching(
    sim: &Shared,
    channel: ChannelId,
    id: MessageId,
    only: Option<&Emoji>,
) -> Result<StatusCode, ApiError> {
    sim.change(|world| {
        world.may_now(channel, permission::MANAGE_MESSAGES)?;
        let reactions = world.message_in(channel, id)?.reactions.clone();
        for reacted in reactions
            .iter()
            .filter(|reacted| only.is_none_or(|only| reacted.emoji == *only))
        {
            for user in &reacted.users {
                world.unreact(id, *user, &reacted.emoji);
            }
        }
        Ok(StatusCode::NO_CONTENT)
    })
}
