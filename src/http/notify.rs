//! A message to people by a program: into the home channel, another one of the server, or a session's own thread.

use axum::Json;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Api;
use super::caller::{Body, Caller};
use super::error::{ApiError, ErrorBody};
use crate::discord::draft::Draft;
use crate::ids::{ChannelId, ThreadId};
use crate::token::Principal;

/// Discord's limits.
const CONTENT: usize = 2_000;
const TITLE: usize = 256;
const DESCRIPTION: usize = 4_096;
const FIELDS: usize = 25;
const FIELD_VALUE: usize = 1_024;
const FOOTER: usize = 2_048;
const EMBED: usize = 6_000;
const COLOUR: u32 = 0x00FF_FFFF;

/// A message. One of `content` and `embed` has to be there.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Notice {
    /// The text. Nobody is mentioned by it.
    #[schema(max_length = 2000)]
    content: Option<String>,
    embed: Option<Embed>,
    /// Where; without it the home channel, or a session's own thread.
    #[schema(pattern = "^[0-9]{1,19}$")]
    channel_id: Option<String>,
}

/// A card.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
struct Embed {
    #[schema(max_length = 256)]
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[schema(max_length = 4096)]
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// An http or https address behind the title.
    #[schema(pattern = "^https?://")]
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// 0xRRGGBB as a number.
    #[schema(maximum = 16_777_215)]
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<u32>,
    #[schema(max_items = 25)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fields: Vec<Field>,
    #[serde(skip_serializing_if = "Option::is_none")]
    footer: Option<Footer>,
}

/// A line of a card.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
struct Field {
    #[schema(min_length = 1, max_length = 256)]
    name: String,
    #[schema(min_length = 1, max_length = 1024)]
    value: String,
    #[serde(default)]
    inline: bool,
}

/// The last line of a card.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
struct Footer {
    #[schema(max_length = 2048)]
    text: String,
}

/// It will be sent.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Queued {
    queued: bool,
}

/// Send a message. It is on the disk when this answers, and is sent as soon as Discord takes it.
#[utoipa::path(
    post,
    path = "/notify",
    tag = "daemon",
    security(("token" = [])),
    request_body = Notice,
    responses(
        (status = 202, description = "It will be sent", body = Queued),
        (status = 400, description = "A field is wrong; `field` names it", body = ErrorBody),
        (status = 401, description = "No token, or not a good one", body = ErrorBody),
        (status = 403, description = "A session's token, and another channel than its thread", body = ErrorBody),
        (status = 404, description = "There is no such channel", body = ErrorBody),
        (status = 409, description = "The session has no thread yet", body = ErrorBody),
        (status = 413, description = "More than 1 MiB", body = ErrorBody),
        (status = 415, description = "Not JSON", body = ErrorBody),
        (status = 502, description = "Discord did not answer", body = ErrorBody)
    )
)]
pub(super) async fn notify(
    caller: Caller,
    Body(notice): Body<Notice>,
) -> Result<(StatusCode, Json<Queued>), ApiError> {
    let draft = notice.draft(&caller.api)?;
    let asked = notice.channel_id.as_deref().map(str::parse::<ChannelId>);
    let asked = asked
        .transpose()
        .map_err(|_| ApiError::field("channel_id", "expected the id of a channel"))?;
    let channel = caller.channel(asked).await?;
    let row = caller.api.deps.outbox.post(channel, draft).await?;
    caller.api.deps.outbox.seal(row).await?;
    Ok((StatusCode::ACCEPTED, Json(Queued { queued: true })))
}

impl Caller {
    async fn channel(&self, asked: Option<ChannelId>) -> Result<ChannelId, ApiError> {
        match (&self.who, asked) {
            (Principal::Owner, None) => Ok(self.api.deps.config.home_channel),
            (Principal::Owner, Some(channel)) if self.api.takes_messages(channel).await? => Ok(channel),
            (Principal::Owner, Some(_)) => Err(ApiError::unknown_channel()),
            (Principal::Session(own), asked) => {
                let own = self.api.session(own).await?.thread.map(ThreadId::channel);
                match (own, asked) {
                    (Some(own), None) => Ok(own),
                    (Some(own), Some(asked)) if own == asked => Ok(own),
                    (_, Some(_)) => Err(ApiError::new(
                        StatusCode::FORBIDDEN,
                        "not_yours",
                        "a session's token is good for its own thread only",
                    )
                    .at("channel_id")),
                    (None, None) => Err(ApiError::new(
                        StatusCode::CONFLICT,
                        "session_opening",
                        "the session has no thread yet",
                    )),
                }
            }
        }
    }
}

fn at_most(field: &str, text: &str, most: usize) -> Result<usize, ApiError> {
    // Discord counts as JavaScript does.
    let count = text.encode_utf16().count();
    if count > most {
        let message = format!("{count} characters are more than Discord's {most}");
        return Err(ApiError::field(field, message));
    }
    Ok(count)
}

impl Notice {
    fn draft(&self, api: &Api) -> Result<Draft, ApiError> {
        let content = self.content.as_deref().unwrap_or_default();
        at_most("content", content, CONTENT)?;
        let said = self.embed.as_ref().map(Embed::check).transpose()?;
        if content.trim().is_empty() && said.is_none() {
            return Err(ApiError::field("content", "there is neither a text nor an embed"));
        }
        let redactor = &api.deps.redactor;
        let embeds = self.embed.iter().map(|embed| {
            let mut embed = serde_json::to_value(embed).unwrap_or_default();
            redact(&mut embed, redactor);
            embed
        });
        Ok(Draft {
            content: redactor.redact(content).into_owned(),
            embeds: embeds.collect(),
            ..Draft::default()
        })
    }
}

fn redact(value: &mut Value, redactor: &crate::render::redact::Redactor) {
    match value {
        Value::String(text) => *text = redactor.redact(text).into_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, redactor)),
        Value::Object(fields) => fields.values_mut().for_each(|item| redact(item, redactor)),
        _ => {}
    }
}

impl Embed {
    /// How many characters it has, where Discord would take it.
    fn check(&self) -> Result<usize, ApiError> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let mut total = at_most("embed.title", &text(&self.title), TITLE)?;
        total += at_most("embed.description", &text(&self.description), DESCRIPTION)?;
        if let Some(url) = &self.url
            && !(url.starts_with("https://") || url.starts_with("http://"))
        {
            return Err(ApiError::field("embed.url", "expected an http or https address"));
        }
        if self.color.is_some_and(|color| color > COLOUR) {
            return Err(ApiError::field("embed.color", "expected at most 16777215"));
        }
        if self.fields.len() > FIELDS {
            return Err(ApiError::field("embed.fields", "Discord takes 25 fields"));
        }
        for (n, field) in self.fields.iter().enumerate() {
            let (name, value) = (
                format!("embed.fields[{n}].name"),
                format!("embed.fields[{n}].value"),
            );
            if field.name.trim().is_empty() {
                return Err(ApiError::field(name, "it is empty"));
            }
            if field.value.trim().is_empty() {
                return Err(ApiError::field(value, "it is empty"));
            }
            total += at_most(&name, &field.name, TITLE)? + at_most(&value, &field.value, FIELD_VALUE)?;
        }
        if let Some(footer) = &self.footer {
            total += at_most("embed.footer.text", &footer.text, FOOTER)?;
        }
        match total {
            0 => Err(ApiError::field("embed", "there is nothing in it")),
            1..=EMBED => Ok(total),
            _ => Err(ApiError::field(
                "embed",
                format!("{total} characters are more than Discord's {EMBED}"),
            )),
        }
    }
}
