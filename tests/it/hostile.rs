//! Names, topics, files, commands and branches that were chosen to deceive, through a whole session.

use std::path::Path;

use ompcord::ids::MessageId;
use ompcord::sim::{Sim, SimConfig, UserSpec};
use serde_json::Value;

use crate::commands::slash;
use crate::harness::Bench;
use crate::output::page;

/// Turns the direction of what follows, hides itself, calls everybody, and is a link that lies about where it leads.
const NAME: &str = "eve\u{202e}\u{200b} **@everyone** `[x](https://evil.example)";
const TEXT: &str =
    "\u{2066}fix\u{202e} @everyone @here <@&1> ||x|| [safe](https://evil.example) \u{200b}\u{feff}";

/// Characters that change how others are read, or that nobody sees.
fn deceives(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        || (c.is_control() && c != '\n' && c != '\t')
}

fn strings<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(items) => items.values().for_each(|item| strings(item, found)),
        _ => {}
    }
}

/// Looks at all that the bot shows, wherever it is.
fn nothing_deceives(sim: &Sim) {
    let channels = sim.threads().into_iter().map(|thread| thread.id.channel());
    for channel in channels.chain([sim.home_channel()]) {
        for message in sim
            .messages(channel)
            .iter()
            .filter(|message| message.by_bot && !message.content.starts_with("bash ran:"))
        {
            assert!(message.notified.is_empty(), "{message:?}");
            let (mut texts, mut labels) = (vec![message.content.as_str()], Vec::new());
            message.embeds.iter().for_each(|embed| strings(embed, &mut texts));
            message
                .components
                .iter()
                .for_each(|part| strings(part, &mut labels));
            for text in texts.iter().chain(&labels) {
                // Our own, which keep a mention from being one and a fence from being closed.
                let text = text.replace("@\u{200b}", "@").replace("`\u{200b}", "`");
                assert!(!text.contains(deceives), "{text:?} of {message:?}");
            }
            // A label knows no markup, and code is shown as it is.
            for text in texts.iter().filter(|text| !text.contains('`')) {
                let links = text.contains("[safe](https") || text.contains("[x](https");
                assert!(!links, "a link that lies: {text:?}");
            }
        }
    }
    for thread in sim.threads() {
        assert!(
            !thread.name.contains(|c| deceives(c) || c == '\n') && !thread.name.is_empty(),
            "{:?}",
            thread.name
        );
    }
}

async fn click(bench: &Bench, question: MessageId, button: &str) {
    let click = bench.sim.click(NAME, question, button).unwrap();
    bench.sim.reply(click).await;
}

#[tokio::test]
async fn nothing_that_somebody_else_named_deceives_or_calls_anyone() {
    let mut config = SimConfig::default();
    config.users.push(UserSpec::person(NAME, &["operators"]));
    let sim = Sim::start(config).await.unwrap();
    let eve = sim.user(NAME).unwrap();
    let allowed = format!("{},{eve}", sim.user("alice").unwrap());
    let mut bench = Bench::on(sim, vec![("DISCORD_ALLOWED_USERS", allowed)], None);
    let branch = |dir: &Path| {
        std::fs::create_dir_all(dir.join(".git")).unwrap();
        std::fs::write(dir.join(".git/HEAD"), format!("ref: refs/heads/{TEXT}\n")).unwrap();
    };
    branch(&bench.work());
    let elsewhere = bench.work().join("pro`ject @everyone \u{202e}[x](https:evil)");
    branch(&elsewhere);
    bench.set("OMP_APPROVAL_MODE", "write");
    bench.boot().await;
    let sim = &bench.sim;

    // A launch with files, and a title by the agent.
    let files: [(&str, &[u8]); 2] = [
        ("../../\u{202e}gpj.exe`@everyone`.bin", b"\0\x01"),
        ("||notes||\n# heading.md", b"a note"),
    ];
    let message = sim
        .say_with_files(NAME, "home", &format!("{TEXT}\nSAY:At work."), &files)
        .unwrap();
    sim.react(NAME, message, "🚀").unwrap();
    sim.until("its thread", |sim| sim.thread_on(message)).await;
    let thread = message.thread();
    bench.turns(thread, 1).await;
    nothing_deceives(sim);
    assert!(sim.say(NAME, thread, &format!("TITLE:{TEXT}")).is_ok());
    bench.turns(thread, 2).await;

    // Everything that the agent can name.
    let args = serde_json::json!({"command": format!("rm -rf {TEXT}"), "path": format!("{TEXT}/x")});
    for prompt in [
        format!("NOTIFY:{TEXT}"),
        format!("TOOL:bash:{args}"),
        format!("TOOL:{}:{args}", "@everyone"),
        format!("ERROR:{TEXT}"),
    ] {
        sim.say(NAME, thread, &prompt).unwrap();
    }
    bench.sees(thread, "The turn failed").await;
    nothing_deceives(sim);

    // What separates the parts of a directive cannot be in them.
    let part = TEXT.replace('|', "");
    // Everything that it can ask, answered by somebody whose name lies.
    sim.say(NAME, thread, &format!("APPROVE:bash:rm -rf {TEXT}"))
        .unwrap();
    let question = bench.question(thread, "rm -rf").await;
    nothing_deceives(sim);
    click(&bench, question.id, "Approve").await;
    assert!(bench.closed(question.id).await.contains("Approve"));
    sim.say(NAME, thread, &format!("ASK:{part}|{part} one~{part}|two"))
        .unwrap();
    let question = bench.button(thread, "two").await;
    nothing_deceives(sim);
    click(&bench, question, "two").await;
    bench.closed(question).await;
    sim.say(NAME, thread, &format!("CONFIRM:{part}|{part}")).unwrap();
    let question = bench.button(thread, "Yes").await;
    click(&bench, question, "Yes").await;
    bench.closed(question).await;
    nothing_deceives(sim);

    // What commands are told, and tell.
    let elsewhere = elsewhere.display().to_string();
    let new = [
        ("topic", TEXT),
        ("prompt", "SAY:hello"),
        ("workspace", &elsewhere),
        ("model", TEXT),
    ];
    for (what, options) in [
        ("omp new", &new[..3]),
        ("omp new", &new[..]),
        ("omp say", &[("prompt", "SAY:x"), ("session", TEXT)][..]),
        ("omp resume", &[("session", TEXT)][..]),
        ("omp model", &[("name", TEXT)][..]),
        ("omp thinking", &[("level", TEXT)][..]),
        ("omp sessions", &[][..]),
        ("omp queue", &[][..]),
        ("omp status", &[][..]),
        ("omp log", &[][..]),
    ] {
        let reply = slash(&bench, NAME, thread.channel(), what, options).await;
        let words = reply.words();
        let words = words.replace("@\u{200b}", "@");
        assert!(!words.contains(deceives), "{what}: {words:?}");
    }
    let second = |sim: &Sim| {
        let other = sim.threads().into_iter().find(|other| other.id != thread)?;
        sim.messages(other.id)
            .iter()
            .any(|m| m.by_bot && m.content.starts_with("-# pro"))
            .then_some(other.id)
    };
    let second = sim.until("the footer of the second session", second).await;
    nothing_deceives(sim);
    println!("{}\n{}", page(sim, thread), page(sim, second));
    bench.finish().await;
}
