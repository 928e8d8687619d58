//! What holds for every command: who may use it, what it says where there is nothing to use it on, and that it is
//! acknowledged at once, whoever is slow.

use ompcord::ids::{SessionId, ThreadId};
use ompcord::sim::{InteractionId, Reply, Sim, SimConfig};
use sqlx::{Connection as _, Executor as _, SqliteConnection};

use crate::commands::slash;
use crate::harness::{Bench, Setup};

type Options = &'static [(&'static str, &'static str)];

/// Every command with the options that it needs, and whether it works on this thread's session.
pub const ALL: [(&str, Options, bool); 15] = [
    ("new", &[], false),
    ("say", &[("prompt", "SAY:hello")], true),
    ("cancel", &[], true),
    ("stop", &[], true),
    ("queue", &[], true),
    ("version", &[], false),
    ("sessions", &[], false),
    ("resume", &[("session", "session_00000000")], false),
    ("model", &[("name", "acme/fast")], true),
    ("thinking", &[("level", "high")], true),
    ("compact", &[], true),
    ("log", &[], true),
    ("status", &[], false),
    ("health", &[], false),
    ("help", &[], false),
];

/// Commands whose answer only the person who asked sees.
const PRIVATE: [&str; 7] = ["status", "health", "queue", "sessions", "version", "log", "help"];

/// The session of a thread, as its opening line says.
pub async fn session_of(bench: &Bench, thread: ThreadId) -> SessionId {
    let opening = bench.sees(thread, "session_").await.words();
    let at = opening.find("session_").unwrap();
    opening[at..at + 16].parse().unwrap()
}

/// Waits until the bot has acknowledged a command and is still at it.
pub async fn thinking(sim: &Sim, asked: InteractionId) {
    let deferred = move |sim: &Sim| sim.reply_to(asked)?.deferred.then_some(());
    sim.until("the bot to think", deferred).await;
}

/// Whoever writes to the database waits until this is dropped or committed.
pub async fn locked(bench: &Bench) -> SqliteConnection {
    let path = bench.config().database_path();
    let mut lock = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
    lock.execute("BEGIN EXCLUSIVE").await.unwrap();
    lock
}

#[tokio::test]
async fn the_table_has_every_registered_command() {
    let registered = ompcord::discord::commands::registration().unwrap();
    let subcommands = registered[0]["options"].as_array().unwrap();
    let mut names: Vec<&str> = subcommands.iter().map(|c| c["name"].as_str().unwrap()).collect();
    let mut table: Vec<&str> = ALL.iter().map(|(name, ..)| *name).collect();
    names.sort_unstable();
    table.sort_unstable();
    assert_eq!(names, table);
}

#[tokio::test]
async fn a_stranger_is_told_privately_by_slash_and_ignored_as_text() {
    let bench =
        Bench::with_vars(|sim| vec![("DISCORD_APPROVERS", sim.user("bob").unwrap().to_string())]).await;
    let (_, thread) = bench.launch("SAY:ready").await;
    bench.turns(thread, 1).await;
    // Bob may answer questions, and nothing else.
    for who in ["mallory", "bob"] {
        for (name, options, _) in ALL {
            let reply = slash(&bench, who, thread.channel(), &format!("omp {name}"), options).await;
            assert!(
                reply.ephemeral && reply.content().contains("DISCORD_ALLOWED_USERS"),
                "{name}: {reply:?}"
            );
            assert!(reply.message.unwrap().embeds.is_empty(), "{name}");
            bench.sim.say(who, thread, &format!("!omp {name} x")).unwrap();
        }
        bench.sim.say(who, thread, "!omp banana").unwrap();
    }
    bench.sim.say("beep", thread, "!omp status").unwrap();
    bench.barrier().await;
    let answers = bench.sim.messages(thread);
    assert!(answers.iter().all(|m| m.reply_to.is_none()), "{answers:#?}");
    bench.finish().await;
}

