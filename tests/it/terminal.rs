//! A terminal that shares its session, as far as the daemon can see: what its extension sends, by hand.

use ompcord::ids::ThreadId;
use serde_json::{Value, json};

use crate::harness::{Bench, Http};

/// No process has this number.
pub const NOBODY: u32 = 2_000_000_000;

pub struct Terminal {
    pub session: String,
    pub thread: ThreadId,
    /// Whether it had its thread before.
    pub resumed: bool,
    /// With the session's token.
    pub http: Http,
    conversation: String,
    pid: u32,
    /// The newest command that it has taken.
    after: i64,
    events: u32,
}

/// What the extension says when it attaches.
pub fn request(conversation: &str, pid: u32) -> Value {
    json!({
        "agent_session_id": conversation,
        "cwd": std::env::temp_dir().join("my-project"),
        "pid": pid,
        "host": "desk",
        "agent_version": "18.2.3",
        "extension_version": "0.1.0",
        "resumable": true,
    })
}

impl Terminal {
    pub async fn attach(bench: &Bench, conversation: &str) -> Self {
        Self::attach_as(bench, conversation, NOBODY).await
    }

    /// The same from the process with this number.
    pub async fn attach_as(bench: &Bench, conversation: &str, pid: u32) -> Self {
        let api = bench.api();
        let (status, attached) = api
            .post("/api/sessions/attach", &request(conversation, pid))
            .await;
        assert_eq!(status, 200, "{attached}");
        let text = |name: &str| attached[name].as_str().unwrap();
        Self {
            session: text("session_id").to_owned(),
            thread: text("thread_id").parse().unwrap(),
            resumed: attached["resumed"].as_bool().unwrap(),
            http: api.with_token(text("token")),
            conversation: conversation.to_owned(),
            pid,
            after: 0,
            events: 0,
        }
    }

    /// As the extension does when the daemon has come back, or its token is not good any more.
    pub async fn again(&mut self, bench: &Bench) {
        let (after, events) = (self.after, self.events);
        *self = Self::attach_as(bench, &self.conversation.clone(), self.pid).await;
        (self.after, self.events) = (after, events);
    }

    /// Something happens in it. The daemon has it on its disk when this returns.
    pub async fn does(&mut self, kind: &str, content: &str, data: Value) {
        self.events += 1;
        let id = format!("{}-{}", self.conversation, self.events);
        let event = json!({"session_id": self.session, "event_type": kind, "content": content, "timestamp": 1_700_000_000_000_i64,
            "id": id, "data": data});
        let (status, answer) = self.http.post("/api/webhook/event", &event).await;
        assert_eq!(status, 202, "{answer}");
    }

    /// Somebody types something there, and the model answers.
    pub async fn types(&mut self, prompt: &str, answer: &str) {
        self.does("prompt", prompt, json!({"source": "terminal"})).await;
        self.answers(answer).await;
    }

    /// A whole turn.
    pub async fn answers(&mut self, answer: &str) {
        self.does("agent_start", "", json!({})).await;
        self.says(answer).await;
        self.ends("done").await;
    }

    pub async fn says(&mut self, text: &str) {
        let data = json!({"model": "stub/stub-1", "cost": 0.25, "stop_reason": "stop"});
        self.does("message", text, data).await;
    }

    pub async fn ends(&mut self, outcome: &str) {
        let data = json!({"duration_ms": 61_000, "context_percent": 12.5, "model": "stub/stub-1", "cost": 0.25,
            "outcome": outcome});
        self.does("agent_end", "", data).await;
    }

    /// Asks for what waits, and takes it: the next question acknowledges it.
    pub async fn takes(&mut self) -> Vec<String> {
        let commands = self.asks("&wait=30").await;
        self.after = commands
            .as_array()
            .unwrap()
            .last()
            .map_or(self.after, |last| last["id"].as_i64().unwrap());
        let words = |command: &Value| {
            let author = command["author"]["name"].as_str().unwrap_or("nobody");
            let word = |name: &str| command[name].as_str().unwrap().to_owned();
            format!("{} {} ({author})", word("kind"), word("text"))
        };
        commands.as_array().unwrap().iter().map(words).collect()
    }

    /// Says what it has taken.
    pub async fn acknowledges(&self) {
        self.asks("").await;
    }

    async fn asks(&self, more: &str) -> Value {
        let path = format!(
            "/api/commands/poll?session_id={}&after={}{more}",
            self.session, self.after
        );
        let (status, answer) = self.http.get(&path).await;
        assert_eq!(status, 200, "{answer}");
        answer["commands"].clone()
    }

    /// Goes: `off`, or `closed`.
    pub async fn leaves(&self, reason: &str) {
        let path = format!("/api/sessions/{}/detach", self.session);
        let (status, answer) = self.http.post(&path, &json!({"reason": reason})).await;
        assert_eq!((status, &answer["detached"]), (200, &json!(true)), "{answer}");
    }
}
