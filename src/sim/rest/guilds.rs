//! Guilds: themselves, their channels, roles and members.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use serenity::model::channel::GuildChannel;
use serenity::model::guild::{Member, PartialGuild, Role};

use super::App;
use super::error::ApiError;
use crate::ids::{GuildId, UserId};
use crate::sim::Shared;
use crate::sim::json::role_json;
use crate::sim::world::{Guild, World};

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/guilds/{guild}", get(read))
        .route("/guilds/{guild}/channels", get(channels))
        .route("/guilds/{guild}/roles", get(roles))
        .route("/guilds/{guild}/members", get(members))
        .route("/guilds/{guild}/members/{user}", get(member))
        .route("/users/@me/guilds", get(own))
        .route("/users/@me/guilds/{guild}/member", get(own_member))
}

fn guild(world: &World, id: GuildId) -> Result<&Guild, ApiError> {
    world.guilds.get(&id).ok_or_else(ApiError::unknown_guild)
}

async fn read(State(sim): App, Path(id): Path<GuildId>) -> Result<Json<Value>, ApiError> {
    sim.change(|world| {
        let data = world.guild_json(guild(world, id)?);
        Ok(Json(world.checked::<PartialGuild>("GET guild", data)))
    })
}

async fn channels(State(sim): App, Path(id): Path<GuildId>) -> Result<Json<Value>, ApiError> {
    sim.change(|world| {
        guild(world, id)?;
        let here = world
            .channels
            .values()
            .filter(|channel| channel.guild == id && channel.thread.is_none());
        let channels: Vec<Value> = here.map(|channel| world.channel_json(channel)).collect();
        Ok(Json(world.checked::<Vec<GuildChannel>>(
            "GET channels",
            Value::Array(channels),
        )))
    })
}

async fn roles(State(sim): App, Path(id): Path<GuildId>) -> Result<Json<Value>, ApiError> {
    sim.change(|world| {
        let roles: Vec<Value> = guild(world, id)?.roles.iter().map(role_json).collect();
        Ok(Json(world.checked::<Vec<Role>>("GET roles", Value::Array(roles))))
    })
}

async fn member(State(sim): App, Path((id, user)): Path<(GuildId, UserId)>) -> Result<Json<Value>, ApiError> {
    sim.change(|world| {
        guild(world, id)?;
        if !world.users.contains_key(&user) {
            return Err(ApiError::new(404, 10007, "Unknown Member"));
        }
        let data = world.member_json(user);
        Ok(Json(world.checked::<Member>("GET member", data)))
    })
}

async fn own_member(State(sim): App, Path(id): Path<GuildId>) -> Result<Json<Value>, ApiError> {
    let bot = sim.look(|world| world.bot);
    member(State(sim), Path((id, bot))).await
}

async fn members(State(sim): App, Path(id): Path<GuildId>) -> Result<Json<Value>, ApiError> {
    sim.change(|world| {
        guild(world, id)?;
        let members: Vec<Value> = world.users.keys().map(|user| world.member_json(*user)).collect();
        Ok(Json(
            world.checked::<Vec<Member>>("GET members", Value::Array(members)),
        ))
    })
}

async fn own(State(sim): App) -> Json<Value> {
    sim.look(|world| {
        let guilds: Vec<Value> = world
            .guilds
            .values()
            .map(|guild| {
                json!({
                    "id": guild.id, "name": guild.name, "icon": null, "owner": false, "features": [],
                    "permissions": world.config.permissions.to_string(),
                })
            })
            .collect();
        Json(Value::Array(guilds))
    })
}
