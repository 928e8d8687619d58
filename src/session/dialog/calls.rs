//! What the agent does not show of a tool that it asks about.
//!
//! Its approval gate cuts every value after 2,000 characters and shows of most tools one value only, so a person would
//! approve an end that they cannot see. The model's message, which came before, has the call whole.

use serde_json::Value;

use crate::event::{Dialog, ToolCall};
use crate::render::dialog::{Args, is_shown, tool_of};

const CUT: &str = "[…";
const CUT_END: &str = "ch elided…]";
/// How much the agent shows of a value that it cuts, in UTF-16.
const SHOWN: usize = 2_000;

/// The dialog with everything in it that the agent has cut, and the arguments of the call as far as they are known.
/// `calls` are those that the agent may ask about.
pub(super) fn complete(dialog: &Dialog, calls: &[ToolCall]) -> (Dialog, Args) {
    let mut whole = dialog.clone();
    let Some(tool) = tool_of(dialog) else {
        return (whole, Args::Unknown);
    };
    let named = calls
        .iter()
        .filter(|call| call.tool == tool && !call.args.is_null());
    let named: Vec<&Value> = named.map(|call| &call.args).collect();
    whole.title = put_back(&whole.title, &named);
    let alike = |args: &Value| likeness(&whole.title, args);
    let best = named.iter().map(|args| alike(args)).max().unwrap_or_default();
    let mut likely: Vec<Value> = Vec::new();
    for args in named {
        if alike(args) == best && !likely.contains(args) {
            likely.push(args.clone());
        }
    }
    let args = match best {
        Likeness::Never => Args::Unknown,
        // Nothing in the title tells one call of this tool from another.
        Likeness::Mute if likely.len() == 1 => likely.pop().map_or(Args::Unknown, Args::One),
        Likeness::Some(_) | Likeness::Whole(_) if likely.len() == 1 => {
            likely.pop().map_or(Args::Unknown, Args::One)
        }
        _ => Args::OneOf(likely),
    };
    (whole, args)
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

/// The title with what the agent has cut of it, where all the calls that fit say the same.
fn put_back(title: &str, calls: &[&Value]) -> String {
    let mut title = title.to_owned();
    let mut from = 0;
    while let Some(at) = title
        .get(from..)
        .and_then(|rest| rest.find(CUT))
        .map(|at| from + at)
    {
        from = at + CUT.len();
        let Some((before, mark)) = title.split_at_checked(at) else {
            break;
        };
        let found = mark.strip_prefix(CUT).and_then(|mark| mark.split_once(CUT_END));
        let Some((Ok(missing), after)) = found.map(|(count, after)| (count.parse::<usize>(), after)) else {
            continue;
        };
        let mut rests: Vec<String> = calls
            .iter()
            .flat_map(|call| texts(call))
            .filter_map(|text| rest_of(text, missing, before))
            .collect();
        rests.sort_unstable();
        rests.dedup();
        if let [rest] = rests.as_slice() {
            from = before.len() + rest.len();
            title = format!("{before}{rest}{after}");
        }
    }
    title
}

/// The end of a text of which the agent left so much out, when what stands before that is all of its beginning.
fn rest_of(text: &str, missing: usize, before: &str) -> Option<String> {
    // The agent counts in UTF-16.
    let units: Vec<u16> = text.encode_utf16().collect();
    let (kept, rest) = units.split_at_checked(SHOWN)?;
    if rest.len() != missing {
        return None;
    }
    let kept = String::from_utf16(kept).ok()?;
    let name = before.strip_suffix(&kept)?;
    let name = name.strip_suffix(": ").or_else(|| name.strip_suffix(":\n"))?;
    let name = name.rsplit_once('\n')?.1;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphabetic() || c == ' ');
    is_name.then(|| String::from_utf16(rest).ok()).flatten()
}

/// How much a title speaks for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Likeness {
    /// It is about another one.
    #[default]
    Never,
    /// It says nothing of any call.
    Mute,
    /// So many bytes are the same.
    Some(usize),
    /// Whole values of so many bytes are the same.
    Whole(usize),
}

