//! The agent's frames, translated into our own events.
//!
//! Only what a person can see in a thread is translated; what is unknown is tolerated, because a newer agent
//! says more. Nothing here reads the partial messages that every `message_update` repeats (see `scan`).

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::scan;
use crate::event::{AgentEvent, Dialog, DialogKind, MessageEnded, NoticeLevel};

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
fn millis(ms: f64) -> Option<Duration> {
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
struct MessageFrame<'a> {
    #[serde(borrow)]
    message: Message<'a>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(default)]
    role: String,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(default)]
    provider: String,
    model: Option<String>,
    usage: Option<Usage>,
    #[serde(default, rename = "stopReason")]
    stop_reason: String,
    #[serde(rename = "errorMessage")]
    error: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    cost: Option<Cost>,
}

#[derive(Deserialize)]
struct Cost {
    #[serde(default)]
    total: f64,
}

#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
}

impl MessageFrame<'_> {
    fn started(&self) -> Frame {
        if self.message.role == "assistant" {
            Frame::Event(AgentEvent::MessageStarted)
        } else {
            Frame::Nothing
        }
    }

    fn ended(self) -> Option<Frame> {
        let message = self.message;
        if message.role != "assistant" {
            return Some(Frame::Nothing);
        }
        let blocks: Vec<Block> = match message.content {
            Some(content) => serde_json::from_str(content.get()).ok()?,
            None => Vec::new(),
        };
        let texts = (0..)
            .zip(blocks)
            .filter(|(_, block)| block.kind == "text")
            .filter_map(|(index, block)| Some((index, block.text?)))
            .collect();
        Some(Frame::Event(AgentEvent::MessageEnded(MessageEnded {
            texts,
            model: message.model.map(|model| model_name(&message.provider, &model)),
            cost: message
                .usage
                .and_then(|usage| usage.cost)
                .map_or(0.0, |cost| cost.total),
            stop_reason: message.stop_reason,
            error: message.error,
        })))
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

impl From<ToolStart<'_>> for Frame {
    fn from(start: ToolStart<'_>) -> Self {
        let args = start
            .args
            .filter(|args| args.get().len() <= MAX_ARGS_BYTES)
            .and_then(|args| serde_json::from_str(args.get()).ok())
            .unwrap_or(Value::Null);
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

/// The several frames that only carry a text.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    level: String,
    message: Option<String>,
    text: Option<String>,
    error: Option<String>,
    #[serde(rename = "extensionPath")]
    extension: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

impl Said {
    fn notice(self, kind: &str) -> Frame {
        let (level, text) = match kind {
            "extension_error" => {
                let extension = self.extension.unwrap_or_else(|| "an extension".into());
                let error = self.error.unwrap_or_default();
                (NoticeLevel::Error, format!("{extension} failed: {error}"))
            }
            "rpc_frame_error" => (NoticeLevel::Warning, self.error.unwrap_or_default()),
            "retry_fallback_applied" => {
                let (from, to) = (self.from.unwrap_or_default(), self.to.unwrap_or_default());
                (
                    NoticeLevel::Warning,
                    format!("{from} does not answer, so {to} takes over."),
                )
            }
            _ => (
                notice_level(&self.level),
                self.message.or(self.text).unwrap_or_default(),
            ),
        };
        if text.trim().is_empty() {
            return Frame::Nothing;
        }
        Frame::Event(AgentEvent::Notice { level, text })
    }
}

fn notice_level(name: &str) -> NoticeLevel {
    match name {
        "error" => NoticeLevel::Error,
        "warning" => NoticeLevel::Warning,
        _ => NoticeLevel::Info,
    }
}

/// An extension, a tool or the approval gate wants something of a person.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UiRequest {
    id: String,
    #[serde(default)]
    method: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    options: Vec<String>,
    #[serde(default)]
    message: String,
    placeholder: Option<String>,
    prefill: Option<String>,
    timeout: Option<f64>,
    target_id: Option<String>,
    notify_type: Option<String>,
    url: Option<String>,
    launch_url: Option<String>,
    instructions: Option<String>,
}

impl From<UiRequest> for Frame {
    fn from(request: UiRequest) -> Self {
        let kind = match request.method.as_str() {
            "select" => DialogKind::Select {
                options: request.options,
            },
            "confirm" => DialogKind::Confirm {
                message: request.message,
            },
            "input" => DialogKind::Input {
                placeholder: request.placeholder.unwrap_or_default(),
            },
            "editor" => DialogKind::Editor {
                prefill: request.prefill.unwrap_or_default(),
            },
            "cancel" => {
                return request.target_id.map_or(Self::Nothing, |id| {
                    Self::Event(AgentEvent::DialogWithdrawn { id })
                });
            }
            "notify" => {
                return Self::Event(AgentEvent::Notice {
                    level: notice_level(request.notify_type.as_deref().unwrap_or_default()),
                    text: request.message,
                });
            }
            "open_url" => {
                let url = request.url.or(request.launch_url).unwrap_or_default();
                let what = request.instructions.unwrap_or_else(|| "Please open".into());
                let text = format!("{what} {url}");
                return Self::Event(AgentEvent::Notice {
                    level: NoticeLevel::Info,
                    text,
                });
            }
            // setStatus, setWidget, setTitle, set_editor_text: they belong to a terminal.
            _ => return Self::Nothing,
        };
        Self::Event(AgentEvent::Dialog(Dialog {
            id: request.id,
            title: request.title,
            kind,
            timeout: request.timeout.and_then(millis),
        }))
    }
}
