//! Messages: list, read, send, edit, delete.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::Value;
use serenity::model::channel::Message;

use super::App;
use super::body::Form;
use super::error::ApiError;
use crate::ids::{ChannelId, MessageId};
use crate::sim::Shared;
use crate::sim::config::permission;
use crate::sim::draft::Draft;
use crate::sim::limits::{self, Purpose};
use crate::sim::world::{World, flag};

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/channels/{channel}/messages", get(list).post(create))
        .route(
            "/channels/{channel}/messages/{message}",
            get(read).patch(edit).delete(remove),
        )
}

#[derive(Debug, Deserialize)]
struct Range {
    limit: Option<usize>,
    before: Option<MessageId>,
    after: Option<MessageId>,
    around: Option<MessageId>,
}

impl World {
    /// A message as an answer, checked.
    pub(super) fn answer_with(&mut self, what: &str, id: MessageId) -> Result<Json<Value>, ApiError> {
        let message = self
            .messages
            .get(&id)
            .cloned()
            .ok_or_else(ApiError::unknown_message)?;
        let data = self.message_json(&message);
        Ok(Json(self.checked::<Message>(what, data)))
    }
}

async fn list(
    State(sim): App,
    Path(id): Path<ChannelId>,
    Query(range): Query<Range>,
) -> Result<Json<Value>, ApiError> {
    let limit = range.limit.unwrap_or(50);
    if !(1..=100).contains(&limit) {
        let what = "int value should be between 1 and 100.";
        return Err(ApiError::form("limit", "NUMBER_TYPE_MAX", what));
    }
    sim.change(|world| {
        let channel = world.may(id, 0)?;
        let readable = world.permissions_in(channel) & permission::READ_MESSAGE_HISTORY != 0;
        let ids = if readable {
            select(&channel.messages, &range, limit)
        } else {
            Vec::new()
        };
        let messages: Vec<Value> = ids
            .iter()
            .filter_map(|id| world.messages.get(id))
            .map(|message| world.message_json(message))
            .collect();
        Ok(Json(
            world.checked::<Vec<Message>>("GET messages", Value::Array(messages)),
        ))
    })
}

/// The ids of a page, newest first as Discord gives them.
fn select(ids: &[MessageId], range: &Range, limit: usize) -> Vec<MessageId> {
    let upto = |id: MessageId| ids.partition_point(|other| *other < id);
    let past = |id: MessageId| ids.partition_point(|other| *other <= id);
    let (from, to) = match (range.around, range.after, range.before) {
        (Some(id), ..) => {
            let from = upto(id).saturating_sub(limit / 2);
            (from, from + limit)
        }
        (None, Some(id), _) => (past(id), past(id) + limit),
        (None, None, Some(id)) => (upto(id).saturating_sub(limit), upto(id)),
        (None, None, None) => (ids.len().saturating_sub(limit), ids.len()),
    };
    ids.iter().take(to).skip(from).rev().copied().collect()
}

async fn read(
    State(sim): App,
    Path((channel, id)): Path<(ChannelId, MessageId)>,
) -> Result<Json<Value>, ApiError> {
    sim.change(|world| {
        world.may(channel, permission::READ_MESSAGE_HISTORY)?;
        world.message_in(channel, id)?;
        world.answer_with("GET message", id)
    })
}

async fn create(State(sim): App, Path(id): Path<ChannelId>, form: Form) -> Result<Json<Value>, ApiError> {
    sim.change(|world| {
        check_send(world, id, &form)?;
        let nonce = nonce(&form.json);
        let enforced = form.json.get("enforce_nonce") == Some(&Value::Bool(true));
        if let Some(nonce) = nonce.as_ref().filter(|_| enforced) {
            let first = world.nonces.get(&(id, nonce.clone())).copied();
            if let Some(first) = first.filter(|first| world.messages.contains_key(first)) {
                return world.answer_with("POST message", first);
            }
        }
        let mut draft = Draft::new(id, world.bot);
        world.fill(&mut draft, &form.json, form.files)?;
        draft.message.flags &= !flag::EPHEMERAL;
        let message = world.post(draft);
        if let Some(nonce) = nonce {
            world.nonces.insert((id, nonce), message);
        }
        world.answer_with("POST message", message)
    })
}

fn nonce(body: &Value) -> Option<String> {
    match body.get("nonce")? {
        Value::String(nonce) => Some(nonce.clone()),
        Value::Number(nonce) => Some(nonce.to_string()),
        _ => None,
    }
}

fn check_send(world: &World, id: ChannelId, form: &Form) -> Result<(), ApiError> {
    let channel = world.may(id, 0)?;
    let mut needed = match channel.thread {
        Some(_) => permission::SEND_MESSAGES_IN_THREADS,
        None => permission::SEND_MESSAGES,
    };
    if form
        .json
        .get("embeds")
        .and_then(Value::as_array)
        .is_some_and(|embeds| !embeds.is_empty())
    {
        needed |= permission::EMBED_LINKS;
    }
    if !form.files.is_empty() {
        needed |= permission::ATTACH_FILES;
    }
    if form
        .json
        .get("message_reference")
        .is_some_and(|value| !value.is_null())
    {
        needed |= permission::READ_MESSAGE_HISTORY;
    }
    world.may(id, needed)?;
    let moderator = world.permissions_in(channel) & permission::MANAGE_THREADS != 0;
    if channel.thread.as_ref().is_some_and(|thread| thread.locked) && !moderator {
        return Err(ApiError::archived());
    }
    limits::message(
        &form.json,
        &form.files,
        Purpose::Create,
        world.config.upload_limit,
    )
}

async fn edit(
    State(sim): App,
    Path((channel, id)): Path<(ChannelId, MessageId)>,
    mut form: Form,
) -> Result<Json<Value>, ApiError> {
    sim.change(|world| {
        world.may_now(channel, 0)?;
        world.keep_layout_flag(id, &mut form.json);
        let message = world.message_in(channel, id)?;
        if message.author != world.bot || message.webhook.is_some() {
            let what = "Cannot edit a message authored by another user";
            return Err(ApiError::new(403, 50005, what));
        }
        limits::message(&form.json, &form.files, Purpose::Edit, world.config.upload_limit)?;
        check_not_emptied(message, &form)?;
        world.edit(id, &form.json, form.files);
        world.answer_with("PATCH message", id)
    })
}

/// An edit must leave something to see.
fn check_not_emptied(message: &crate::sim::world::Message, form: &Form) -> Result<(), ApiError> {
    let empties = |key: &str, empty_now: bool| match form.json.get(key) {
        None => empty_now,
        Some(Value::String(text)) => text.trim().is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(_) => true,
    };
    let empty = empties("content", message.content.is_empty())
        && empties("embeds", message.embeds.is_empty())
        && empties("components", message.components.is_empty())
        && empties("attachments", message.files.is_empty())
        && form.files.is_empty();
    if empty {
        return Err(ApiError::new(400, 50006, "Cannot send an empty message"));
    }
    Ok(())
}

async fn remove(
    State(sim): App,
    Path((channel, id)): Path<(ChannelId, MessageId)>,
) -> Result<StatusCode, ApiError> {
    sim.change(|world| {
        world.may(channel, 0)?;
        let own = world.message_in(channel, id)?.author == world.bot;
        if !own {
            world.may(channel, permission::MANAGE_MESSAGES)?;
        }
        world.delete_message(id);
        Ok(StatusCode::NO_CONTENT)
    })
}
