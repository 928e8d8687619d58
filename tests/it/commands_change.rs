//! `/omp model`, `thinking`, `compact`, `resume`, and the buttons of a card: what they change, and from when.

use ompcord::ids::ThreadId;
use ompcord::sim::{Reply, Sim, SimConfig};

use crate::commands::{named, slash};
use crate::commands_table::session_of;
use crate::harness::{Bench, eventually, processes};

async fn ask(bench: &Bench, thread: ThreadId, what: &str, options: &[(&str, &str)]) -> Reply {
    slash(bench, "alice", thread.channel(), what, options).await
}

/// A session whose agent has come up, so that its models are known.
async fn session(bench: &Bench) -> ThreadId {
    let (_, thread) = bench.launch("SAY:ready").await;
    bench.turns(thread, 1).await;
    thread
}

/// A bench whose agents end as soon as they have nothing to do.
async fn hasty() -> Bench {
    Bench::with_vars(|_| vec![("OMP_IDLE_TIMEOUT", "1s".to_owned())]).await
}

async fn asleep(bench: &Bench) {
    let agents = format!("--cwd {}", bench.work().display());
    eventually("the idle process to end", || processes(&agents).is_empty()).await;
}

#[tokio::test]
async fn a_model_is_changed_for_the_next_turn() {
    let bench = Bench::start().await;
    let thread = session(&bench).await;
    let now = ask(&bench, thread, "omp model", &[]).await;
    assert!(
        now.ephemeral
            && now.content().contains("`scripted/scripted-1`")
            && now.content().contains("`acme/fast`"),
        "{now:?}"
    );
    let reply = ask(&bench, thread, "omp model", &[("name", "acme/fast")]).await;
    assert!(!reply.ephemeral);
    assert_eq!(
        reply.content(),
        "🧠 Model: `scripted/scripted-1` → `acme/fast`, from now on."
    );
    bench.sim.say("alice", thread, "SAY:with another one").unwrap();
    let messages = bench.turns(thread, 2).await;
    assert!(
        messages.last().unwrap().content.contains("acme/fast"),
        "{messages:#?}"
    );
    // By its name alone, in a message, in the wrong case.
    bench.sim.say("alice", thread, "!omp model Special-7").unwrap();
    bench
        .sees(thread, "`acme/fast` → `scripted/special-7`, from now on")
        .await;
    for (wanted, hint) in [
        ("acme/fats", "Did you mean `acme/fast`?"),
        ("banana", "There is `scripted/scripted-1`"),
    ] {
        let reply = ask(&bench, thread, "omp model", &[("name", wanted)]).await;
        assert!(
            reply.content().contains("nothing was changed") && reply.content().contains(hint),
            "{reply:?}"
        );
    }
    bench.sim.say("alice", thread, "SAY:still that").unwrap();
    let messages = bench.turns(thread, 3).await;
    assert!(
        messages.last().unwrap().content.contains("special-7"),
        "{messages:#?}"
    );
    bench.finish().await;
}

#[tokio::test]
async fn a_change_in_the_middle_of_a_turn_says_from_when_it_holds() {
    let bench = Bench::start().await;
    let thread = session(&bench).await;
    bench.sim.say("alice", thread, "STEERABLE").unwrap();
    let typing = move |sim: &Sim| sim.is_typing(thread).then_some(());
    bench.sim.until("the turn to run", typing).await;
    let reply = ask(&bench, thread, "omp model", &[("name", "acme/fast")]).await;
    assert!(
        reply.content().contains("from the agent's next step"),
        "{reply:?}"
    );
    let reply = ask(&bench, thread, "omp thinking", &[("level", "low")]).await;
    assert!(
        reply.content().contains("from the agent's next step"),
        "{reply:?}"
    );
    let reply = ask(&bench, thread, "omp compact", &[]).await;
    assert!(
        reply.content().contains("A turn is running") && reply.content().contains("/omp cancel"),
        "{reply:?}"
    );
    bench.sim.say("alice", thread, "!go on").unwrap();
    bench.turns(thread, 2).await;
    bench.finish().await;
}

