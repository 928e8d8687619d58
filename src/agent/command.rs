//! What we say to the agent, in its words.
//!
//! Names and shapes are those of the agent's own `rpc-types.ts` (18.2.3), tried against the real process.
//! An unknown command is answered without an id, so whoever asks something must also give up waiting.

use serde::Serialize;

use super::handle::Image;
use super::host::{Content, HostScheme, HostTool, Reading};
use crate::event::DialogAnswer;

/// One command, ready to be a line on stdin.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Command<'a> {
    NegotiateProtocol {
        id: &'a str,
        #[serde(rename = "protocolVersion")]
        version: u32,
    },
    Prompt {
        id: &'a str,
        message: &'a str,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        images: Vec<ImageContent<'a>>,
        /// Ignored while the agent is idle. Without it a prompt that meets a turn which the agent began by
        /// itself is refused.
        #[serde(rename = "streamingBehavior")]
        while_streaming: &'static str,
    },
    Abort {
        id: &'a str,
    },
    GetState {
        id: &'a str,
    },
    GetSessionStats {
        id: &'a str,
    },
    GetAvailableModels {
        id: &'a str,
    },
    SetModel {
        id: &'a str,
        provider: &'a str,
        #[serde(rename = "modelId")]
        model: &'a str,
    },
    SetThinkingLevel {
        id: &'a str,
        level: &'a str,
    },
    Compact {
        id: &'a str,
        #[serde(rename = "customInstructions", skip_serializing_if = "Option::is_none")]
        instructions: Option<&'a str>,
    },
    ExtensionUiResponse {
        id: &'a str,
        #[serde(flatten)]
        answer: Answer<'a>,
    },
    SetHostTools {
        id: &'a str,
        tools: &'a [HostTool],
    },
    SetHostUriSchemes {
        id: &'a str,
        schemes: &'a [HostScheme],
    },
    HostToolResult {
        id: &'a str,
        result: Content<'a>,
        #[serde(rename = "isError", skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
    },
    HostToolUpdate {
        id: &'a str,
        #[serde(rename = "partialResult")]
        partial: Content<'a>,
    },
    HostUriResult {
        id: &'a str,
        #[serde(flatten)]
        reading: Reading<'a>,
    },
}

/// An image as the agent takes it.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "image")]
pub(super) struct ImageContent<'a> {
    data: &'a str,
    #[serde(rename = "mimeType")]
    mime: &'a str,
}

impl<'a> From<&'a Image> for ImageContent<'a> {
    fn from(image: &'a Image) -> Self {
        Self {
            data: &image.base64,
            mime: &image.mime,
        }
    }
}

/// The answer to a dialog.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer<'a> {
    Value(&'a str),
    Confirmed(bool),
    Cancelled(bool),
}

impl<'a> From<&'a DialogAnswer> for Answer<'a> {
    fn from(answer: &'a DialogAnswer) -> Self {
        match answer {
            DialogAnswer::Value(text) => Self::Value(text),
            DialogAnswer::Confirmed(yes) => Self::Confirmed(*yes),
            DialogAnswer::Cancelled => Self::Cancelled(true),
        }
    }
}

impl Command<'_> {
    /// The command as a line, with its newline.
    pub(super) fn line(&self) -> Vec<u8> {
        // Strings, numbers and booleans always serialize; an empty line is skipped by the agent.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn sent(command: &Command<'_>) -> Value {
        let line = command.line();
        assert_eq!(
            line.iter().position(|b| *b == b'\n'),
            Some(line.len() - 1),
            "one line"
        );
        serde_json::from_slice(&line).unwrap()
    }

    #[test]
    fn commands_have_the_shapes_that_the_agent_reads() {
        let image = Image {
            mime: "image/png".into(),
            base64: "AA==".into(),
        };
        let prompt = |images: &[Image]| {
            sent(&Command::Prompt {
                id: "p1",
                message: "a\nb",
                images: images.iter().map(ImageContent::from).collect(),
                while_streaming: "followUp",
            })
        };
        assert_eq!(
            prompt(&[]),
            json!({"type": "prompt", "id": "p1", "message": "a\nb", "streamingBehavior": "followUp"})
        );
        assert_eq!(
            prompt(&[image])["images"],
            json!([{"type": "image", "data": "AA==", "mimeType": "image/png"}])
        );
        assert_eq!(
            sent(&Command::NegotiateProtocol { id: "n", version: 2 }),
            json!({"type": "negotiate_protocol", "id": "n", "protocolVersion": 2})
        );
        assert_eq!(
            sent(&Command::GetState { id: "q" }),
            json!({"type": "get_state", "id": "q"})
        );
        assert_eq!(
            sent(&Command::SetModel {
                id: "m",
                provider: "p",
                model: "x/y"
            }),
            json!({"type": "set_model", "id": "m", "provider": "p", "modelId": "x/y"})
        );
        assert_eq!(
            sent(&Command::Compact {
                id: "c",
                instructions: None
            }),
            json!({"type": "compact", "id": "c"})
        );
    }

    #[test]
    fn dialogs_are_answered_in_one_of_three_ways() {
        let answered = |answer: &DialogAnswer| {
            sent(&Command::ExtensionUiResponse {
                id: "d",
                answer: answer.into(),
            })
        };
        let base = json!({"type": "extension_ui_response", "id": "d"});
        for (answer, key, value) in [
            (DialogAnswer::Value("Approve".into()), "value", json!("Approve")),
            (DialogAnswer::Confirmed(false), "confirmed", json!(false)),
            (DialogAnswer::Cancelled, "cancelled", json!(true)),
        ] {
            let mut wanted = base.clone();
            wanted[key] = value;
            assert_eq!(answered(&answer), wanted);
        }
    }
}
