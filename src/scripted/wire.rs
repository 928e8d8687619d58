//! Writes frames the way the real agent does.
//!
//! Frames with a partial message are put together by hand, because the order of their keys matters to who
//! reads them fast, and a JSON value would sort them.

use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use serde_json::{Value, json};

/// How much of a frame the real agent puts into one piece.
const PIECE_BYTES: usize = 256 << 10;

/// Stdout.
#[derive(Debug)]
pub(super) struct Wire {
    out: std::io::Stdout,
}

impl Wire {
    pub(super) fn new() -> Self {
        Self {
            out: std::io::stdout(),
        }
    }

    /// Writes one frame. Without a reader there is nothing left to do.
    pub(super) fn frame(&self, frame: &Value) {
        self.raw(format!("{frame}\n").as_bytes());
    }

    /// Writes bytes as they are.
    pub(super) fn raw(&self, bytes: &[u8]) {
        let mut out = self.out.lock();
        if out.write_all(bytes).and_then(|()| out.flush()).is_err() {
            super::die(1);
        }
    }

    /// Writes one frame in pieces, as version 2 of the protocol has it.
    pub(super) fn in_pieces(&self, frame: &str) {
        let pieces: Vec<&[u8]> = frame.as_bytes().chunks(PIECE_BYTES).collect();
        for (index, piece) in pieces.iter().enumerate() {
            self.frame(&json!({
                "type": "rpc_chunk", "chunkId": "rpc-1", "index": index, "count": pieces.len(),
                "byteLength": frame.len(), "data": base64::engine::general_purpose::STANDARD.encode(piece),
            }));
        }
    }

    /// Answers a command.
    pub(super) fn response(&self, command: &Value, data: Option<&Value>) {
        let (id, name) = (&command["id"], &command["type"]);
        let data = data.map(|data| format!(",\"data\":{data}")).unwrap_or_default();
        let line =
            format!("{{\"id\":{id},\"type\":\"response\",\"command\":{name},\"success\":true{data}}}\n");
        self.raw(line.as_bytes());
    }

    /// Refuses a command; one that is not known without an id.
    pub(super) fn refusal(&self, id: &Value, name: &Value, error: &str) {
        let mut frame = json!({"type": "response", "command": name, "success": false, "error": error});
        if !id.is_null()
            && let Some(fields) = frame.as_object_mut()
        {
            fields.insert("id".into(), id.clone());
        }
        self.frame(&frame);
    }

    /// Writes a piece of an answer, with the whole message so far, twice.
    pub(super) fn update(&self, event: &str, message: &str) {
        let line = format!(
            "{{\"type\":\"message_update\",\"assistantMessageEvent\":{{{event},\"partial\":{message}}},\
             \"message\":{message}}}\n"
        );
        self.raw(line.as_bytes());
    }
}

/// Writes a line to stderr.
pub(super) fn log(line: &str) {
    // Nowhere is left to say that stderr is closed.
    drop(writeln!(std::io::stderr(), "{line}"));
}

/// An assistant's message as the agent shows it.
#[derive(Debug, Clone, Default)]
pub(super) struct Message {
    /// Blocks that are complete.
    pub(super) blocks: Vec<Value>,
    /// The block of text that is being said.
    pub(super) text: String,
    pub(super) tool: Option<Value>,
    pub(super) stop_reason: &'static str,
    pub(super) error: Option<String>,
    pub(super) model: (String, String),
    pub(super) words: usize,
}

impl Message {
    /// The message in the agent's words.
    pub(super) fn json(&self) -> Value {
        let mut content = self.blocks.clone();
        if !self.text.is_empty() {
            content.push(json!({"type": "text", "text": self.text}));
        }
        content.extend(self.tool.clone());
        let tokens = u32::try_from(self.words).unwrap_or(u32::MAX);
        let cost = f64::from(tokens) * 0.000_002 + 0.0001;
        let mut message = json!({
            "role": "assistant", "content": content, "api": "openai-completions", "provider": self.model.0,
            "model": self.model.1, "stopReason": self.stop_reason, "timestamp": now_ms(), "duration": 12.5, "ttft": 3.5,
            "usage": {
                "input": 100, "output": tokens, "cacheRead": 0, "cacheWrite": 0, "totalTokens": 100 + tokens,
                "cost": {"input": 0.0001, "output": cost - 0.0001, "cacheRead": 0, "cacheWrite": 0, "total": cost},
            },
        });
        if let (Some(error), Some(fields)) = (&self.error, message.as_object_mut()) {
            fields.insert("errorMessage".into(), json!(error));
        }
        message
    }
}

/// The time as the agent gives it.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}