#[tokio::test]
async fn a_change_without_a_process_is_used_at_the_next_start() {
    let mut bench = hasty().await;
    let thread = session(&bench).await;
    asleep(&bench).await;
    let reply = ask(&bench, thread, "omp model", &[("name", "acme/fast")]).await;
    assert!(
        reply.content().contains("as soon as the agent is started again"),
        "{reply:?}"
    );
    let reply = ask(&bench, thread, "omp thinking", &[("level", "HIGH")]).await;
    assert!(reply.content().contains("`high`, as soon as"), "{reply:?}");
    let now = ask(&bench, thread, "omp thinking", &[]).await;
    assert!(
        now.content().contains("Thinking: `high`") && now.content().contains("`low`"),
        "{now:?}"
    );
    // Over a restart of the daemon too, and what there is to choose from is still known.
    bench.shut_down().await;
    bench.boot().await;
    let unknown = ask(&bench, thread, "omp model", &[("name", "acme/fats")]).await;
    assert!(unknown.content().contains("`acme/fast`"), "{unknown:?}");
    bench.sim.say("alice", thread, "SAY:awake").unwrap();
    let messages = bench.turns(thread, 2).await;
    assert!(
        messages.last().unwrap().content.contains("acme/fast"),
        "{messages:#?}"
    );
    bench.finish().await;
}

#[tokio::test]
async fn thinking_is_changed_and_what_the_model_makes_of_it_is_said() {
    let bench = Bench::start().await;
    let thread = session(&bench).await;
    let reply = ask(&bench, thread, "omp thinking", &[("level", "medium")]).await;
    assert!(
        reply.content().contains("💭 Thinking: ") && reply.content().contains("`medium`, from now on"),
        "{reply:?}"
    );
    let reply = ask(&bench, thread, "omp thinking", &[("level", "max")]).await;
    assert!(reply.content().contains("it takes `high` for it"), "{reply:?}");
    let reply = ask(&bench, thread, "omp thinking", &[("level", "hihg")]).await;
    assert!(
        reply.content().contains("no thinking level `hihg`")
            && reply.content().contains("Did you mean `high`"),
        "{reply:?}"
    );
    bench.finish().await;
}

#[tokio::test]
async fn compacting_says_what_it_brought_and_wakes_the_agent_for_it() {
    let bench = hasty().await;
    let thread = session(&bench).await;
    asleep(&bench).await;
    let reply = ask(
        &bench,
        thread,
        "omp compact",
        &[("instructions", "keep the names")],
    )
    .await;
    assert_eq!(reply.content(), "🗜️ Compacted: 180 → 100 tokens.");
    let reply = ask(&bench, thread, "omp compact", &[]).await;
    assert!(
        reply.content().contains("Nothing to compact") || reply.content().contains("Compacted"),
        "{reply:?}"
    );
    asleep(&bench).await;
    assert_eq!(bench.history(thread).await, "History: SAY:ready | HISTORY");
    bench.finish().await;
}

#[tokio::test]
async fn compacting_ends_with_the_agent_and_says_so() {
    let bench = Bench::start().await;
    let thread = session(&bench).await;
    let hold = bench.dir.path().join("scripted/hold");
    std::fs::write(&hold, "").unwrap();
    let asked = bench.sim.slash("alice", thread, "omp compact", &[]).unwrap();
    crate::commands_table::thinking(&bench.sim, asked).await;
    // The request is with this agent; before that, the next one would be asked.
    bench.board_says("compacting the conversation").await;
    for pid in processes(&format!("--cwd {}", bench.work().display())) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    }
    let reply = bench.sim.reply(asked).await;
    assert!(reply.content().contains("ended before it was done"), "{reply:?}");
    std::fs::remove_file(&hold).unwrap();
    // The conversation is as it was, and so is the session.
    assert_eq!(bench.history(thread).await, "History: SAY:ready | HISTORY");
    bench.finish().await;
}

