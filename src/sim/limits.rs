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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The code of the refusal; 0 where it is accepted.
    fn code(body: &Value) -> u64 {
        message(body, &[], Purpose::Create, 100).map_or_else(|error| error.code, |()| 0)
    }

    fn row(components: &Value) -> Value {
        json!({"components": [{"type": 1, "components": components}]})
    }

    fn button(id: &str, label: &str) -> Value {
        json!({"type": 2, "style": 1, "custom_id": id, "label": label})
    }

    fn embed(embed: &Value) -> Value {
        json!({"embeds": [embed]})
    }

    /// Makes the thing with so many of what it is made of: accepted at the limit, refused one past it.
    fn boundary(limit: usize, make: impl Fn(usize) -> Value) {
        assert_eq!(code(&make(limit)), 0, "{limit} is accepted: {}", make(1));
        assert_eq!(
            code(&make(limit + 1)),
            50035,
            "{} is refused: {}",
            limit + 1,
            make(1)
        );
    }

    #[test]
    fn each_limit_is_where_discord_has_it() {
        let text = |count: usize| "ü".repeat(count);
        boundary(2000, |n| json!({"content": text(n)}));
        boundary(25, |n| json!({"content": "x", "nonce": text(n)}));
        boundary(256, |n| embed(&json!({"title": text(n)})));
        boundary(4096, |n| embed(&json!({"description": text(n)})));
        boundary(2048, |n| embed(&json!({"footer": {"text": text(n)}})));
        boundary(256, |n| {
            embed(&json!({"fields": [{"name": text(n), "value": "x"}]}))
        });
        boundary(1024, |n| {
            embed(&json!({"fields": [{"name": "x", "value": text(n)}]}))
        });
        boundary(25, |n| {
            embed(&json!({"fields": vec![json!({"name": "x", "value": "x"}); n]}))
        });
        boundary(10, |n| json!({"embeds": vec![json!({"title": "x"}); n]}));
        boundary(
            1904,
            |n| json!({"embeds": [{"description": text(4096)}, {"description": text(n)}]}),
        );
        boundary(5, |n| {
            row(&(0..n).map(|id| button(&id.to_string(), "x")).collect())
        });
        boundary(80, |n| row(&json!([button("id", &text(n))])));
        boundary(100, |n| row(&json!([button(&text(n), "x")])));
        boundary(5, |n| {
            let row = |id: usize| json!({"type": 1, "components": [button(&id.to_string(), "x")]});
            json!({"components": (0..n).map(row).collect::<Vec<_>>()})
        });
        let menu = |options: Vec<Value>| row(&json!([{"type": 3, "custom_id": "m", "options": options}]));
        boundary(25, |n| {
            menu(
                (0..n)
                    .map(|v| json!({"label": "x", "value": v.to_string()}))
                    .collect(),
            )
        });
        boundary(100, |n| menu(vec![json!({"label": text(n), "value": "v"})]));
        boundary(100, |n| menu(vec![json!({"label": "x", "value": text(n)})]));
        boundary(100, |n| {
            menu(vec![json!({"label": "x", "value": "v", "description": text(n)})])
        });
        let layout = |components: Vec<Value>| json!({"flags": 1 << 15, "components": components});
        boundary(40, |n| layout(vec![json!({"type": 14}); n]));
        boundary(2000, |n| {
            layout(vec![
                json!({"type": 10, "content": text(n)}),
                json!({"type": 10, "content": text(2000)}),
            ])
        });
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let refused = [
            row(&json!([])),
            row(&json!([button("same", "x"), button("same", "y")])),
            row(&json!([{"type": 2, "style": 1, "custom_id": "x"}])),
            row(&json!([{"type": 2, "style": 5, "label": "link without an address"}])),
            row(&json!([{"type": 3, "custom_id": "m", "options": []}])),
            json!({"components": [button("bare", "x")]}),
            embed(&json!({"fields": [{"name": "", "value": "x"}]})),
            json!({"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}),
            json!({"content": 5}),
        ];
        for body in refused {
            assert_eq!(code(&body), 50035, "{body}");
        }
        for empty in [json!({}), json!({"content": "\n "}), json!({"content": null})] {
            assert_eq!(code(&empty), 50006, "{empty}");
        }
    }

    #[test]
    fn the_error_names_the_field_as_discord_does() {
        let body = embed(&json!({"title": "x".repeat(257)}));
        let error = message(&body, &[], Purpose::Create, 100).unwrap_err().body();
        let at = error.pointer("/errors/embeds/0/title/_errors/0/code").unwrap();
        assert_eq!(
            (error.get("code").unwrap(), at),
            (&json!(50035), &json!("BASE_TYPE_MAX_LENGTH"))
        );
    }
}
