//! The agent's frames, translated into our own events.
//!
//! Only what a person can see in a thread is translated; what is unknown is tolerated, because a newer agent
//! says more. Nothing here reads the partial messages that every `message_update` repeats (see `scan`).

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::host::{CancelRequest, ToolRequest, UriRequest};
use super::messages::MessageFrame;
use super::notices::{Said, UiRequest};
use super::scan;
use crate::event::{AgentEvent, NoticeLevel};

/// Arguments of a tool call larger than this are not read: nobody can show them.
const MAX_ARGS_BYTES: usize = 1 << 20;

/// What a frame says.
#[derive(Debug)]
pub enum Frame {
    /// The agent takes commands.
    Ready(Ready),
    /// The answer to a command.
    Response(Response),
    /// Something happened.
    Event(AgentEvent),
    /// Two things happened.
    Pair(AgentEvent, AgentEvent),
    /// A local slash command ran without the model: there is no `agent_end` to come.
    LocalEnd,
    /// Nothing that concerns us.
    Nothing,
}

/// The agent takes commands.
#[derive(Debug, Clone, Deserialize)]
pub struct Ready {
    /// The versions of the protocol that it speaks.
    #[serde(default, rename = "supportedProtocolVersions")]
    pub versions: Vec<u32>,
}

/// The answer to a command.
#[derive(Debug, Deserialize)]
pub struct Response {
    /// The command's id. An unknown command is answered without one.
    pub id: Option<String>,
    /// The command's name.
    #[serde(default)]
    pub command: String,
    /// Whether it was done.
    pub success: bool,
    /// What was asked for.
    pub data: Option<Box<RawValue>>,
    /// Why it was not done.
    pub error: Option<String>,
}

/// Reads a frame. `None`: this is not one, so it is for people to read.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<Frame> {
    let kind = scan::frame_type(bytes)?;
    if kind == b"message_update" {
        return Some(match scan::text_delta(bytes) {
            Some((block, delta)) => Frame::Event(AgentEvent::TextDelta { block, delta }),
            None => Frame::Nothing,
        });
    }
    let Ok(kind) = std::str::from_utf8(kind) else {
        return Some(Frame::Nothing);
    };
    // Bytes that are no UTF-8 and halves of surrogate pairs are the agent's mistakes, not the session's end.
    typed(kind, bytes).or_else(|| typed(kind, &scan::repaired(bytes)))
}

fn typed(kind: &str, bytes: &[u8]) -> Option<Frame> {
    Some(match kind {
        "ready" => Frame::Ready(read(bytes)?),
        "response" => Frame::Response(read(bytes)?),
        "agent_start" => Frame::Event(AgentEvent::TurnStarted),
        "agent_end" => read::<AgentEnd>(bytes)?.into(),
        "prompt_result" if !read::<PromptResult>(bytes)?.agent_invoked => Frame::LocalEnd,
        "message_start" => read::<MessageFrame<'_>>(bytes)?.started(),
        "message_end" => read::<MessageFrame<'_>>(bytes)?.ended()?,
        "tool_execution_start" => read::<ToolStart<'_>>(bytes)?.into(),
        "tool_execution_end" => {
            let ToolEnd { id, is_error } = read(bytes)?;
            Frame::Event(AgentEvent::ToolEnded { id, is_error })
        }
        "auto_retry_start" => {
            let RetryStart {
                attempt,
                delay,
                error,
            } = read(bytes)?;
            let delay = millis(delay).unwrap_or_default();
            Frame::Event(AgentEvent::Retrying {
                attempt,
                delay,
                error,
            })
        }
        "auto_retry_end" => {
            let RetryEnd { success, error } = read(bytes)?;
            Frame::Event(AgentEvent::RetryEnded { success, error })
        }
        "auto_compaction_start" => Frame::Event(AgentEvent::Compacting(true)),
        "auto_compaction_end" => read::<CompactionEnd>(bytes)?.into(),
        "extension_ui_request" => read::<UiRequest>(bytes)?.into(),
        "host_tool_call" => read::<ToolRequest<'_>>(bytes)?.into(),
        "host_uri_request" => read::<UriRequest>(bytes)?.into(),
        "host_tool_cancel" | "host_uri_cancel" => read::<CancelRequest>(bytes)?.into(),
        "session_info_update" => match read::<SessionInfo>(bytes)?.title {
            Some(title) if !title.trim().is_empty() => Frame::Event(AgentEvent::Title(title)),
            _ => Frame::Nothing,
        },
        "notice" | "extension_error" | "command_output" | "rpc_frame_error" | "retry_fallback_applied" => {
            read::<Said>(bytes)?.notice(kind)
        }
        _ => Frame::Nothing,
    })
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}

