//! What the agent does not show of a tool that it asks about.
//!
//! Its approval gate cuts every value after 2,000 characters and shows of most tools one value only, so a person would
//! approve an end that they cannot see. The model's message, which came before, has the call whole.

use serde_json::Value;

use crate::event::{Dialog, ToolCall};
use crate::render::dialog::tool_of;

const CUT: &str = "[…";
const CUT_END: &str = "ch elided…]";

/// The dialog with everything in it that the agent has cut, and the arguments of the call where it is known.
pub(super) fn complete(dialog: &Dialog, calls: &[ToolCall]) -> (Dialog, Value) {
    let mut whole = dialog.clone();
    let Some(tool) = tool_of(dialog) else {
        return (whole, Value::Null);
    };
    let named: Vec<&Value> = calls
        .iter()
        .filter(|call| call.tool == tool)
        .map(|call| &call.args)
        .collect();
    for args in &named {
        for text in texts(args) {
            whole.title = put_back(&whole.title, text);
        }
    }
    let best = named.iter().map(|args| likeness(&whole.title, args)).max();
    let mut likely = named
        .into_iter()
        .filter(|args| best.is_some_and(|best| best > 0 && likeness(&whole.title, args) == best));
    let more = match likely.next() {
        // Several that look the same and are not: better none than the wrong one.
        Some(args) if likely.all(|other| other == args) => args.clone(),
        _ => Value::Null,
    };
    (whole, more)
}

/// Every text in a value.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// The title with the rest of this text where the agent has cut it.
fn put_back(title: &str, text: &str) -> String {
    for (at, _) in title.match_indices(CUT) {
        let (before, mark) = title.split_at_checked(at).unwrap_or((title, ""));
        let found = mark.strip_prefix(CUT).and_then(|mark| mark.split_once(CUT_END));
        let Some((Ok(missing), after)) = found.map(|(count, after)| (count.parse::<usize>(), after)) else {
            continue;
        };
        // The agent counts in UTF-16.
        let units: Vec<u16> = text.encode_utf16().collect();
        let kept = units
            .len()
            .checked_sub(missing)
            .and_then(|kept| units.split_at_checked(kept));
        let Some((kept, rest)) = kept else { continue };
        if let (Ok(kept), Ok(rest)) = (String::from_utf16(kept), String::from_utf16(rest))
            && !kept.is_empty()
            && before.ends_with(&kept)
        {
            return format!("{before}{rest}{after}");
        }
    }
    title.to_owned()
}

/// How much of a dialog with this title speaks for a call with these arguments; nothing where it cannot be about it.
fn likeness(title: &str, args: &Value) -> usize {
    let details = title.split_once('\n').map_or("", |(_, details)| details);
    if details.is_empty() {
        return 1;
    }
    let texts = texts(args);
    let mentioned = texts
        .iter()
        .filter(|text| details.contains(**text))
        .map(|text| text.len());
    let said = details.lines().filter_map(|line| Some(line.split_once(": ")?.1));
    let within = said
        .filter(|said| !said.trim().is_empty() && texts.iter().any(|text| text.contains(said)))
        .map(str::len);
    mentioned.chain(within).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::event::DialogKind;

    fn gate(title: &str) -> Dialog {
        Dialog {
            id: "1".to_owned(),
            title: title.to_owned(),
            kind: DialogKind::Select {
                options: vec!["Approve".to_owned(), "Deny".to_owned()],
                details: Vec::new(),
            },
            timeout: None,
        }
    }

    fn call(tool: &str, args: Value) -> ToolCall {
        ToolCall {
            tool: tool.to_owned(),
            args,
        }
    }

    /// As the agent cuts it.
    fn cut(text: &str, limit: usize) -> String {
        let units: Vec<u16> = text.encode_utf16().collect();
        let kept = String::from_utf16_lossy(&units[..limit]);
        format!("{kept}[…{}ch elided…]", units.len() - limit)
    }

    #[test]
    fn what_the_agent_has_cut_is_put_back() {
        let command = format!("echo {} 🚀 {}; rm -rf ~", "a".repeat(1_900), "b".repeat(500));
        let calls = [
            call("bash", json!({"command": "echo aaa"})),
            call("bash", json!({"command": command, "cwd": "/"})),
        ];
        let (whole, more) = complete(
            &gate(&format!("Allow tool: bash\nCommand: {}", cut(&command, 2_000))),
            &calls,
        );
        assert_eq!(whole.title, format!("Allow tool: bash\nCommand: {command}"));
        assert_eq!(more["cwd"], "/");
    }

    #[test]
    fn two_values_that_are_cut_are_both_put_back() {
        let (path, content) = ("p".repeat(30), "c".repeat(50));
        let title = format!(
            "Allow tool: write\nPath: {}\nContent:\n{}",
            cut(&path, 20),
            cut(&content, 20)
        );
        let calls = [call("write", json!({"path": path, "content": content}))];
        let (whole, _) = complete(&gate(&title), &calls);
        assert_eq!(
            whole.title,
            format!("Allow tool: write\nPath: {path}\nContent:\n{content}")
        );
    }

    #[test]
    fn a_call_that_is_not_this_one_adds_nothing() {
        let two = [
            call("edit", json!({"input": "a.rs one"})),
            call("edit", json!({"input": "a.rs two"})),
        ];
        assert_eq!(
            complete(&gate("Allow tool: edit\nFile: a.rs"), &two).1,
            Value::Null
        );
        assert_eq!(
            complete(&gate("Allow tool: edit\nFile: b.rs"), &two).1,
            Value::Null
        );
        let other = [call("bash", json!({"command": "ls", "cwd": "/"}))];
        assert_eq!(
            complete(&gate("Allow tool: bash\nCommand: rm x"), &other).1,
            Value::Null
        );
        assert_eq!(
            complete(&gate("Allow tool: mcp__x"), &[call("mcp__x", json!({"a": 1}))]).1["a"],
            1
        );
        let title = "Allow tool: bash\nCommand: x[…9ch elided…]";
        assert_eq!(complete(&gate(title), &other).0.title, title);
    }
}
