//! The one message that shows which tools the agent runs, edited in place while it works.
//!
//! Without it a turn of forty tool calls would be forty messages, or a silence in which nobody knows whether the
//! agent still lives.

use std::{collections::VecDeque, fmt::Write as _, time::Duration};

use serde_json::Value;
use unicode_segmentation::UnicodeSegmentation as _;

use super::footer;
use super::text::is_hidden;

/// How many tools the message shows; the rest is a count.
const SHOWN: usize = 12;
/// How much of a tool's name is shown. Together with [`ARGS_CHARS`] it keeps twelve lines within one message.
const NAME_CHARS: usize = 32;
/// How much of what a tool was asked to do is shown.
const ARGS_CHARS: usize = 80;

/// The tools of one turn. It forgets finished tools that are no longer shown, so a turn may go on for days.
#[derive(Debug, Clone, Default)]
pub struct Activity {
    /// In the order in which they were started: everything that runs, and the last finished ones.
    lines: VecDeque<Line>,
    total: u64,
    failed: u64,
}

#[derive(Debug, Clone)]
struct Line {
    id: String,
    /// Name and arguments, clipped and safe to show. The arguments themselves may be megabytes and are not kept.
    label: String,
    state: Progress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Running,
    Done(Duration),
    Failed(Duration),
    Stopped,
}

impl Activity {
    /// A tool was started. Told twice about the same running tool, the later arguments win.
    pub fn start(&mut self, id: &str, tool: &str, args: &Value) {
        let label = label(tool, args);
        if let Some(line) = self.running(id) {
            line.label = label;
            return;
        }
        self.total += 1;
        self.lines.push_back(Line {
            id: id.to_owned(),
            label,
            state: Progress::Running,
        });
        self.forget();
    }

    /// A tool has ended. A tool that is not running is ignored: the agent may be repeating itself.
    pub fn end(&mut self, id: &str, is_error: bool, took: Duration) {
        let Some(line) = self.running(id) else { return };
        line.state = if is_error {
            Progress::Failed(took)
        } else {
            Progress::Done(took)
        };
        self.failed += u64::from(is_error);
        self.forget();
    }

    /// The turn is over: whatever still runs will not report any more.
    pub fn stop(&mut self) {
        for line in &mut self.lines {
            if line.state == Progress::Running {
                line.state = Progress::Stopped;
            }
        }
    }

    /// The message while the turn goes on; empty when there is nothing to show yet.
    #[must_use]
    pub fn text(&self) -> String {
        // A tool that still runs matters more than one that has finished, so it keeps its place however old it is.
        let running = self
            .lines
            .iter()
            .filter(|line| line.state == Progress::Running)
            .count();
        let mut running_to_hide = running.saturating_sub(SHOWN);
        let mut finished_to_hide = (self.lines.len() - running).saturating_sub(SHOWN.saturating_sub(running));
        let mut body = String::new();
        let mut shown = 0_u64;
        for line in &self.lines {
            let to_hide = if line.state == Progress::Running {
                &mut running_to_hide
            } else {
                &mut finished_to_hide
            };
            if *to_hide > 0 {
                *to_hide -= 1;
                continue;
            }
            shown += 1;
            body.push('\n');
            line.write(&mut body);
        }
        let earlier = self.total.saturating_sub(shown);
        if earlier > 0 {
            format!("-# … and {earlier} earlier{body}")
        } else {
            body.trim_start().to_owned()
        }
    }

    /// The one small line that the message shrinks to when the turn is over.
    #[must_use]
    pub fn summary(&self, total: Duration) -> String {
        let stopped = self
            .lines
            .iter()
            .filter(|line| matches!(line.state, Progress::Running | Progress::Stopped))
            .count();
        let sign = if self.failed > 0 {
            "⚠️"
        } else if stopped > 0 {
            "■"
        } else {
            "✓"
        };
        let mut text = match self.total {
            0 => format!("-# {sign} no tools"),
            1 => format!("-# {sign} 1 tool"),
            many => format!("-# {sign} {many} tools"),
        };
        // Writing to a string cannot fail, and so the results are not looked at.
        if self.failed > 0 {
            let _ = write!(text, ", {} failed", self.failed);
        }
        if stopped > 0 {
            let _ = write!(text, ", {stopped} stopped");
        }
        let _ = write!(text, " ⋅ {}", footer::duration(total));
        text
    }