/// How much a dialog with this title speaks for a call with these arguments.
fn likeness(title: &str, args: &Value) -> Likeness {
    let lines = title.lines().skip(1);
    // Why it is asked and whose tool it is say nothing of the call.
    let telling = |line: &&str| !line.starts_with("Reason: ") && !line.starts_with("Origin: ");
    let details: Vec<&str> = lines.filter(telling).collect();
    if details.iter().all(|line| line.trim().is_empty()) {
        return Likeness::Mute;
    }
    let fields = args.as_object().into_iter().flatten();
    let fields = fields.filter_map(|(name, value)| Some((name, value.as_str()?)));
    let whole = fields.filter(|(name, value)| is_shown(title, name, value));
    if let Some(bytes) = whole.map(|(_, value)| value.len()).reduce(|a, b| a + b) {
        return Likeness::Whole(bytes);
    }
    let texts = texts(args);
    let said = details.join("\n");
    let mentioned = texts
        .iter()
        .filter(|text| !text.is_empty() && said.contains(**text))
        .map(|text| text.len());
    let said = details.iter().filter_map(|line| Some(line.split_once(": ")?.1));
    let within = said
        .filter(|said| !said.trim().is_empty() && texts.iter().any(|text| text.contains(said)))
        .map(str::len);
    // What was cut is known by its beginning.
    let begins = details.iter().filter_map(|line| Some(line.split_once(CUT)?.0));
    let begun = begins
        .map(|line| line.split_once(": ").map_or(line, |(_, said)| said))
        .filter(|said| !said.is_empty() && texts.iter().any(|text| text.contains(said)))
        .map(str::len);
    let most = mentioned.chain(within).chain(begun).max();
    most.map_or(Likeness::Never, Likeness::Some)
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
            id: String::new(),
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
        let (whole, args) = complete(
            &gate(&format!("Allow tool: bash\nCommand: {}", cut(&command, SHOWN))),
            &calls,
        );
        assert_eq!(whole.title, format!("Allow tool: bash\nCommand: {command}"));
        assert_eq!(args, Args::One(json!({"command": command, "cwd": "/"})));
    }

    #[test]
    fn two_values_that_are_cut_are_both_put_back() {
        let (path, content) = ("p".repeat(SHOWN + 30), "c\n".repeat(SHOWN));
        let title = format!(
            "Allow tool: write\nPath: {}\nContent:\n{}",
            cut(&path, SHOWN),
            cut(&content, SHOWN)
        );
        let calls = [call("write", json!({"path": path, "content": content}))];
        let (whole, _) = complete(&gate(&title), &calls);
        assert_eq!(
            whole.title,
            format!("Allow tool: write\nPath: {path}\nContent:\n{content}")
        );
    }

    #[test]
    fn the_end_of_one_call_is_never_shown_for_another() {
        let begin = "a".repeat(SHOWN);
        let two = ["; echo hi    ", "; rm -rf ~/* "].map(|end| json!({"command": format!("{begin}{end}")}));
        let calls = two.clone().map(|args| call("bash", args));
        let title = format!(
            "Allow tool: bash\nCommand: {}",
            cut(two[0]["command"].as_str().unwrap(), SHOWN)
        );
        let (whole, args) = complete(&gate(&title), &calls);
        assert_eq!(whole.title, title, "neither");
        assert_eq!(args, Args::OneOf(two.to_vec()));
        // The same twice is no question.
        let same = [calls[0].clone(), calls[0].clone()];
        assert!(complete(&gate(&title), &same).0.title.ends_with("; echo hi    "));

        // Another text ends as what is shown ends.
        let other = [call(
            "bash",
            json!({"command": format!("{}; echo hi    ", "a".repeat(20))}),
        )];
        assert_eq!(complete(&gate(&title), &other).0.title, title);
        let within = format!(
            "Allow tool: bash\nCommand: x{}",
            cut(two[0]["command"].as_str().unwrap(), SHOWN)
        );
        assert_eq!(complete(&gate(&within), &calls[..1]).0.title, within);
    }

    #[test]
    fn calls_that_cannot_be_told_apart_are_all_given() {
        let two = [json!({"input": "a.rs one"}), json!({"input": "a.rs two"})];
        let calls = two.clone().map(|args| call("edit", args));
        assert_eq!(
            complete(&gate("Allow tool: edit\nFile: a.rs"), &calls).1,
            Args::OneOf(two.to_vec())
        );
        assert_eq!(
            complete(&gate("Allow tool: edit\nFile: a.rs"), &calls[1..]).1,
            Args::One(two[1].clone())
        );
        let places = ["/", "/etc"].map(|cwd| json!({"command": "ls", "cwd": cwd}));
        let calls = places.clone().map(|args| call("bash", args));
        assert_eq!(
            complete(&gate("Allow tool: bash\nCommand: ls"), &calls).1,
            Args::OneOf(places.to_vec())
        );
        // One that says it whole is more likely than one that has it somewhere.
        let calls = [calls[0].clone(), call("bash", json!({"command": "cat false"}))];
        assert_eq!(
            complete(&gate("Allow tool: bash\nCommand: ls"), &calls).1,
            Args::One(places[0].clone())
        );
    }

    #[test]
    fn a_call_that_is_not_this_one_adds_nothing() {
        let other = [call("bash", json!({"command": "ls", "cwd": "/"}))];
        for title in ["Allow tool: bash\nCommand: rm x", "Allow tool: edit\nFile: a.rs"] {
            assert_eq!(complete(&gate(title), &other).1, Args::Unknown, "{title}");
        }
        let mcp = [call("mcp__x", json!({"a": 1}))];
        for title in [
            "Allow tool: mcp__x",
            "Allow tool: mcp__x\nOrigin: MCP server tool\nReason: why",
        ] {
            assert_eq!(complete(&gate(title), &mcp).1, Args::One(json!({"a": 1})));
        }
        let title = "Allow tool: bash\nCommand: x[…9ch elided…]";
        assert_eq!(complete(&gate(title), &other).0.title, title);
    }
}
