//! What a terminal posts about its agent becomes the events that the daemon's own agents send.
//!
//! The events are in the log before anybody hears of them, so the terminal never waits for Discord and a restart loses
//! nothing: what was not shown yet is read again.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::event::{AgentEvent, MessageEnded, NoticeLevel, Tokens, TurnReport};
use crate::ids::SessionId;
use crate::store::Store;
use crate::store::events::{Source, StoredEvent};
use crate::store::terminals::Gone;

/// How many events are read at once.
const BATCH: u32 = 100;
/// The entry of the log that is a goodbye. It is one so that it comes after everything that was posted before, and so that
/// a crash does not lose it.
pub(crate) const LEFT: &str = "terminal_left";
/// How long to wait after the store could not be read.
const AFTER_FAILURE: Duration = Duration::from_secs(2);

/// Something for the actor, in the order in which it happened.
#[derive(Debug)]
pub(super) enum Mirrored {
    /// The agent did this, as an event of the log says.
    Event(i64, AgentEvent),
    /// The terminal begins to share its session: what it does next is new.
    Begun,
    /// Everything up to this event of the log has been told.
    UpTo(i64),
    /// The terminal said goodbye, then.
    Leaves {
        /// How.
        how: Gone,
        /// When, in unix milliseconds.
        at: i64,
    },
    /// Everything that the terminal had posted when it was given up has been told.
    Left,
}

/// What a mirror needs.
pub(super) struct Mirror {
    pub(super) store: Store,
    pub(super) session: SessionId,
    /// The newest event that was told.
    pub(super) after: i64,
    /// The newest event that there is.
    pub(super) newest: watch::Receiver<i64>,
    /// The terminal is gone: nothing comes after this event.
    pub(super) last: watch::Receiver<Option<i64>>,
    pub(super) to: mpsc::Sender<Mirrored>,
    pub(super) stop: CancellationToken,
}

impl Mirror {
    /// Reads the log until it is stopped, or nobody listens any more.
    pub(super) async fn run(mut self) {
        let stop = self.stop.clone();
        stop.run_until_cancelled(self.follow()).await;
    }

