//! The buttons below a session's card, its queue and the list of sessions: they do what a command does.

use serenity::all as s;

use crate::discord::draft::Draft;
use crate::error::for_person;
use crate::ids::{ChannelId, PromptId};
use crate::ingress::commands::{Command, Of};
use crate::ingress::{Ask, Inbound, Ingress};
use crate::render::notice::failure;

/// Where the answer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Into a message that only the person who clicked sees; the one with the button stays.
    Beside,
    /// Into the message with the button.
    Instead,
}

/// `omp:card:<verb>:<session>`.
pub(super) fn card<'a>(
    verb: &str,
    mut rest: impl Iterator<Item = &'a str>,
    channel: ChannelId,
) -> Option<Ask> {
    let session = rest.next()?.parse().ok()?;
    let command = match verb {
        "cancel" => Command::CancelOf(session),
        "queue" => Command::Queue(Of::Session(session)),
        "log" => Command::Log(Of::Session(session)),
        "stop" => Command::StopOf { session, sure: false },
        "end" => Command::StopOf { session, sure: true },
        _ => return None,
    };
    Some(Ask::Command { channel, command })
}

/// `omp:queue:<verb>:<session>[:<prompt>]`; without a verb, as it was once, it continues the queue.
pub(super) fn queue<'a>(
    verb: &str,
    mut rest: impl Iterator<Item = &'a str>,
    channel: ChannelId,
) -> Option<Ask> {
    let mut session = || rest.next()?.parse().ok();
    let command = match verb {
        "drop" => {
            let session = session()?;
            Command::Drop(session, PromptId(rest.next()?.parse().ok()?))
        }
        "clear" => Command::Clear(session()?),
        _ => return Some(Ask::ContinueQueue { channel }),
    };
    Some(Ask::Command { channel, command })
}

/// `omp:sessions:<page>`.
pub(super) fn sessions(page: &str, channel: ChannelId) -> Option<Ask> {
    let page = page.parse().ok()?;
    let command = Command::Sessions { page };
    Some(Ask::Command { channel, command })
}

/// How a button of ours is answered; `None` when it is not one of these.
pub(super) fn way(ask: &Ask) -> Option<Way> {
    let Ask::Command { command, .. } = ask else {
        return None;
    };
    Some(match command {
        Command::Drop(..)
        | Command::Clear(_)
        | Command::Sessions { .. }
        | Command::StopOf { sure: true, .. } => Way::Instead,
        _ => Way::Beside,
    })
}

/// Acknowledges, acts, answers. Who may is decided already.
pub(super) async fn answer(
    ctx: &s::Context,
    component: &s::ComponentInteraction,
    ingress: &Ingress,
    inbound: Inbound,
    way: Way,
) -> anyhow::Result<()> {
    // Within three seconds, before anything that may be slow.
    let acknowledgement = match way {
        Way::Instead => s::CreateInteractionResponse::Acknowledge,
        Way::Beside => {
            let message = s::CreateInteractionResponseMessage::new().ephemeral(true);
            s::CreateInteractionResponse::Defer(message)
        }
    };
    component.create_response(ctx, acknowledgement).await?;
    let draft = match ingress.take(inbound).await {
        Ok(answer) => answer.into_draft(),
        Err(error) => Draft::text(failure(&for_person(&error))),
    };
    let application = component.application_id.get().into();
    ingress
        .rest()
        .answer(application, &component.token, &draft)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::ask;
    use super::*;

    #[test]
    fn buttons_are_read_whole_or_not_at_all() {
        let here = ChannelId::from(7);
        let read = |id: &str| match ask(id, None, here) {
            Some(Ask::Command { command, .. }) => format!("{command:?}"),
            Some(Ask::ContinueQueue { .. }) => "continue".to_owned(),
            Some(other) => format!("{other:?}"),
            None => "nothing".to_owned(),
        };
        let said: Vec<_> = [
            "omp:card:cancel:session_0123abcd",
            "omp:card:queue:session_0123abcd",
            "omp:card:log:session_0123abcd",
            "omp:card:stop:session_0123abcd",
            "omp:card:end:session_0123abcd",
            "omp:queue:drop:session_0123abcd:12",
            "omp:queue:clear:session_0123abcd",
            "omp:queue:continue:session_0123abcd",
            "omp:queue:session_0123abcd",
            "omp:sessions:3",
        ]
        .iter()
        .map(|id| format!("{id} → {}", read(id)))
        .collect();
        insta::assert_snapshot!(said.join("\n"));
        for bad in [
            "omp:card:cancel:nobody",
            "omp:card:dance:session_0123abcd",
            "omp:card:cancel",
            "omp:queue:drop:session_0123abcd:x",
            "omp:queue:clear",
            "omp:sessions:-1",
        ] {
            assert_eq!(read(bad), "nothing", "{bad}");
        }
    }
}
