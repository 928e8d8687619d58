//! Reads what a prompt wants to be played.
//!
//! | directive | what happens |
//! |---|---|
//! | `SAY:text` | says that, to the end of the line (`\n` is a newline) |
//! | `LONG:kib` | says so many KiB of words |
//! | `SLOW:ms` | waits before each word |
//! | `CUT:characters` | says what follows in pieces of exactly so many characters |
//! | `BLOCK`, `THINK:text` | what follows is another block of the same message; a block of thinking |
//! | `BREAK:text` | says that, fails, and retries |
//! | `LOG:text`, `OUT:text` | one plain line on stderr, or on stdout |
//! | `TOOL:name:{json}`, `TOOLMS:ms` | runs a tool; how long tools take (50) |
//! | `HOST:name:{json}`, `READ:url` | calls a tool of the daemon; reads one of its addresses |
//! | `LINES:count:per_second[:stdout]` | plain lines; 0 per second is all at once |
//! | `ASK:question\|a\|b` | the `ask` tool |
//! | `APPROVE:tool:command`, `APPROVE:tool!reason:command` | the approval gate; for a reason of its own |
//! | `SELECT:question\|a\|b` | a choice without anything that follows it |
//! | `PAIR:tool:command\|command` | two approvals at once |
//! | `WITHDRAW:question\|a\|b` | a choice that is withdrawn when something is steered |
//! | `TIMED:ms:question\|a\|b` | a choice that is given up after so long, without a word |
//! | `CONFIRM:title\|text`, `INPUT:title\|placeholder`, `EDITOR:title\|prefill` | the other dialogs |
//! | … `label~detail`, `{options:60}`, `{words:3000}` | in dialogs: what is said about an option, many options, much text |
//! | `NOTIFY:text`, `TITLE:text`, `RETRY:count` | what it may say besides |
//! | `HISTORY` | says every user message so far |
//! | `STEERABLE` | waits for a steering message or an abort, and says which |
//! | `ERROR:text` | the turn ends with an error |
//! | `HANG` | nothing ever again; not even an abort or a closed stdin |
//! | `IGNORE_TERM` | ignores SIGTERM and a closed stdin from now on |
//! | `DEAF` | stops reading stdin after the next line |
//! | `CRASH:code`, `KILLSELF`, `MIDLINE` | exits; kills itself; dies in the middle of a frame |
//! | `GARBAGE`, `BIGFRAME:mib`, `CHUNKED:mib` | no frames at all; one large one; one in pieces |
//! | `GRANDCHILD:seconds[:bare]` | leaves a `sleep` behind in its own group, `bare` without our environment |
//! | `DEMO` | a believable session of a minute and a half |

use super::step::Step;

/// How a choice ends besides by an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    Never,
    WhenSteered,
    /// It does not wait for the answer: the question outlives the turn, as those of extensions do.
    AfterTheTurn,
    After(u64),
}

/// A prompt, read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Script {
    pub(super) steps: Vec<Step>,
    /// Milliseconds before each word; none: in larger pieces, at once.
    pub(super) slow: Option<u64>,
    /// Milliseconds that a tool takes.
    pub(super) tool_ms: u64,
}

/// Reads a prompt. Without any directive it is up to the caller what it becomes.
pub(super) fn read(prompt: &str, otherwise: impl FnOnce(String) -> Step) -> Script {
    let mut script = Script {
        steps: Vec::new(),
        slow: None,
        tool_ms: 50,
    };
    let mut rest = prompt;
    while !rest.is_empty() {
        let at_word = rest.trim_start();
        let word_after = || {
            at_word
                .split_once(char::is_whitespace)
                .map_or("", |(_, after)| after)
        };
        rest = directive(at_word, &mut script).unwrap_or_else(word_after);
    }
    if script.steps.is_empty() {
        script.steps.push(otherwise(prompt.to_owned()));
    }
    script
}