#[tokio::test]
async fn a_role_is_as_good_as_a_name() {
    let bench = Bench::with_vars(|sim| {
        vec![(
            "DISCORD_ALLOWED_ROLES",
            sim.role("reviewers").unwrap().to_string(),
        )]
    })
    .await;
    let (_, thread) = bench.launch("SAY:ready").await;
    bench.turns(thread, 1).await;
    for (name, options, _) in ALL {
        let reply = slash(&bench, "bob", thread.channel(), &format!("omp {name}"), options).await;
        assert!(
            !reply.words().contains("DISCORD_ALLOWED_USERS"),
            "{name}: {reply:?}"
        );
        // What comes after `stop` in the table has no session any more, and that is nobody else's business.
        let told = PRIVATE.contains(&name) || reply.content().contains("This session has ended");
        assert_eq!(reply.ephemeral, told, "{name}: {reply:?}");
    }
    bench.finish().await;
}

#[tokio::test]
async fn without_a_session_here_it_says_what_to_do() {
    let bench = Bench::start().await;
    for (name, options, here) in ALL {
        let reply = slash(
            &bench,
            "alice",
            bench.sim.home_channel(),
            &format!("omp {name}"),
            options,
        )
        .await;
        assert_eq!(
            reply.words().contains("There is no session here") && reply.words().contains("`/omp new`"),
            here,
            "{name}: {reply:?}"
        );
    }
    bench.finish().await;
}

#[tokio::test]
async fn an_ended_session_says_how_it_goes_on() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("SAY:once").await;
    bench.turns(thread, 1).await;
    slash(&bench, "alice", thread.channel(), "omp stop", &[]).await;
    let archived = |sim: &Sim| sim.thread(thread)?.archived.then_some(());
    bench.sim.until("the thread to be archived", archived).await;
    for (name, options, here) in ALL {
        let reply = slash(&bench, "alice", thread.channel(), &format!("omp {name}"), options).await;
        // The transcript is there for whoever wants to read it.
        let refused = here && name != "log";
        assert_eq!(
            reply.content().contains("This session has ended") && reply.content().contains("`/omp resume`"),
            refused,
            "{name}: {reply:?}"
        );
    }
    bench.finish().await;
}

#[tokio::test]
async fn where_the_agent_is_gone_it_says_so() {
    let mut bench = Bench::on(Sim::start(SimConfig::default()).await.unwrap(), Vec::new(), None);
    bench.set("OMP_COMMAND", "/no/such/agent");
    bench.boot().await;
    let (_, thread) = bench.launch("SAY:never").await;
    bench.sees(thread, "was not found").await;
    let ask = async |name: &str, options: Options| {
        slash(&bench, "alice", thread.channel(), &format!("omp {name}"), options)
            .await
            .words()
    };
    assert!(
        ask("status", &[])
            .await
            .contains("✗ **Agent**: `/no/such/agent` was not found")
    );
    assert!(
        ask("health", &[])
            .await
            .contains("✗ **Agent**: /no/such/agent was not found")
    );
    assert!(ask("version", &[]).await.contains("/no/such/agent was not found"));
    assert!(
        ask("model", &[("name", "acme/fast")])
            .await
            .contains("as soon as the agent is started")
    );
    assert!(
        ask("thinking", &[("level", "low")])
            .await
            .contains("as soon as the agent is started")
    );
    assert!(ask("compact", &[]).await.contains("nothing to compact yet"));
    assert!(ask("cancel", &[]).await.contains("nothing to cancel"));
    assert!(ask("queue", &[]).await.contains("queue is empty"));
    assert!(ask("sessions", &[]).await.contains("could not be started"));
    bench.finish().await;
}

/// Asks for everything at once, sees each of them acknowledged, lets go of what they wait for, and gives the answers.
async fn all_at_once(
    bench: &Bench,
    thread: ThreadId,
    commands: &[(&str, Options)],
    release: impl Future<Output = ()>,
) -> Vec<Reply> {
    let asked: Vec<InteractionId> = commands
        .iter()
        .map(|(name, options)| {
            bench
                .sim
                .slash("alice", thread, &format!("omp {name}"), options)
                .unwrap()
        })
        .collect();
    for asked in &asked {
        thinking(&bench.sim, *asked).await;
    }
    release.await;
    let mut replies = Vec::new();
    for asked in asked {
        replies.push(bench.sim.reply(asked).await);
    }
    replies
}

