//! What is offered while a person types an option.

use poise::serenity_prelude as s;

use super::{Context, here, who};
use crate::ingress::complete::Field;

async fn choices(ctx: Context<'_>, field: Field, typed: &str) -> s::CreateAutocompleteResponse {
    let ingress = &ctx.data().ingress;
    let found = ingress.complete(who(ctx), here(ctx), field, typed).await;
    let add = |all: s::CreateAutocompleteResponse, (name, value)| all.add_string_choice(name, value);
    found.into_iter().fold(s::CreateAutocompleteResponse::new(), add)
}

pub(super) async fn open(ctx: Context<'_>, typed: &str) -> s::CreateAutocompleteResponse {
    choices(ctx, Field::Open, typed).await
}

pub(super) async fn past(ctx: Context<'_>, typed: &str) -> s::CreateAutocompleteResponse {
    choices(ctx, Field::Past, typed).await
}

pub(super) async fn model(ctx: Context<'_>, typed: &str) -> s::CreateAutocompleteResponse {
    choices(ctx, Field::Model, typed).await
}

pub(super) async fn thinking(ctx: Context<'_>, typed: &str) -> s::CreateAutocompleteResponse {
    choices(ctx, Field::Thinking, typed).await
}

pub(super) async fn workspace(ctx: Context<'_>, typed: &str) -> s::CreateAutocompleteResponse {
    choices(ctx, Field::Workspace, typed).await
}
