//! What a restart, a crash, or a gap in the connection leaves behind: nothing is lost, nothing runs twice.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ompcord::ids::ThreadId;
use ompcord::sim::{Sim, SimConfig};

use crate::commands::slash;
use crate::harness::{Bench, answers, eventually, footers, processes, talk};

/// Waits until the turn in this thread runs.
async fn running(sim: &Sim, thread: ThreadId) {
    let typing = move |sim: &Sim| sim.is_typing(thread).then_some(());
    sim.until("the turn to run", typing).await;
}

fn count(sim: &Sim, thread: ThreadId, what: &str) -> usize {
    let messages = sim.messages(thread);
    messages
        .iter()
        .filter(|m| m.by_bot && m.content.contains(what))
        .count()
}

/// A daemon that waits for nothing for long.
async fn impatient() -> Bench {
    let mut bench = Bench::on(Sim::start(SimConfig::default()).await.unwrap(), Vec::new(), None);
    bench.patience.drain = Duration::from_millis(300);
    bench.patience.rung = Duration::from_millis(300);
    bench.boot().await;
    bench
}

#[tokio::test]
async fn an_idle_session_goes_on_after_a_shutdown() {
    let mut bench = Bench::start().await;
    let (_, thread) = bench.launch("SAY:one").await;
    bench.turns(thread, 1).await;
    let before = talk(&bench.sim, thread).len();
    bench.shut_down().await;
    let agents = format!("--cwd {}", bench.work().display());
    assert!(processes(&agents).is_empty());
    bench.boot().await;
    assert_eq!(bench.history(thread).await, "History: SAY:one | HISTORY");
    assert_eq!(
        talk(&bench.sim, thread).len(),
        before + 3,
        "the prompt, an answer and a footer: a restart says nothing by itself"
    );
    bench.finish().await;
}

#[tokio::test]
async fn a_shutdown_lets_the_turn_finish_and_keeps_the_queue() {
    let mut bench = Bench::start().await;
    let (_, thread) = bench
        .launch("SLOW:100\nSAY:one two three four five six seven")
        .await;
    running(&bench.sim, thread).await;
    let waiting = bench.sim.say("alice", thread, "SAY:after the restart").unwrap();
    bench.marked(waiting, "📥", true).await;
    bench.ask_to_end();
    bench.sees(thread, "shutting down").await;
    bench.shut_down().await;
    assert_eq!(footers(&bench.sim, thread), 1, "{}", bench.sim.picture());
    assert!(answers(&bench.sim.messages(thread)).contains("six seven"));
    bench.boot().await;
    let messages = bench.turns(thread, 2).await;
    assert!(answers(&messages).contains("after the restart"));
    bench.marked(waiting, "📥", false).await;
    let history = bench.history(thread).await;
    assert_eq!(history.matches("after the restart").count(), 1, "{history}");
    bench.finish().await;
}

#[tokio::test]
async fn a_turn_that_outlives_the_shutdown_is_interrupted_and_can_be_continued() {
    let mut bench = impatient().await;
    let (message, thread) = bench.launch("HANG").await;
    running(&bench.sim, thread).await;
    let waiting = bench.sim.say("alice", thread, "SAY:I waited").unwrap();
    bench.marked(waiting, "📥", true).await;
    bench.shut_down().await;
    bench.sees(thread, "ompcord was interrupted").await;
    assert!(processes(&format!("--cwd {}", bench.work().display())).is_empty());
    bench.boot().await;
    assert_eq!(
        count(&bench.sim, thread, "ompcord was interrupted"),
        1,
        "it is said once"
    );
    let refused = bench.press("mallory", thread, "Discard").await;
    assert!(refused.ephemeral, "{refused:?}");
    bench.press("alice", thread, "Discard").await;
    let messages = bench.turns(thread, 2).await;
    assert!(answers(&messages).contains("I waited"));
    let unpinned = move |sim: &Sim| (!sim.message(message)?.pinned).then_some(());
    bench.sim.until("it to be unpinned", unpinned).await;
    bench.finish().await;
}

