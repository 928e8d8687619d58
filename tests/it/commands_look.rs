//! `/omp status`, `health`, `queue`, `sessions`, `log`, `version`, `help`: what they say, and that it is true.

use ompcord::discord::commands::registration;
use ompcord::sim::{Sim, permission};

use crate::commands::slash;
use crate::commands_table::{locked, session_of};
use crate::harness::{Bench, eventually};

#[tokio::test]
async fn status_says_how_the_daemon_is_doing() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("STEERABLE").await;
    let typing = move |sim: &Sim| sim.is_typing(thread).then_some(());
    bench.sim.until("the turn to run", typing).await;
    let waiting = bench.sim.say("alice", thread, "SAY:later").unwrap();
    bench.marked(waiting, "📥", true).await;
    // The mark is on its way before the session is told of.
    bench.board_says("📥 1 queued").await;
    let reply = slash(&bench, "alice", thread.channel(), "omp status", &[]).await;
    let words = reply.words();
    for wanted in [
        "✓ **Gateway**: connected",
        "✓ **Database**: answers",
        "✓ **Agent**: `env`",
        "✓ **HTTP API**: `127.0.0.1:",
        "🔵 1 busy",
        "1 of 8",
        "1 prompt",
        "✓ **Allowed**: 1 user",
        "not measured yet",
    ] {
        assert!(words.contains(wanted), "{wanted} in {words}");
    }
    assert!(
        words.contains(&format!("<#{}>", bench.sim.home_channel())),
        "{words}"
    );
    bench.sim.say("alice", thread, "!go on").unwrap();
    bench.turns(thread, 2).await;
    bench.finish().await;
}

#[tokio::test]
async fn health_tries_everything_and_names_what_is_missing() {
    let bench = Bench::start().await;
    let home = bench.sim.home_channel();
    let words = slash(&bench, "alice", home, "omp health", &[]).await.words();
    for wanted in [
        "Everything works",
        "✓ **Gateway**",
        "✓ **Database**: written in",
        "✓ **Agent**: `scripted agent",
        "✓ **Disk**",
        "✓ **Permissions**",
    ] {
        assert!(words.contains(wanted), "{wanted} in {words}");
    }
    bench
        .sim
        .set_permissions(permission::ALL_OF_A_BOT & !permission::PIN_MESSAGES & !permission::ATTACH_FILES);
    let words = slash(&bench, "alice", home, "omp health", &[]).await.words();
    assert!(
        words.contains("✗ **Permissions**: 2 missing")
            && words.contains("✗ Attach Files: long answers and logs are cut")
            && words.contains("✗ Pin Messages"),
        "{words}"
    );
    bench.finish().await;
}

#[tokio::test]
async fn the_queue_is_shown_and_can_be_taken_back() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let (_, thread) = bench.launch("STEERABLE").await;
    let typing = move |sim: &Sim| sim.is_typing(thread).then_some(());
    sim.until("the turn to run", typing).await;
    let mut waiting = Vec::new();
    for text in [
        "SAY:first",
        "SAY:second ghp_FAKEfake0123456789FAKEfake0123456789",
        "SAY:third",
    ] {
        let message = sim.say("alice", thread, text).unwrap();
        bench.marked(message, "📥", true).await;
        waiting.push(message);
    }
    let reply = slash(&bench, "alice", thread.channel(), "omp queue", &[]).await;
    let message = reply.message.unwrap();
    assert!(
        reply.ephemeral && message.content.contains("**3 prompts** in the queue"),
        "{message:?}"
    );
    assert!(message.content.contains("SAY:second") && message.notified.is_empty());
    assert!(!message.content.contains("FAKEfake"), "{}", message.content);
    // One that is not allowed cannot see it; one that is not allowed cannot use what it sees either.
    sim.click("alice", message.id, "Drop 2").unwrap();
    let fewer = |sim: &Sim| {
        sim.message(message.id)
            .filter(|m| m.content.contains("1 prompt dropped"))
    };
    let fewer = sim.until("the prompt to be dropped", fewer).await;
    assert!(
        fewer.content.contains("**2 prompts**") && !fewer.content.contains("second"),
        "{fewer:?}"
    );
    bench.marked(waiting[1], "📥", false).await;
    bench.marked(waiting[0], "📥", true).await;
    slash(&bench, "alice", thread.channel(), "omp cancel", &[]).await;
    bench.sees(thread, "2 prompts are waiting").await;
    bench.board_says("⏸️ 2 held").await;
    let held = slash(&bench, "alice", thread.channel(), "omp queue", &[])
        .await
        .message
        .unwrap();
    assert!(
        held.content.contains("2 held") && held.button("Continue queue").is_some(),
        "{held:?}"
    );
    sim.click("alice", held.id, "Drop all").unwrap();
    let empty = |sim: &Sim| {
        sim.message(held.id)
            .filter(|m| m.content.contains("queue is empty"))
    };
    let empty = sim.until("an empty queue", empty).await;
    assert!(
        empty.buttons.is_empty() && empty.content.contains("2 prompts dropped"),
        "{empty:?}"
    );
    bench.marked(waiting[2], "📥", false).await;
    // A button that is older than what it is about.
    sim.click("alice", message.id, "Drop 1").unwrap();
    let stale = |sim: &Sim| {
        sim.message(message.id)
            .filter(|m| m.content.contains("not waiting any more"))
    };
    sim.until("the stale button to say so", stale).await;
    assert_eq!(bench.history(thread).await, "History: STEERABLE | HISTORY");
    bench.finish().await;
}