    /// Whether no tool was started in this turn; then there is no message to make.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    fn running(&mut self, id: &str) -> Option<&mut Line> {
        self.lines
            .iter_mut()
            .rev()
            .find(|line| line.state == Progress::Running && line.id == id)
    }

    /// Drops the oldest finished lines beyond what can be shown; a running one still has to find its end.
    fn forget(&mut self) {
        while self.lines.len() > SHOWN {
            // A stopped line stays too: the summary counts it, and only as many as ran at once can be stopped.
            let oldest = self
                .lines
                .iter()
                .position(|line| matches!(line.state, Progress::Done(_) | Progress::Failed(_)));
            let Some(oldest) = oldest else { return };
            self.lines.remove(oldest);
        }
    }
}

/// The message of a turn that the daemon did not outlive: nothing of it runs any more. `None` where it is no such
/// message, or none in which something ran.
#[must_use]
pub fn interrupted(text: &str) -> Option<String> {
    let is_ours = |line: &str| {
        let marks = ["⏳ ", "✓ ", "✗ ", "■ ", "-# … and "];
        marks.iter().any(|mark| line.starts_with(mark))
    };
    if !text.lines().all(is_ours) || !text.lines().any(|line| line.starts_with("⏳ ")) {
        return None;
    }
    let lines = text.lines().map(|line| match line.strip_prefix("⏳ ") {
        Some(label) => format!("■ {label}  interrupted"),
        None => line.to_owned(),
    });
    Some(lines.collect::<Vec<_>>().join("\n"))
}

impl Line {
    fn write(&self, out: &mut String) {
        let (mark, end) = match self.state {
            Progress::Running => ("⏳", String::new()),
            Progress::Done(took) => ("✓", format!("  {}", footer::duration(took))),
            Progress::Failed(took) => ("✗", format!("  {}", footer::duration(took))),
            Progress::Stopped => ("■", "  stopped".to_owned()),
        };
        let _ = write!(out, "{mark} {}{end}", self.label);
    }
}

/// `bash  ‹cargo test›`: the name and, in code so that it stays what it is, what the tool was asked to do.
fn label(tool: &str, args: &Value) -> String {
    let plain = clip(&clean(tool, NAME_CHARS), NAME_CHARS);
    let name = if plain.is_empty() {
        "tool".to_owned()
    } else if plain
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '-' | '.' | '/' | ' '))
    {
        plain
    } else {
        code(&plain)
    };
    let what = what(tool, args);
    if what.is_empty() {
        name
    } else {
        format!("{name}  {}", code(&what))
    }
}

/// What a tool was asked to do, in at most [`ARGS_CHARS`] characters of one line.
fn what(tool: &str, args: &Value) -> String {
    let keys: &[&str] = match tool.to_lowercase().as_str() {
        "bash" | "shell" | "ssh" => &["command", "cmd"],
        "read" | "write" | "edit" | "multiedit" | "ls" | "lsp" | "notebook" => &["path", "file_path", "file"],
        "grep" | "search" | "find" | "glob" | "ast_grep" => &["pattern", "query", "glob", "path"],
        "task" | "agent" => &["description", "title", "assignment", "prompt", "task", "agent"],
        "web_search" | "websearch" => &["query"],
        "fetch" | "web_fetch" | "browser" => &["url"],
        "python" | "eval" | "js" => &["title", "code"],
        "ask" => &["question", "title"],
        _ => &[],
    };
    let found = keys.iter().find_map(|key| {
        let text = args.get(key)?.as_str()?;
        (!text.trim().is_empty()).then_some((*key, text))
    });
    match found {
        // The end of a path says more than its beginning.
        Some(("path" | "file_path" | "file", path)) => clip_start(&clean_end(path, ARGS_CHARS), ARGS_CHARS),
        Some((_, text)) => {
            let text = text.trim();
            let (first, rest) = text.split_once(['\n', '\r']).unwrap_or((text, ""));
            let line = clean(first, ARGS_CHARS);
            if rest.is_empty() || line.chars().count() > ARGS_CHARS - 2 {
                clip(&line, ARGS_CHARS)
            } else {
                format!("{line} …")
            }
        }
        None => question(args).unwrap_or_else(|| pairs(args)),
    }
}