#[tokio::test]
async fn a_turn_that_ran_when_the_daemon_was_killed_is_asked_about_and_continued() {
    let mut bench = Bench::start().await;
    let (message, thread) = bench.launch("STEERABLE").await;
    running(&bench.sim, thread).await;
    let waiting = bench.sim.say("alice", thread, "SAY:I waited").unwrap();
    bench.marked(waiting, "📥", true).await;
    bench.abort().await;
    bench.boot().await;
    let asked = bench.sees(thread, "ompcord was interrupted").await;
    assert!(asked.content.contains("STEERABLE") && !asked.silent, "{asked:?}");
    let unpinned = move |sim: &Sim| (!sim.message(message)?.pinned).then_some(());
    bench.sim.until("it to be unpinned", unpinned).await;
    // Nothing runs before somebody decides.
    bench.barrier().await;
    assert_eq!(footers(&bench.sim, thread), 0);
    // Another crash before the decision changes nothing.
    bench.abort().await;
    bench.boot().await;
    bench.barrier().await;
    assert_eq!(count(&bench.sim, thread, "ompcord was interrupted"), 1);
    // The question may be far up by now: `/omp queue` brings its buttons along.
    let queue = slash(&bench, "alice", thread.channel(), "omp queue", &[]).await;
    assert!(
        queue.content().contains("Interrupted while it ran: <@"),
        "{queue:?}"
    );
    let queue = queue.message.unwrap().id;
    let click = bench.sim.click("alice", queue, "Continue").unwrap();
    bench.sim.reply(click).await;
    let said = move |sim: &Sim| {
        sim.message(queue)?
            .content
            .contains("Continue ⋅ alice")
            .then_some(())
    };
    bench.sim.until("the list to say what was chosen", said).await;
    running(&bench.sim, thread).await;
    bench.sim.say("alice", thread, "!on you go").unwrap();
    let messages = bench.turns(thread, 2).await;
    assert!(answers(&messages).contains("I waited"));
    bench.marked(waiting, "📥", false).await;
    let history = bench.history(thread).await;
    assert!(
        history.contains("Your previous turn was interrupted"),
        "{history}"
    );
    assert_eq!(history.matches("SAY:I waited").count(), 1, "{history}");
    bench.finish().await;
}

#[tokio::test]
async fn a_launch_that_the_daemon_died_in_is_finished_once() {
    use ompcord::sim::{Fault, Mishap};
    let mut bench = Bench::start().await;
    // The thread is made, and the daemon never hears of it.
    bench.sim.fault(Fault::next(
        "POST",
        "/channels/{}/messages/{}/threads",
        Mishap::Hang,
    ));
    let (message, thread) = bench.launch("SAY:made it").await;
    bench.abort().await;
    bench.sim.say("alice", thread, "SAY:and this").unwrap();
    bench.boot().await;
    bench.sim.react("bob", message, "🚀").unwrap();
    let messages = bench.turns(thread, 2).await;
    assert_eq!(answers(&messages), "made it\nand this");
    assert_eq!(count(&bench.sim, thread, "session_"), 1);
    bench.finish().await;
}

