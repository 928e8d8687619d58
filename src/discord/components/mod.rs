//! Buttons and selects. Their `custom_id` names a row; what it means is in SQLite and in the session, so a button
//! that outlived a restart is answered honestly.

mod card;
mod dialog;
mod modal;

use serenity::all as s;

use super::translate;
use crate::error::for_person;
use crate::ids::PromptId;
use crate::ingress::auth::Decision;
use crate::ingress::{Answer, Ask, Inbound, Ingress, refusal};
use crate::render::notice::failure;
use crate::render::text::escape;
use crate::session::state::Choice;

pub(super) use modal::submitted;

/// What a `custom_id` asks for; `None` when it is not one of ours.
fn ask(custom_id: &str, value: Option<&str>, channel: crate::ids::ChannelId) -> Option<Ask> {
    let mut parts = custom_id.split(':');
    if parts.next()? != "omp" {
        return None;
    }
    let (verb, id) = (parts.next()?, parts.next()?);
    let choice = match verb {
        "queue" => return card::queue(id, parts, channel),
        "card" => return card::card(id, parts, channel),
        "sessions" => return card::sessions(id, channel),
        "ask" => return dialog::ask((channel, id), parts, value),
        "continue" => Choice::Continue,
        "discard" => Choice::Discard,
        "run" => Choice::Run,
        "retry" => Choice::Retry,
        "fresh" => Choice::StartFresh,
        _ => return None,
    };
    Some(Ask::Decide {
        channel,
        prompt: PromptId(id.parse().ok()?),
        choice,
    })
}

/// Somebody pressed a button or chose from a select.
pub(super) async fn pressed(ctx: &s::Context, component: &s::ComponentInteraction, ingress: &Ingress) {
    if let Err(error) = answer(ctx, component, ingress).await {
        tracing::warn!("cannot answer a button: {error:#}");
    }
}

async fn answer(
    ctx: &s::Context,
    component: &s::ComponentInteraction,
    ingress: &Ingress,
) -> anyhow::Result<()> {
    let value = match &component.data.kind {
        s::ComponentInteractionDataKind::StringSelect { values } => values.first().map(String::as_str),
        _ => None,
    };
    let Some(ask) = ask(
        &component.data.custom_id,
        value,
        component.channel_id.get().into(),
    ) else {
        return privately(
            ctx,
            component,
            "This button is from another version of ompcord; nothing was run.",
        )
        .await;
    };
    let by = match &component.member {
        Some(member) => translate::member(member),
        None => translate::person(&component.user, &[], component.guild_id),
    };
    let name = by.name.clone();
    let inbound = Inbound { by: Some(by), ask };
    match ingress.decide(&inbound) {
        Decision::Refuse(why) => return privately(ctx, component, refusal(why)).await,
        Decision::Ignore => return Ok(()),
        Decision::Allow => {}
    }
    if let Some(way) = card::way(&inbound.ask) {
        return card::answer(ctx, component, ingress, inbound, way).await;
    }
    if let Ask::Dialog { .. } = &inbound.ask {
        return dialog::pressed(ctx, component, ingress, inbound).await;
    }
    // Within three seconds, before anything that may be slow.
    component
        .create_response(ctx, s::CreateInteractionResponse::Acknowledge)
        .await?;
    match ingress.take(inbound).await {
        Ok(Answer::Nothing) => Ok(()),
        Ok(Answer::Said(_) | Answer::Shown(_)) => {
            let label = label(component).unwrap_or_else(|| "Done".to_owned());
            let content = format!("{}\n-# {label} ⋅ {}", component.message.content, escape(&name));
            let edit = s::EditInteractionResponse::new()
                .content(content)
                .components(Vec::new())
                .allowed_mentions(s::CreateAllowedMentions::new());
            component.edit_response(ctx, edit).await?;
            Ok(())
        }
        Ok(Answer::Privately(text)) => {
            // The button has outlived what it was for.
            let edit = s::EditInteractionResponse::new().components(Vec::new());
            component.edit_response(ctx, edit).await?;
            follow_up(ctx, component, &text).await
        }
        Err(error) => follow_up(ctx, component, &failure(&for_person(&error))).await,
    }
}

/// What stands on the button that was pressed.
fn label(component: &s::ComponentInteraction) -> Option<String> {
    let rows = component.message.components.iter();
    rows.flat_map(|row| &row.components).find_map(|part| match part {
        s::ActionRowComponent::Button(s::Button { data, label, .. }) => match data {
            s::ButtonKind::NonLink { custom_id, .. } if *custom_id == component.data.custom_id => {
                label.clone()
            }
            _ => None,
        },
        _ => None,
    })
}

/// What only the person reads who pressed. Nothing in it can mention anyone.
fn only_for_them(text: &str) -> s::CreateInteractionResponseMessage {
    s::CreateInteractionResponseMessage::new()
        .content(text)
        .ephemeral(true)
        .allowed_mentions(s::CreateAllowedMentions::new())
}

/// The same, after the first answer.
fn further(text: &str) -> s::CreateInteractionResponseFollowup {
    s::CreateInteractionResponseFollowup::new()
        .content(text)
        .ephemeral(true)
        .allowed_mentions(s::CreateAllowedMentions::new())
}

async fn privately(ctx: &s::Context, component: &s::ComponentInteraction, text: &str) -> anyhow::Result<()> {
    let message = only_for_them(text);
    component
        .create_response(ctx, s::CreateInteractionResponse::Message(message))
        .await?;
    Ok(())
}

async fn follow_up(ctx: &s::Context, component: &s::ComponentInteraction, text: &str) -> anyhow::Result<()> {
    component.create_followup(ctx, further(text)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ChannelId;

    #[test]
    fn a_custom_id_is_read_whole_or_not_at_all() {
        let here = ChannelId::from(7);
        assert!(matches!(
            ask("omp:retry:5", None, here),
            Some(Ask::Decide {
                prompt: PromptId(5),
                choice: Choice::Retry,
                ..
            })
        ));
        for bad in [
            "",
            "omp",
            "omp:retry",
            "omp:retry:x",
            "other:retry:5",
            "omp:launch:5",
        ] {
            assert!(ask(bad, None, here).is_none(), "{bad}");
        }
    }
}