#[tokio::test]
async fn the_queue_goes_on_by_the_button_of_its_list() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let (_, thread) = bench.launch("STEERABLE").await;
    let typing = move |sim: &Sim| sim.is_typing(thread).then_some(());
    sim.until("the turn to run", typing).await;
    let waiting = sim.say("alice", thread, "SAY:still wanted").unwrap();
    bench.marked(waiting, "📥", true).await;
    slash(&bench, "alice", thread.channel(), "omp cancel", &[]).await;
    bench.sees(thread, "1 prompt is waiting").await;
    // Said before it is stored, so that a crash in between rather says it twice.
    bench.board_says("⏸️ 1 held").await;
    sim.say("alice", thread, "!omp queue").unwrap();
    let listed = bench.sees(thread, "in the queue").await;
    sim.click("alice", listed.id, "Continue queue").unwrap();
    bench.sees(thread, "still wanted").await;
    bench.turns(thread, 2).await;
    bench.finish().await;
}

#[tokio::test]
async fn the_log_is_the_transcript_and_a_large_one_its_newest_part() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("SAY:the first words").await;
    bench.turns(thread, 1).await;
    let id = session_of(&bench, thread).await;
    let reply = slash(&bench, "alice", thread.channel(), "omp log", &[]).await;
    let message = reply.message.clone().unwrap();
    assert!(reply.ephemeral, "{reply:?}");
    let file = &message.attachments[0];
    assert_eq!(file.name, format!("{id}.log"));
    assert!(file.text().contains("the first words"), "{}", file.text());
    // As text it is there for everybody who can read the thread, which is where it is from.
    bench.sim.say("alice", thread, "!omp log").unwrap();
    let public = bench.sees(thread, "📄 The transcript").await;
    assert!(public.attachments[0].text().contains("the first words"));
    let path = bench.config().transcripts_dir().join(format!("{id}.log"));
    let mut text = std::fs::read_to_string(&path).unwrap();
    for number in 0..230_000 {
        text.push_str(&format!("line {number} of a long day in the life of an agent\n"));
    }
    std::fs::write(&path, &text).unwrap();
    let reply = slash(&bench, "alice", thread.channel(), "omp log", &[]).await;
    let message = reply.message.clone().unwrap();
    assert!(
        message.content.contains("The newest 10.0 MiB"),
        "{}",
        message.content
    );
    let sent = message.attachments[0].text();
    assert!(sent.len() <= 10 << 20 && text.ends_with(&sent) && sent.starts_with("line "));
    bench.finish().await;
}

#[tokio::test]
async fn a_session_without_a_word_has_no_log() {
    let bench = Bench::start().await;
    let home = bench.sim.home_channel();
    let made = slash(&bench, "alice", home, "omp new", &[]).await;
    let thread = crate::commands::named(&made);
    let reply = slash(&bench, "alice", thread.channel(), "omp log", &[]).await;
    assert!(reply.content().contains("Nothing was said"), "{reply:?}");
    bench.finish().await;
}

#[tokio::test]
async fn version_help_and_sessions_say_what_there_is() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("SAY:ready").await;
    bench.turns(thread, 1).await;
    let ask = async |what: &str| slash(&bench, "alice", thread.channel(), what, &[]).await.words();
    let version = ask("omp version").await;
    assert!(
        version.contains(env!("CARGO_PKG_VERSION"))
            && version.contains(&format!("process {}", std::process::id()))
            && version.contains("agent `scripted agent"),
        "{version}"
    );
    let help = ask("omp help").await;
    assert!(help.contains("`/omp resume`") && help.contains("🚀"), "{help}");
    let sessions = ask("omp sessions").await;
    assert!(
        sessions.contains("1 open session") && sessions.contains(&format!(" <#{thread}>\n")),
        "{sessions}"
    );
    bench.finish().await;
}

