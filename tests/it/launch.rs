//! How a session begins by a reaction or a mention, who may begin one, and what happens when it cannot begin.

use ompcord::sim::{Sim, permission};

use crate::harness::{Bench, answers, footers, is_card};

/// Alice and bob are allowed, and may launch each other's messages.
fn a_team(sim: &Sim) -> Vec<(&'static str, String)> {
    let users = ["alice", "bob"].map(|name| sim.user(name).unwrap().to_string());
    vec![
        ("DISCORD_ALLOWED_USERS", users.join(",")),
        ("OMP_LAUNCH_ANY_AUTHOR", "true".to_owned()),
    ]
}

#[tokio::test]
async fn a_message_is_launched_once_however_often_and_by_whomever_it_is_clicked() {
    let mut bench = Bench::with_vars(a_team).await;
    let message = bench.sim.say("alice", "home", "SAY:only once").unwrap();
    for _ in 0..3 {
        for user in ["alice", "bob"] {
            bench.sim.react(user, message, "🚀").unwrap();
            bench.sim.unreact(user, message, "🚀").unwrap();
        }
    }
    let thread = message.thread();
    bench.turns(thread, 1).await;
    bench.abort().await;
    bench.sim.react("alice", message, "🚀").unwrap();
    bench.boot().await;
    bench.sim.react("bob", message, "🚀").unwrap();
    bench.sim.unreact("alice", message, "🚀").unwrap();
    bench.sim.react("alice", message, "🚀").unwrap();
    bench.barrier().await;
    assert_eq!(
        bench.history(thread).await,
        "History: SAY:only once | HISTORY",
        "it ran once"
    );
    assert_eq!(footers(&bench.sim, thread), 2);
    let made = bench
        .sim
        .count("POST", &format!("/channels/{{}}/messages/{message}/threads"));
    assert_eq!(made, 1, "one thread was asked for");
    let opening = bench
        .sim
        .messages(thread)
        .iter()
        .filter(|m| m.content.contains("session_"))
        .count();
    assert_eq!(opening, 1, "{:#?}", bench.sim.messages(thread));
    bench.finish().await;
}

#[tokio::test]
async fn what_is_no_launch_is_ignored() {
    let bench = Bench::with_vars(|sim| {
        let here = sim.home_channel();
        let far = sim.channel("far").unwrap();
        vec![("OMP_LAUNCH_CHANNEL_IDS", format!("{here},{far}"))]
    })
    .await;
    let sim = &bench.sim;
    let mine = sim.say("alice", "home", "SAY:mine").unwrap();
    let theirs = sim.say("bob", "home", "SAY:of somebody else").unwrap();
    let elsewhere = sim.say("alice", "other", "SAY:in another channel").unwrap();
    let abroad = sim.say("alice", "far", "SAY:in another guild").unwrap();
    let of_a_bot = sim.say("beep", "home", "SAY:of another bot").unwrap();
    let strangers = sim.say("mallory", "home", "SAY:of a stranger").unwrap();
    sim.react("alice", mine, "👍").unwrap();
    sim.react("mallory", mine, "🚀").unwrap();
    sim.react("beep", mine, "🚀").unwrap();
    sim.react("alice", theirs, "🚀").unwrap();
    sim.react("alice", elsewhere, "🚀").unwrap();
    sim.react("alice", abroad, "🚀").unwrap();
    sim.react("beep", of_a_bot, "🚀").unwrap();
    sim.react("mallory", strangers, "🚀").unwrap();
    let (_, thread) = bench.launch("SAY:this one").await;
    let messages = bench.turns(thread, 1).await;
    // The bot's own messages are nobody's to launch.
    sim.react("alice", messages[0].id, "🚀").unwrap();
    bench.barrier().await;
    assert_eq!(sim.threads().len(), 2, "{}", sim.picture());
    for channel in ["home", "other", "far"] {
        assert!(
            sim.messages(channel).iter().all(|m| !m.by_bot || is_card(m)),
            "{}",
            sim.picture()
        );
    }
    bench.finish().await;
}