#[tokio::test]
async fn what_was_written_while_it_was_away_runs_or_is_asked_about() {
    let mut bench = Bench::on(Sim::start(SimConfig::default()).await.unwrap(), Vec::new(), None);
    let bot = bench.sim.bot_id();
    let ago = Duration::from_mins;
    let say_ago = |bench: &Bench, place: ompcord::ids::ChannelId, text: &str, minutes| {
        bench.sim.say_ago("alice", place, text, ago(minutes)).unwrap()
    };
    let home = bench.sim.home_channel();
    bench.boot().await;
    // It has looked at the channel before anything was written there, or it would fetch what it also hears.
    let route = format!("/channels/{home}/messages");
    let looked = |sim: &Sim| (sim.count("GET", &route) >= 3).then_some(());
    bench.sim.until("the daemon to have looked", looked).await;
    // An hour ago the bot was mentioned, so the thread and everything after it can be old.
    let message = say_ago(&bench, home, &format!("<@{bot}> SAY:long ago"), 60);
    let thread = message.thread();
    bench.turns(thread, 1).await;
    bench.abort().await;
    let old = say_ago(&bench, thread.channel(), "SAY:an old one", 30);
    let older = say_ago(&bench, thread.channel(), "SAY:another old one", 20);
    let mention = say_ago(&bench, home, &format!("<@{bot}> SAY:an old mention"), 15);
    bench.sim.say("mallory", thread, "SAY:of a stranger").unwrap();
    let fresh = say_ago(&bench, thread.channel(), "SAY:a fresh one", 5);
    bench.sim.say("alice", thread, "!omp cancel").unwrap();
    bench.boot().await;
    let messages = bench.turns(thread, 2).await;
    assert!(
        answers(&messages).contains("a fresh one"),
        "{}",
        answers(&messages)
    );
    let asked = bench.sees(thread, "> SAY:an old one").await;
    assert!(
        asked.content.contains("while ompcord was away"),
        "{}",
        asked.content
    );
    bench.sees(thread, "> SAY:another old one").await;
    let mentioned = bench.sees(mention.thread(), "while ompcord was away").await;
    let click = bench.sim.click("alice", mentioned.id, "Run").unwrap();
    bench.sim.reply(click).await;
    bench.turns(mention.thread(), 1).await;
    // A prompt that nobody wants does not stay pinned.
    let unpinned = |message| move |sim: &Sim| (!sim.message(message)?.pinned).then_some(());
    bench.sim.until("it to be unpinned", unpinned(mention)).await;
    // A restart does not ask again, and the buttons still work.
    bench.abort().await;
    bench.boot().await;
    bench.press("alice", thread, "Ignore").await;
    let click = bench.sim.click("alice", asked.id, "Run").unwrap();
    bench.sim.reply(click).await;
    bench.turns(thread, 3).await;
    assert_eq!(count(&bench.sim, thread, "while ompcord was away"), 2);
    assert_eq!(
        bench.history(thread).await,
        "History: SAY:long ago | SAY:a fresh one | SAY:an old one | HISTORY"
    );
    for message in [old, older, fresh] {
        bench.marked(message, "📥", false).await;
    }
    bench.finish().await;
}

#[tokio::test]
async fn a_first_message_in_a_thread_is_not_missed() {
    let mut bench = Bench::start().await;
    let reply = bench.sim.slash("alice", "home", "omp new", &[]).unwrap();
    bench.sim.reply(reply).await;
    let thread = bench.sim.threads()[0].id;
    bench.abort().await;
    for n in 1..=120 {
        bench.sim.say("mallory", thread, &format!("noise {n}")).unwrap();
    }
    bench.sim.say("alice", thread, "SAY:first of all").unwrap();
    bench.sim.say("alice", thread, "SAY:second of all").unwrap();
    bench.boot().await;
    bench.turns(thread, 2).await;
    assert_eq!(
        bench.history(thread).await,
        "History: SAY:first of all | SAY:second of all | HISTORY"
    );
    bench.finish().await;
}

#[tokio::test]
async fn a_dropped_gateway_loses_and_doubles_nothing() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let (_, thread) = bench.launch("SAY:zero").await;
    bench.turns(thread, 1).await;
    let mut expected = String::from("History: SAY:zero");
    for round in 1_u64..=2 {
        let (identified, resumed) = sim.logins();
        // Every other time the session cannot be resumed, and what was missed has to be fetched.
        let lost = round.is_multiple_of(2);
        sim.refuse_resumes(u64::from(lost));
        sim.set_gateway_down(true);
        for n in 1..=3 {
            sim.say("alice", thread, &format!("SAY:{round}.{n}")).unwrap();
            expected = format!("{expected} | SAY:{round}.{n}");
        }
        sim.set_gateway_down(false);
        let back = |sim: &Sim| {
            let now = sim.logins();
            let is_back = if lost { now.0 > identified } else { now.1 > resumed };
            (is_back && sim.gateway_connected()).then_some(())
        };
        sim.until("the gateway to be back", back).await;
        bench.turns(thread, 1 + usize::try_from(round).unwrap() * 3).await;
    }
    // Events that are given again all at once may overtake each other before they reach the queue, so the order
    // within a burst is not asserted here.
    let history = bench.history(thread).await;
    let mut told: Vec<_> = history.split(" | ").collect();
    let expected = format!("{expected} | HISTORY");
    let mut wanted: Vec<_> = expected.split(" | ").collect();
    told.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(told, wanted);
    bench.finish().await;
}

