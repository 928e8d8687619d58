//! `/omp …` and `!omp …`: what the commands of the main job do, and what they answer to whom.

use ompcord::ids::ThreadId;
use ompcord::sim::{Fault, Mishap, Reply, Sim, SimConfig, permission};

use crate::harness::{Bench, answers, is_card};

pub async fn slash(
    bench: &Bench,
    user: &str,
    place: ompcord::ids::ChannelId,
    command: &str,
    options: &[(&str, &str)],
) -> Reply {
    let asked = bench.sim.slash(user, place, command, options).unwrap();
    bench.sim.reply(asked).await
}

/// The thread that an answer names.
pub fn named(reply: &Reply) -> ThreadId {
    let (_, after) = reply
        .content()
        .split_once("<#")
        .unwrap_or_else(|| panic!("{reply:?}"));
    after.split_once('>').unwrap().0.parse().unwrap()
}

#[tokio::test]
async fn new_makes_a_session_with_all_that_was_asked_for() {
    let bench = Bench::start().await;
    let home = bench.sim.home_channel();
    let place = bench.dir.path().join("my-project/sub");
    std::fs::create_dir(&place).unwrap();
    let options = [
        ("topic", "The **login**"),
        ("prompt", "SAY:logged in"),
        ("model", "scripted/special-7"),
        ("workspace", "sub"),
    ];
    let reply = slash(&bench, "alice", home, "omp new", &options).await;
    assert!(!reply.ephemeral, "{reply:?}");
    let thread = named(&reply);
    let answer = bench.sees(thread, "logged in").await;
    assert!(answer.by_bot);
    let seen = bench.sim.thread(thread).unwrap();
    assert_eq!((seen.name.as_str(), seen.parent), ("Session: The login", home));
    assert!(seen.members.contains(&"alice".to_owned()));
    assert!(
        seen.messages[0].content.contains(&place.display().to_string()),
        "{:?}",
        seen.messages[0]
    );
    assert!(seen.messages[0].content.contains("special-7"));
    let footer = bench.sees(thread, "-# sub ⋅").await;
    assert!(footer.content.contains("special-7"), "{}", footer.content);
    bench.finish().await;
}

#[tokio::test]
async fn new_without_a_prompt_waits_for_the_first_message() {
    let bench = Bench::start().await;
    let home = bench.sim.home_channel();
    let thread = named(&slash(&bench, "alice", home, "omp new", &[]).await);
    bench.sees(thread, "session_").await;
    bench.sim.say("alice", thread, "SAY:here I am").unwrap();
    let messages = bench.turns(thread, 1).await;
    assert_eq!(answers(&messages), "here I am");
    // Given within a thread it makes another one beside it.
    let other = named(&slash(&bench, "alice", thread.channel(), "omp new", &[("topic", "two")]).await);
    assert_eq!(bench.sim.thread(other).unwrap().parent, home);
    bench.finish().await;
}

#[tokio::test]
async fn new_says_what_is_wrong_and_starts_nothing() {
    let bench = Bench::start().await;
    let home = bench.sim.home_channel();
    let reply = slash(
        &bench,
        "alice",
        home,
        "omp new",
        &[("workspace", "/no/such/place")],
    )
    .await;
    assert!(
        reply.content().contains("`/no/such/place` is not a directory")
            && reply.content().contains("OMP_WORKDIR"),
        "{reply:?}"
    );
    assert!(bench.sim.threads().is_empty());
    bench
        .sim
        .set_permissions(permission::ALL_OF_A_BOT & !permission::CREATE_PUBLIC_THREADS);
    let reply = slash(&bench, "alice", home, "omp new", &[("prompt", "SAY:x")]).await;
    assert!(reply.content().contains("Create Public Threads"), "{reply:?}");
    assert!(bench.sim.threads().is_empty());
    bench.finish().await;
}

#[tokio::test]
async fn the_text_form_does_the_same() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let command = sim
        .say("alice", "home", "!omp new SAY:from a text command")
        .unwrap();
    let answer = sim
        .until("the answer to the command", |sim| {
            sim.messages("home")
                .into_iter()
                .find(|m| m.reply_to == Some(command))
        })
        .await;
    let thread: ThreadId = answer
        .content
        .split_once("<#")
        .unwrap()
        .1
        .trim_end_matches('>')
        .parse()
        .unwrap();
    bench.turns(thread, 1).await;
    sim.say("alice", thread, "!omp say SAY:and more").unwrap();
    let messages = bench.turns(thread, 2).await;
    assert!(answers(&messages).contains("from a text command") && answers(&messages).contains("and more"));
    sim.say("alice", thread, "!omp stop").unwrap();
    let archived = |sim: &Sim| sim.thread(thread)?.archived.then_some(());
    sim.until("the thread to be archived", archived).await;
    bench.finish().await;
}

