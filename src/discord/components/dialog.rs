//! Buttons and menus of the agent's questions: what their `custom_id` wants, and the answers that cannot wait.

use serenity::all as s;

use super::{follow_up, further, only_for_them};
use crate::error::for_person;
use crate::ids::ChannelId;
use crate::ingress::{Answer, Ask, Inbound, Ingress};
use crate::render::dialog::{FormText, Whole};
use crate::render::notice::failure;
use crate::session::{Form, Wish};

/// The only field of every form.
pub(super) const FIELD: &str = "text";

/// What the rest of a question's `custom_id` asks for, after the session.
pub(super) fn ask<'a>(
    (channel, session): (ChannelId, &str),
    mut rest: impl Iterator<Item = &'a str>,
    value: Option<&'a str>,
) -> Option<Ask> {
    let key = rest.next()?.to_owned();
    let wish = wish(rest.next()?, value)?;
    if key.is_empty() || rest.next().is_some() {
        return None;
    }
    Some(Ask::Dialog {
        channel,
        session: session.parse().ok()?,
        key,
        wish,
    })
}

fn wish(verb: &str, value: Option<&str>) -> Option<Wish> {
    let number = |text: &str| text.parse::<usize>().ok();
    Some(match verb {
        "always" => Wish::ApproveForSession,
        "keep" => Wish::Keep,
        "skip" => Wish::Skip,
        "more" => Wish::More,
        // Two directions lead to the same page where there are two of them, and two buttons need two ids.
        _ if verb.starts_with(['p', 'b']) => Wish::Page(number(verb.get(1..)?)?),
        // A menu carries the option in its value, a button in its id.
        _ if verb.starts_with('s') => Wish::Choose(number(value?)?),
        _ => match Form::of(verb) {
            Some(form) => Wish::Form(form),
            None => Wish::Choose(number(verb)?),
        },
    })
}

/// Somebody who may has pressed a button of a question.
pub(super) async fn pressed(
    ctx: &s::Context,
    component: &s::ComponentInteraction,
    ingress: &Ingress,
    inbound: Inbound,
) -> anyhow::Result<()> {
    let first = match &inbound.ask {
        Ask::Dialog {
            wish: Wish::Form(_), ..
        } => ingress.form(&inbound.ask).map(|(form, text)| {
            let id = component.data.custom_id.as_str();
            s::CreateInteractionResponse::Modal(modal(id, form, &text))
        }),
        Ask::Dialog { wish: Wish::More, .. } => match ingress.whole(&inbound.ask) {
            Some(whole) => return show(ctx, component, whole).await,
            None => None,
        },
        _ => None,
    };
    if let Some(first) = first {
        component.create_response(ctx, first).await?;
        return Ok(());
    }
    // Within three seconds, before anything that may be slow.
    component
        .create_response(ctx, s::CreateInteractionResponse::Acknowledge)
        .await?;
    match ingress.take(inbound).await {
        Ok(Answer::Nothing | Answer::Said(_) | Answer::Shown(_)) => Ok(()),
        Ok(Answer::Privately(text)) => follow_up(ctx, component, &text).await,
        Err(error) => follow_up(ctx, component, &failure(&for_person(&error))).await,
    }
}

fn modal(custom_id: &str, form: Form, text: &FormText) -> s::CreateModal {
    let style = if text.paragraph {
        s::InputTextStyle::Paragraph
    } else {
        s::InputTextStyle::Short
    };
    let mut input = s::CreateInputText::new(style, &text.label, FIELD)
        .placeholder(&text.placeholder)
        // An empty text is an answer too, but neither a reason nor an option.
        .required(form != Form::Text)
        .max_length(4_000);
    if !text.value.is_empty() {
        input = input.value(&text.value);
    }
    s::CreateModal::new(custom_id, &text.title).components(vec![s::CreateActionRow::InputText(input)])
}

/// Everything of a question, to the person who asked for it only.
async fn show(ctx: &s::Context, component: &s::ComponentInteraction, whole: Whole) -> anyhow::Result<()> {
    let pieces = match whole {
        Whole::Messages(pieces) => pieces,
        Whole::Document(text) => {
            // An upload may take longer than Discord waits for the first answer.
            component.defer_ephemeral(ctx).await?;
            let file = s::CreateAttachment::bytes(text.into_bytes(), "question.txt");
            let edit = s::EditInteractionResponse::new()
                .content("The whole question:")
                .new_attachment(file)
                .allowed_mentions(s::CreateAllowedMentions::new());
            component.edit_response(ctx, edit).await?;
            return Ok(());
        }
    };
    let mut pieces = pieces.iter();
    let first = pieces.next().map_or("There is nothing more.", String::as_str);
    let first = s::CreateInteractionResponse::Message(only_for_them(first));
    component.create_response(ctx, first).await?;
    for piece in pieces {
        component.create_followup(ctx, further(piece)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(rest: &str, value: Option<&str>) -> Option<Wish> {
        match ask((ChannelId::from(7), "session_0123abcd"), rest.split(':'), value) {
            Some(Ask::Dialog { wish, key, .. }) if key == "1f00" => Some(wish),
            _ => None,
        }
    }

    #[test]
    fn a_custom_id_is_read_whole_or_not_at_all() {
        assert_eq!(wanted("1f00:2", None), Some(Wish::Choose(2)));
        assert_eq!(wanted("1f00:s1", Some("37")), Some(Wish::Choose(37)));
        assert_eq!(wanted("1f00:p3", None), Some(Wish::Page(3)));
        assert_eq!(wanted("1f00:b0", None), Some(Wish::Page(0)));
        assert_eq!(wanted("1f00:always", None), Some(Wish::ApproveForSession));
        assert_eq!(wanted("1f00:reason", None), Some(Wish::Form(Form::Reason)));
        for bad in [
            "",
            "1f00",
            "1f00:",
            "1f00:s1",
            "1f00:px",
            "1f00:-1",
            "1f00:1:2",
            ":1",
            "1f00:öpen",
        ] {
            assert_eq!(wanted(bad, None), None, "{bad}");
        }
        assert!(ask((ChannelId::from(7), "nobody"), "1f00:1".split(':'), None).is_none());
    }
}
