//! What Discord refuses in buttons, selects, modals and the newer layout components.

use std::collections::HashSet;

use serde_json::Value;

use super::rest::error::{ApiError, Problems};

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

fn kind(value: &Value) -> u64 {
    value.get("type").and_then(Value::as_u64).unwrap_or(0)
}

fn children(value: &Value) -> &[Value] {
    value
        .get("components")
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// What is counted over the whole message.
#[derive(Default)]
struct Totals {
    ids: HashSet<String>,
    components: usize,
    text: usize,
}

/// Checks the components of a message.
pub(crate) fn check(rows: &[Value], v2: bool, problems: &mut Problems) {
    let mut totals = Totals::default();
    if !v2 && rows.len() > 5 {
        problems.add(
            "components",
            "BASE_TYPE_MAX_LENGTH",
            "Must be 5 or fewer in length.",
        );
    }
    for (number, component) in rows.iter().enumerate() {
        let path = format!("components.{number}");
        if !v2 && kind(component) != 1 {
            let message = "Value of field \"type\" must be one of (1,).";
            problems.add(&format!("{path}.type"), "UNION_TYPE_CHOICES", message);
            continue;
        }
        one(&path, component, &mut totals, problems);
    }
    if v2 && totals.components > 40 {
        problems.add(
            "components",
            "BASE_TYPE_MAX_LENGTH",
            "Must be 40 or fewer in length.",
        );
    }
    if totals.text > 4000 {
        problems.add(
            "components",
            "COMPONENT_MAX_TOTAL_TEXT_LENGTH",
            "Total text must be 4000 or fewer.",
        );
    }
}

fn one(path: &str, component: &Value, totals: &mut Totals, problems: &mut Problems) {
    totals.components += 1;
    match kind(component) {
        1 => row(path, component, totals, problems),
        2 => button(path, component, totals, problems),
        3 | 5..=8 => select(path, component, totals, problems),
        9 | 17 => {
            for (number, child) in children(component).iter().enumerate() {
                one(&format!("{path}.components.{number}"), child, totals, problems);
            }
            if let Some(accessory) = component.get("accessory") {
                one(&format!("{path}.accessory"), accessory, totals, problems);
            }
        }
        10 => {
            let content = text(component, "content").unwrap_or_default();
            totals.text += content.chars().count();
            problems.length(&format!("{path}.content"), content, 1, 4000);
        }
        11..=14 => {}
        other => {
            let message = format!("Component type {other} is not allowed here.");
            problems.add(&format!("{path}.type"), "UNION_TYPE_CHOICES", &message);
        }
    }
}

fn row(path: &str, row: &Value, totals: &mut Totals, problems: &mut Problems) {
    let inner = children(row);
    let list = format!("{path}.components");
    let selects = inner
        .iter()
        .filter(|child| matches!(kind(child), 3 | 5..=8))
        .count();
    if inner.is_empty() || inner.len() > 5 {
        problems.add(
            &list,
            "BASE_TYPE_BAD_LENGTH",
            "Must be between 1 and 5 in length.",
        );
    } else if selects > 0 && inner.len() > 1 {
        problems.add(
            &list,
            "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
            "The specified component exceeds the maximum width",
        );
    }
    for (number, child) in inner.iter().enumerate() {
        one(&format!("{list}.{number}"), child, totals, problems);
    }
}

fn custom_id(path: &str, component: &Value, totals: &mut Totals, problems: &mut Problems) {
    let path = format!("{path}.custom_id");
    let Some(id) = text(component, "custom_id") else {
        problems.add(&path, "BASE_TYPE_REQUIRED", "This field is required");
        return;
    };
    problems.length(&path, id, 1, 100);
    if !totals.ids.insert(id.to_owned()) {
        let message = "Component custom id cannot be duplicated";
        problems.add(&path, "COMPONENT_CUSTOM_ID_DUPLICATED", message);
    }
}

fn button(path: &str, button: &Value, totals: &mut Totals, problems: &mut Problems) {
    let label = text(button, "label").unwrap_or_default();
    problems.length(&format!("{path}.label"), label, 0, 80);
    if label.is_empty() && button.get("emoji").is_none_or(Value::is_null) {
        let message = "A button needs a label or an emoji.";
        problems.add(path, "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", message);
    }
    match button.get("style").and_then(Value::as_u64) {
        Some(1..=4) => custom_id(path, button, totals, problems),
        Some(5) if text(button, "url").is_some() => {}
        Some(6) => {}
        _ => problems.add(
            &format!("{path}.style"),
            "BASE_TYPE_CHOICES",
            "Value must be one of {1, 2, 3, 4, 5, 6}.",
        ),
    }
}

fn select(path: &str, select: &Value, totals: &mut Totals, problems: &mut Problems) {
    custom_id(path, select, totals, problems);
    if let Some(placeholder) = text(select, "placeholder") {
        problems.length(&format!("{path}.placeholder"), placeholder, 0, 150);
    }
    if kind(select) != 3 {
        return;
    }
    let options = select
        .get("options")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    if options.is_empty() || options.len() > 25 {
        let message = "Must be between 1 and 25 in length.";
        problems.add(&format!("{path}.options"), "BASE_TYPE_BAD_LENGTH", message);
    }
    let mut values = HashSet::new();
    for (number, option) in options.iter().enumerate() {
        let path = format!("{path}.options.{number}");
        for key in ["label", "value"] {
            problems.length(
                &format!("{path}.{key}"),
                text(option, key).unwrap_or_default(),
                1,
                100,
            );
        }
        problems.length(
            &format!("{path}.description"),
            text(option, "description").unwrap_or_default(),
            0,
            100,
        );
        if !values.insert(text(option, "value").unwrap_or_default()) {
            let message = "The specified option value is already used";
            problems.add(
                &format!("{path}.value"),
                "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
                message,
            );
        }
    }
    for key in ["min_values", "max_values"] {
        if select
            .get(key)
            .and_then(Value::as_u64)
            .is_some_and(|count| count > options.len() as u64)
        {
            let message = format!("{key} must be at most the number of options.");
            problems.add(&format!("{path}.{key}"), "NUMBER_TYPE_MAX", &message);
        }
    }
}

/// Checks the data of a modal.
pub(crate) fn modal(data: &Value) -> Result<(), ApiError> {
    let mut problems = Problems::default();
    problems.length("data.title", text(data, "title").unwrap_or_default(), 1, 45);
    problems.length(
        "data.custom_id",
        text(data, "custom_id").unwrap_or_default(),
        1,
        100,
    );
    let rows = children(data);
    if rows.is_empty() || rows.len() > 5 {
        problems.add(
            "data.components",
            "BASE_TYPE_BAD_LENGTH",
            "Must be between 1 and 5 in length.",
        );
    }
    let mut totals = Totals::default();
    for (number, row) in rows.iter().enumerate() {
        let path = format!("data.components.{number}.components.0");
        match children(row) {
            [input] if kind(input) == 4 => modal_input(&path, input, &mut totals, &mut problems),
            _ => problems.add(
                &path,
                "UNION_TYPE_CHOICES",
                "A row of a modal holds one text input.",
            ),
        }
    }
    problems.finish()
}

fn modal_input(path: &str, input: &Value, totals: &mut Totals, problems: &mut Problems) {
    custom_id(path, input, totals, problems);
    problems.length(
        &format!("{path}.label"),
        text(input, "label").unwrap_or_default(),
        1,
        45,
    );
    problems.length(
        &format!("{path}.placeholder"),
        text(input, "placeholder").unwrap_or_default(),
        0,
        100,
    );
    let most = input.get("max_length").and_then(Value::as_u64).unwrap_or(4000);
    if most == 0 || most > 4000 {
        let message = "int value should be between 1 and 4000.";
        problems.add(&format!("{path}.max_length"), "NUMBER_TYPE_MAX", message);
    }
    if let Some(value) = text(input, "value") {
        let most = usize::try_from(most).unwrap_or(4000).min(4000);
        problems.length(&format!("{path}.value"), value, 0, most);
    }
    if !matches!(input.get("style").and_then(Value::as_u64), Some(1 | 2)) {
        problems.add(
            &format!("{path}.style"),
            "BASE_TYPE_CHOICES",
            "Value must be one of {1, 2}.",
        );
    }
}