#[tokio::test]
async fn say_gives_a_prompt_here_or_elsewhere_queued_or_steering() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let (_, thread) = bench.launch("STEERABLE").await;
    let opening = bench.sees(thread, "session_").await.content;
    let id = opening
        .split(" ⋅ ")
        .find(|part| part.starts_with("session_"))
        .unwrap()
        .to_owned();
    let typing = move |sim: &Sim| sim.is_typing(thread).then_some(());
    sim.until("the turn to run", typing).await;
    let queued = slash(
        &bench,
        "alice",
        thread.channel(),
        "omp say",
        &[("prompt", "SAY:queued one")],
    )
    .await;
    assert!(queued.content().contains("queued one"), "{queued:?}");
    bench.sees(thread, "Queued, 1 prompt before it").await;
    let steered = slash(
        &bench,
        "alice",
        sim.home_channel(),
        "omp say",
        &[("prompt", "turn left"), ("session", &id), ("mode", "steer")],
    )
    .await;
    assert!(
        steered.content().contains("Steering") && named(&steered) == thread,
        "{steered:?}"
    );
    let messages = bench.turns(thread, 2).await;
    let text = answers(&messages);
    assert!(
        text.contains("Steered: turn left") && text.contains("queued one"),
        "{text}"
    );
    for (place, options, why) in [
        (
            sim.home_channel(),
            vec![("prompt", "x")],
            "There is no session here",
        ),
        (
            thread.channel(),
            vec![("prompt", "x"), ("session", "session_00000000")],
            "no open session",
        ),
        (
            thread.channel(),
            vec![("prompt", "x"), ("session", "@everyone")],
            "no open session",
        ),
    ] {
        let reply = slash(&bench, "alice", place, "omp say", &options).await;
        assert!(reply.content().contains(why), "{reply:?}");
        assert!(reply.message.unwrap().notified.is_empty());
    }
    assert_eq!(
        bench.history(thread).await,
        "History: STEERABLE | turn left | SAY:queued one | HISTORY"
    );
    bench.finish().await;
}

#[tokio::test]
async fn cancel_and_stop_work_in_a_sessions_thread_only() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    for command in ["omp cancel", "omp stop"] {
        let reply = slash(&bench, "alice", sim.home_channel(), command, &[]).await;
        assert!(
            reply.content().contains("no session here") && reply.content().contains("/omp new"),
            "{reply:?}"
        );
    }
    let (message, thread) = bench.launch("STEERABLE").await;
    let typing = move |sim: &Sim| sim.is_typing(thread).then_some(());
    sim.until("the turn to run", typing).await;
    let waiting = sim.say("alice", thread, "SAY:too late").unwrap();
    bench.marked(waiting, "📥", true).await;
    let reply = slash(&bench, "alice", thread.channel(), "omp cancel", &[]).await;
    assert!(reply.content().contains("Cancelling"), "{reply:?}");
    bench.turns(thread, 1).await;
    bench.sees(thread, "1 prompt is waiting").await;
    let reply = slash(&bench, "alice", thread.channel(), "omp cancel", &[]).await;
    assert!(reply.content().contains("nothing to cancel"), "{reply:?}");
    let reply = slash(&bench, "alice", thread.channel(), "omp stop", &[]).await;
    assert!(reply.content().contains("Stopping"), "{reply:?}");
    let stopped = bench.sees(thread, "1 waiting prompt dropped").await;
    assert!(stopped.content.contains("omp --resume "), "{}", stopped.content);
    let archived = |sim: &Sim| sim.thread(thread)?.archived.then_some(());
    sim.until("the thread to be archived", archived).await;
    bench.marked(waiting, "📥", false).await;
    let unpinned = |sim: &Sim| (!sim.message(message)?.pinned).then_some(());
    sim.until("it to be unpinned", unpinned).await;
    // What comes after it is told, and runs nothing.
    sim.say("alice", thread, "SAY:anybody there?").unwrap();
    bench.sees(thread, "This session has ended").await;
    let reply = slash(&bench, "alice", thread.channel(), "omp stop", &[]).await;
    assert!(reply.content().contains("has ended"), "{reply:?}");
    let stale = bench.privately("alice", thread, "Continue queue").await;
    assert!(stale.contains("has ended"), "{stale:?}");
    bench.barrier().await;
    assert_eq!(crate::harness::footers(sim, thread), 1);
    bench.finish().await;
}

