//! What happens to prompts while the agent works: the queue, steering, edits, decisions, files, questions.

use ompcord::ids::ThreadId;
use ompcord::sim::{Sim, SimConfig};

use crate::harness::{Bench, answers, footers};

/// A session whose turn runs until it is steered.
async fn busy(bench: &Bench) -> ThreadId {
    let (_, thread) = bench.launch("STEERABLE").await;
    let typing = move |sim: &Sim| sim.is_typing(thread).then_some(());
    bench.sim.until("the turn to run", typing).await;
    thread
}

/// How often the bot said something like this in the thread.
fn said(sim: &Sim, thread: ThreadId, what: &str) -> usize {
    let messages = sim.messages(thread);
    messages
        .iter()
        .filter(|m| m.by_bot && m.content.contains(what))
        .count()
}

#[tokio::test]
async fn what_is_written_meanwhile_waits_visibly_and_runs_in_the_order_of_writing() {
    let bench = Bench::start().await;
    let thread = busy(&bench).await;
    let mut waiting = Vec::new();
    for n in 1..=3 {
        let message = bench
            .sim
            .say("alice", thread, &format!("SAY:answer {n}"))
            .unwrap();
        bench.marked(message, "📥", true).await;
        waiting.push(message);
    }
    bench.sees(thread, "3 prompts before it").await;
    assert_eq!(
        said(&bench.sim, thread, "Queued"),
        3,
        "each position is said once"
    );
    assert_eq!(footers(&bench.sim, thread), 0, "nothing interrupts");
    bench.sim.say("alice", thread, "!go on").unwrap();
    let messages = bench.turns(thread, 4).await;
    let text = answers(&messages);
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what} in {text}"));
    assert!(at("Steered: go on") < at("answer 1") && at("answer 1") < at("answer 2"));
    assert!(at("answer 2") < at("answer 3"));
    for message in waiting {
        bench.marked(message, "📥", false).await;
    }
    assert_eq!(
        bench.history(thread).await,
        "History: STEERABLE | go on | SAY:answer 1 | SAY:answer 2 | SAY:answer 3 | HISTORY"
    );
    bench.finish().await;
}

#[tokio::test]
async fn a_waiting_prompt_follows_its_message_but_not_its_link_preview() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let thread = busy(&bench).await;
    let edited = sim.say("alice", thread, "SAY:before").unwrap();
    let previewed = sim.say("alice", thread, "SAY:https://example.org").unwrap();
    let deleted = sim.say("alice", thread, "SAY:never").unwrap();
    for message in [edited, previewed, deleted] {
        bench.marked(message, "📥", true).await;
    }
    sim.unfurl(previewed).unwrap();
    sim.edit("alice", edited, "SAY:after").unwrap();
    bench.marked(edited, "✏️", true).await;
    sim.delete(deleted).unwrap();
    // A command and an edit of a stranger's change nothing.
    let stranger = sim.say("mallory", thread, "SAY:strange").unwrap();
    sim.edit("mallory", stranger, "SAY:stranger").unwrap();
    let barrier = sim.say("alice", thread, "SAY:last").unwrap();
    bench.marked(barrier, "📥", true).await;
    let bot_reacted = |message| {
        let seen = sim.message(message).unwrap();
        seen.reactions.iter().map(|r| r.emoji.clone()).collect::<Vec<_>>()
    };
    assert_eq!(bot_reacted(previewed), ["📥"]);
    assert!(bot_reacted(stranger).is_empty());
    sim.say("alice", thread, "!go").unwrap();
    bench.turns(thread, 4).await;
    assert_eq!(
        bench.history(thread).await,
        "History: STEERABLE | go | SAY:after | SAY:https://example.org | SAY:last | HISTORY"
    );
    bench.finish().await;
}