/// Reads a directive at the beginning of the text; gives what follows it.
fn directive<'a>(text: &'a str, script: &mut Script) -> Option<&'a str> {
    let name_end = text
        .find(|c: char| !(c.is_ascii_uppercase() || c == '_'))
        .unwrap_or(text.len());
    let (name, after) = text.split_at_checked(name_end)?;
    let Some(after) = after.strip_prefix(':') else {
        script.steps.push(word(name)?);
        return Some(after);
    };
    if matches!(name, "TOOL" | "HOST") {
        let (tool, json) = after.split_once(':')?;
        let mut values = serde_json::Deserializer::from_str(json).into_iter();
        let args = values.next()?.ok()?;
        let after = json.get(values.byte_offset()..)?;
        let host = name == "HOST";
        let name = tool.to_owned();
        script.steps.push(if host {
            Step::Host { name, args }
        } else {
            Step::Tool { name, args }
        });
        return Some(after);
    }
    let (line, after_line) = after.split_once('\n').unwrap_or((after, ""));
    if let Some(step) = to_line_end(name, line.trim()) {
        script.steps.push(step);
        return Some(after_line);
    }
    let value_end = after.find(char::is_whitespace).unwrap_or(after.len());
    let (value, after) = after.split_at_checked(value_end)?;
    match name {
        "SLOW" => script.slow = Some(value.parse().ok()?),
        "TOOLMS" => script.tool_ms = value.parse().ok()?,
        _ => script.steps.push(with_value(name, value)?),
    }
    Some(after)
}

fn word(name: &str) -> Option<Step> {
    Some(match name {
        "HISTORY" => Step::History,
        "BLOCK" => Step::Block,
        "STEERABLE" => Step::Steerable,
        "HANG" => Step::Hang,
        "IGNORE_TERM" => Step::IgnoreTerm,
        "DEAF" => Step::Deaf,
        "KILLSELF" => Step::KillSelf,
        "MIDLINE" => Step::Midline,
        "GARBAGE" => Step::Garbage,
        "DEMO" => Step::Demo,
        _ => return None,
    })
}

fn to_line_end(name: &str, line: &str) -> Option<Step> {
    let dialog = |method| {
        let (title, more) = line.split_once('|').unwrap_or((line, ""));
        Step::Dialog {
            method,
            title: filled(title),
            more: filled(more),
        }
    };
    let select = |line: &str, ends| {
        let mut parts = line.split('|');
        Some(Step::Select {
            question: filled(parts.next()?),
            options: parts.flat_map(options).collect(),
            ends,
        })
    };
    Some(match name {
        "SAY" => Step::Say(line.replace("\\n", "\n")),
        "READ" => Step::ReadAddress(line.to_owned()),
        "NOTIFY" => Step::Notify(line.to_owned()),
        "THINK" => Step::Think(line.to_owned()),
        "BREAK" => Step::Break(line.replace("\\n", "\n")),
        "LOG" => Step::Log(line.to_owned()),
        "OUT" => Step::Out(line.to_owned()),
        "TITLE" => Step::Title(line.to_owned()),
        "ERROR" => Step::Error(line.to_owned()),
        "CONFIRM" => dialog("confirm"),
        "INPUT" => dialog("input"),
        "EDITOR" => dialog("editor"),
        "ASK" => {
            let mut parts = line.split('|');
            Step::Ask {
                question: filled(parts.next()?),
                options: parts.flat_map(options).collect(),
            }
        }
        "APPROVE" => {
            let (tool, command) = line.split_once(':')?;
            Step::Approve {
                tool: tool.to_owned(),
                commands: vec![filled(command)],
            }
        }
        "PAIR" => {
            let (tool, commands) = line.split_once(':')?;
            Step::Approve {
                tool: tool.to_owned(),
                commands: commands.split('|').map(filled).collect(),
            }
        }
        "SELECT" => select(line, Ends::Never)?,
        "WITHDRAW" => select(line, Ends::WhenSteered)?,
        "LINGER" => select(line, Ends::AfterTheTurn)?,
        "TIMED" => {
            let (ms, line) = line.split_once(':')?;
            select(line, Ends::After(ms.parse().ok()?))?
        }
        _ => return None,
    })
}