#[tokio::test]
async fn a_deleted_thread_ends_its_session_and_nothing_else() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let (message, thread) = bench.launch("SLOW:20\nLONG:20").await;
    running(sim, thread).await;
    sim.say("alice", thread, "SAY:waits for nothing").unwrap();
    sim.delete_channel(thread).unwrap();
    let agents = format!("--cwd {}", bench.work().display());
    eventually("the agent to be ended", || processes(&agents).is_empty()).await;
    let unpinned = move |sim: &Sim| (!sim.message(message)?.pinned).then_some(());
    sim.until("it to be unpinned", unpinned).await;
    bench.barrier().await;
    bench.finish().await;
}

/// What comes for a session that is over wakes nobody who would find it over again, for ever.
#[tokio::test]
async fn a_sleeping_session_whose_thread_is_deleted_is_looked_at_once() {
    use nix::sys::signal::Signal;
    let mut bench = Bench::on(Sim::start(SimConfig::default()).await.unwrap(), Vec::new(), None);
    bench.set("OMPCORD_LOG", "info,ompcord::session=debug");
    let program = Program::run(&bench).await;
    let (_, thread) = bench.launch("SAY:done").await;
    bench.turns(thread, 1).await;
    program.signal(Signal::SIGTERM);
    assert!(program.ended().await.success());
    let away = |sim: &Sim| (!sim.gateway_connected()).then_some(());
    bench.sim.until("the gateway to notice", away).await;

    // From here on nothing is to be done in it, so it sleeps.
    let program = Program::run(&bench).await;
    bench.sim.delete_channel(thread).unwrap();
    // What is written after it is acted on after it.
    let (_, other) = bench.launch("SAY:one").await;
    bench.turns(other, 1).await;
    bench.sim.say("alice", other, "SAY:two").unwrap();
    bench.turns(other, 2).await;
    program.signal(Signal::SIGTERM);
    assert!(program.ended().await.success());
    let log = Program::log(&bench);
    assert!(log.contains("is gone"), "{log}");
    // Once over the thread that is gone, and for the other one.
    let awake = log.lines().filter(|line| line.contains("is awake")).count();
    assert!((2..=6).contains(&awake), "{awake} times: {log}");
    bench.finish().await;
}

#[tokio::test]
async fn a_thread_deleted_while_it_was_away_ends_its_session() {
    let mut bench = Bench::start().await;
    let (_, thread) = bench.launch("STEERABLE").await;
    running(&bench.sim, thread).await;
    bench.abort().await;
    bench.sim.delete_channel(thread).unwrap();
    bench.boot().await;
    bench.barrier().await;
    let reply = bench
        .sim
        .slash("alice", "home", "omp new", &[("topic", "alive")])
        .unwrap();
    assert!(bench.sim.reply(reply).await.content().contains("Session started"));
    bench.finish().await;
}