#[tokio::test]
async fn a_burst_of_messages_edits_and_deletions_is_taken_in_its_order() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let thread = busy(&bench).await;
    let mut expected = String::from("History: STEERABLE | go");
    for n in 1..=20 {
        let kept = sim.say("alice", thread, &format!("SAY:draft {n}")).unwrap();
        sim.edit("alice", kept, &format!("SAY:final {n}")).unwrap();
        let taken_back = sim.say("alice", thread, &format!("SAY:never {n}")).unwrap();
        sim.delete(taken_back).unwrap();
        expected = format!("{expected} | SAY:final {n}");
    }
    sim.say("alice", thread, "!go").unwrap();
    bench.turns(thread, 21).await;
    assert_eq!(bench.history(thread).await, format!("{expected} | HISTORY"));
    bench.finish().await;
}

#[tokio::test]
async fn an_exclamation_mark_steers_and_the_command_stays_a_command() {
    let bench = Bench::start().await;
    let thread = busy(&bench).await;
    let steer = bench.sim.say("alice", thread, "! look at main.rs first").unwrap();
    bench.marked(steer, "🧭", true).await;
    bench.sees(thread, "Steered: look at main.rs first").await;
    bench.turns(thread, 1).await;
    // With nothing to steer it is a prompt.
    bench.sim.say("alice", thread, "!SAY:hello again").unwrap();
    bench.turns(thread, 2).await;
    bench.sim.say("alice", thread, "!OMP cancel").unwrap();
    bench.sees(thread, "nothing to cancel").await;
    bench.sim.say("alice", thread, "!omp").unwrap();
    bench.sees(thread, "!omp help").await;
    assert_eq!(
        bench.history(thread).await,
        "History: STEERABLE | look at main.rs first | SAY:hello again | HISTORY"
    );
    bench.finish().await;
}

#[tokio::test]
async fn cancel_holds_the_queue_until_somebody_who_may_continues_it() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let thread = busy(&bench).await;
    let waiting = sim.say("alice", thread, "SAY:I had to wait").unwrap();
    bench.marked(waiting, "📥", true).await;
    let cancel = sim.slash("alice", thread, "omp cancel", &[]).unwrap();
    assert!(sim.reply(cancel).await.content().contains("Cancelling"));
    let messages = bench.turns(thread, 1).await;
    assert!(answers(&messages).contains("Cancelled"), "{}", answers(&messages));
    let held = bench.sees(thread, "1 prompt is waiting").await;
    bench.marked(waiting, "📥", true).await;
    let refused = bench.press("mallory", thread, "Continue queue").await;
    assert!(
        refused.ephemeral && refused.content().contains("not allowed"),
        "{refused:?}"
    );
    assert!(sim.message(held.id).unwrap().button("Continue queue").is_some());
    bench.press("alice", thread, "Continue queue").await;
    let messages = bench.turns(thread, 2).await;
    assert!(answers(&messages).contains("I had to wait"));
    bench.marked(waiting, "📥", false).await;
    let pressed = sim.message(held.id).unwrap();
    assert!(
        pressed.buttons.is_empty() && pressed.content.contains("⋅ alice"),
        "{pressed:?}"
    );
    bench.finish().await;
}