fn with_value(name: &str, value: &str) -> Option<Step> {
    let mut parts = value.split(':');
    let first = parts.next()?;
    Some(match name {
        "LONG" => Step::Say(words(first.parse::<usize>().ok()? << 10)),
        "LINES" => Step::Lines {
            count: first.parse().ok()?,
            per_second: parts.next().map_or(Some(0), |number| number.parse().ok())?,
            to_stdout: parts.next() == Some("stdout"),
        },
        "RETRY" => Step::Retry(first.parse().ok()?),
        "CUT" => Step::Cut(first.parse().ok()?),
        "CRASH" => Step::Crash(first.parse().ok()?),
        "BIGFRAME" => Step::BigFrame {
            mib: first.parse().ok()?,
        },
        "CHUNKED" => Step::Chunked {
            mib: first.parse().ok()?,
        },
        "GRANDCHILD" => Step::Grandchild {
            seconds: first.parse().ok()?,
            bare: parts.next() == Some("bare"),
        },
        _ => return None,
    })
}

/// A text of a dialog: `\n` is a newline, `{words:n}` so many bytes of words.
fn filled(text: &str) -> String {
    let text = text.replace("\\n", "\n");
    let parts = text.split_once("{words:").and_then(|(before, rest)| {
        let (count, after) = rest.split_once('}')?;
        Some(format!("{before}{}{after}", words(count.parse().ok()?)))
    });
    parts.unwrap_or(text)
}

/// An option, or many where it says `{options:n}`.
fn options(text: &str) -> Vec<String> {
    let count = text
        .strip_prefix("{options:")
        .and_then(|rest| rest.strip_suffix('}'));
    match count.and_then(|count| count.parse().ok()) {
        Some(count) => (1..=count).map(|n: u32| format!("option {n}")).collect(),
        None => vec![filled(text)],
    }
}

/// So many bytes of numbered words, so that a lost or doubled piece shows.
fn words(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes);
    let mut number = 0_u64;
    while text.len() < bytes {
        number += 1;
        let end = if number.is_multiple_of(60) { "\n\n" } else { " " };
        text.extend(["word", &number.to_string(), end]);
    }
    text.truncate(bytes);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(prompt: &str) -> Script {
        super::read(prompt, Step::Say)
    }

    #[test]
    fn directives_stand_anywhere() {
        let script = read(
            "please SLOW:5 TOOL:bash:{\"command\":\"a: {b}\"} TOOLMS:7 HISTORY\nSAY:one\\ntwo HANG\nHANG",
        );
        assert_eq!(
            script.steps,
            [
                Step::Tool {
                    name: "bash".into(),
                    args: serde_json::json!({"command": "a: {b}"})
                },
                Step::History,
                Step::Say("one\ntwo HANG".into()),
                Step::Hang,
            ]
        );
        assert_eq!((script.slow, script.tool_ms), (Some(5), 7));
    }

    #[test]
    fn arguments_are_read() {
        assert_eq!(
            read("LINES:9:2:stdout GRANDCHILD:60:bare ASK:Which?|A|B c").steps,
            [
                Step::Lines {
                    count: 9,
                    per_second: 2,
                    to_stdout: true
                },
                Step::Grandchild {
                    seconds: 60,
                    bare: true
                },
                Step::Ask {
                    question: "Which?".into(),
                    options: vec!["A".into(), "B c".into()]
                },
            ]
        );
        let Step::Say(text) = read("LONG:3").steps.remove(0) else {
            panic!("text")
        };
        assert_eq!(text.len(), 3 << 10);
    }

    #[test]
    fn what_is_no_directive_is_left_to_the_caller() {
        for prompt in [
            "hello",
            "Say HELLO to a TODO: list",
            "CRASH:x",
            "LINES",
            "héllo 🚀 SLOW:",
        ] {
            assert_eq!(read(prompt).steps, [Step::Say(prompt.to_owned())]);
        }
    }
}