#[tokio::test]
async fn any_author_and_a_role_let_more_people_launch() {
    let bench = Bench::with_vars(|sim| {
        vec![
            ("DISCORD_ALLOWED_USERS", String::new()),
            (
                "DISCORD_ALLOWED_ROLES",
                sim.role("reviewers").unwrap().to_string(),
            ),
            ("OMP_LAUNCH_ANY_AUTHOR", "true".to_owned()),
        ]
    })
    .await;
    let sim = &bench.sim;
    let message = sim.say("mallory", "home", "SAY:by somebody else").unwrap();
    sim.react("alice", message, "🚀").unwrap();
    sim.react("mallory", message, "🚀").unwrap();
    let other = sim.say("bob", "home", "SAY:mine").unwrap();
    sim.react("bob", other, "🚀").unwrap();
    bench.turns(other.thread(), 1).await;
    assert!(
        sim.thread_on(message).is_none(),
        "alice and mallory have no such role"
    );
    sim.react("bob", message, "🚀").unwrap();
    let messages = bench.turns(message.thread(), 1).await;
    assert_eq!(answers(&messages), "by somebody else");
    // What bob writes counts too, what the others write does not.
    sim.say("alice", message.thread(), "SAY:from alice").unwrap();
    sim.say("bob", message.thread(), "SAY:from bob").unwrap();
    let messages = bench.turns(message.thread(), 2).await;
    assert_eq!(answers(&messages), "by somebody else\nfrom bob");
    bench.finish().await;
}

#[tokio::test]
async fn the_largest_message_of_emoji_is_launched_and_answered_whole() {
    let bench = Bench::start().await;
    let emoji = "🎉".repeat(2000);
    let (_, thread) = bench.launch(&emoji).await;
    let messages = bench.turns(thread, 1).await;
    assert_eq!(
        bench.sim.thread(thread).unwrap().name,
        format!("Run: {}", "🎉".repeat(20))
    );
    assert_eq!(answers(&messages).matches('🎉').count(), 2000);
    bench.finish().await;
}

#[tokio::test]
async fn a_message_that_is_only_a_file_is_launched_with_the_file() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let message = sim
        .say_with_files("alice", "home", "", &[("notes.txt", b"SAY:remember the milk")])
        .unwrap();
    sim.react("alice", message, "🚀").unwrap();
    let named = |sim: &Sim| Some(sim.thread_on(message)?.name);
    let name = sim.until("the thread to be there", named).await;
    assert_eq!(name, "Run: (attachment)");
    let messages = bench.turns(message.thread(), 1).await;
    assert!(
        answers(&messages).contains("remember the milk"),
        "{}",
        answers(&messages)
    );
    bench.finish().await;
}

#[tokio::test]
async fn a_thread_that_is_there_already_is_adopted_and_what_was_said_in_it_is_no_prompt() {
    let mut bench = Bench::start().await;
    let message = bench.sim.say("alice", "home", "SAY:in your thread").unwrap();
    let thread = bench.sim.start_thread("alice", message, "Discussion").unwrap();
    bench.sim.say("alice", thread, "SAY:talk among people").unwrap();
    // The library hands on two events of one moment in any order.
    bench.barrier().await;
    bench.sim.react("alice", message, "🚀").unwrap();
    let messages = bench.turns(thread, 1).await;
    assert_eq!(answers(&messages), "in your thread");
    assert_eq!(bench.sim.thread(thread).unwrap().name, "Discussion");
    bench.abort().await;
    bench.sim.say("alice", thread, "SAY:while you were away").unwrap();
    bench.boot().await;
    let messages = bench.turns(thread, 2).await;
    assert_eq!(answers(&messages), "in your thread\nwhile you were away");
    bench.finish().await;
}

#[tokio::test]
async fn without_the_permission_to_make_threads_the_channel_is_told_and_it_can_be_launched_again() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    sim.set_permissions(permission::ALL_OF_A_BOT & !permission::CREATE_PUBLIC_THREADS);
    let message = sim.say("alice", "home", "SAY:at last").unwrap();
    let told = |count: usize| {
        sim.until("the channel to be told", move |sim| {
            let messages = sim.messages("home");
            let said: Vec<_> = messages
                .into_iter()
                .filter(|m| m.by_bot && m.content.contains("No thread could be made"))
                .collect();
            (said.len() == count).then_some(said)
        })
    };
    sim.react("alice", message, "🚀").unwrap();
    let said = told(1).await;
    assert_eq!(said[0].reply_to, Some(message));
    assert!(said[0].content.contains("permission"), "{}", said[0].content);
    sim.unreact("alice", message, "🚀").unwrap();
    sim.react("alice", message, "🚀").unwrap();
    told(2).await;
    sim.set_permissions(permission::ALL_OF_A_BOT);
    sim.unreact("alice", message, "🚀").unwrap();
    sim.react("alice", message, "🚀").unwrap();
    let messages = bench.turns(message.thread(), 1).await;
    assert_eq!(answers(&messages), "at last");
    bench.finish().await;
}