#[tokio::test]
async fn a_message_that_is_deleted_while_it_runs_runs_on() {
    let bench = Bench::start().await;
    let sim = &bench.sim;
    let (message, thread) = bench.launch("STEERABLE").await;
    running(sim, thread).await;
    sim.delete(message).unwrap();
    sim.say("alice", thread, "!go").unwrap();
    bench.turns(thread, 1).await;
    let running_one = sim.say("alice", thread, "STEERABLE").unwrap();
    running(sim, thread).await;
    bench.marked(running_one, "📥", false).await;
    let queued = sim.say("alice", thread, "SAY:later").unwrap();
    bench.marked(queued, "📥", true).await;
    sim.delete(running_one).unwrap();
    sim.say("alice", thread, "!go").unwrap();
    bench.turns(thread, 3).await;
    assert_eq!(
        bench.history(thread).await,
        "History: STEERABLE | go | STEERABLE | go | SAY:later | HISTORY"
    );
    bench.finish().await;
}

/// The program itself, against the simulated Discord.
pub struct Program(Child);

impl Program {
    pub async fn run(bench: &Bench) -> Self {
        let program = Self::start(bench, None);
        let connected = |sim: &Sim| sim.gateway_connected().then_some(());
        bench.sim.until("the program to connect", connected).await;
        program
    }

    /// Starts it without waiting for anything. It ends itself by SIGKILL at the place that is named.
    pub fn start(bench: &Bench, die_at: Option<&str>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ompcord"));
        let file = bench.dir.path().join("empty.env");
        std::fs::write(&file, "").unwrap();
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", bench.dir.path())
            .env("OMPCORD_HTTP_ADDR", "127.0.0.1:0")
            .envs(bench.vars())
            .arg("--env-file")
            .arg(file)
            .arg("run")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(bench.dir.path().join("log.txt")).unwrap());
        command.envs(die_at.map(|place| ("OMPCORD_DIE_AT", place)));
        Self(command.spawn().unwrap())
    }

    /// What it has logged so far.
    pub fn log(bench: &Bench) -> String {
        std::fs::read_to_string(bench.dir.path().join("log.txt")).unwrap()
    }

    /// Where its HTTP API is, once it has said so.
    pub fn url(bench: &Bench) -> Option<String> {
        let log = Self::log(bench);
        let (_, rest) = log.split_once("answers on ")?;
        Some(rest.split_once("/healthz")?.0.to_owned())
    }

    /// How it ended, if it has.
    pub fn try_ended(&mut self) -> Option<std::process::ExitStatus> {
        self.0.try_wait().unwrap()
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.id().try_into().unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    pub async fn ended(mut self) -> std::process::ExitStatus {
        tokio::task::spawn_blocking(move || self.0.wait().unwrap())
            .await
            .unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test]
async fn the_program_itself_survives_sigkill_and_ends_well_on_sigterm() {
    use nix::sys::signal::Signal;
    let bench = Bench::on(Sim::start(SimConfig::default()).await.unwrap(), Vec::new(), None);
    let sim = &bench.sim;
    let program = Program::run(&bench).await;
    let (_, thread) = bench.launch("SAY:Ready to go.\nSTEERABLE").await;
    // From its first words on the agent has a conversation to come back to.
    bench.sees(thread, "Ready to").await;
    let waiting = sim.say("alice", thread, "SAY:I waited").unwrap();
    bench.marked(waiting, "📥", true).await;
    program.signal(Signal::SIGKILL);
    assert!(!program.ended().await.success());
    sim.until("the gateway to notice", |sim| {
        (!sim.gateway_connected()).then_some(())
    })
    .await;
    sim.say("alice", thread, "SAY:while it was dead").unwrap();

    let program = Program::run(&bench).await;
    bench.sees(thread, "ompcord was interrupted").await;
    bench.press("alice", thread, "Discard").await;
    bench.turns(thread, 2).await;
    assert_eq!(
        bench.history(thread).await,
        "History: SAY:Ready to go.\nSTEERABLE | SAY:I waited | SAY:while it was dead | HISTORY"
    );
    program.signal(Signal::SIGTERM);
    let log = bench.dir.path().join("log.txt");
    let status = program.ended().await;
    assert!(
        status.success(),
        "{status}: {}",
        std::fs::read_to_string(log).unwrap()
    );
    bench.finish().await;
}