/// Milliseconds as the agent gives them: a float, and nothing that a clock could not hold.
pub(super) fn millis(ms: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(ms / 1000.0).ok()
}

/// `provider/model`, the form that `--model` takes.
pub(super) fn model_name(provider: &str, model: &str) -> String {
    if provider.is_empty() {
        model.to_owned()
    } else {
        format!("{provider}/{model}")
    }
}

#[derive(Deserialize)]
struct AgentEnd {
    #[serde(default = "yes", rename = "isTerminal")]
    is_terminal: bool,
}

fn yes() -> bool {
    true
}

impl From<AgentEnd> for Frame {
    fn from(end: AgentEnd) -> Self {
        if end.is_terminal {
            Self::Event(AgentEvent::TurnEnded)
        } else {
            Self::Nothing
        }
    }
}

#[derive(Deserialize)]
struct PromptResult {
    #[serde(default = "yes", rename = "agentInvoked")]
    agent_invoked: bool,
}

impl Response {
    /// Whether it says that a prompt was a local slash command and is done.
    pub(super) fn ended_locally(&self) -> bool {
        self.data
            .as_ref()
            .and_then(|data| read::<PromptResult>(data.get().as_bytes()))
            .is_some_and(|result| !result.agent_invoked)
    }
}

#[derive(Deserialize)]
struct ToolStart<'a> {
    #[serde(rename = "toolCallId")]
    id: String,
    #[serde(rename = "toolName")]
    tool: String,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
}

/// The arguments of a tool call.
pub(super) fn args(raw: Option<&RawValue>) -> Value {
    raw.filter(|args| args.get().len() <= MAX_ARGS_BYTES)
        .and_then(|args| serde_json::from_str(args.get()).ok())
        .unwrap_or(Value::Null)
}

impl From<ToolStart<'_>> for Frame {
    fn from(start: ToolStart<'_>) -> Self {
        let args = args(start.args);
        let ToolStart { id, tool, .. } = start;
        Self::Event(AgentEvent::ToolStarted { id, tool, args })
    }
}

#[derive(Deserialize)]
struct ToolEnd {
    #[serde(rename = "toolCallId")]
    id: String,
    #[serde(default, rename = "isError")]
    is_error: bool,
}

#[derive(Deserialize)]
struct RetryStart {
    attempt: u32,
    #[serde(default, rename = "delayMs")]
    delay: f64,
    #[serde(default, rename = "errorMessage")]
    error: String,
}

#[derive(Deserialize)]
struct RetryEnd {
    success: bool,
    #[serde(rename = "finalError")]
    error: Option<String>,
}

#[derive(Deserialize)]
struct CompactionEnd {
    #[serde(rename = "errorMessage")]
    error: Option<String>,
    #[serde(default)]
    skipped: bool,
    #[serde(default)]
    aborted: bool,
}

impl From<CompactionEnd> for Frame {
    fn from(end: CompactionEnd) -> Self {
        let ended = AgentEvent::Compacting(false);
        match end.error {
            Some(error) if !end.skipped && !end.aborted => Self::Pair(
                ended,
                AgentEvent::Notice {
                    level: NoticeLevel::Warning,
                    text: format!("The conversation could not be compacted: {error}"),
                },
            ),
            _ => Self::Event(ended),
        }
    }
}