#[tokio::test]
async fn a_past_session_goes_on_in_a_new_thread_with_its_memory() {
    let bench = Bench::start().await;
    let home = bench.sim.home_channel();
    let thread = session(&bench).await;
    let id = session_of(&bench, thread).await.to_string();
    ask(&bench, thread, "omp model", &[("name", "acme/fast")]).await;
    let open = slash(&bench, "alice", home, "omp resume", &[("session", &id)]).await;
    assert!(
        open.content().contains("open already") && named(&open) == thread,
        "{open:?}"
    );
    ask(&bench, thread, "omp stop", &[]).await;
    bench
        .sees(thread, "`/omp resume` continues it in a new thread")
        .await;
    let archived = |sim: &Sim| sim.thread(thread)?.archived.then_some(());
    bench.sim.until("the thread to be archived", archived).await;
    let reply = slash(&bench, "alice", home, "omp resume", &[("session", &id)]).await;
    let again = named(&reply);
    assert!(again != thread && !reply.ephemeral, "{reply:?}");
    bench.sees(again, "The conversation goes on where it ended").await;
    assert_eq!(
        bench.sim.thread(again).unwrap().name,
        bench.sim.thread(thread).unwrap().name
    );
    assert_eq!(bench.history(again).await, "History: SAY:ready | HISTORY");
    let footer = bench.turns(again, 1).await;
    assert!(
        footer.last().unwrap().content.contains("acme/fast"),
        "its model too: {footer:#?}"
    );
    // The old one is not there to be resumed a second time while this one lives.
    let twice = slash(&bench, "alice", home, "omp resume", &[("session", &id)]).await;
    assert!(
        twice.content().contains("open already") && named(&twice) == again,
        "{twice:?}"
    );
    // By its name, in a message, when this one has ended too.
    ask(&bench, again, "omp stop", &[]).await;
    let archived = |sim: &Sim| sim.thread(again)?.archived.then_some(());
    bench.sim.until("the thread to be archived", archived).await;
    let asked = bench.sim.say("alice", "home", "!omp resume say:ready").unwrap();
    let answer = |sim: &Sim| {
        sim.messages("home")
            .into_iter()
            .find(|m| m.reply_to == Some(asked))
    };
    let answer = bench.sim.until("the answer", answer).await;
    assert!(answer.content.contains("The conversation goes on"), "{answer:?}");
    bench.finish().await;
}

#[tokio::test]
async fn what_cannot_be_resumed_says_why() {
    let bench = Bench::start().await;
    let home = bench.sim.home_channel();
    let resume = async |session: &str| {
        let reply = slash(&bench, "alice", home, "omp resume", &[("session", session)]).await;
        reply.content().to_owned()
    };
    assert!(resume("anything").await.contains("No session has ended yet"));
    let place = bench.dir.path().join("my-project/gone");
    std::fs::create_dir(&place).unwrap();
    let made = slash(
        &bench,
        "alice",
        home,
        "omp new",
        &[("workspace", "gone"), ("topic", "The flower")],
    )
    .await;
    let thread = named(&made);
    let id = session_of(&bench, thread).await.to_string();
    ask(&bench, thread, "omp stop", &[]).await;
    bench.sees(thread, "Session stopped").await;
    assert!(resume(&id).await.contains("before its conversation began"));
    let made = slash(
        &bench,
        "alice",
        home,
        "omp new",
        &[
            ("workspace", "gone"),
            ("topic", "The garden"),
            ("prompt", "TITLE:The garden\nSAY:x"),
        ],
    )
    .await;
    let thread = named(&made);
    bench.sees(thread, "-# gone ⋅").await;
    ask(&bench, thread, "omp stop", &[]).await;
    bench.sees(thread, "Session stopped").await;
    std::fs::remove_dir(&place).unwrap();
    assert!(resume("garden").await.contains("is not there any more"));
    assert!(resume("The gardne").await.contains("The garden`?"));
    bench.finish().await;
}

