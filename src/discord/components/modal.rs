//! Forms that were sent. A form is opened from memory and may come back an hour later, so everything is asked anew.

use serenity::all as s;

use super::{dialog, further, only_for_them};
use crate::discord::translate;
use crate::error::for_person;
use crate::ingress::auth::Decision;
use crate::ingress::{Answer, Ask, Inbound, Ingress, refusal};
use crate::render::notice::failure;
use crate::session::Wish;

/// What the form asks for; `None` when it is not one of ours.
fn ask(modal: &s::ModalInteraction) -> Option<Ask> {
    let ask = super::ask(&modal.data.custom_id, None, modal.channel_id.get().into())?;
    match ask {
        Ask::Dialog {
            channel,
            session,
            key,
            wish: Wish::Form(form),
        } => Some(Ask::Dialog {
            channel,
            session,
            key,
            wish: form.sent(text(modal)?),
        }),
        _ => None,
    }
}

/// What was written into it.
fn text(modal: &s::ModalInteraction) -> Option<String> {
    let mut parts = modal.data.components.iter().flat_map(|row| &row.components);
    parts.find_map(|part| match part {
        s::ActionRowComponent::InputText(input) if input.custom_id == dialog::FIELD => {
            Some(input.value.clone().unwrap_or_default())
        }
        _ => None,
    })
}

/// Somebody sent a form.
pub(in crate::discord) async fn submitted(ctx: &s::Context, modal: &s::ModalInteraction, ingress: &Ingress) {
    if let Err(error) = answer(ctx, modal, ingress).await {
        tracing::warn!("cannot answer a form: {error:#}");
    }
}

async fn answer(ctx: &s::Context, modal: &s::ModalInteraction, ingress: &Ingress) -> anyhow::Result<()> {
    let privately = |text: &str| s::CreateInteractionResponse::Message(only_for_them(text));
    let Some(ask) = ask(modal) else {
        let other = "This form is from another version of ompcord; nothing was run.";
        return Ok(modal.create_response(ctx, privately(other)).await?);
    };
    let by = match &modal.member {
        Some(member) => translate::member(member),
        None => translate::person(&modal.user, &[], modal.guild_id),
    };
    let inbound = Inbound { by: Some(by), ask };
    match ingress.decide(&inbound) {
        Decision::Refuse(why) => return Ok(modal.create_response(ctx, privately(refusal(why))).await?),
        Decision::Ignore => return Ok(()),
        Decision::Allow => {}
    }
    // Within three seconds, before anything that may be slow.
    let received = s::CreateInteractionResponse::Acknowledge;
    modal.create_response(ctx, received).await?;
    let told = match ingress.take(inbound).await {
        Ok(Answer::Nothing | Answer::Said(_) | Answer::Shown(_)) => return Ok(()),
        Ok(Answer::Privately(text)) => text,
        Err(error) => failure(&for_person(&error)),
    };
    modal.create_followup(ctx, further(&told)).await?;
    Ok(())
}