#[derive(Deserialize)]
struct SessionInfo {
    title: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Dialog, DialogKind};

    /// The events of frames that the real agent (18.2.3) wrote.
    fn recorded(file: &str) -> Vec<AgentEvent> {
        let frames = file.lines().map(|line| decode(line.as_bytes()).expect(line));
        frames
            .flat_map(|frame| match frame {
                Frame::Event(event) => vec![event],
                Frame::Pair(first, second) => vec![first, second],
                Frame::LocalEnd => panic!("no local command was recorded"),
                Frame::Ready(_) | Frame::Response(_) | Frame::Nothing => vec![],
            })
            .collect()
    }

    fn event(frame: &str) -> AgentEvent {
        match decode(frame.as_bytes()) {
            Some(Frame::Event(event)) => event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_recorded_turn() {
        let events = recorded(include_str!(
            "../../tests/fixtures/frames/turn-and-approval.jsonl"
        ));
        let mut events = events.into_iter();
        let mut next = || events.next().unwrap();
        assert_eq!(next(), AgentEvent::TurnStarted);
        assert_eq!(next(), AgentEvent::MessageStarted);
        for word in ["You ", "said: ", "hello ", "there ", "friend"] {
            assert_eq!(
                next(),
                AgentEvent::TextDelta {
                    block: 0,
                    delta: word.into()
                }
            );
        }
        let AgentEvent::MessageEnded(message) = next() else {
            panic!("a message")
        };
        assert_eq!(message.texts, [(0, "You said: hello there friend".into())]);
        assert_eq!(message.model.as_deref(), Some("stub/stub-1"));
        assert_eq!((message.stop_reason.as_str(), message.error), ("stop", None));
        assert!(message.cost > 0.0001 && message.cost < 0.0002);
        assert_eq!(next(), AgentEvent::TurnEnded);
    }

    #[test]
    fn a_recorded_approval() {
        let events = recorded(include_str!(
            "../../tests/fixtures/frames/turn-and-approval.jsonl"
        ));
        let is_text = |event: &AgentEvent| matches!(event, AgentEvent::TextDelta { .. });
        let from = events.iter().rposition(is_text).unwrap() + 1;
        let mut events = events.into_iter().skip(from);
        let mut next = || events.next().unwrap();
        let AgentEvent::MessageEnded(message) = next() else {
            panic!("a message")
        };
        assert_eq!(message.stop_reason, "toolUse");
        let AgentEvent::Dialog(dialog) = next() else {
            panic!("a dialog")
        };
        assert_eq!(dialog.title, "Allow tool: bash\nCommand: echo hi");
        assert_eq!(
            dialog.kind,
            DialogKind::Select {
                options: vec!["Approve".into(), "Deny".into()],
                details: vec![],
            }
        );
        assert_eq!(
            next(),
            AgentEvent::ToolStarted {
                id: "call_2".into(),
                tool: "bash".into(),
                args: serde_json::json!({"command": "echo hi"}),
            }
        );
        assert_eq!(
            next(),
            AgentEvent::ToolEnded {
                id: "call_2".into(),
                is_error: true
            }
        );
        assert_eq!(events.next(), None);
    }

    #[test]
    fn a_recorded_question_that_is_withdrawn_and_a_retry() {
        let events = recorded(include_str!("../../tests/fixtures/frames/ask-abort-retry.jsonl"));
        assert!(events.contains(&AgentEvent::Title("Fix the parser".into())));
        assert!(events.contains(&AgentEvent::Notice {
            level: NoticeLevel::Info,
            text: "Session renamed to Fix the parser.".into(),
        }));
        let asked = events.iter().find_map(|event| match event {
            AgentEvent::Dialog(Dialog {
                id,
                kind: DialogKind::Select { options, .. },
                ..
            }) => Some((id, options)),
            _ => None,
        });
        let (id, options) = asked.unwrap();
        assert_eq!(options.last().unwrap(), "Other (type your own)");
        assert!(events.contains(&AgentEvent::DialogWithdrawn { id: id.clone() }));
        assert!(events.contains(&AgentEvent::Retrying {
            attempt: 1,
            delay: Duration::from_nanos(424_833_464),
            error: "503 stub answers 503".into(),
        }));
        assert!(events.contains(&AgentEvent::RetryEnded {
            success: false,
            error: Some("Retry cancelled".into()),
        }));
    }

    #[test]
    fn a_recorded_abort_and_errors() {
        let file = include_str!("../../tests/fixtures/frames/abort-and-errors.jsonl");
        let reasons: Vec<String> = file
            .lines()
            .filter_map(|line| match decode(line.as_bytes()) {
                Some(Frame::Event(AgentEvent::MessageEnded(message))) => Some(message.stop_reason),
                _ => None,
            })
            .collect();
        assert_eq!(reasons, ["toolUse", "aborted", "error", "stop", "stop"]);
        let responses: Vec<Response> = file
            .lines()
            .filter_map(|line| match decode(line.as_bytes()) {
                Some(Frame::Response(response)) => Some(response),
                _ => None,
            })
            .collect();
        let of = |id: &str| {
            responses
                .iter()
                .rev()
                .find(|r| r.id.as_deref() == Some(id))
                .unwrap()
        };
        assert!(of("cmd").ended_locally() && !of("p4").ended_locally());
        assert!(!of("p5").success && of("p5").error.as_ref().unwrap().contains("already processing"));
    }

    #[test]
    fn every_way_to_ask_is_read() {
        let dialog = |frame: &str| match event(frame) {
            AgentEvent::Dialog(dialog) => dialog,
            other => panic!("{other:?}"),
        };
        let confirm = dialog(
            r#"{"type":"extension_ui_request","id":"1","method":"confirm","title":"T","message":"M","timeout":1500}"#,
        );
        assert_eq!(confirm.kind, DialogKind::Confirm { message: "M".into() });
        assert_eq!(confirm.timeout, Some(Duration::from_millis(1500)));
        let select = dialog(
            r#"{"type":"extension_ui_request","id":"1","method":"select","title":"T","options":["A","B"],
                "optionDetails":[{},{"description":"the second"}]}"#,
        );
        assert_eq!(
            select.kind,
            DialogKind::Select {
                options: vec!["A".into(), "B".into()],
                details: vec![String::new(), "the second".into()],
            }
        );
        let input = dialog(r#"{"type":"extension_ui_request","id":"1","method":"input","title":"T"}"#);
        assert_eq!(
            input.kind,
            DialogKind::Input {
                placeholder: String::new()
            }
        );
        let editor = dialog(
            r#"{"type":"extension_ui_request","id":"1","method":"editor","title":"T","prefill":"a\nb"}"#,
        );
        assert_eq!(
            editor.kind,
            DialogKind::Editor {
                prefill: "a\nb".into()
            }
        );
        for method in [
            "setStatus",
            "setWidget",
            "setTitle",
            "set_editor_text",
            "something_new",
        ] {
            let frame =
                format!(r#"{{"type":"extension_ui_request","id":"1","method":"{method}","title":"T"}}"#);
            assert!(
                matches!(decode(frame.as_bytes()), Some(Frame::Nothing)),
                "{method}"
            );
        }
    }

    #[test]
    fn a_turn_goes_on_until_its_end_is_terminal() {
        assert!(matches!(
            decode(br#"{"type":"agent_end","isTerminal":false}"#),
            Some(Frame::Nothing)
        ));
        assert_eq!(
            event(r#"{"type":"agent_end","messages":[]}"#),
            AgentEvent::TurnEnded
        );
        let local = br#"{"type":"prompt_result","id":"p","agentInvoked":false}"#;
        assert!(matches!(decode(local), Some(Frame::LocalEnd)));
        let invoked = br#"{"type":"prompt_result","id":"p","agentInvoked":true}"#;
        assert!(matches!(decode(invoked), Some(Frame::Nothing)));
    }

    #[test]
    fn what_a_newer_agent_says_is_tolerated() {
        for frame in [
            r#"{"type":"something_new","a":[1]}"#,
            r#"{"type":"message_update","assistantMessageEvent":{"type":"image_end"}}"#,
            r#"{"type":"message_start","message":{"role":"toolResult","content":"text"}}"#,
            r#"{"type":"message_end","message":{"role":"user","content":"text"}}"#,
        ] {
            assert!(
                matches!(decode(frame.as_bytes()), Some(Frame::Nothing)),
                "{frame}"
            );
        }
        for line in ["", "text", "{}", "[1]", r#"{"level":"info","msg":"x"}"#] {
            assert!(decode(line.as_bytes()).is_none(), "{line}");
        }
    }

    #[test]
    fn broken_text_does_not_lose_the_frame() {
        let cut = br#"{"type":"notice","level":"warning","message":"cut \ud83d"}"#;
        let Some(Frame::Event(AgentEvent::Notice { level, text })) = decode(cut) else {
            panic!("a notice")
        };
        assert_eq!((level, text.as_str()), (NoticeLevel::Warning, "cut \u{fffd}"));
        let bytes = b"{\"type\":\"notice\",\"level\":\"error\",\"message\":\"\xff\"}";
        assert!(matches!(
            decode(bytes),
            Some(Frame::Event(AgentEvent::Notice { .. }))
        ));
    }

    #[test]
    fn arguments_that_nobody_could_show_are_not_read() {
        let pad = "x".repeat(MAX_ARGS_BYTES);
        let frame = format!(
            r#"{{"type":"tool_execution_start","toolCallId":"c","toolName":"write","args":{{"t":"{pad}"}}}}"#
        );
        assert_eq!(
            event(&frame),
            AgentEvent::ToolStarted {
                id: "c".into(),
                tool: "write".into(),
                args: Value::Null,
            }
        );
    }
}
