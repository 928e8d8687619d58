//! The approval gate's question, taken apart: which tool, what it would do, and what the agent does not say of it.
//!
//! The agent shows one value of most tools and cuts it after 2,000 characters. The arguments of the call are known
//! from the model's message, so what is missing is put back, and what is not mentioned at all is added.

use serde_json::Value;

use super::question::{Doubt, Kind, Question, choices};
use super::visible;
use crate::event::{Dialog, DialogKind};
use crate::render::text::is_hidden;

/// The gate's option that lets the tool run.
pub(crate) const APPROVE: &str = "Approve";
/// The gate's option that does not.
pub(crate) const DENY: &str = "Deny";

const BEGINNING: &str = "Allow tool: ";
/// A value longer than this is read in the block.
const FACT: usize = 160;
const MOST_FACTS: usize = 6;
/// What all of them together take.
const FACTS_ROOM: usize = 500;

/// The tool that a dialog asks about; nothing where it is no approval.
#[must_use]
pub(crate) fn tool_of(dialog: &Dialog) -> Option<&str> {
    let DialogKind::Select { options, .. } = &dialog.kind else {
        return None;
    };
    let is_gate = options.iter().map(String::as_str).eq([APPROVE, DENY]);
    let tool = dialog.title.lines().next()?.strip_prefix(BEGINNING)?.trim();
    let is_name = |c: char| !c.is_control() && !is_hidden(c);
    let fits = !tool.is_empty() && tool.chars().count() <= 120 && tool.chars().all(is_name);
    (is_gate && fits).then_some(tool)
}

/// The arguments of the call that an approval is about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Args {
    /// Nobody knows them.
    Unknown,
    /// These.
    One(Value),
    /// Those of one of these calls.
    OneOf(Vec<Value>),
}

pub(super) fn read(dialog: &Dialog, args: &Args) -> Option<Question> {
    let tool = tool_of(dialog)?.to_owned();
    let DialogKind::Select { options, details } = &dialog.kind else {
        return None;
    };
    let mut rest = dialog.title.split_once('\n').map_or("", |(_, rest)| rest);
    let mut facts = Vec::new();
    while let Some((fact, after)) = fact(rest).filter(|(fact, _)| has_room(&facts, fact)) {
        facts.push(fact);
        rest = after;
    }
    let mut language = String::new();
    let mut body = rest;
    if let Some(command) = rest.strip_prefix("Command: ") {
        "bash".clone_into(&mut language);
        body = command;
    }
    let mut body = body.trim_end_matches('\n').to_owned();
    let mut add = |name: &str, text: &str| {
        let gap = if body.is_empty() { "" } else { "\n\n" };
        body.extend([gap, name, ":\n", text]);
    };
    match args {
        Args::Unknown => {}
        Args::One(args) => {
            for fact in unmentioned(&dialog.title, args) {
                let is_short = fact.1.chars().count() <= FACT && !fact.1.contains('\n');
                if is_short && has_room(&facts, &fact) {
                    facts.push(fact);
                } else {
                    add(&fact.0, &fact.1);
                }
            }
        }
        Args::OneOf(calls) => {
            for (n, call) in calls.iter().enumerate() {
                add(&format!("Call {} of {}", n + 1, calls.len()), &told(call));
            }
        }
    }
    Some(Question {
        kind: Kind::Approval,
        title: tool,
        facts,
        cut: left_out(&body),
        body,
        language,
        options: choices(options, details),
        other: None,
        placeholder: String::new(),
        prefill: String::new(),
        hidden: false,
        before: None,
        every_time: has_reason(&dialog.title),
        secret: 0,
        doubt: match args {
            Args::Unknown => Some(Doubt::Unknown),
            Args::One(_) => None,
            Args::OneOf(_) => Some(Doubt::OneOf),
        },
    })
}

/// Whether the agent asks because of what this call does (a pattern of its own or of the user's configuration, a check
/// of the provider), and not only because the tool is to be asked about.
fn has_reason(title: &str) -> bool {
    title
        .lines()
        .skip(1)
        .take(2)
        .any(|line| line.starts_with("Reason: "))
        || title.lines().any(|line| line == "Provider safety checks:")
}

