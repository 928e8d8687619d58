//! Takes secrets out of what the agent reports, where it comes in.
//!
//! Later is too late: words are escaped and cut on their way into a message, and neither half a token nor one with
//! backslashes in it is recognised any more.

use serde_json::Value;

use crate::event::{AgentEvent, AgentExit, Dialog, DialogKind, ExitHow};
use crate::render::dialog::Args;
use crate::render::redact::Redactor;

fn clean(text: &mut String, redactor: &Redactor) {
    if let std::borrow::Cow::Owned(redacted) = redactor.redact(text) {
        *text = redacted;
    }
}

/// A value without secrets in any of its texts.
#[must_use]
pub(super) fn hush(mut value: Value, redactor: &Redactor) -> Value {
    match &mut value {
        Value::String(text) => clean(text, redactor),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| *item = hush(item.take(), redactor)),
        Value::Object(fields) => {
            let named = std::mem::take(fields).into_iter();
            *fields = named
                .map(|(name, item)| (redactor.redact(&name).into_owned(), hush(item, redactor)))
                .collect();
        }
        _ => {}
    }
    value
}

/// How many characters are hidden of an approval: of what the agent says, and of those arguments that it does not say.
#[must_use]
pub(super) fn hidden(title: &str, args: &Args, redactor: &Redactor) -> usize {
    fn of(value: &Value, title: &str, redactor: &Redactor) -> usize {
        match value {
            Value::String(text) if title.contains(text.as_str()) => 0,
            Value::String(text) => redactor.hidden(text),
            Value::Array(items) => items.iter().map(|item| of(item, title, redactor)).sum(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, item)| redactor.hidden(name) + of(item, title, redactor))
                .sum(),
            _ => 0,
        }
    }
    let calls: &[Value] = match args {
        Args::Unknown => &[],
        Args::One(args) => std::slice::from_ref(args),
        Args::OneOf(calls) => calls,
    };
    let args = calls.iter().map(|call| of(call, title, redactor));
    redactor.hidden(title) + args.sum::<usize>()
}

/// The arguments of an approval as they may be shown.
#[must_use]
pub(super) fn hush_args(args: Args, redactor: &Redactor) -> Args {
    match args {
        Args::Unknown => Args::Unknown,
        Args::One(args) => Args::One(hush(args, redactor)),
        Args::OneOf(calls) => Args::OneOf(calls.into_iter().map(|call| hush(call, redactor)).collect()),
    }
}

/// An event whose words may be shown. What streams in pieces, the tools and the answers to dialogs are not touched:
/// who shows those has to look at them as a whole.
#[must_use]
pub(super) fn hush_event(mut event: AgentEvent, redactor: &Redactor) -> AgentEvent {
    match &mut event {
        AgentEvent::Notice { text, .. }
        | AgentEvent::Title(text)
        | AgentEvent::TerminalPrompt(text)
        | AgentEvent::TerminalAsks { what: text, .. }
        | AgentEvent::ModelChanged(text) => clean(text, redactor),
        AgentEvent::Retrying { error, .. }
        | AgentEvent::PromptFailed { error, .. }
        | AgentEvent::RetryEnded {
            error: Some(error), ..
        } => clean(error, redactor),
        AgentEvent::MessageEnded(ended) => ended.error.iter_mut().for_each(|error| clean(error, redactor)),
        AgentEvent::Exited(exit) => hush_exit(exit, redactor),
        _ => {}
    }
    event
}

fn hush_exit(exit: &mut AgentExit, redactor: &Redactor) {
    let mut lines = redactor.lines();
    for line in &mut exit.last_lines {
        *line = lines.redact_line(line).into_owned();
    }
    if let ExitHow::NotStarted { error, .. } = &mut exit.how {
        clean(error, redactor);
    }
}

/// A question as it may be shown. The answer is still one of the options that the agent gave.
#[must_use]
pub(super) fn hush_dialog(dialog: &Dialog, redactor: &Redactor) -> Dialog {
    let mut shown = dialog.clone();
    clean(&mut shown.title, redactor);
    match &mut shown.kind {
        DialogKind::Select { options, details } => options
            .iter_mut()
            .chain(details)
            .for_each(|text| clean(text, redactor)),
        DialogKind::Confirm { message: text }
        | DialogKind::Input { placeholder: text }
        | DialogKind::Editor { prefill: text } => clean(text, redactor),
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_text_of_a_value_keeps_a_secret() {
        let redactor = Redactor::new([("bot-token", "s3cr3t-t0ken".to_owned())]);
        let value = json!({"a": ["x s3cr3t-t0ken", 1], "s3cr3t-t0ken": {"b": "s3cr3t-t0ken"}, "n": null});
        let hushed = hush(value, &redactor).to_string();
        assert!(!hushed.contains("s3cr3t"), "{hushed}");
        assert!(
            hushed.contains("\"n\":null") && hushed.contains("x [redacted:bot-token]"),
            "{hushed}"
        );
    }
}