#[tokio::test]
async fn a_slow_database_delays_answers_and_no_acknowledgement() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("SAY:ready").await;
    bench.turns(thread, 1).await;
    let mut lock = locked(&bench).await;
    let commands: [(&str, Options); 5] = [
        ("new", &[("topic", "slow")]),
        ("say", &[("prompt", "SAY:patience")]),
        ("model", &[("name", "acme/fast")]),
        ("thinking", &[("level", "high")]),
        ("health", &[]),
    ];
    let release = async {
        lock.execute("COMMIT").await.unwrap();
    };
    let replies = all_at_once(&bench, thread, &commands, release).await;
    for (reply, what) in replies
        .iter()
        .zip(["Session started", "Said", "acme/fast", "high", "Database"])
    {
        assert!(reply.words().contains(what), "{reply:?}");
    }
    bench.turns(thread, 2).await;
    bench.finish().await;
}

#[tokio::test]
async fn a_database_that_stays_locked_is_said_in_friendly_words() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("SAY:ready").await;
    bench.turns(thread, 1).await;
    let mut lock = locked(&bench).await;
    let new = bench.sim.slash("alice", thread, "omp new", &[]).unwrap();
    let health = bench.sim.slash("alice", thread, "omp health", &[]).unwrap();
    let status = slash(&bench, "alice", thread.channel(), "omp status", &[]).await;
    assert!(status.words().contains("ompcord"), "reading goes on: {status:?}");
    let new = bench.sim.reply(new).await;
    assert!(
        new.content().contains("database is busy") && new.content().contains("/omp health"),
        "{new:?}"
    );
    let health = bench.sim.reply(health).await.words();
    assert!(
        health.contains("✗ **Database**: another program holds it"),
        "{health}"
    );
    lock.execute("COMMIT").await.unwrap();
    bench.barrier().await;
    bench.finish().await;
}

#[tokio::test]
async fn a_slow_agent_delays_answers_and_no_acknowledgement() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("SAY:ready").await;
    bench.turns(thread, 1).await;
    let hold = bench.dir.path().join("scripted/hold");
    std::fs::write(&hold, "").unwrap();
    let commands: [(&str, Options); 2] = [
        ("model", &[("name", "acme/fast")]),
        ("thinking", &[("level", "low")]),
    ];
    let release = async { std::fs::remove_file(&hold).unwrap() };
    let replies = all_at_once(&bench, thread, &commands, release).await;
    assert!(
        replies[0].content().contains("`acme/fast`, from now on"),
        "{replies:?}"
    );
    assert!(replies[1].content().contains("`low`, from now on"), "{replies:?}");
    std::fs::write(&hold, "").unwrap();
    let commands: [(&str, Options); 1] = [("compact", &[])];
    let release = async {
        // What does not need the agent does not wait for it.
        let queue = slash(&bench, "alice", thread.channel(), "omp queue", &[]).await;
        assert!(queue.content().contains("queue is empty"), "{queue:?}");
        let again = slash(&bench, "alice", thread.channel(), "omp compact", &[]).await;
        assert!(again.content().contains("being compacted already"), "{again:?}");
        // What is written meanwhile waits, and is not lost.
        let waiting = bench.sim.say("alice", thread, "SAY:after that").unwrap();
        bench.marked(waiting, "📥", true).await;
        std::fs::remove_file(&hold).unwrap();
    };
    let replies = all_at_once(&bench, thread, &commands, release).await;
    assert!(replies[0].content().contains("🗜️ Compacted"), "{replies:?}");
    bench.sees(thread, "after that").await;
    bench.turns(thread, 2).await;
    bench.finish().await;
}