#[tokio::test]
async fn a_conversation_is_resumed_when_its_agent_of_before_is_gone() {
    let mut bench = Bench::on(Sim::start(SimConfig::default()).await.unwrap(), Vec::new(), None);
    bench.patience.rung = std::time::Duration::from_millis(700);
    bench.boot().await;
    let thread = session(&bench).await;
    let id = session_of(&bench, thread).await.to_string();
    bench.sim.say("alice", thread, "IGNORE_TERM STEERABLE").unwrap();
    bench.card_says(thread, "🔵 Busy").await;
    let agents = format!("--cwd {}", bench.work().display());
    let before = processes(&agents);
    assert!(!before.is_empty());
    ask(&bench, thread, "omp stop", &[]).await;
    let home = bench.sim.home_channel();
    let reply = slash(&bench, "alice", home, "omp resume", &[("session", &id)]).await;
    let now = processes(&agents);
    assert!(reply.content().contains("goes on in"), "{reply:?}");
    assert!(before.iter().all(|pid| !now.contains(pid)), "{before:?} {now:?}");
    let history = bench.history(named(&reply)).await;
    assert!(history.starts_with("History: SAY:ready"), "{history}");
    bench.finish().await;
}

#[tokio::test]
async fn two_who_resume_at_once_get_one_thread() {
    let bench = Bench::start().await;
    let thread = session(&bench).await;
    let id = session_of(&bench, thread).await.to_string();
    ask(&bench, thread, "omp stop", &[]).await;
    bench.sees(thread, "Session stopped").await;
    let asked: Vec<_> = (0..4)
        .map(|_| {
            bench
                .sim
                .slash("alice", "home", "omp resume", &[("session", &id)])
                .unwrap()
        })
        .collect();
    let mut made = 0;
    for asked in asked {
        let reply = bench.sim.reply(asked).await;
        made += usize::from(reply.content().contains("goes on in"));
        assert!(
            reply.content().contains("goes on in") || reply.content().contains("open already"),
            "{reply:?}"
        );
    }
    assert_eq!((made, bench.sim.threads().len()), (1, 2));
    bench.finish().await;
}

#[tokio::test]
async fn the_buttons_of_a_card_do_what_the_commands_do() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let (_, thread) = bench.launch("STEERABLE").await;
    let typing = move |sim: &Sim| sim.is_typing(thread).then_some(());
    sim.until("the turn to run", typing).await;
    let waiting = sim.say("alice", thread, "SAY:later").unwrap();
    bench.marked(waiting, "📥", true).await;
    let stranger = bench.press("mallory", thread, "Cancel").await;
    assert!(
        stranger.ephemeral && stranger.content().contains("DISCORD_ALLOWED_USERS"),
        "{stranger:?}"
    );
    let queue = bench.press("alice", thread, "Queue").await;
    assert!(
        queue.ephemeral && queue.content().contains("**1 prompt** in the queue"),
        "{queue:?}"
    );
    let log = bench.press("alice", thread, "Log").await;
    assert!(log.ephemeral && log.message.unwrap().attachments.len() == 1);
    let cancel = bench.press("alice", thread, "Cancel").await;
    assert!(
        cancel.ephemeral && cancel.content().contains("Cancelling"),
        "{cancel:?}"
    );
    bench.turns(thread, 1).await;
    let cancel = bench.press("alice", thread, "Stop").await;
    let question = cancel.message.clone().unwrap();
    assert!(
        cancel.ephemeral && question.content.contains("1 waiting"),
        "{question:?}"
    );
    assert!(!sim.thread(thread).unwrap().archived, "it was only asked");
    sim.click("alice", question.id, "End session").unwrap();
    let archived = |sim: &Sim| sim.thread(thread)?.archived.then_some(());
    sim.until("the thread to be archived", archived).await;
    let told = |sim: &Sim| {
        sim.message(question.id)
            .filter(|m| m.content.contains("Stopping"))
    };
    assert!(sim.until("the answer", told).await.buttons.is_empty());
    bench.marked(waiting, "📥", false).await;
    let late = sim.click("alice", question.id, "End session");
    assert!(late.is_err(), "the button is gone");
    bench.finish().await;
}
