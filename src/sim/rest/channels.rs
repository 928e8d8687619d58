//! Channels: read, edit, delete, typing, and the files in them.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use serenity::model::channel::Channel;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

use super::App;
use super::body::Form;
use super::error::ApiError;
use crate::ids::{ChannelId, UserId};
use crate::sim::Shared;
use crate::sim::config::permission;
use crate::sim::dispatch::intent;
use crate::sim::limits;
use crate::sim::world::{Clock, World};

/// How long an indicator of typing is shown.
pub(crate) const TYPING: Duration = Duration::from_secs(10);

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/channels/{channel}", get(read).patch(edit).delete(remove))
        .route("/channels/{channel}/typing", post(typing))
}

async fn read(State(sim): App, Path(id): Path<ChannelId>) -> Result<Json<Value>, ApiError> {
    sim.change(|world| {
        let channel = world.may(id, 0)?.clone();
        let data = world.channel_json(&channel);
        Ok(Json(world.checked::<Channel>("GET channel", data)))
    })
}

async fn edit(State(sim): App, Path(id): Path<ChannelId>, form: Form) -> Result<Json<Value>, ApiError> {
    let renames = sim.look(|world| check_edit(world, id, &form.json))?;
    if renames {
        // Discord does not say so in its headers: the third rename in ten minutes just does not come back.
        while let Some(wait) = sim.change(|world| world.rename_wait(id)) {
            tokio::select! {
                () = sim.shutdown.cancelled() => return Err(ApiError::new(503, 0, "503: Service Unavailable")),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
    sim.change(|world| {
        world.edit_channel(id, &form.json);
        let channel = world.channel(id)?.clone();
        let data = world.channel_json(&channel);
        Ok(Json(world.checked::<Channel>("PATCH channel", data)))
    })
}

/// Checks an edit; tells whether it renames a thread.
fn check_edit(world: &World, id: ChannelId, body: &Value) -> Result<bool, ApiError> {
    let channel = world.may(id, 0)?;
    let have = world.permissions_in(channel);
    let name = body.get("name").and_then(Value::as_str);
    if name.is_some() {
        limits::thread_name(name)?;
    }
    let Some(thread) = &channel.thread else {
        if have & permission::MANAGE_CHANNELS == 0 {
            return Err(ApiError::missing_permissions());
        }
        return Ok(false);
    };
    let moderator = have & permission::MANAGE_THREADS != 0;
    let locks = body.get("locked").is_some() || thread.locked;
    if !moderator && (locks || thread.owner != world.bot) {
        return Err(ApiError::missing_permissions());
    }
    let opens = body.get("archived") == Some(&json!(false));
    let more = body
        .as_object()
        .is_some_and(|fields| fields.keys().any(|key| key != "archived" && key != "locked"));
    if thread.archived && !opens && more {
        return Err(ApiError::archived());
    }
    Ok(name.is_some_and(|name| name.trim() != channel.name))
}

async fn remove(State(sim): App, Path(id): Path<ChannelId>) -> Result<Json<Value>, ApiError> {
    sim.change(|world| {
        let thread = world.may(id, 0)?.thread.is_some();
        let needed = if thread {
            permission::MANAGE_THREADS
        } else {
            permission::MANAGE_CHANNELS
        };
        world.may(id, needed)?;
        let data = world.delete_channel(id).unwrap_or(Value::Null);
        Ok(Json(world.checked::<Channel>("DELETE channel", data)))
    })
}

async fn typing(State(sim): App, Path(id): Path<ChannelId>) -> Result<StatusCode, ApiError> {
    sim.change(|world| {
        let channel = world.may_now(id, 0)?;
        let needed = match channel.thread {
            Some(_) => permission::SEND_MESSAGES_IN_THREADS,
            None => permission::SEND_MESSAGES,
        };
        world.may(id, needed)?;
        world.typing.insert(id, Instant::now());
        world.announce_typing(world.bot, id);
        Ok::<(), ApiError>(())
    })?;
    sim.stop_typing_later(id, TYPING);
    Ok(StatusCode::NO_CONTENT)
}

impl World {
    pub(crate) fn announce_typing(&mut self, user: UserId, channel: ChannelId) {
        let guild = self.channels.get(&channel).map(|channel| channel.guild);
        let now = Clock::now_ms() / 1000;
        let member = self.member_json(user);
        let data = json!({
            "channel_id": channel, "guild_id": guild, "user_id": user, "timestamp": now, "member": member,
        });
        self.emit("TYPING_START", intent::GUILD_MESSAGE_TYPING, data);
    }
}

/// Serves a file that was attached to a message.
pub(super) async fn attachment(
    State(sim): App,
    Path((channel, file, _name)): Path<(ChannelId, u64, String)>,
) -> Response {
    let found = sim.look(|world| {
        let mut files = world.messages.values().flat_map(|message| &message.files);
        files
            .find(|known| known.id == file && known.channel == channel)
            .cloned()
    });
    match found {
        Some(file) => {
            let kind = file
                .content_type
                .unwrap_or_else(|| "application/octet-stream".to_owned());
            // What an agent made must never become a page of this origin, from which it could act for everyone.
            let shown = matches!(
                kind.as_str(),
                "image/png" | "image/jpeg" | "image/gif" | "image/webp"
            );
            let headers = [
                (CONTENT_TYPE, kind.as_str()),
                (CONTENT_DISPOSITION, if shown { "inline" } else { "attachment" }),
                (CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
                (CACHE_CONTROL, "private, max-age=3600"),
            ];
            (headers, file.bytes).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