    async fn follow(&mut self) {
        loop {
            let newest = *self.newest.borrow_and_update();
            let read = self
                .store
                .events_after(self.after, Some(&self.session), BATCH)
                .await;
            let events = match read {
                Ok(events) => events,
                Err(error) => {
                    tracing::error!(session = %self.session, "session {}: {error:#}", self.session);
                    tokio::time::sleep(AFTER_FAILURE).await;
                    continue;
                }
            };
            if events.is_empty() {
                self.after = self.after.max(newest);
                let last = *self.last.borrow_and_update();
                if last.is_some_and(|last| last <= self.after) && self.to.send(Mirrored::Left).await.is_err()
                {
                    return;
                }
                let changed = async {
                    tokio::select! {
                        changed = self.newest.changed() => changed,
                        changed = self.last.changed() => changed,
                    }
                };
                if changed.await.is_err() {
                    return;
                }
                continue;
            }
            for event in events {
                let id = event.id;
                for told in translate(event) {
                    if self.to.send(told).await.is_err() {
                        return;
                    }
                }
                self.after = id;
                if self.to.send(Mirrored::UpTo(id)).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// What an event of the terminal means; nothing where nobody has to know.
fn translate(event: StoredEvent) -> Vec<Mirrored> {
    if event.source != Source::Agent {
        let how = Gone::said(&event.content).filter(|_| event.kind == LEFT);
        let at = event.happened_at;
        return how.map(|how| Mirrored::Leaves { how, at }).into_iter().collect();
    }
    let id = event.id;
    let told = |event| Mirrored::Event(id, event);
    let data: Value = event
        .data
        .and_then(|data| serde_json::from_str(&data).ok())
        .unwrap_or_default();
    let words = Words {
        content: event.content,
        data,
    };
    if event.kind == "session_start" {
        let known = words.began().into_iter().map(told);
        return std::iter::once(Mirrored::Begun).chain(known).collect();
    }
    words.say(&event.kind).into_iter().map(told).collect()
}

struct Words {
    content: String,
    data: Value,
}

impl Words {
    fn text(&self, name: &str) -> Option<String> {
        let text = self.data.get(name)?.as_str()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.data.get(name).and_then(Value::as_str) == Some(value)
    }

    fn flag(&self, name: &str) -> bool {
        self.data.get(name).and_then(Value::as_bool) == Some(true)
    }

    fn id(&self) -> String {
        self.text("id").unwrap_or_default()
    }

    fn began(&self) -> Vec<AgentEvent> {
        let title = self.text("title").map(AgentEvent::Title);
        let model = self.text("model").map(AgentEvent::ModelChanged);
        title.into_iter().chain(model).collect()
    }

    fn say(self, kind: &str) -> Vec<AgentEvent> {
        match kind {
            "agent_start" => vec![AgentEvent::TurnStarted],
            "prompt" => vec![AgentEvent::TerminalPrompt(self.content)],
            "message" => vec![AgentEvent::MessageStarted, self.message()],
            "tool_start" => vec![AgentEvent::ToolStarted {
                id: self.id(),
                tool: self.text("tool").unwrap_or_default(),
                args: self.data.get("args").cloned().unwrap_or_default(),
            }],
            "tool_end" => vec![AgentEvent::ToolEnded {
                id: self.id(),
                is_error: self.flag("is_error"),
            }],
            "agent_end" => self.turn_ended(),
            "title" => self.text("title").map(AgentEvent::Title).into_iter().collect(),
            "model" => self
                .text("model")
                .map(AgentEvent::ModelChanged)
                .into_iter()
                .collect(),
            "approval" if self.flag("resolved") => vec![AgentEvent::TerminalAnswered { id: self.id() }],
            "approval" => vec![AgentEvent::TerminalAsks {
                id: self.id(),
                what: self.content,
            }],
            "retry" => vec![self.retry()],
            "compaction" => vec![AgentEvent::Compacting(self.is("phase", "start"))],
            // The end of the turn says it.
            "error" if self.flag("final") => vec![AgentEvent::RetryEnded {
                success: false,
                error: Some(self.content),
            }],
            "error" => vec![AgentEvent::Notice {
                level: NoticeLevel::Warning,
                text: self.content,
            }],
            _ => Vec::new(),
        }
    }

    /// One block of what the model said; what it cost comes with the last one.
    fn message(self) -> AgentEvent {
        let stop_reason = self.text("stop_reason").unwrap_or_default();
        AgentEvent::MessageEnded(MessageEnded {
            model: self.text("model"),
            cost: self.data.get("cost").and_then(Value::as_f64).unwrap_or_default(),
            // How a turn ends is an event of its own.
            stop_reason: if stop_reason == "error" {
                String::new()
            } else {
                stop_reason
            },
            error: None,
            // It says what it cost, and no more.
            tokens: Tokens::default(),
            calls: Vec::new(),
            texts: vec![(0, self.content)],
        })
    }

    fn turn_ended(&self) -> Vec<AgentEvent> {
        let report = AgentEvent::TurnReported(TurnReport {
            took: self
                .data
                .get("duration_ms")
                .and_then(Value::as_u64)
                .map(Duration::from_millis),
            context_percent: self.data.get("context_percent").and_then(Value::as_f64),
            model: self.text("model"),
            cost: self.data.get("cost").and_then(Value::as_f64).unwrap_or_default(),
        });
        let ended = if self.is("outcome", "stopped") {
            AgentEvent::TurnStopped
        } else {
            AgentEvent::TurnEnded
        };
        vec![report, ended]
    }

    fn retry(self) -> AgentEvent {
        if self.is("phase", "start") {
            let number = |name: &str| self.data.get(name).and_then(Value::as_u64);
            return AgentEvent::Retrying {
                attempt: number("attempt").and_then(|n| n.try_into().ok()).unwrap_or(1),
                delay: Duration::from_millis(number("delay_ms").unwrap_or_default()),
                error: self.content,
            };
        }
        // An error that is final comes as one.
        AgentEvent::RetryEnded {
            success: true,
            error: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(kind: &str, content: &str, data: &Value) -> String {
        let event = StoredEvent {
            id: 1,
            session: SessionId::random(),
            source: Source::Agent,
            kind: kind.to_owned(),
            content: content.to_owned(),
            data: Some(data.to_string()),
            happened_at: 0,
        };
        format!("{:?}", translate(event))
    }

    /// What is posted, and a part of what it means.
    fn cases() -> [(&'static str, &'static str, Value, &'static str); 13] {
        [
            ("agent_start", "", json!({}), "TurnStarted"),
            (
                "prompt",
                "hi",
                json!({"source": "terminal"}),
                "TerminalPrompt(\"hi\")",
            ),
            (
                "message",
                "yes",
                json!({"cost": 0.5, "model": "a/b"}),
                "cost: 0.5",
            ),
            (
                "tool_start",
                "bash: ls",
                json!({"id": "t", "tool": "bash", "args": {"command": "ls"}}),
                "\"ls\"",
            ),
            (
                "tool_end",
                "bash",
                json!({"id": "t", "is_error": true}),
                "is_error: true",
            ),
            ("agent_end", "", json!({"outcome": "stopped"}), "TurnStopped"),
            (
                "agent_end",
                "",
                json!({"outcome": "done", "duration_ms": 1500}),
                "took: Some(1.5s)",
            ),
            (
                "error",
                "no key",
                json!({"final": true}),
                "success: false, error: Some(\"no key\")",
            ),
            ("error", "odd", json!({}), "level: Warning"),
            (
                "approval",
                "may it?",
                json!({"id": "t", "resolved": false}),
                "TerminalAsks",
            ),
            (
                "approval",
                "",
                json!({"id": "t", "resolved": true}),
                "TerminalAnswered",
            ),
            (
                "retry",
                "busy",
                json!({"phase": "start", "attempt": 2, "delay_ms": 4000}),
                "delay: 4s",
            ),
            ("session_start", "", json!({"model": "a/b"}), "Begun"),
        ]
    }

    #[test]
    fn what_a_terminal_posts_is_what_an_agent_says() {
        for (kind, content, data, part) in cases() {
            let said = said(kind, content, &data);
            assert!(said.contains(part), "{kind}: {said}");
        }
    }

    #[test]
    fn only_the_daemon_says_that_a_terminal_is_gone() {
        let event = |source| StoredEvent {
            id: 1,
            session: SessionId::random(),
            source,
            kind: LEFT.to_owned(),
            content: "closed".to_owned(),
            data: None,
            happened_at: 5,
        };
        let told = format!("{:?}", translate(event(Source::Daemon)));
        assert_eq!(told, "[Leaves { how: Closed, at: 5 }]");
        assert!(translate(event(Source::Agent)).is_empty());
    }

    #[test]
    fn what_nobody_knows_and_what_is_broken_is_nothing() {
        assert_eq!(said("invented_later", "x", &json!({"a": 1})), "[]");
        assert_eq!(said("title", "", &json!({"title": 7})), "[]");
        assert_eq!(
            said("tool_end", "", &json!([])),
            "[Event(1, ToolEnded { id: \"\", is_error: false })]"
        );
    }
}
