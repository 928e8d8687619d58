//! Saying something: in the session's own thread, in another channel, or so that somebody looks.

use std::time::Duration;

use anyhow::Result;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::caller::{Caller, Place};
use super::{Access, Tool};
use crate::discord::draft::Draft;
use crate::discord::outbox::Delivery;
use crate::error::UserError;
use crate::ids::{ChannelId, MessageId, SessionId};
use crate::render::tools as words;

/// Discord's limit.
const LONGEST: usize = 2_000;
/// How long a tool waits for Discord.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reply {
    /// What to say, in Discord's Markdown.
    #[schemars(length(min = 1, max = 2000))]
    text: String,
    /// The id of the message in the thread that is answered.
    #[serde(default)]
    #[schemars(with = "String")]
    message_id: Option<MessageId>,
    /// Only for the owner's token: whose thread.
    #[serde(default)]
    #[schemars(with = "String")]
    session_id: Option<SessionId>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Send {
    /// What to say, in Discord's Markdown.
    #[schemars(length(min = 1, max = 2000))]
    text: String,
    /// The id of the channel or thread; without it, this session's own thread.
    #[serde(default)]
    #[schemars(with = "String")]
    channel_id: Option<ChannelId>,
    /// The id of the message in that channel that is answered.
    #[serde(default)]
    #[schemars(with = "String")]
    message_id: Option<MessageId>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Notify {
    /// What happened, in a sentence or two.
    #[schemars(length(min = 1, max = 2000))]
    text: String,
    /// The id of the channel or thread; without it, this session's own thread, or the home channel for the owner's token.
    #[serde(default)]
    #[schemars(with = "String")]
    channel_id: Option<ChannelId>,
}

impl Tool for Reply {
    const NAME: &'static str = "discord_reply";
    const TITLE: &'static str = "Reply in the thread";
    const DESCRIPTION: &'static str = "Say something in this session's own Discord thread, without a notification; \
        with message_id, as an answer to that message. At most 2,000 characters; mentions notify nobody.";
    const ACCESS: Access = Access::Write;

    async fn run(self, caller: &Caller) -> Result<Value> {
        let (session, thread) = caller.session(self.session_id.as_ref()).await?;
        let place = Place::Thread(Box::new(session), thread);
        let draft = Draft {
            reply_to: self.message_id,
            silent: true,
            ..words_of(caller, &self.text)?
        };
        deliver(caller, &place, draft).await
    }
}

impl Tool for Send {
    const NAME: &'static str = "discord_send";
    const TITLE: &'static str = "Send a message";
    const DESCRIPTION: &'static str = "Send a message to a Discord channel or thread that is open to this session \
        (discord_channels lists them). At most 2,000 characters; mentions notify nobody.";
    const ACCESS: Access = Access::Write;

    async fn run(self, caller: &Caller) -> Result<Value> {
        let place = caller.place(self.channel_id).await?;
        let draft = Draft {
            reply_to: self.message_id,
            ..words_of(caller, &self.text)?
        };
        deliver(caller, &place, draft).await
    }
}

impl Tool for Notify {
    const NAME: &'static str = "discord_notify";
    const TITLE: &'static str = "Notify people";
    const DESCRIPTION: &'static str = "Tell people something that they should see now, such as that long work is done or \
        broken: a message that stands out and notifies those who follow the thread. Use it rarely.";
    const ACCESS: Access = Access::Write;

    async fn run(self, caller: &Caller) -> Result<Value> {
        let home = caller.deps.config.home_channel;
        let place = match self.channel_id {
            // Where the owner's other programs notify people, too.
            None if caller.is_owner() => Place::Channel(home),
            Some(channel) if caller.is_owner() && channel == home => Place::Channel(home),
            named => caller.place(named).await?,
        };
        let Draft { content, .. } = words_of(caller, &self.text)?;
        deliver(caller, &place, Draft::text(words::notification(&content))).await
    }
}

/// A draft of a text that Discord takes.
fn words_of(caller: &Caller, text: &str) -> Result<Draft> {
    Ok(Draft::text(checked(caller, "text", text)?))
}

/// A text that Discord takes, without secrets.
pub(super) fn checked(caller: &Caller, field: &str, text: &str) -> Result<String> {
    if text.trim().is_empty() {
        return Err(UserError::new(format!("`{field}` is wrong: it is empty")).into());
    }
    // Discord counts as JavaScript does.
    let count = text.encode_utf16().count();
    if count > LONGEST {
        let error = UserError::new(format!(
            "`{field}` is wrong: {count} characters are more than Discord's {LONGEST}"
        ));
        return Err(error
            .hint("Say less, send two messages, or write a file and use discord_send_file.")
            .into());
    }
    Ok(caller.deps.redactor.redact(text).into_owned())
}

/// Sends a message and says what came of it.
pub(super) async fn deliver(caller: &Caller, place: &Place, mut draft: Draft) -> Result<Value> {
    let own = caller.own().await?;
    let thread = own.as_ref().and_then(|own| own.thread);
    if let (Place::Channel(_), Some(thread)) = (place, thread) {
        draft.content = words::from_session(&draft.content, thread);
    }
    let channel = place.id();
    match caller.deps.outbox.deliver(channel, draft, PATIENCE).await? {
        Delivery::Sent(message) => {
            let guild = caller.deps.config.guild;
            Ok(json!({
                "sent": true,
                "message_id": message,
                "channel_id": channel,
                "url": format!("https://discord.com/channels/{guild}/{channel}/{message}"),
            }))
        }
        Delivery::UnderWay => Ok(json!({
            "sent": false,
            "note": "Discord does not take it right now. It goes out as soon as possible: do not send it again.",
        })),
        Delivery::Refused { code, message } => {
            let error = UserError::new(format!("Discord refused the message (code {code}): {message}"));
            Err(error.hint("Nothing was sent.").into())
        }
        Delivery::Gone => Err(UserError::new(format!("channel {channel} does not exist any more")).into()),
    }
}