#[tokio::test]
async fn a_button_that_outlived_its_queue_is_answered_privately() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let thread = busy(&bench).await;
    for round in 1..=2 {
        let waiting = sim.say("alice", thread, "STEERABLE").unwrap();
        bench.marked(waiting, "📥", true).await;
        let cancel = sim.slash("alice", thread, "omp cancel", &[]).unwrap();
        sim.reply(cancel).await;
        bench.turns(thread, round).await;
        if round == 1 {
            bench.sees(thread, "1 prompt is waiting").await;
            // A new prompt does not wait for what is held.
            let next = sim.say("alice", thread, "STEERABLE").unwrap();
            let typing = |sim: &Sim| sim.is_typing(thread).then_some(());
            sim.until("the turn to run", typing).await;
            bench.marked(next, "📥", false).await;
        }
    }
    let both = |sim: &Sim| {
        let messages = sim.messages(thread);
        let held: Vec<_> = messages
            .iter()
            .filter(|m| m.button("Continue queue").is_some())
            .map(|m| m.id)
            .collect();
        (held.len() == 2).then_some(held)
    };
    let held = sim.until("two held queues", both).await;
    let click = sim.click("alice", held[1], "Continue queue").unwrap();
    sim.reply(click).await;
    let stale = bench.told("alice", held[0], "Continue queue").await;
    assert!(stale.contains("nothing to continue"), "{stale}");
    let gone = |sim: &Sim| sim.message(held[0])?.buttons.is_empty().then_some(());
    sim.until("the dead button to go", gone).await;
    for (turns, text) in [(3, "!one"), (4, "!two")] {
        let typing = |sim: &Sim| sim.is_typing(thread).then_some(());
        sim.until("the turn to run", typing).await;
        sim.say("alice", thread, text).unwrap();
        bench.sees(thread, &format!("Steered: {}", &text[1..])).await;
        bench.turns(thread, turns).await;
    }
    bench.turns(thread, 4).await;
    bench.finish().await;
}

#[tokio::test]
async fn a_crash_keeps_the_conversation_and_offers_a_retry_that_works_once() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let (_, thread) = bench.launch("SAY:before the crash").await;
    bench.turns(thread, 1).await;
    let crash = sim.say("alice", thread, "SAY:so far so good\nCRASH:3").unwrap();
    bench.sees(thread, "ended with exit code 3").await;
    bench.turns(thread, 2).await;
    let refused = bench.press("mallory", thread, "Retry").await;
    assert!(refused.ephemeral, "{refused:?}");
    let retry = bench.button(thread, "Retry").await;
    // What it was edited to meanwhile is not what failed; it failed as it was.
    let first = sim.click("alice", retry, "Retry").unwrap();
    let second = sim.click("alice", retry, "Retry").unwrap();
    sim.reply(first).await;
    sim.reply(second).await;
    bench.turns(thread, 3).await;
    let twice = |sim: &Sim| (said(sim, thread, "ended with exit code 3") == 2).then_some(());
    sim.until("it to crash again", twice).await;
    sim.say("alice", thread, "KILLSELF").unwrap();
    bench.sees(thread, "killed by signal 9").await;
    bench.turns(thread, 4).await;
    bench.marked(crash, "📥", false).await;
    let history = bench.history(thread).await;
    assert_eq!(history.matches("CRASH:3").count(), 2, "{history}");
    assert!(
        history.contains("before the crash") && history.contains("KILLSELF"),
        "{history}"
    );
    bench.finish().await;
}

#[tokio::test]
async fn a_turn_that_ends_with_an_error_is_told_and_the_next_prompt_runs() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("ERROR:401 the key is wrong").await;
    let failed = bench.sees(thread, "The turn failed").await;
    assert!(failed.content.contains("401 the key is wrong") && failed.button("Retry").is_some());
    bench.sim.say("alice", thread, "SAY:alive").unwrap();
    let messages = bench.turns(thread, 2).await;
    assert!(answers(&messages).contains("alive"));
    bench.finish().await;
}

#[tokio::test]
async fn files_reach_the_agent_as_text_or_as_a_path_with_a_harmless_name() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let (_, thread) = bench.launch("SAY:ready").await;
    bench.turns(thread, 1).await;
    sim.say_with_files(
        "alice",
        thread,
        "see these",
        &[
            ("plan.md", b"# The plan\n```\ncode\n```\n"),
            ("data.bin", b"\x00\x01\x02 binary"),
        ],
    )
    .unwrap();
    let messages = bench.turns(thread, 2).await;
    let text = answers(&messages);
    assert!(
        text.contains("Attached file plan.md") && text.contains("# The plan"),
        "{text}"
    );
    let saved = text
        .lines()
        .find_map(|line| line.strip_prefix("Attached file data.bin (application/octet-stream, 10 bytes): "))
        .unwrap_or_else(|| panic!("{text}"));
    assert!(saved.starts_with(&*bench.dir.path().join("state/attachments").to_string_lossy()));
    assert_eq!(std::fs::read(saved).unwrap(), b"\x00\x01\x02 binary");
    bench.finish().await;
}