/// Whether one more fits into the heading. Names are escaped there.
fn has_room(facts: &[(String, String)], fact: &(String, String)) -> bool {
    let width =
        |fact: &(String, String)| 2 * visible(&fact.0).chars().count() + visible(&fact.1).chars().count();
    facts.len() < MOST_FACTS && facts.iter().chain([fact]).map(width).sum::<usize>() <= FACTS_ROOM
}

/// A first line that is a short value with its name, and what follows it.
fn fact(text: &str) -> Option<((String, String), &str)> {
    let (line, after) = text.split_once('\n').unwrap_or((text, ""));
    let (name, value) = line.split_once(": ")?;
    // A command is shown as code however short it is.
    let is_name = name != "Command"
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphabetic());
    let fits = is_name && !value.trim().is_empty() && value.chars().count() <= FACT;
    fits.then(|| ((name.to_owned(), value.to_owned()), after))
}

/// Arguments that the title does not show, each as a text.
fn unmentioned(title: &str, args: &Value) -> Vec<(String, String)> {
    let fields = args.as_object().into_iter().flatten();
    fields
        .filter_map(|(name, value)| match value {
            Value::Null => None,
            Value::String(text) if is_shown(title, name, text) => None,
            Value::String(text) => Some((name.clone(), text.clone())),
            other => Some((name.clone(), serde_json::to_string_pretty(other).ok()?)),
        })
        .collect()
}

/// A call's arguments, one below the other.
fn told(args: &Value) -> String {
    let fields = unmentioned("", args);
    let fields = fields.iter().map(|(name, text)| format!("{name}: {text}"));
    fields.collect::<Vec<_>>().join("\n")
}

/// Whether a title shows an argument under its own name and whole. That its text occurs somewhere is not enough: a
/// command that mentions a directory says nothing of where it runs.
#[must_use]
pub(crate) fn is_shown(title: &str, name: &str, value: &str) -> bool {
    // A command takes the rest of the title, whatever looks like a field in it.
    let head = title.split_once("\nCommand: ").map_or(title, |(head, _)| head);
    let names: &[&str] = match name {
        "command" => {
            let shown = title.split_once("\nCommand: ").map(|(_, shown)| shown);
            return shown.is_some_and(|shown| shown.trim_end_matches('\n') == value.trim_end_matches('\n'));
        }
        "path" | "file" | "file_path" => &["path", "file"],
        "content" => &["content"],
        "url" => &["URL", "url"],
        "query" => &["query"],
        "pattern" => &["pattern"],
        _ => return false,
    };
    names.iter().any(|name| {
        let (first, rest) = name.split_at_checked(1).unwrap_or((name, ""));
        let name = first.to_ascii_uppercase() + rest;
        [format!("\n{name}: "), format!("\n{name}:\n")]
            .iter()
            .filter_map(|field| head.split_once(field.as_str()))
            .filter_map(|(_, shown)| shown.strip_prefix(value.trim_end_matches('\n')))
            .any(|after| after.is_empty() || after.starts_with('\n'))
    })
}

