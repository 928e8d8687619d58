//! Buttons, menus and forms of a question. A `custom_id` names the session, the question and what is wanted; what
//! that means is in the session.

use serde_json::{Value, json};

use super::question::{Kind, Question};
use super::{APPROVE, DENY, needs_more, visible};
use crate::ids::SessionId;
use crate::render::notice::{Style, buttons};
use crate::render::text::clip;
use crate::session::Form;

/// Discord shows no more options in a menu.
pub(crate) const PAGE: usize = 25;
const MOST_BUTTONS: usize = 4;
const LABEL: usize = 80;
/// What a form takes.
pub(super) const FORM: usize = 4_000;

/// A form's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FormText {
    /// Its heading.
    pub(crate) title: String,
    /// What is asked.
    pub(crate) label: String,
    /// Shown while it is empty.
    pub(crate) placeholder: String,
    /// What stands in it.
    pub(crate) value: String,
    /// Whether it has several lines.
    pub(crate) paragraph: bool,
}

/// The form of a question; nothing where it has no such form.
#[must_use]
pub(crate) fn form(question: &Question, form: Form) -> Option<FormText> {
    let fits = match form {
        Form::Reason => question.kind == Kind::Approval,
        Form::Other => question.other.is_some(),
        Form::Text => matches!(question.kind, Kind::Input | Kind::Editor),
    };
    if !fits {
        return None;
    }
    let (title, label) = match form {
        Form::Reason => (
            format!("Deny {}", question.title),
            "What should the agent know?".to_owned(),
        ),
        Form::Other | Form::Text => ("Answer the agent".to_owned(), question.title.clone()),
    };
    let placeholder = match form {
        Form::Reason => "It is told to the agent",
        Form::Other => "Your own answer",
        Form::Text => &question.placeholder,
    };
    let value = if form == Form::Text && is_editable(question) {
        question.prefill.clone()
    } else {
        String::new()
    };
    Some(FormText {
        title: one_line(&title, 45),
        label: one_line(&label, 45),
        placeholder: one_line(placeholder, 100),
        value,
        paragraph: question.kind != Kind::Input,
    })
}

/// Whether the text that is there can be given to a form whole.
pub(super) fn is_editable(question: &Question) -> bool {
    !question.hidden && question.prefill.chars().count() <= FORM
}

/// Whether every option is a button.
pub(super) fn are_buttons(question: &Question) -> bool {
    let count = question.choices().count();
    count > 0
        && count <= MOST_BUTTONS
        && question
            .choices()
            .all(|(_, option)| option.label.chars().count() <= LABEL)
}

/// How many pages of options there are.
#[must_use]
pub(crate) fn pages(question: &Question) -> usize {
    question.choices().count().div_ceil(PAGE).max(1)
}

/// The rows below a question. `page` is the page of its options.
#[must_use]
pub(crate) fn components(session: &SessionId, key: &str, question: &Question, page: usize) -> Vec<Value> {
    let id = |verb: &str| format!("omp:ask:{session}:{key}:{verb}");
    let page = page.min(pages(question) - 1);
    let mut rows = Vec::new();
    match question.kind {
        Kind::Approval => rows.extend(approval(question, &id)),
        Kind::Confirm => rows.push(buttons(&[
            (id("0"), "Yes", Style::Success),
            (id("1"), "No", Style::Secondary),
        ])),
        Kind::Select if are_buttons(question) => rows.push(options(question, &id)),
        Kind::Select if question.choices().next().is_some() => rows.push(menu(question, page, &id)),
        Kind::Select | Kind::Input | Kind::Editor => {}
    }
    let more = controls(question, page);
    let more: Vec<_> = more
        .iter()
        .map(|(verb, label, style)| (id(verb), *label, *style))
        .collect();
    if !more.is_empty() {
        rows.push(buttons(&more));
    }
    rows
}

fn approval(question: &Question, id: &dyn Fn(&str) -> String) -> Option<Value> {
    let approve = question.option(APPROVE)?.to_string();
    let deny = question.option(DENY)?.to_string();
    let mut row = vec![(id(&approve), "Approve", Style::Success)];
    if question.may_stand() {
        row.push((id("always"), "Approve for session", Style::Secondary));
    }
    row.push((id(&deny), "Deny", Style::Danger));
    row.push((id(Form::Reason.word()), "Deny with reason…", Style::Secondary));
    Some(buttons(&row))
}

fn options(question: &Question, id: &dyn Fn(&str) -> String) -> Value {
    let row: Vec<_> = question
        .choices()
        .map(|(n, option)| (id(&n.to_string()), one_line(&option.label, LABEL)))
        .collect();
    let row: Vec<_> = row
        .iter()
        .enumerate()
        .map(|(at, (id, label))| {
            let style = if at == 0 { Style::Primary } else { Style::Secondary };
            (id.clone(), label.as_str(), style)
        })
        .collect();
    buttons(&row)
}

fn one_line(text: &str, limit: usize) -> String {
    clip(&visible(text).replace('\n', " "), limit)
}

fn menu(question: &Question, page: usize, id: &dyn Fn(&str) -> String) -> Value {
    let all = question.choices().count();
    let options: Vec<Value> = question
        .choices()
        .skip(page * PAGE)
        .take(PAGE)
        .map(|(n, option)| {
            let mut shown = json!({"label": one_line(&option.label, 100), "value": n.to_string()});
            if !option.detail.is_empty() {
                shown["description"] = one_line(&option.detail, 100).into();
            }
            shown
        })
        .collect();
    let placeholder = if pages(question) > 1 {
        format!(
            "Choose: {}–{} of {all} (page {} of {})",
            page * PAGE + 1,
            page * PAGE + options.len(),
            page + 1,
            pages(question)
        )
    } else {
        "Choose…".to_owned()
    };
    json!({"type": 1, "components": [
        {"type": 3, "custom_id": id(&format!("s{page}")), "options": options, "placeholder": placeholder},
    ]})
}

fn controls(question: &Question, page: usize) -> Vec<(String, &'static str, Style)> {
    let mut row = Vec::new();
    if pages(question) > 1 {
        // Round and round, so that both always lead somewhere.
        let count = pages(question);
        row.push((format!("b{}", (page + count - 1) % count), "◀", Style::Secondary));
        row.push((format!("p{}", (page + 1) % count), "▶", Style::Secondary));
    }
    let text = |row: &mut Vec<_>, form: Form, label, style| row.push((form.word().to_owned(), label, style));
    match question.kind {
        Kind::Input => text(&mut row, Form::Text, "Answer…", Style::Primary),
        Kind::Editor if question.prefill.is_empty() => text(&mut row, Form::Text, "Answer…", Style::Primary),
        Kind::Editor if is_editable(question) => text(&mut row, Form::Text, "Edit…", Style::Primary),
        Kind::Editor => text(&mut row, Form::Text, "Replace…", Style::Primary),
        Kind::Select if question.other.is_some() => text(&mut row, Form::Other, "Other…", Style::Secondary),
        _ => {}
    }
    if question.kind == Kind::Editor && !question.prefill.is_empty() {
        row.push(("keep".to_owned(), "Keep as it is", Style::Secondary));
    }
    if needs_more(question) {
        row.push(("more".to_owned(), "See more", Style::Secondary));
    }
    // The agent's own `ask` takes no answer for the end of the turn; it has "Other" instead.
    let may_skip = match question.kind {
        Kind::Input | Kind::Editor => true,
        Kind::Select => question.other.is_none(),
        Kind::Approval | Kind::Confirm => false,
    };
    if may_skip {
        row.push(("skip".to_owned(), "Skip", Style::Secondary));
    }
    row
}
