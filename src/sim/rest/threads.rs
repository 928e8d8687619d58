//! Threads: made from a message or without one, their members, and the lists of them.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};
use serenity::model::channel::{GuildChannel, ThreadsData};
use serenity::model::guild::ThreadMember;

use super::App;
use super::body::Form;
use super::error::ApiError;
use crate::ids::{ChannelId, GuildId, MessageId, UserId};
use crate::sim::Shared;
use crate::sim::config::permission;
use crate::sim::limits;
use crate::sim::threads::NewThread;
use crate::sim::world::{Channel, World};

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route(
            "/channels/{channel}/messages/{message}/threads",
            post(from_message),
        )
        .route("/channels/{channel}/threads", post(without_message))
        .route("/channels/{channel}/thread-members", get(members))
        .route("/channels/{channel}/thread-members/@me", put(join).delete(leave))
        .route(
            "/channels/{channel}/thread-members/{user}",
            get(member).put(add_member).delete(remove_member),
        )
        .route("/channels/{channel}/threads/archived/public", get(archived))
        .route("/guilds/{guild}/threads/active", get(active))
}

fn read_new(world: &World, parent: ChannelId, body: &Value) -> Result<NewThread, ApiError> {
    let channel = world.may(parent, permission::CREATE_PUBLIC_THREADS)?;
    if channel.thread.is_some() {
        return Err(ApiError::new(
            400,
            50024,
            "Cannot execute action on this channel type",
        ));
    }
    let name = body.get("name").and_then(Value::as_str);
    limits::thread_name(name)?;
    let minutes = body
        .get("auto_archive_duration")
        .and_then(Value::as_u64)
        .unwrap_or(4320);
    if !matches!(minutes, 60 | 1440 | 4320 | 10080) {
        let what = "Value must be one of (60, 1440, 4320, 10080).";
        return Err(ApiError::form("auto_archive_duration", "BASE_TYPE_CHOICES", what));
    }
    Ok(NewThread {
        parent,
        message: None,
        name: name.unwrap_or_default().trim().to_owned(),
        owner: world.bot,
        private: false,
        archive_after: minutes,
    })
}

fn created(world: &mut World, new: &NewThread) -> Result<(StatusCode, Json<Value>), ApiError> {
    let id = world.create_thread(new)?;
    let thread = world.channel(id)?.clone();
    let data = world.channel_json(&thread);
    Ok((
        StatusCode::CREATED,
        Json(world.checked::<GuildChannel>("POST thread", data)),
    ))
}

async fn from_message(
    State(sim): App,
    Path((channel, id)): Path<(ChannelId, MessageId)>,
    form: Form,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    sim.change(|world| {
        let new = read_new(world, channel, &form.json)?;
        world.may(channel, permission::READ_MESSAGE_HISTORY)?;
        let message = world.message_in(channel, id)?;
        if !matches!(message.kind, 0 | 19 | 20) {
            return Err(ApiError::new(
                403,
                50021,
                "Cannot execute action on a system message",
            ));
        }
        created(
            world,
            &NewThread {
                message: Some(id),
                ..new
            },
        )
    })
}

async fn without_message(
    State(sim): App,
    Path(channel): Path<ChannelId>,
    form: Form,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    sim.change(|world| {
        let new = read_new(world, channel, &form.json)?;
        // Without a type Discord makes the thread private.
        let private = form.json.get("type").and_then(Value::as_u64) != Some(11);
        created(world, &NewThread { private, ..new })
    })
}

fn thread(world: &World, id: ChannelId) -> Result<&Channel, ApiError> {
    let channel = world.may(id, 0)?;
    if channel.thread.is_none() {
        return Err(ApiError::new(
            400,
            50024,
            "Cannot execute action on this channel type",
        ));
    }
    Ok(channel)
}

fn open_thread(world: &World, id: ChannelId) -> Result<&Channel, ApiError> {
    thread(world, id)?;
    world.may_now(id, 0)
}

async fn join(State(sim): App, Path(id): Path<ChannelId>) -> Result<StatusCode, ApiError> {
    sim.change(|world| {
        open_thread(world, id)?;
        let bot = world.bot;
        world.join(id, bot);
        Ok(StatusCode::NO_CONTENT)
    })
}