#[tokio::test]
async fn a_text_command_that_is_none_gets_a_hint() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("SAY:ready").await;
    bench.turns(thread, 1).await;
    for (text, wanted) in [
        ("!omp", "`!omp help` explains them"),
        ("!omp statsu", "Did you mean `!omp status`?"),
        ("!omp banana split", "There is no command `!omp banana`"),
        ("!omp resume", "`!omp resume <session>`"),
        ("!omp stop it now", "`!omp stop`: end the session"),
        ("! OMP version", "**ompcord"),
        ("!omp status", "✓ **Gateway**"),
    ] {
        let asked = bench.sim.say("alice", thread, text).unwrap();
        let answer = bench
            .sim
            .until(text, |sim| {
                sim.messages(thread)
                    .into_iter()
                    .find(|m| m.reply_to == Some(asked))
            })
            .await;
        assert!(answer.words().contains(wanted), "{text}: {answer:?}");
        assert!(answer.silent, "{text}");
    }
    assert_eq!(
        bench.history(thread).await,
        "History: SAY:ready | HISTORY",
        "none of it was a prompt"
    );
    bench.finish().await;
}

#[tokio::test]
async fn commands_are_registered_when_they_changed_or_are_gone() {
    let mut bench = Bench::start().await;
    let puts = |bench: &Bench| {
        let requests = bench.sim.requests();
        requests
            .iter()
            .filter(|r| r.method == "PUT" && r.path.ends_with("/commands"))
            .count()
    };
    assert_eq!((puts(&bench), bench.sim.commands()), (1, vec!["omp".to_owned()]));
    bench.shut_down().await;
    bench.boot().await;
    assert_eq!(puts(&bench), 1, "nothing has changed");
    bench.shut_down().await;
    // Another version had registered something else.
    let store = ompcord::store::Store::open(&bench.config().database_path())
        .await
        .unwrap();
    store.set_fact("commands", "an older one").await.unwrap();
    store.close().await;
    bench.boot().await;
    assert_eq!(puts(&bench), 2);
    bench.shut_down().await;
    bench.sim.forget_commands();
    bench.boot().await;
    assert_eq!((puts(&bench), bench.sim.commands()), (3, vec!["omp".to_owned()]));
    bench.finish().await;
}

/// What the document says about the commands, from what is registered.
fn documented() -> String {
    let all = registration().unwrap();
    let mut text = String::new();
    for command in all[0]["options"].as_array().unwrap() {
        let word = |item: &serde_json::Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
        text.push_str(&format!(
            "### `/omp {}`\n\n{}.\n",
            word(command, "name"),
            word(command, "description")
        ));
        let options = command["options"].as_array().cloned().unwrap_or_default();
        if !options.is_empty() {
            text.push_str("\n| option | |\n|---|---|\n");
        }
        for option in options {
            let needed = if option["required"] == true {
                " (required)"
            } else {
                ""
            };
            text.push_str(&format!(
                "| `{}`{needed} | {} |\n",
                word(&option, "name"),
                word(&option, "description")
            ));
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_document_has_every_command_as_it_is_registered() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/commands.md");
    let document = std::fs::read_to_string(path).unwrap();
    let (_, rest) = document
        .split_once("<!-- commands -->\n\n")
        .expect("the beginning of the list");
    let (list, _) = rest.split_once("<!-- end -->").expect("its end");
    assert_eq!(list, documented(), "the list in docs/commands.md");
}

#[tokio::test]
async fn a_locked_database_does_not_stop_what_only_reads() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("SAY:ready").await;
    bench.turns(thread, 1).await;
    let lock = locked(&bench).await;
    for what in ["omp status", "omp sessions", "omp queue", "omp help", "omp log"] {
        let reply = slash(&bench, "alice", thread.channel(), what, &[]).await;
        assert!(!reply.words().contains("❌"), "{what}: {reply:?}");
    }
    drop(lock);
    eventually("the lock to go", || true).await;
    bench.finish().await;
}

#[tokio::test]
async fn a_queue_says_what_is_in_the_way_of_the_next_prompt() {
    let mut bench = Bench::start().await;
    let (_, thread) = bench.launch("STEERABLE").await;
    bench.card_says(thread, "🔵 Busy").await;
    let queue = async |bench: &Bench| {
        let reply = slash(bench, "alice", thread.channel(), "omp queue", &[]).await;
        reply.content().to_owned()
    };
    assert!(queue(&bench).await.contains("runs after this turn"));
    bench.abort().await;
    bench.boot().await;
    bench.card_says(thread, "Interrupted").await;
    let said = queue(&bench).await;
    assert!(said.contains("*Continue* or *Discard*"), "{said}");
    bench.press("alice", thread, "Discard").await;
    bench.card_says(thread, "🟢 Idle").await;
    assert!(queue(&bench).await.contains("runs at once"));
    bench.finish().await;
}
