//! What the daemon offers to its agents over their own protocol, and what they make of it: tools and addresses.
//!
//! It goes over the pipe that is there anyway, so it works for an agent that cannot reach the HTTP port.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::command::Command;
use super::handle::AgentHandle;
use super::protocol::{Frame, args};
use crate::event::{AgentEvent, HostRequest};

/// A tool that the daemon executes.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HostTool {
    /// What the model calls it.
    pub name: &'static str,
    /// What people call it.
    pub label: &'static str,
    /// What it does, and when to use it.
    pub description: String,
    /// The JSON Schema of its arguments.
    pub parameters: Value,
    /// Whether the model sees it from the start.
    pub load_mode: &'static str,
}

/// A scheme whose addresses the daemon reads.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct HostScheme {
    /// Without the colon.
    pub scheme: &'static str,
    /// What is behind it.
    pub description: &'static str,
    /// Whether it can be written to.
    pub writable: bool,
    /// Whether what it gives never changes.
    pub immutable: bool,
}

/// A text as the agent takes results.
#[derive(Debug, Serialize)]
pub(super) struct Content<'a> {
    content: [Text<'a>; 1],
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "text")]
struct Text<'a> {
    text: &'a str,
}

impl<'a> Content<'a> {
    fn of(text: &'a str) -> Self {
        Self {
            content: [Text { text }],
        }
    }
}

/// What an address gave, or why nothing.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reading<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_error: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// `host_tool_call`.
#[derive(Deserialize)]
pub(super) struct ToolRequest<'a> {
    id: String,
    #[serde(rename = "toolName")]
    tool: String,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

/// `host_uri_request`.
#[derive(Deserialize)]
pub(super) struct UriRequest {
    id: String,
    #[serde(default)]
    operation: String,
    url: String,
}

/// `host_tool_cancel` and `host_uri_cancel`.
#[derive(Deserialize)]
pub(super) struct CancelRequest {
    #[serde(rename = "targetId")]
    target: String,
}

impl From<ToolRequest<'_>> for Frame {
    fn from(request: ToolRequest<'_>) -> Self {
        let args = args(request.arguments);
        let ToolRequest { id, tool, .. } = request;
        Self::Event(AgentEvent::Host(HostRequest::Call { id, tool, args }))
    }
}

impl From<UriRequest> for Frame {
    fn from(request: UriRequest) -> Self {
        let UriRequest { id, operation, url } = request;
        let write = operation == "write";
        Self::Event(AgentEvent::Host(HostRequest::Read { id, url, write }))
    }
}

impl From<CancelRequest> for Frame {
    fn from(request: CancelRequest) -> Self {
        let id = request.target;
        Self::Event(AgentEvent::Host(HostRequest::Cancel { id }))
    }
}

impl AgentHandle {
    /// Offers tools and addresses. An agent that knows nothing of either answers so, and works without.
    pub fn offer(&self, tools: &[HostTool], schemes: &[HostScheme]) {
        self.tell(&Command::SetHostTools { id: "tools", tools });
        let id = "schemes";
        self.tell(&Command::SetHostUriSchemes { id, schemes });
    }

    /// What came of a tool.
    pub fn host_result(&self, id: &str, text: &str, is_error: bool) {
        let result = Content::of(text);
        self.tell(&Command::HostToolResult { id, result, is_error });
    }

    /// A tool takes its time.
    pub fn host_progress(&self, id: &str, text: &str) {
        let partial = Content::of(text);
        self.tell(&Command::HostToolUpdate { id, partial });
    }

    /// What an address gave, as JSON, or why nothing.
    pub fn host_reading(&self, id: &str, read: Result<&str, &str>) {
        let reading = Reading {
            content: read.ok(),
            content_type: read.ok().map(|_| "application/json"),
            is_error: read.is_err(),
            error: read.err(),
        };
        self.tell(&Command::HostUriResult { id, reading });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::protocol::decode;
    use super::*;

    fn request(frame: &Value) -> HostRequest {
        match decode(frame.to_string().as_bytes()) {
            Some(Frame::Event(AgentEvent::Host(request))) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_the_agent_asks_is_read() {
        let call = json!({"type": "host_tool_call", "id": "1", "toolCallId": "c", "toolName": "discord_send",
            "arguments": {"text": "hi"}});
        assert_eq!(
            request(&call),
            HostRequest::Call {
                id: "1".into(),
                tool: "discord_send".into(),
                args: json!({"text": "hi"}),
            }
        );
        let read = json!({"type": "host_uri_request", "id": "2", "operation": "read", "url": "discord://channel/1/messages"});
        assert_eq!(
            request(&read),
            HostRequest::Read {
                id: "2".into(),
                url: "discord://channel/1/messages".into(),
                write: false,
            }
        );
        for kind in ["host_tool_cancel", "host_uri_cancel"] {
            let cancel = json!({"type": kind, "id": "3", "targetId": "2"});
            assert_eq!(request(&cancel), HostRequest::Cancel { id: "2".into() });
        }
    }

    #[test]
    fn what_the_agent_is_told_has_the_shapes_that_it_reads() {
        let sent = |command: &Command<'_>| serde_json::from_slice::<Value>(&command.line()).unwrap();
        let result = Content::of("done");
        assert_eq!(
            sent(&Command::HostToolResult {
                id: "1",
                result,
                is_error: true
            }),
            json!({"type": "host_tool_result", "id": "1", "isError": true,
                "result": {"content": [{"type": "text", "text": "done"}]}})
        );
        let partial = Content::of("wait");
        assert_eq!(
            sent(&Command::HostToolUpdate { id: "1", partial }),
            json!({"type": "host_tool_update", "id": "1", "partialResult": {"content": [{"type": "text", "text": "wait"}]}})
        );
        let reading = Reading {
            content: None,
            content_type: None,
            is_error: true,
            error: Some("no"),
        };
        assert_eq!(
            sent(&Command::HostUriResult { id: "2", reading }),
            json!({"type": "host_uri_result", "id": "2", "isError": true, "error": "no"})
        );
        let tools = [HostTool {
            name: "n",
            label: "l",
            description: "d".into(),
            parameters: json!({}),
            load_mode: "essential",
        }];
        assert_eq!(
            sent(&Command::SetHostTools {
                id: "t",
                tools: &tools
            }),
            json!({"type": "set_host_tools", "id": "t", "tools": [
                {"name": "n", "label": "l", "description": "d", "parameters": {}, "loadMode": "essential"}]})
        );
    }
}