/// How many characters the agent says that it has left out.
fn left_out(text: &str) -> u64 {
    let marks = text.split("[…").skip(1);
    marks
        .filter_map(|mark| mark.split_once("ch elided…]")?.0.parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ask(title: &str, more: &Value) -> Option<Question> {
        let options = vec![APPROVE.to_owned(), DENY.to_owned()];
        let dialog = Dialog {
            id: "1".to_owned(),
            title: title.to_owned(),
            kind: DialogKind::Select {
                options,
                details: Vec::new(),
            },
            timeout: None,
        };
        read(&dialog, &Args::One(more.clone()))
    }

    #[test]
    fn a_command_is_code_and_what_the_agent_does_not_mention_is_added() {
        let args =
            json!({"command": "ls\n-la", "cwd": "/etc", "timeout": 5, "env": {"A": "b"}, "none": null});
        let question = ask("Allow tool: bash\nReason: outside\nCommand: ls\n-la", &args).unwrap();
        assert_eq!(
            (question.title.as_str(), question.language.as_str()),
            ("bash", "bash")
        );
        assert!(question.every_time);
        let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            question.facts,
            [
                fact("Reason", "outside"),
                fact("cwd", "/etc"),
                fact("timeout", "5")
            ]
        );
        assert_eq!(question.body, "ls\n-la\n\nenv:\n{\n  \"A\": \"b\"\n}");
    }

    #[test]
    fn a_tool_without_any_words_shows_its_arguments() {
        let question = ask("Allow tool: mcp__db_drop", &json!({"table": "users"})).unwrap();
        assert_eq!(question.facts, [("table".to_owned(), "users".to_owned())]);
        let edit = ask(
            "Allow tool: edit\nFile: a.rs\nFile: b.rs",
            &json!({"input": "one\ntwo"}),
        )
        .unwrap();
        assert_eq!(edit.facts.len(), 2);
        assert_eq!(edit.body, "input:\none\ntwo");
    }

    #[test]
    fn an_argument_is_left_out_only_where_it_is_shown_as_such() {
        let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let args = json!({"command": "rm -rf ./build/*", "cwd": "/"});
        let question = ask("Allow tool: bash\nCommand: rm -rf ./build/*", &args).unwrap();
        assert_eq!(question.facts, [fact("cwd", "/")]);
        assert_eq!(question.body, "rm -rf ./build/*");
        // A command that pretends to say more than it does.
        let args = json!({"command": "ls\nPath: /x\ncwd: /", "path": "/x", "cwd": "/"});
        let question = ask("Allow tool: bash\nCommand: ls\nPath: /x\ncwd: /", &args).unwrap();
        assert_eq!(question.facts, [fact("cwd", "/"), fact("path", "/x")]);
        let args = json!({"path": "a\nContent:\nsafe", "content": "evil"});
        let question = ask(
            "Allow tool: write\nPath: a\nContent:\nsafe\nContent:\nevil",
            &args,
        )
        .unwrap();
        assert!(question.facts.contains(&fact("content", "evil")), "{question:?}");
    }

    #[test]
    fn calls_that_are_not_told_apart_are_all_shown() {
        let options = vec![APPROVE.to_owned(), DENY.to_owned()];
        let dialog = Dialog {
            id: "1".to_owned(),
            title: "Allow tool: edit\nFile: a.rs".to_owned(),
            kind: DialogKind::Select {
                options,
                details: Vec::new(),
            },
            timeout: None,
        };
        let calls = vec![json!({"input": "a.rs\none"}), json!({"input": "a.rs\ntwo"})];
        let question = read(&dialog, &Args::OneOf(calls)).unwrap();
        assert_eq!(question.doubt, Some(Doubt::OneOf));
        assert_eq!(
            question.body,
            "Call 1 of 2:\ninput: a.rs\none\n\nCall 2 of 2:\ninput: a.rs\ntwo"
        );
        let question = read(&dialog, &Args::Unknown).unwrap();
        assert_eq!(question.doubt, Some(Doubt::Unknown));
        assert!(!question.may_stand());
    }

    #[test]
    fn what_is_still_left_out_is_counted() {
        let question = ask("Allow tool: bash\nCommand: a[…1200ch elided…]", &Value::Null).unwrap();
        assert_eq!(question.cut, 1200);
    }

    #[test]
    fn what_the_agent_finds_risky_is_told_apart() {
        let risky = |title: &str| ask(title, &Value::Null).unwrap().every_time;
        assert!(!risky("Allow tool: bash\nCommand: ls"));
        assert!(risky("Allow tool: mcp__x\nOrigin: MCP server tool\nReason: why"));
        assert!(risky(
            "Allow tool: computer\nAction: click\nProvider safety checks:\n- a"
        ));
    }

    #[test]
    fn only_the_gate_is_an_approval() {
        assert!(ask("Allow everything?\nx", &Value::Null).is_none());
        assert!(ask("Allow tool: ", &Value::Null).is_none());
    }
}