#[tokio::test]
async fn an_image_is_looked_at_and_a_huge_one_is_a_file() {
    let bench = Bench::start().await;
    let huge = vec![0_u8; 8 * 1024 * 1024 + 1];
    let files: &[(&str, &[u8])] = &[("../../shot.png", b"\x89PNG"), ("huge.png", &huge)];
    let (_, thread) = bench.launch("SAY:ready").await;
    bench.turns(thread, 1).await;
    bench
        .sim
        .say_with_files("alice", thread, "", &files[..1])
        .unwrap();
    let messages = bench.turns(thread, 2).await;
    assert!(answers(&messages).contains("You said: Look at the attached image."));
    bench
        .sim
        .say_with_files("alice", thread, "and", &files[1..])
        .unwrap();
    bench.turns(thread, 3).await;
    let history = bench.history(thread).await;
    let (_, path) = history
        .split_once("Attached file huge.png (image/png, 8388609 bytes): ")
        .unwrap();
    let path = path.split(" | ").next().unwrap();
    assert_eq!(std::fs::metadata(path).unwrap().len(), 8_388_609);
    bench.finish().await;
}

/// Everything below a directory.
fn below(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(below(&path));
        }
        found.push(path);
    }
    found
}

#[tokio::test]
async fn nobody_else_can_read_what_the_daemon_keeps() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("LONG:20").await;
    bench.turns(thread, 1).await;
    let files: &[(&str, &[u8])] = &[("data.bin", b"\0")];
    bench
        .sim
        .say_with_files("alice", thread, "keep it", files)
        .unwrap();
    bench.turns(thread, 2).await;
    let state = bench.dir.path().join("state");
    let kept = below(&state);
    for end in [".log", ".db", "data.bin", ".md"] {
        let there = kept.iter().any(|path| path.to_string_lossy().ends_with(end));
        assert!(there, "{end}: {kept:?}");
    }
    for path in kept.iter().chain([&state]) {
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
    }
    bench.finish().await;
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused_and_the_prompt_runs() {
    let bench = Bench::start().await;
    let large = vec![0_u8; 100 * 1024 * 1024 + 1];
    let (_, thread) = bench.launch("SAY:ready").await;
    bench.turns(thread, 1).await;
    bench
        .sim
        .say_with_files("alice", thread, "look", &[("film.mkv", &large)])
        .unwrap();
    bench.sees(thread, "larger than 100 MiB").await;
    let messages = bench.turns(thread, 2).await;
    assert!(
        answers(&messages).contains("film.mkv could not be fetched"),
        "{}",
        answers(&messages)
    );
    bench.finish().await;
}

#[tokio::test]
async fn more_sessions_than_processes_wait_their_turn_and_say_so() {
    let mut bench = Bench::on(
        Sim::start(SimConfig::default()).await.unwrap(),
        vec![("OMP_MAX_PROCESSES", "1".to_owned())],
        None,
    );
    bench.boot().await;
    let first = busy(&bench).await;
    let (_, second) = bench.launch("SAY:finally").await;
    bench.sees(second, "OMP_MAX_PROCESSES").await;
    bench.sim.say("alice", first, "!go").unwrap();
    bench.turns(first, 1).await;
    bench.turns(second, 1).await;
    assert_eq!(bench.history(first).await, "History: STEERABLE | go | HISTORY");
    bench.finish().await;
}

