//! The bot itself, where its gateway is, and the commands that it registers.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use serenity::model::application::{Command, CurrentApplicationInfo};
use serenity::model::gateway::BotGateway;
use serenity::model::user::CurrentUser;

use super::App;
use super::body::Form;
use super::error::ApiError;
use crate::ids::GuildId;
use crate::sim::Shared;
use crate::sim::commands;
use crate::sim::world::World;

pub(super) fn routes() -> Router<Arc<Shared>> {
    let guild = "/applications/{application}/guilds/{guild}/commands";
    let global = "/applications/{application}/commands";
    Router::new()
        .route("/gateway", get(gateway))
        .route("/gateway/bot", get(gateway_bot))
        .route("/users/@me", get(me))
        .route("/users/{user}", get(user))
        .route("/oauth2/applications/@me", get(application))
        .route("/applications/@me", get(application))
        .route(guild, get(list_guild).put(put_guild).post(post_guild))
        .route(
            &format!("{guild}/{{command}}"),
            axum::routing::delete(delete_guild),
        )
        .route(global, get(list_global).put(put_global))
}

async fn gateway(State(sim): App) -> Json<Value> {
    sim.look(|world| Json(json!({"url": world.gateway_url()})))
}

async fn gateway_bot(State(sim): App) -> Json<Value> {
    sim.change(|world| {
        let remaining = 1000_u64.saturating_sub(world.sessions.identifies);
        let data = json!({
            "url": world.gateway_url(), "shards": 1,
            "session_start_limit": {
                "total": 1000, "remaining": remaining, "reset_after": 86_400_000, "max_concurrency": 1,
            },
        });
        Json(world.checked::<BotGateway>("GET gateway/bot", data))
    })
}

async fn me(State(sim): App) -> Json<Value> {
    sim.change(|world| {
        let data = world.current_user_json();
        Json(world.checked::<CurrentUser>("GET users/@me", data))
    })
}

async fn user(State(sim): App, Path(id): Path<crate::ids::UserId>) -> Result<Json<Value>, ApiError> {
    sim.change(|world| {
        if !world.users.contains_key(&id) {
            return Err(ApiError::new(404, 10013, "Unknown User"));
        }
        let data = world.user_json(id);
        Ok(Json(
            world.checked::<serenity::model::user::User>("GET user", data),
        ))
    })
}

async fn application(State(sim): App) -> Json<Value> {
    sim.change(|world| {
        let data = world.application_json();
        Json(world.checked::<CurrentApplicationInfo>("GET application", data))
    })
}

/// Where commands belong; the application has to be the bot's own.
fn scope(world: &World, application: u64, guild: Option<GuildId>) -> Result<Option<GuildId>, ApiError> {
    if application != world.bot.get() {
        return Err(ApiError::new(
            403,
            20012,
            "You are not authorized to perform this action on this application",
        ));
    }
    if guild.is_some_and(|guild| !world.guilds.contains_key(&guild)) {
        return Err(ApiError::missing_access());
    }
    Ok(guild)
}

fn list(sim: &Shared, application: u64, guild: Option<GuildId>) -> Result<Json<Value>, ApiError> {
    sim.change(|world| {
        let scope = scope(world, application, guild)?;
        let commands = world.commands.get(&scope).cloned().unwrap_or_default();
        Ok(Json(
            world.checked::<Vec<Command>>("GET commands", Value::Array(commands)),
        ))
    })
}

fn replace(
    sim: &Shared,
    application: u64,
    guild: Option<GuildId>,
    body: &Value,
) -> Result<Json<Value>, ApiError> {
    sim.change(|world| {
        let scope = scope(world, application, guild)?;
        let given = body.as_array().cloned().unwrap_or_default();
        commands::check(&given)?;
        let complete: Vec<Value> = given
            .into_iter()
            .map(|command| commands::complete(world, scope, command))
            .collect();
        world.commands.insert(scope, complete.clone());
        Ok(Json(
            world.checked::<Vec<Command>>("PUT commands", Value::Array(complete)),
        ))
    })
}

async fn list_guild(
    State(sim): App,
    Path((app, guild)): Path<(u64, GuildId)>,
) -> Result<Json<Value>, ApiError> {
    list(&sim, app, Some(guild))
}

async fn list_global(State(sim): App, Path(app): Path<u64>) -> Result<Json<Value>, ApiError> {
    list(&sim, app, None)
}

async fn put_guild(
    State(sim): App,
    Path((app, guild)): Path<(u64, GuildId)>,
    form: Form,
) -> Result<Json<Value>, ApiError> {
    replace(&sim, app, Some(guild), &form.json)
}

async fn put_global(State(sim): App, Path(app): Path<u64>, form: Form) -> Result<Json<Value>, ApiError> {
    replace(&sim, app, None, &form.json)
}

async fn post_guild(
    State(sim): App,
    Path((app, guild)): Path<(u64, GuildId)>,
    form: Form,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    sim.change(|world| {
        let scope = scope(world, app, Some(guild))?;
        commands::check(std::slice::from_ref(&form.json))?;
        let command = commands::complete(world, scope, form.json);
        let list = world.commands.get_or_default(scope);
        list.retain(|other| other.get("name") != command.get("name"));
        list.push(command.clone());
        Ok((
            StatusCode::CREATED,
            Json(world.checked::<Command>("POST command", command)),
        ))
    })
}

async fn delete_guild(
    State(sim): App,
    Path((app, guild, id)): Path<(u64, GuildId, String)>,
) -> Result<StatusCode, ApiError> {
    sim.change(|world| {
        let scope = scope(world, app, Some(guild))?;
        let list = world.commands.get_or_default(scope);
        let before = list.len();
        list.retain(|command| command.get("id").and_then(Value::as_str) != Some(&id));
        if list.len() == before {
            return Err(ApiError::new(404, 10063, "Unknown application command"));
        }
        Ok(StatusCode::NO_CONTENT)
    })
}
