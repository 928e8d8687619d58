//! What every log line of a session carries: its id, its thread, and the prompt that is at work.
//!
//! Without it whoever reads a log of twenty sessions would have to guess to which of them "cannot send" belongs.

use tracing::field::Empty;
use tracing::{Span, error_span};

use crate::ids::{PromptId, SessionId, ThreadId};

/// The spans of one session. Their level is the highest one, because a filter that lets only warnings through would take
/// the ids off the warnings with spans of a lower one.
#[derive(Debug)]
pub(super) struct Spans {
    session: Span,
    prompt: Option<Span>,
}

impl Spans {
    pub(super) fn of(session: &SessionId) -> Self {
        Self {
            // Of nobody: whoever wakes a session may be another one, and a span keeps those that it is in.
            session: error_span!(parent: None, "session", %session, thread = Empty),
            prompt: None,
        }
    }

    /// The session has its thread.
    pub(super) fn entered(&self, thread: ThreadId) {
        self.session.record("thread", tracing::field::display(thread));
    }

    /// This prompt is at work from now on.
    pub(super) fn begin(&mut self, prompt: PromptId) {
        self.prompt = Some(error_span!(parent: &self.session, "prompt", prompt = prompt.0));
    }

    /// None is any more.
    pub(super) fn end(&mut self) {
        self.prompt = None;
    }

    /// Where what happens now belongs.
    pub(super) fn now(&self) -> Span {
        self.prompt.as_ref().unwrap_or(&self.session).clone()
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::EnvFilter;

    use super::*;

    #[test]
    fn also_a_line_that_only_warns_has_its_ids() {
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new("error"))
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let mut spans = Spans::of(&SessionId::random());
            let session = spans.now();
            spans.begin(PromptId(7));
            let prompt = spans.now();
            assert!(!session.is_disabled() && !prompt.is_disabled());
            assert_ne!(session.id(), prompt.id());
            spans.end();
            assert_eq!(spans.now().id(), session.id());
        });
    }
}
