//! Every question in every state as a person sees it, and what hostile ones must not do.

use serde_json::{Value, json};

use super::*;
use crate::event::{Dialog, DialogKind};
use crate::ids::SessionId;
use crate::session::Form;

fn of(title: &str, kind: DialogKind, more: &Value) -> Question {
    let dialog = Dialog {
        id: "1".to_owned(),
        title: title.to_owned(),
        kind,
        timeout: None,
    };
    Question::of(&dialog, &Args::One(more.clone()))
}

fn select(title: &str, options: &[&str], details: &[&str]) -> Question {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let kind = DialogKind::Select {
        options: owned(options),
        details: owned(details),
    };
    of(title, kind, &Value::Null)
}

fn approval(details: &str, more: &Value) -> Question {
    let kind = DialogKind::Select {
        options: vec![APPROVE.to_owned(), DENY.to_owned()],
        details: Vec::new(),
    };
    of(&format!("Allow tool: {details}"), kind, more)
}

fn confirm(title: &str, message: &str) -> Question {
    let message = message.to_owned();
    of(title, DialogKind::Confirm { message }, &Value::Null)
}

fn input(title: &str, placeholder: &str) -> Question {
    let placeholder = placeholder.to_owned();
    of(title, DialogKind::Input { placeholder }, &Value::Null)
}

fn editor(title: &str, prefill: &str) -> Question {
    let prefill = prefill.to_owned();
    of(title, DialogKind::Editor { prefill }, &Value::Null)
}

fn rows(question: &Question, page: usize) -> Vec<Value> {
    let session: SessionId = "session_0123abcd".parse().unwrap();
    components(&session, "1f00", question, page)
}

/// The rows as a person sees them, with what a press sends.
fn drawn(rows: &[Value]) -> String {
    let mut out = String::new();
    for row in rows {
        let parts = row["components"].as_array().unwrap();
        for part in parts {
            let id = part["custom_id"].as_str().unwrap();
            let verb = id.strip_prefix("omp:ask:session_0123abcd:1f00:").unwrap();
            match part["label"].as_str() {
                Some(label) => out.extend(["[", label, "](", verb, ") "]),
                None => out.push_str(&menu(part, verb)),
            }
        }
        out.push('\n');
    }
    out
}

fn menu(part: &Value, verb: &str) -> String {
    let mut out = format!("{{{}}}({verb})", part["placeholder"].as_str().unwrap());
    let options = part["options"].as_array().unwrap();
    for option in options.iter().take(2) {
        let detail = option["description"].as_str().map(|text| format!(" ({text})"));
        let label = option["label"].as_str().unwrap();
        out.extend(["\n  ", label, &detail.unwrap_or_default()]);
    }
    if options.len() > 2 {
        out.extend(["\n  … ", &options.len().to_string(), " options"]);
    }
    out
}