#[tokio::test]
async fn an_agent_that_is_not_there_is_told_and_retry_and_reacting_again_work_once_it_is() {
    let mut bench = Bench::with_vars(|_| vec![("OMP_COMMAND", "/nowhere/omp --quick".to_owned())]).await;
    let (first, thread) = bench.launch("SAY:first").await;
    let (second, other) = bench.launch("SAY:second").await;
    for thread in [thread, other] {
        let said = bench.sees(thread, "was not found").await;
        assert!(said.content.contains("/nowhere/omp") && said.content.contains("OMP_COMMAND"));
        assert!(said.button("Retry").is_some() && !said.silent);
    }
    // The daemon is alive: it fails again, and says so again.
    bench.press("alice", thread, "Retry").await;
    let again = |sim: &Sim| {
        let messages = sim.messages(thread);
        (messages
            .iter()
            .filter(|m| m.content.contains("was not found"))
            .count()
            == 2)
            .then_some(())
    };
    bench.sim.until("it to fail again", again).await;
    bench.sim.unreact("alice", second, "🚀").unwrap();
    bench.sim.react("alice", second, "🚀").unwrap();
    let again = |sim: &Sim| {
        let messages = sim.messages(other);
        (messages
            .iter()
            .filter(|m| m.content.contains("was not found"))
            .count()
            == 2)
            .then_some(())
    };
    bench.sim.until("it to fail again", again).await;
    for message in [first, second] {
        let unpinned = move |sim: &Sim| (!sim.message(message)?.pinned).then_some(());
        bench.sim.until("it to be unpinned", unpinned).await;
    }

    bench.shut_down().await;
    bench.set("OMP_COMMAND", crate::harness::scripted_command(bench.dir.path()));
    bench.boot().await;
    bench.press("alice", thread, "Retry").await;
    assert_eq!(bench.turns(thread, 1).await.last().map(|m| m.silent), Some(false));
    bench.sim.unreact("alice", second, "🚀").unwrap();
    bench.sim.react("alice", second, "🚀").unwrap();
    bench.turns(other, 1).await;
    assert_eq!(bench.history(thread).await, "History: SAY:first | HISTORY");
    assert_eq!(bench.history(other).await, "History: SAY:second | HISTORY");
    bench.finish().await;
}

#[tokio::test]
async fn a_mention_in_the_home_channel_starts_a_session() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let bot = sim.bot_id();
    sim.say("alice", "home", "SAY:nobody was meant").unwrap();
    sim.say("mallory", "home", &format!("<@{bot}> SAY:of a stranger"))
        .unwrap();
    sim.say("alice", "other", &format!("<@{bot}> SAY:elsewhere"))
        .unwrap();
    let message = sim
        .say("alice", "home", &format!("<@{bot}> SAY:hello there"))
        .unwrap();
    let messages = bench.turns(message.thread(), 1).await;
    assert_eq!(answers(&messages), "hello there");
    assert_eq!(sim.thread_on(message).unwrap().name, "Run: SAY:hello there");
    // The rocket on the same message is the same launch.
    sim.react("alice", message, "🚀").unwrap();
    let empty = sim.say("alice", "home", &format!("<@{bot}>")).unwrap();
    sim.until("a hint", |sim| {
        sim.messages("home")
            .into_iter()
            .find(|m| m.by_bot && m.content.contains("/omp new"))
    })
    .await;
    assert!(sim.thread_on(empty).is_none());
    bench.barrier().await;
    assert_eq!(sim.threads().len(), 2);
    assert_eq!(
        bench.history(message.thread()).await,
        "History: SAY:hello there | HISTORY"
    );
    bench.finish().await;
}

#[tokio::test]
async fn a_launch_that_discord_answers_badly_happens_once_it_answers() {
    use ompcord::sim::{Fault, Mishap};
    let bench = Bench::start().await;
    let sim = &bench.sim;
    sim.fault(Fault::next(
        "GET",
        "/channels/{}/messages/{}",
        Mishap::status(500),
    ));
    sim.fault(Fault::next(
        "POST",
        "/channels/{}/messages/{}/threads",
        Mishap::LoseReply,
    ));
    let (message, thread) = bench.launch("SAY:through the noise").await;
    let messages = bench.turns(thread, 1).await;
    assert_eq!(answers(&messages), "through the noise");
    assert_eq!(thread, message.thread());
    bench.finish().await;
}