#[tokio::test]
async fn cancel_ends_a_turn_that_does_not_listen() {
    let mut bench = Bench::on(Sim::start(SimConfig::default()).await.unwrap(), Vec::new(), None);
    bench.patience.abort = std::time::Duration::from_millis(200);
    bench.patience.rung = std::time::Duration::from_millis(300);
    bench.boot().await;
    let (_, thread) = bench.launch("GRANDCHILD:600 IGNORE_TERM HANG").await;
    bench.sees(thread, "grandchild").await;
    slash(&bench, "alice", thread.channel(), "omp cancel", &[]).await;
    bench.turns(thread, 1).await;
    crate::harness::eventually("the agent to be gone", || {
        crate::harness::processes(&format!("--cwd {}", bench.work().display())).is_empty()
    })
    .await;
    bench.sim.say("alice", thread, "SAY:back again").unwrap();
    let messages = bench.turns(thread, 2).await;
    assert!(answers(&messages).contains("back again"));
    bench.finish().await;
}

#[tokio::test]
async fn strangers_are_told_privately_by_slash_and_not_at_all_otherwise() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let (_, thread) = bench.launch("SAY:ready").await;
    bench.turns(thread, 1).await;
    for (command, options) in [
        ("omp new", vec![]),
        ("omp say", vec![("prompt", "x")]),
        ("omp cancel", vec![]),
        ("omp stop", vec![]),
    ] {
        let reply = slash(&bench, "mallory", thread.channel(), command, &options).await;
        assert!(
            reply.ephemeral && reply.content().contains("DISCORD_ALLOWED_USERS"),
            "{reply:?}"
        );
    }
    let before = sim.messages(thread).len();
    for text in [
        "SAY:let me in",
        "!SAY:let me in",
        "!omp stop",
        "!omp",
        "!omp new SAY:x",
    ] {
        sim.say("mallory", thread, text).unwrap();
        sim.say("mallory", "home", text).unwrap();
    }
    sim.say("beep", thread, "SAY:from a bot").unwrap();
    assert_eq!(bench.history(thread).await, "History: SAY:ready | HISTORY");
    let new: Vec<_> = sim
        .messages(thread)
        .into_iter()
        .skip(before)
        .filter(|m| m.by_bot)
        .collect();
    assert_eq!(new.len(), 2, "an answer and a footer: {new:#?}");
    assert!(sim.messages("home").iter().all(|m| !m.by_bot || is_card(m)));
    bench.finish().await;
}

#[tokio::test]
async fn a_command_is_acknowledged_in_time_while_discord_is_slow() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    sim.fault(Fault::next(
        "POST",
        "/channels/{}/threads",
        Mishap::Slow { ms: 4_000 },
    ));
    let asked = sim
        .slash("alice", "home", "omp new", &[("topic", "slow")])
        .unwrap();
    let thinking = |sim: &Sim| sim.reply_to(asked)?.deferred.then_some(());
    sim.until("the bot to think", thinking).await;
    let reply = sim.reply(asked).await;
    assert!(reply.content().contains("Session started"), "{reply:?}");
    bench.finish().await;
}

#[tokio::test]
async fn a_thread_that_discord_does_not_make_is_no_missing_permission() {
    use ompcord::sim::{Fault, Mishap};
    let bench = Bench::start().await;
    let home = bench.sim.home_channel();
    let limit = Mishap::rate_limited(std::time::Duration::from_mins(1));
    for (mishap, why) in [
        (Mishap::status(500), "did not answer as it should"),
        (limit, "takes no more requests"),
    ] {
        bench
            .sim
            .fault(Fault::next("POST", "/channels/{}/threads", mishap));
        let reply = slash(&bench, "alice", home, "omp new", &[("prompt", "SAY:x")]).await;
        assert!(reply.content().contains(why), "{reply:?}");
        assert!(!reply.content().contains("Create Public Threads"), "{reply:?}");
    }
    assert!(bench.sim.threads().is_empty());
    bench.finish().await;
}

#[tokio::test]
async fn what_comes_to_nothing_is_told_privately_and_opens_no_thread_again() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("SAY:ready").await;
    bench.turns(thread, 1).await;
    // A lone exclamation mark is no prompt.
    let lone = bench.sim.say("alice", thread, "!").unwrap();
    bench.marked(lone, "❓", true).await;
    let stopped = slash(&bench, "alice", thread.channel(), "omp stop", &[]).await;
    assert!(!stopped.ephemeral, "{stopped:?}");
    let archived = |sim: &Sim| sim.thread(thread)?.archived.then_some(());
    bench.sim.until("the thread to be archived", archived).await;
    for place in [thread.channel(), bench.sim.home_channel()] {
        for command in ["omp cancel", "omp stop", "omp model", "omp compact"] {
            let reply = slash(&bench, "alice", place, command, &[]).await;
            assert!(
                reply.ephemeral && reply.content().contains('❌'),
                "{command}: {reply:?}"
            );
        }
        let reply = slash(&bench, "alice", place, "omp say", &[("prompt", "x")]).await;
        assert!(reply.ephemeral, "{reply:?}");
    }
    assert!(bench.sim.thread(thread).unwrap().archived);
    bench.finish().await;
}