async fn leave(State(sim): App, Path(id): Path<ChannelId>) -> Result<StatusCode, ApiError> {
    sim.change(|world| {
        open_thread(world, id)?;
        let bot = world.bot;
        world.leave(id, bot);
        Ok(StatusCode::NO_CONTENT)
    })
}

async fn add_member(
    State(sim): App,
    Path((id, user)): Path<(ChannelId, UserId)>,
) -> Result<StatusCode, ApiError> {
    sim.change(|world| {
        open_thread(world, id)?;
        world.may(id, permission::SEND_MESSAGES_IN_THREADS)?;
        if !world.users.contains_key(&user) {
            return Err(ApiError::new(404, 10013, "Unknown User"));
        }
        world.join(id, user);
        Ok(StatusCode::NO_CONTENT)
    })
}

async fn remove_member(
    State(sim): App,
    Path((id, user)): Path<(ChannelId, UserId)>,
) -> Result<StatusCode, ApiError> {
    sim.change(|world| {
        open_thread(world, id)?;
        world.may(id, permission::MANAGE_THREADS)?;
        world.leave(id, user);
        Ok(StatusCode::NO_CONTENT)
    })
}

async fn member(
    State(sim): App,
    Path((id, user)): Path<(ChannelId, UserId)>,
) -> Result<Json<Value>, ApiError> {
    sim.change(|world| {
        let members = thread(world, id)?
            .thread
            .as_ref()
            .map(|thread| thread.members.contains_key(&user));
        if members != Some(true) {
            return Err(ApiError::new(404, 10007, "Unknown Member"));
        }
        let data = world.thread_member_json(id, user);
        Ok(Json(world.checked::<ThreadMember>("GET thread member", data)))
    })
}

async fn members(State(sim): App, Path(id): Path<ChannelId>) -> Result<Json<Value>, ApiError> {
    sim.change(|world| {
        let thread = thread(world, id)?.thread.as_ref();
        let users: Vec<UserId> = thread
            .map(|thread| thread.members.keys().copied().collect())
            .unwrap_or_default();
        let members: Vec<Value> = users
            .iter()
            .map(|user| world.thread_member_json(id, *user))
            .collect();
        Ok(Json(world.checked::<Vec<ThreadMember>>(
            "GET thread members",
            Value::Array(members),
        )))
    })
}

/// The threads that fit, with the bot's membership of each.
fn list(world: &mut World, what: &str, fits: impl Fn(&Channel) -> bool) -> Json<Value> {
    let threads: Vec<Channel> = world
        .channels
        .values()
        .filter(|channel| channel.thread.is_some() && fits(channel))
        .cloned()
        .collect();
    let joined = |channel: &&Channel| {
        let thread = channel.thread.as_ref();
        thread.is_some_and(|thread| thread.members.contains_key(&world.bot))
    };
    let members: Vec<Value> = threads
        .iter()
        .filter(joined)
        .map(|channel| world.thread_member_json(channel.id, world.bot))
        .collect();
    let threads: Vec<Value> = threads
        .iter()
        .map(|channel| world.channel_json(channel))
        .collect();
    let data = json!({"threads": threads, "members": members, "has_more": false});
    Json(world.checked::<ThreadsData>(what, data))
}

async fn archived(State(sim): App, Path(parent): Path<ChannelId>) -> Result<Json<Value>, ApiError> {
    sim.change(|world| {
        world.may(parent, permission::READ_MESSAGE_HISTORY)?;
        Ok(list(world, "GET archived threads", |channel| {
            let thread = channel.thread.as_ref();
            thread.is_some_and(|thread| thread.parent == parent && thread.archived && !thread.private)
        }))
    })
}

async fn active(State(sim): App, Path(guild): Path<GuildId>) -> Result<Json<Value>, ApiError> {
    sim.change(|world| {
        if !world.guilds.contains_key(&guild) {
            return Err(ApiError::unknown_guild());
        }
        Ok(list(world, "GET active threads", |channel| {
            channel.guild == guild && channel.thread.as_ref().is_some_and(|thread| !thread.archived)
        }))
    })
}
