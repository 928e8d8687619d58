//! What Discord refuses in a message, with its codes and its words.
//!
//! A simulator that accepts what Discord refuses lets a bug through to the first real user.

use serde_json::Value;

use super::components;
use super::rest::body::Upload;
use super::rest::error::{ApiError, Problems};
use super::world::flag;

/// Why a body is checked: an edit may leave everything out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Create,
    Edit,
    /// The data of a deferred answer: only flags.
    Defer,
}

fn text<'a>(body: &'a Value, key: &str) -> Option<&'a str> {
    body.get(key).and_then(Value::as_str)
}

fn list<'a>(body: &'a Value, key: &str) -> &'a [Value] {
    body.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Checks the body of a message or an edit.
pub(crate) fn message(
    body: &Value,
    files: &[Upload],
    purpose: Purpose,
    upload_limit: usize,
) -> Result<(), ApiError> {
    if files.iter().any(|file| file.bytes.len() > upload_limit) {
        return Err(ApiError::new(413, 40005, "Request entity too large"));
    }
    let mut problems = Problems::default();
    let flags = body.get("flags").and_then(Value::as_u64).unwrap_or(0);
    let v2 = flags & flag::COMPONENTS_V2 != 0;
    let content = text(body, "content").unwrap_or_default();
    problems.length("content", content, 0, 2000);
    if let Some(other) = body.get("content")
        && !other.is_string()
        && !other.is_null()
    {
        problems.add(
            "content",
            "BASE_TYPE_STRING",
            "Could not interpret value as string.",
        );
    }
    if v2 && (!content.is_empty() || !list(body, "embeds").is_empty()) {
        problems.add(
            "content",
            "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
            "The 'content' and 'embeds' fields cannot be used when using MessageFlags.IS_COMPONENTS_V2",
        );
    }
    embeds(list(body, "embeds"), &mut problems);
    components::check(list(body, "components"), v2, &mut problems);
    if files.len() > 10 {
        problems.add(
            "attachments",
            "BASE_TYPE_MAX_LENGTH",
            "Must be 10 or fewer in length.",
        );
    }
    nonce(body, &mut problems);
    allowed_mentions(body, &mut problems);
    problems.finish()?;
    let nothing = content.trim().is_empty()
        && list(body, "embeds").is_empty()
        && files.is_empty()
        && list(body, "components").is_empty()
        && list(body, "sticker_ids").is_empty()
        && body.get("poll").is_none_or(Value::is_null);
    if purpose == Purpose::Create && nothing {
        return Err(ApiError::new(400, 50006, "Cannot send an empty message"));
    }
    Ok(())
}

fn nonce(body: &Value, problems: &mut Problems) {
    match body.get("nonce") {
        Some(Value::String(nonce)) => problems.length("nonce", nonce, 0, 25),
        Some(Value::Number(_) | Value::Null) | None => {}
        Some(_) => problems.add(
            "nonce",
            "NONCE_TYPE_INVALID",
            "Nonce must be a string or an integer.",
        ),
    }
}

fn allowed_mentions(body: &Value, problems: &mut Problems) {
    let Some(allowed) = body.get("allowed_mentions").filter(|allowed| !allowed.is_null()) else {
        return;
    };
    let parses = |what: &str| {
        list(allowed, "parse")
            .iter()
            .any(|kind| kind.as_str() == Some(what))
    };
    for kind in ["users", "roles"] {
        if list(allowed, kind).len() > 100 {
            let path = format!("allowed_mentions.{kind}");
            problems.add(&path, "BASE_TYPE_MAX_LENGTH", "Must be 100 or fewer in length.");
        }
        if parses(kind) && !list(allowed, kind).is_empty() {
            let message = format!("parse:[\"{kind}\"] and {kind}: [ids...] are mutually exclusive.");
            problems.add(
                "allowed_mentions",
                "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                &message,
            );
        }
    }
}

fn embeds(embeds: &[Value], problems: &mut Problems) {
    if embeds.len() > 10 {
        problems.add("embeds", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.");
    }
    let mut total = 0;
    for (number, embed) in embeds.iter().enumerate() {
        total += one_embed(&format!("embeds.{number}"), embed, problems);
    }
    if total > 6000 {
        problems.add(
            "embeds",
            "MAX_EMBED_SIZE_EXCEEDED",
            "Embed size exceeds maximum size of 6000",
        );
    }
}

/// Checks one embed and gives the number of characters that count.
fn one_embed(path: &str, embed: &Value, problems: &mut Problems) -> usize {
    let mut total = 0;
    let mut count = |path: &str, text: &str, least: usize, most: usize, problems: &mut Problems| {
        problems.length(path, text, least, most);
        total += text.chars().count();
    };
    for (key, most) in [("title", 256), ("description", 4096)] {
        if let Some(text) = text(embed, key) {
            count(&format!("{path}.{key}"), text, 0, most, problems);
        }
    }
    if let Some(text) = embed.get("footer").and_then(|footer| text(footer, "text")) {
        count(&format!("{path}.footer.text"), text, 0, 2048, problems);
    }
    if let Some(name) = embed.get("author").and_then(|author| text(author, "name")) {
        count(&format!("{path}.author.name"), name, 0, 256, problems);
    }
    let fields = list(embed, "fields");
    if fields.len() > 25 {
        let path = format!("{path}.fields");
        problems.add(&path, "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.");
    }
    for (number, field) in fields.iter().enumerate() {
        for (key, most) in [("name", 256), ("value", 1024)] {
            let path = format!("{path}.fields.{number}.{key}");
            match text(field, key) {
                Some(text) if !text.trim().is_empty() => count(&path, text, 1, most, problems),
                _ => problems.add(&path, "BASE_TYPE_REQUIRED", "This field is required"),
            }
        }
    }
    if embed
        .get("color")
        .and_then(Value::as_u64)
        .is_some_and(|color| color > 0x00FF_FFFF)
    {
        let message = "int value should be less than or equal to 16777215.";
        problems.add(&format!("{path}.color"), "NUMBER_TYPE_MAX", message);
    }
    total
}

/// Checks the name of a thread.
pub(crate) fn thread_name(name: Option<&str>) -> Result<(), ApiError> {
    let mut problems = Problems::default();
    match name {
        Some(name) => problems.length("name", name.trim(), 1, 100),
        None => problems.add("name", "BASE_TYPE_REQUIRED", "This field is required"),
    }
    problems.finish()
}

/// Checks the choices of an autocomplete answer.
pub(crate) fn choices(choices: &[Value]) -> Result<(), ApiError> {
    let mut problems = Problems::default();
    if choices.len() > 25 {
        problems.add(
            "data.choices",
            "BASE_TYPE_MAX_LENGTH",
            "Must be 25 or fewer in length.",
        );
    }
    for (number, choice) in choices.iter().enumerate() {
        let path = format!("data.choices.{number}");
        let name = text(choice, "name").unwrap_or_default();
        problems.length(&format!("{path}.name"), name, 1, 100);
        if let Some(value) = text(choice, "value") {
            problems.length(&format!("{path}.value"), value, 1, 100);
        }
    }
    problems.finish()
}