/// One of each kind that looks different.
fn questions() -> Vec<Question> {
    let long = format!("echo {}\nrm -rf ~", "lots and ".repeat(200));
    let many: Vec<String> = (1..=60).map(|n| format!("option {n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut timed = confirm("Go on?", "This *really* deletes `build`.");
    timed.before = Some(1_800_000_000);
    let mut secret = editor("Token?", "[redacted:github]");
    secret.hidden = true;
    let mut hides = approval("bash\nCommand: curl -H [redacted:authorization]", &Value::Null);
    hides.secret = 1_234;
    let mut unknown = approval("bash\nCommand: ls", &Value::Null);
    unknown.doubt = Some(Doubt::Unknown);
    let mut unsure = approval("edit\nFile: a.rs", &Value::Null);
    unsure.doubt = Some(Doubt::OneOf);
    unsure.body = "Call 1 of 2:\ninput: one".to_owned();
    vec![
        hides,
        unknown,
        unsure,
        approval("bash\nCommand: cargo test", &Value::Null),
        approval(
            &format!("bash\nReason: writes outside\nCommand: {long}"),
            &json!({"cwd": "/etc"}),
        ),
        approval(
            "write\nPath: src/a.rs\nContent:\nfn main() {}",
            &json!({"path": "src/a.rs"}),
        ),
        approval("bash\nCommand: a[…1200ch elided…]", &Value::Null),
        select(
            "Which one?\nThey differ in *taste*.",
            &["A", "B"],
            &["the first", ""],
        ),
        select("Which?", &["A", "B", "Other (type your own)"], &[]),
        select("Which of these many?", &many, &[]),
        timed,
        input("What is your name?", "like Bob"),
        editor("Edit the plan", "1. do it"),
        editor("Edit the long plan", &"plan ".repeat(1_000)),
        secret,
    ]
}

#[test]
fn every_kind_of_question_reads_well() {
    let page: Vec<String> = questions()
        .iter()
        .map(|question| format!("{}\n\n{}", asking(question), drawn(&rows(question, 0))))
        .collect();
    insta::assert_snapshot!(page.join("────────\n"));
}

#[test]
fn every_end_of_a_question_reads_well() {
    let answered = |said| End::Answered {
        by: "al_ice".to_owned(),
        said,
    };
    let command = approval("bash\nCommand: cargo test", &Value::Null);
    let plain = input("What is your name?", "");
    let mut page = Vec::new();
    for said in [
        Said::Approved,
        Said::ApprovedForSession,
        Said::Denied(None),
        Said::Denied(Some("not on *main*,\nplease".to_owned())),
    ] {
        page.push(format!(
            "{}\n({})",
            ended(&command, &answered(said.clone())),
            label(&said)
        ));
    }
    for said in [
        Said::Chose("B".to_owned()),
        Said::Wrote("Bob".to_owned()),
        Said::Kept,
        Said::Skipped,
    ] {
        page.push(format!(
            "{}\n({})",
            ended(&plain, &answered(said.clone())),
            label(&said)
        ));
    }
    let whys = [
        Why::Restart,
        Why::Shutdown,
        Why::AgentGone,
        Why::TurnOver,
        Why::Unseen,
        Why::TimedOut,
        Why::Ended,
    ];
    page.push(ended(
        &command,
        &End::Recorded {
            by: "al_ice".to_owned(),
            answer: "Approve".to_owned(),
        },
    ));
    page.push(ended(&plain, &End::Withdrawn));
    page.extend(whys.map(|why| ended(&plain, &End::Expired(why))));
    page.push(approved_before(&command));
    page.push(approved_before(&approval("mcp__x", &Value::Null)));
    page.push(too_late("al_ice", "Approve"));
    page.push(give_back(EXPIRED, "my ```text```"));
    page.push(not_taken("my text"));
    page.push(turned_away(&command));
    page.push(not_shown(&command));
    insta::assert_snapshot!(page.join("\n────────\n"));
}

#[test]
fn a_message_always_fits_with_its_end() {
    let end = End::Answered {
        by: "*".repeat(200),
        said: Said::Denied(Some("_".repeat(5_000))),
    };
    for filler in ["*", "`", "a b\n", "🚀", "\u{1b}", "_`*\n", "\u{202e}"] {
        let much = filler.repeat(3_000);
        let facts: serde_json::Map<_, _> = (0..20)
            .map(|n| (format!("{n}{}", clip(&much, 30)), json!(clip(&much, 150))))
            .collect();
        let late = give_back(&too_late(&much, &much), &much);
        assert!(late.chars().count() <= MESSAGE_LIMIT && not_taken(&much).chars().count() <= MESSAGE_LIMIT);
        let seen = [
            editor(&much, &much),
            approval(&format!("bash\nCommand: {}", clip(&much, 5_000)), &Value::Null),
        ];
        for question in &seen {
            if let Whole::Messages(pieces) = whole(question) {
                assert!(pieces.iter().all(|piece| piece.chars().count() <= MESSAGE_LIMIT));
            }
        }
        let option = clip(&much, 79);
        let mut all = vec![
            approval(&format!("bash\nCommand: {much}"), &json!({"env": much})),
            approval(
                &format!("write\nPath: {}\nContent:\n{much}", clip(&much, 150)),
                &Value::Null,
            ),
            approval("mcp__x", &Value::Object(facts)),
            confirm(&much, &much),
            input(&much, &much),
            editor(&much, &much),
            select(&much, &[&option, "b"], &[&much, "short"]),
            select(&much, &[&much, "b", "Other (type your own)"], &[&much]),
        ];
        for question in &mut all {
            question.before = Some(1_800_000_000);
            question.cut = 12;
            question.secret = 1_234;
            question.doubt = Some(Doubt::OneOf);
            let asked = asking(question);
            assert!(asked.chars().count() <= MESSAGE_LIMIT, "{asked}");
            assert!(ended(question, &end).chars().count() <= MESSAGE_LIMIT);
            for row in rows(question, 0) {
                assert!(row["components"].as_array().unwrap().len() <= 5, "{row}");
            }
        }
    }
}

#[test]
fn what_a_message_does_not_show_is_counted_and_can_be_read_whole() {
    let command = format!("echo {}; rm -rf ~", "#".repeat(1_500));
    let question = approval(&format!("bash\nCommand: {command}"), &Value::Null);
    assert!(!asking(&question).contains("rm -rf"));
    assert!(
        asking(&question).contains("… 515 more characters"),
        "{}",
        asking(&question)
    );
    assert!(drawn(&rows(&question, 0)).contains("[See more](more)"));
    let Whole::Messages(pieces) = whole(&question) else {
        panic!("messages")
    };
    assert!(pieces.concat().contains("; rm -rf ~"));
    let Whole::Document(file) = whole(&approval(
        &format!("bash\nCommand: {}", "x\n".repeat(9_000)),
        &Value::Null,
    )) else {
        panic!("a file")
    };
    assert_eq!(file.matches('x').count(), 9_000);
    let short = approval("bash\nCommand: ls", &Value::Null);
    assert!(!drawn(&rows(&short, 0)).contains("See more"));
}

#[test]
fn what_would_hide_a_part_of_a_command_is_shown_as_a_sign() {
    let hostile = "rm -rf ~\recho hello\u{1b}]0;x\u{7}\u{202e}cba\n```\n**Approve this**";
    let shown = asking(&approval(&format!("bash\nCommand: {hostile}"), &Value::Null));
    assert!(shown.contains("rm -rf ~␍echo hello␛]0;x␇⟨U+202E⟩cba"), "{shown}");
    assert_eq!(shown.matches("```").count(), 2, "{shown}");
    let fact = asking(&approval("write\nPath: a\rb\nContent:\n", &Value::Null));
    assert!(fact.contains("Path: `a␍b`"), "{fact}");
}

#[test]
fn pages_lead_round_and_every_option_is_on_one() {
    let many: Vec<String> = (0..60).map(|n| format!("option {n}")).collect();
    let mut many: Vec<&str> = many.iter().map(String::as_str).collect();
    many.push("Other (type your own)");
    let question = select("Which?", &many, &[]);
    let mut values = Vec::new();
    for page in 0..3 {
        let rows = rows(&question, page);
        for option in rows[0]["components"][0]["options"].as_array().unwrap() {
            values.push(option["value"].as_str().unwrap().parse::<usize>().unwrap());
        }
        let (back, next) = ((page + 2) % 3, (page + 1) % 3);
        let controls = format!("[◀](b{back}) [▶](p{next}) [Other…](other)");
        assert!(drawn(&rows).contains(&controls), "{}", drawn(&rows));
    }
    assert_eq!(values, (0..60).collect::<Vec<_>>());
    assert_eq!(
        rows(&question, 99),
        rows(&question, 2),
        "a page that is not there is the last"
    );
}

#[test]
fn a_form_has_what_discord_takes() {
    let long = "x ".repeat(3_000);
    let all = [
        approval("bash\nCommand: ls", &Value::Null),
        select(&long, &["A", "Other (type your own)"], &[]),
        input(&long, &long),
        editor(&long, &long),
        editor("t", &"y".repeat(4_000)),
    ];
    let mut forms = 0;
    for question in &all {
        for wanted in [Form::Reason, Form::Other, Form::Text] {
            let Some(text) = form(question, wanted) else {
                continue;
            };
            forms += 1;
            let within = |text: &str, least, most| (least..=most).contains(&text.chars().count());
            assert!(
                within(&text.title, 1, 45) && within(&text.label, 1, 45),
                "{text:?}"
            );
            assert!(
                within(&text.placeholder, 0, 100) && within(&text.value, 0, 4_000),
                "{text:?}"
            );
        }
    }
    assert_eq!(forms, 5, "one each");
    assert_eq!(
        form(&all[3], Form::Text).unwrap().value,
        "",
        "too long to be edited whole"
    );
    assert_eq!(form(&all[4], Form::Text).unwrap().value.len(), 4_000);
}

#[test]
fn a_question_survives_the_database() {
    for question in questions() {
        let text = serde_json::to_string(&question).unwrap();
        assert_eq!(serde_json::from_str::<Question>(&text).unwrap(), question);
    }
}