/// Alice may drive and answer, bob may only drive.
fn an_approver(sim: &Sim) -> Vec<(&'static str, String)> {
    let users = ["alice", "bob"].map(|name| sim.user(name).unwrap().to_string());
    vec![
        ("DISCORD_ALLOWED_USERS", users.join(",")),
        ("DISCORD_APPROVERS", users[0].clone()),
    ]
}

#[tokio::test]
async fn an_approval_reaches_the_agent_and_only_an_approver_can_give_it() {
    let bench = Bench::with_vars(an_approver).await;
    let sim = &bench.sim;
    let (_, thread) = bench
        .launch("APPROVE:bash:rm -rf build\nAPPROVE:bash:rm -rf /")
        .await;
    let question = bench.question(thread, "rm -rf build").await;
    assert!(!question.silent, "a question notifies");
    let labels: Vec<_> = question.buttons.iter().map(|b| b.label.as_str()).collect();
    assert_eq!(
        labels,
        ["Approve", "Approve for session", "Deny", "Deny with reason…"]
    );
    for (user, why) in [("bob", "Only an approver"), ("mallory", "not allowed")] {
        let refused = bench.press(user, thread, "Approve").await;
        assert!(
            refused.ephemeral && refused.content().contains(why),
            "{refused:?}"
        );
    }
    assert!(sim.message(question.id).unwrap().button("Approve").is_some());
    bench.press("alice", thread, "Approve").await;
    let answered = sim
        .until("the first answer to be shown", |sim| {
            let seen = sim.message(question.id)?;
            seen.buttons.is_empty().then_some(seen)
        })
        .await;
    assert!(
        answered.content.contains("Approved by alice"),
        "{}",
        answered.content
    );
    bench.question(thread, "rm -rf /").await;
    bench.press("alice", thread, "Deny").await;
    let messages = bench.turns(thread, 1).await;
    let text = answers(&messages);
    assert!(
        text.contains("bash ran: rm -rf build") && text.contains("I may not run: rm -rf /"),
        "{text}"
    );
    bench.finish().await;
}

#[tokio::test]
async fn a_question_expires_honestly_with_its_turn_its_agent_and_its_daemon() {
    let mut bench = Bench::start().await;
    let (_, thread) = bench.launch("APPROVE:bash:make one").await;
    let first = bench.question(thread, "make one").await;
    let cancel = bench.sim.slash("alice", thread, "omp cancel", &[]).unwrap();
    bench.sim.reply(cancel).await;
    let expired = |id| {
        move |sim: &Sim| {
            let seen = sim.message(id)?;
            seen.buttons.is_empty().then_some(seen.content)
        }
    };
    let text = bench.sim.until("the question to expire", expired(first.id)).await;
    assert!(text.contains("withdrawn") || text.contains("expired"), "{text}");
    bench.turns(thread, 1).await;

    // The agent dies while it asks.
    bench.sim.say("alice", thread, "APPROVE:bash:make two").unwrap();
    let second = bench.question(thread, "make two").await;
    let agents = crate::harness::processes(&format!("--cwd {}", bench.work().display()));
    assert_eq!(agents.len(), 1, "{agents:?}");
    let agent = nix::unistd::Pid::from_raw(agents[0].try_into().unwrap());
    nix::sys::signal::kill(agent, nix::sys::signal::Signal::SIGKILL).unwrap();
    let text = bench
        .sim
        .until("the question to expire", expired(second.id))
        .await;
    assert!(text.contains("expired; nothing was run"), "{text}");
    bench.sees(thread, "killed by signal 9").await;

    // The daemon dies while it asks.
    bench.sim.say("alice", thread, "APPROVE:bash:make three").unwrap();
    let third = bench.question(thread, "make three").await;
    bench.abort().await;
    bench.boot().await;
    bench.sees(thread, "ompcord was interrupted").await;
    let text = bench.sim.until("its buttons to go", expired(third.id)).await;
    assert!(text.contains("expired; nothing was run"), "{text}");
    bench.finish().await;
}