#[tokio::test]
async fn choices_are_for_the_allowed_and_come_in_time() {
    let bench = Bench::with(Setup::default()).await;
    let (_, thread) = bench.launch("SAY:ready").await;
    bench.turns(thread, 1).await;
    let id = session_of(&bench, thread).await.to_string();
    let home = bench.sim.home_channel();
    let offered = async |who: &str, command: &str, options: &[(&str, &str)]| {
        let typed = bench.sim.autocomplete(who, thread, command, options).unwrap();
        bench.sim.reply(typed).await.choices
    };
    let say =
        async |who: &str, typed: &str| offered(who, "omp say", &[("prompt", "x"), ("session", typed)]).await;
    let open = say("alice", "").await;
    assert_eq!(open.len(), 1);
    assert!(open[0].0.contains("SAY:ready") && open[0].1 == id, "{open:?}");
    for typed in ["ready", "my-proj"] {
        // The thread may get its agent's title in between.
        assert_eq!(say("alice", typed).await[0].1, id, "{typed}");
    }
    assert!(say("alice", "zzz").await.is_empty());
    assert!(say("mallory", "").await.is_empty(), "a stranger learns nothing");
    let models = offered("alice", "omp model", &[("name", "fa")]).await;
    assert_eq!(models, [("acme/fast".to_owned(), "acme/fast".to_owned())]);
    assert_eq!(offered("alice", "omp model", &[("name", "")]).await.len(), 3);
    assert_eq!(
        offered("alice", "omp new", &[("model", "spec")]).await[0].1,
        "scripted/special-7"
    );
    assert!(
        offered("alice", "omp new", &[("workspace", "")]).await[0]
            .1
            .ends_with("my-project")
    );
    assert_eq!(
        offered("alice", "omp thinking", &[("level", "h")]).await[0].1,
        "high"
    );
    assert!(
        offered("alice", "omp resume", &[("session", "")])
            .await
            .is_empty(),
        "none has ended"
    );
    assert!(offered("mallory", "omp model", &[("name", "")]).await.is_empty());
    slash(&bench, "alice", thread.channel(), "omp stop", &[]).await;
    let archived = |sim: &Sim| sim.thread(thread)?.archived.then_some(());
    bench.sim.until("the thread to be archived", archived).await;
    let typed = bench
        .sim
        .autocomplete("alice", home, "omp resume", &[("session", "ready")])
        .unwrap();
    let past = bench.sim.reply(typed).await.choices;
    assert!(
        past.len() == 1 && past[0].1 == id && past[0].0.starts_with("↩️ "),
        "{past:?}"
    );
    bench.finish().await;
}

#[tokio::test]
async fn a_hundred_sessions_offer_the_newest_twenty_five() {
    let bench = Bench::start().await;
    let home = bench.sim.home_channel();
    let store = ompcord::store::Store::open(&bench.config().database_path())
        .await
        .unwrap();
    for number in 0..100_u64 {
        let new = ompcord::store::sessions::NewSession {
            id: SessionId::random(),
            thread: Some((1_000 + number).into()),
            parent: home,
            origin: None,
            thread_name: format!("Session: {} {number}", "a long name ".repeat(12)),
            workspace: "/work/place".to_owned(),
            model: None,
            thinking: None,
            approval_mode: "write".to_owned(),
            started_by: 7.into(),
        };
        store.create_session(&new).await.unwrap();
        store
            .session_opened(&new.id, (1_000 + number).into())
            .await
            .unwrap();
    }
    let typed = bench
        .sim
        .autocomplete("alice", home, "omp say", &[("prompt", "x"), ("session", "")])
        .unwrap();
    let choices = bench.sim.reply(typed).await.choices;
    assert_eq!(choices.len(), 25);
    assert!(
        choices
            .iter()
            .all(|(name, value)| name.chars().count() <= 100 && value.len() <= 100)
    );
    let list = slash(&bench, "alice", home, "omp sessions", &[]).await;
    let message = list.message.unwrap();
    assert!(message.words().contains("100 open sessions") && message.words().contains("page 1 of 10"));
    let turned = bench.sim.click("alice", message.id, "Older ▶").unwrap();
    let second = |sim: &Sim| {
        sim.message(message.id)
            .filter(|m| m.words().contains("page 2 of 10"))
    };
    let second = bench.sim.until("the second page", second).await;
    assert_eq!(bench.sim.reply_to(turned).unwrap().followups.len(), 0);
    assert!(second.button("◀ Newer").is_some());
    let status = slash(&bench, "alice", home, "omp status", &[]).await;
    assert!(status.words().contains("🟢 100 idle"), "{status:?}");
    store.close().await;
    bench.finish().await;
}
