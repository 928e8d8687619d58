//! What the agent shows and asks outside of its messages: notices, and dialogs that wait for a person.

use serde::Deserialize;

use super::protocol::{Frame, millis};
use crate::event::{AgentEvent, Dialog, DialogKind, NoticeLevel};

/// The several frames that only carry a text.
#[derive(Deserialize)]
pub(super) struct Said {
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
    pub(super) fn notice(self, kind: &str) -> Frame {
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
pub(super) struct UiRequest {
    id: String,
    #[serde(default)]
    method: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    options: Vec<String>,
    #[serde(default)]
    option_details: Vec<OptionDetail>,
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

/// What is said about an option of a select.
#[derive(Deserialize)]
struct OptionDetail {
    #[serde(default)]
    description: String,
}

impl From<UiRequest> for Frame {
    fn from(request: UiRequest) -> Self {
        let kind = match request.method.as_str() {
            "select" => DialogKind::Select {
                options: request.options,
                details: request
                    .option_details
                    .into_iter()
                    .map(|detail| detail.description)
                    .collect(),
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