/// What a person is asked: the `ask` tool has a list of questions.
fn question(args: &Value) -> Option<String> {
    let first = args.get("questions")?.as_array()?.first()?;
    let text = first.get("question").unwrap_or(first).as_str()?;
    Some(clip(&clean(text, ARGS_CHARS), ARGS_CHARS)).filter(|text| !text.is_empty())
}

/// What a tool that nobody knows was told, as far as it is plain: `name: value, name: value`. Lists and objects mean
/// something to programs only.
fn pairs(args: &Value) -> String {
    let mut out = String::new();
    for (key, value) in args.as_object().into_iter().flatten() {
        let value = match value {
            Value::String(text) => clean(text, ARGS_CHARS),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => continue,
        };
        if value.is_empty() {
            continue;
        }
        let comma = if out.is_empty() { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(out, "{comma}{}: {value}", clean(key, NAME_CHARS));
        if out.chars().nth(ARGS_CHARS).is_some() {
            break;
        }
    }
    clip(&clean(&out, ARGS_CHARS), ARGS_CHARS)
}

/// One line without anything invisible, and without two backticks in a row so that [`code`] can hold it.
/// Reads no further than it takes to know that more than `limit` characters remain.
fn clean(text: &str, limit: usize) -> String {
    let mut out = String::new();
    let mut count = 0;
    let mut last = ' ';
    for c in text.trim().chars().filter(|c| !invisible(*c)) {
        let c = if c.is_whitespace() || c.is_control() {
            ' '
        } else {
            c
        };
        if c == ' ' && last == ' ' {
            continue;
        }
        if c == '`' && last == '`' {
            out.push('\u{200b}');
            count += 1;
        }
        out.push(c);
        count += 1;
        last = c;
        if count > limit + 1 {
            break;
        }
    }
    out
}

/// [`clean`] for the end of a text.
fn clean_end(text: &str, limit: usize) -> String {
    let skip = text.char_indices().rev().nth(limit * 4).map_or(0, |(at, _)| at);
    let tail = text.split_at_checked(skip).map_or(text, |(_, tail)| tail);
    clean(tail, limit * 8)
}

/// What nobody sees, joiners of letters and tags too; only the joiner that emoji need stays.
fn invisible(c: char) -> bool {
    is_hidden(c) || matches!(c, '\u{200c}' | '\u{e0000}'..='\u{e007f}')
}

/// The first `limit` characters, the last one an ellipsis when something is missing; no grapheme is cut in half.
fn clip(text: &str, limit: usize) -> String {
    if text.chars().nth(limit).is_none() {
        return text.trim_end().to_owned();
    }
    let mut out = String::new();
    let mut left = limit.saturating_sub(1);
    for grapheme in text.graphemes(true) {
        let chars = grapheme.chars().count();
        if chars > left {
            break;
        }
        left -= chars;
        out.push_str(grapheme);
    }
    format!("{}…", out.trim_end())
}

/// The last `limit` characters, the first one an ellipsis when something is missing.
fn clip_start(text: &str, limit: usize) -> String {
    if text.chars().nth(limit).is_none() {
        return text.to_owned();
    }
    let mut left = limit.saturating_sub(1);
    let mut from = text.len();
    for (at, grapheme) in text.grapheme_indices(true).rev() {
        let chars = grapheme.chars().count();
        if chars > left {
            break;
        }
        left -= chars;
        from = at;
    }
    let tail = text.split_at_checked(from).map_or("", |(_, tail)| tail);
    format!("…{tail}")
}

/// Inline code that its own text cannot end: what comes here holds no two backticks in a row (see [`clean`]).
fn code(text: &str) -> String {
    if text.contains('`') {
        format!("`` {text} ``")
    } else {
        format!("`{text}`")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(3200);

    #[test]
    fn a_tool_starts_and_ends_on_its_line() {
        let mut activity = Activity::default();
        assert!(activity.is_empty());
        assert_eq!(activity.text(), "");
        activity.start("1", "bash", &json!({"command": "cargo test"}));
        assert!(!activity.is_empty());
        assert_eq!(activity.text(), "⏳ bash  `cargo test`");
        activity.start("2", "read", &json!({"path": "src/main.rs"}));
        activity.end("1", false, MOMENT);
        activity.end("2", true, Duration::from_millis(12));
        insta::assert_snapshot!(activity.text(), @r"
        ✓ bash  `cargo test`  3.2 s
        ✗ read  `src/main.rs`  12 ms
        ");
        assert_eq!(
            activity.summary(Duration::from_secs(41)),
            "-# ⚠️ 2 tools, 1 failed ⋅ 41 s"
        );
    }

    #[test]
    fn a_tool_told_twice_is_one_tool_and_an_end_without_a_start_is_none() {
        let mut activity = Activity::default();
        activity.start("1", "bash", &Value::Null);
        activity.start("1", "bash", &json!({"command": "ls"}));
        activity.end("2", true, MOMENT);
        activity.end("1", false, MOMENT);
        activity.end("1", true, MOMENT);
        assert_eq!(activity.text(), "✓ bash  `ls`  3.2 s");
        assert_eq!(activity.summary(MOMENT), "-# ✓ 1 tool ⋅ 3.2 s");
        activity.start("1", "bash", &Value::Null);
        assert_eq!(
            activity.text(),
            "✓ bash  `ls`  3.2 s\n⏳ bash",
            "an id may be used again"
        );
    }

    #[test]
    fn older_tools_become_a_count() {
        let mut activity = Activity::default();
        for n in 0..19 {
            activity.start(&n.to_string(), "read", &json!({"path": format!("{n}.rs")}));
            activity.end(&n.to_string(), false, MOMENT);
        }
        let text = activity.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 13);
        assert_eq!(lines.first(), Some(&"-# … and 7 earlier"));
        assert_eq!(lines.get(1), Some(&"✓ read  `7.rs`  3.2 s"));
        assert_eq!(lines.last(), Some(&"✓ read  `18.rs`  3.2 s"));
        assert_eq!(activity.summary(MOMENT), "-# ✓ 19 tools ⋅ 3.2 s");
    }

    #[test]
    fn a_long_turn_is_forgotten_but_a_running_tool_never() {
        let mut activity = Activity::default();
        activity.start("slow", "task", &json!({"description": "the slow one"}));
        for n in 0..5000 {
            activity.start(&n.to_string(), "bash", &json!({"command": "x".repeat(1000)}));
            activity.end(&n.to_string(), n % 10 == 0, MOMENT);
        }
        assert!(
            activity.lines.len() <= SHOWN,
            "{} lines are kept",
            activity.lines.len()
        );
        let text = activity.text();
        assert_eq!(text.lines().nth(1), Some("⏳ task  `the slow one`"));
        assert_eq!(text.lines().next(), Some("-# … and 4989 earlier"));
        assert_eq!(
            activity.summary(MOMENT),
            "-# ⚠️ 5001 tools, 500 failed, 1 stopped ⋅ 3.2 s"
        );
        activity.end("slow", false, Duration::from_mins(1));
        assert!(activity.text().contains("✓ task  `the slow one`  1 m"));
    }

    #[test]
    fn more_running_than_fit_are_all_remembered() {
        let mut activity = Activity::default();
        for n in 0..40 {
            activity.start(&n.to_string(), "bash", &json!({"command": format!("sleep {n}")}));
        }
        assert_eq!(activity.text().lines().count(), 13);
        assert!(
            activity
                .text()
                .starts_with("-# … and 28 earlier\n⏳ bash  `sleep 28`\n")
        );
        for n in 0..40 {
            activity.end(&n.to_string(), true, MOMENT);
        }
        assert_eq!(activity.summary(MOMENT), "-# ⚠️ 40 tools, 40 failed ⋅ 3.2 s");
    }

    #[test]
    fn what_did_not_end_was_stopped() {
        let mut activity = Activity::default();
        activity.start("1", "bash", &json!({"command": "sleep 100"}));
        let before = activity.summary(MOMENT);
        activity.stop();
        assert_eq!(activity.text(), "■ bash  `sleep 100`  stopped");
        assert_eq!(activity.summary(MOMENT), before);
        assert_eq!(before, "-# ■ 1 tool, 1 stopped ⋅ 3.2 s");
        assert_eq!(Activity::default().summary(MOMENT), "-# ✓ no tools ⋅ 3.2 s");
    }

    #[test]
    fn each_tool_says_what_it_is_asked() {
        for (tool, args, shown) in [
            ("bash", json!({"command": "\n  cd x\nmake"}), "bash  `cd x …`"),
            ("bash", json!({"command": ""}), "bash"),
            (
                "edit",
                json!({"file_path": "/a/b.rs", "old": "x"}),
                "edit  `/a/b.rs`",
            ),
            (
                "grep",
                json!({"pattern": "fn main", "path": "src"}),
                "grep  `fn main`",
            ),
            ("find", json!({"path": "src"}), "find  `src`"),
            (
                "task",
                json!({"description": "look", "prompt": "long"}),
                "task  `look`",
            ),
            (
                "mcp__a__b",
                json!({"x": 1, "list": [1], "name": "n m", "deep": {"a": 1}}),
                "`mcp__a__b`  `name: n m, x: 1`",
            ),
            (
                "ask",
                json!({"questions": [{"id": "q", "question": "Which\none?", "options": [{"label": "A"}]}]}),
                "ask  `Which one?`",
            ),
            ("ask", json!({"questions": []}), "ask"),
            ("todo", json!({}), "todo"),
            ("todo", Value::Null, "todo"),
            ("", json!([1]), "tool"),
        ] {
            assert_eq!(label(tool, &args), shown);
        }
    }

    #[test]
    fn hostile_arguments_stay_code_on_one_line() {
        let shown = label(
            "bash",
            &json!({"command": "echo `id` ``` <@1>\u{202e}\u{1b}[31m"}),
        );
        assert_eq!(shown, "bash  `` echo `id` `\u{200b}`\u{200b}` <@1> [31m ``");
        assert_eq!(label("a`b\n@everyone", &Value::Null), "`` a`b @everyone ``");
    }

    #[test]
    fn long_arguments_are_cut_where_it_hurts_least() {
        let path = format!("/{}/the_end.rs", "deep/".repeat(100));
        let shown = label("read", &json!({ "path": path }));
        assert!(
            shown.starts_with("read  `…") && shown.ends_with("/the_end.rs`"),
            "{shown}"
        );
        let family = "👨‍👩‍👧‍👦".repeat(50);
        let shown = what("bash", &json!({ "command": family }));
        assert_eq!(shown, format!("{}…", "👨‍👩‍👧‍👦".repeat(11)), "no family is torn apart");
        let big = json!({"content": "y".repeat(10_000_000)});
        assert_eq!(what("unknown", &big).chars().count(), ARGS_CHARS);
    }

    #[test]
    fn the_fullest_message_fits() {
        let mut activity = Activity::default();
        for n in 0..30 {
            let args = json!({"command": "`".repeat(500)});
            activity.start(&n.to_string(), &"`x".repeat(100), &args);
            activity.end(&n.to_string(), true, Duration::from_hours(24 * 9 + 10));
            activity.start(&format!("b{n}"), "bash", &args);
            activity.end(&format!("b{n}"), false, MOMENT);
        }
        assert!(activity.text().chars().count() <= crate::render::MESSAGE_LIMIT);
    }
}
