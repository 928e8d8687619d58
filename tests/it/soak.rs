//! A long run of random people, faults, restarts and agents, in which what must always hold is checked throughout.
//!
//! Every prompt has a number of its own in its words and in its answer, so what became of each can be found out from
//! outside: from what the agent was told and from what the thread shows. The wishes of a run come from its seed alone.
//!
//!     scripts/soak --hours 1 --seed 7

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use ompcord::ids::{MessageId, ThreadId};
use ompcord::sim::{Fault, Mishap, SeenMessage, Sim, SimConfig};

use crate::harness::{Bench, card, eventually, processes};
use crate::restart::Program;

/// How long the run is in the suite, in wishes; by hand it goes by the clock.
const WISHES: usize = 160;
/// After so many wishes everything comes to rest and is looked at.
const EPOCH: usize = 40;
/// So many sessions are open at once.
const SESSIONS: usize = 4;

/// Chance with a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        (!all.is_empty()).then(|| all[self.below(all.len())].clone())
    }
}

/// A prompt as it is stored: its id, its message, its position, its state, its text.
type Row = (i64, Option<i64>, i64, String, String);

/// What people may still expect of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It runs, or its thread says why not.
    Wanted,
    /// Somebody has changed, dropped or cancelled it: at most once is all that can be said.
    Loose,
}

#[derive(Debug)]
struct Prompt {
    thread: ThreadId,
    message: MessageId,
    fate: Fate,
}

/// The figures of a run.
#[derive(Debug, Default)]
struct Tally {
    wishes: usize,
    prompts: usize,
    sessions: usize,
    steers: usize,
    clicks: usize,
    edits: usize,
    cancels: usize,
    stops: usize,
    faults: usize,
    kills: usize,
    terms: usize,
    gateways: usize,
    rests: usize,
}

/// What the daemon's process holds.
#[derive(Debug, Clone, Copy)]
struct Holds {
    files: usize,
    resident_kb: usize,
    threads: usize,
}

struct Soak {
    bench: Bench,
    sim: Sim,
    program: Option<Program>,
    dice: Dice,
    open: Vec<ThreadId>,
    /// The threads that somebody has ended, or tried to: a command that comes while the daemon is away is not carried out.
    ended: Vec<ThreadId>,
    prompts: BTreeMap<usize, Prompt>,
    pressed: BTreeSet<MessageId>,
    tally: Tally,
    /// From here on the daemon is not ended any more, so that what it holds can be compared.
    steady: bool,
}

fn token(number: usize) -> String {
    format!("p{number:05}")
}

fn by_bot(sim: &Sim, thread: ThreadId) -> Vec<SeenMessage> {
    sim.messages(thread).into_iter().filter(|m| m.by_bot).collect()
}

impl Soak {
    async fn new(seed: u64) -> Self {
        let sim = Sim::start(SimConfig::default()).await.unwrap();
        let vars = vec![("OMP_MAX_PROCESSES", "3".to_owned())];
        let bench = Bench::on(sim.clone(), vars, None);
        let program = Some(Program::run(&bench).await);
        Self {
            bench,
            sim,
            program,
            dice: Dice(seed),
            open: Vec::new(),
            ended: Vec::new(),
            prompts: BTreeMap::new(),
            pressed: BTreeSet::new(),
            tally: Tally::default(),
            steady: false,
        }
    }

    /// What an agent is to do: all that it may do well or badly, within a second or two.
    fn script(&mut self, number: usize) -> String {
        let says = format!("SAY:answer to {}.", token(number));
        match self.dice.below(14) {
            0 => format!("LINES:40:0\n{says}"),
            1 => format!("LINES:30:60\n{says}"),
            2 => format!("TOOLMS:200\nTOOL:bash:{{\"command\":\"x\"}}\n{says}"),
            3 => format!("SLOW:60\n{says} It takes its time and says quite a lot."),
            4 => format!("APPROVE:bash:make {}\n{says}", token(number)),
            5 => format!("ASK:Which for {}?|one|two\n{says}", token(number)),
            6 => format!("{says}\nCRASH:3"),
            7 => format!("OUT:{}\nKILLSELF", token(number)),
            8 => format!("GARBAGE\n{says}"),
            9 => format!("RETRY:1\n{says}"),
            10 => format!("ERROR:no credit for {}", token(number)),
            _ => says,
        }
    }

    fn prompt(&mut self, thread: Option<ThreadId>) {
        let number = self.prompts.len() + 1;
        let script = self.script(number);
        let message = match thread {
            Some(thread) => self.sim.say("alice", thread, &script).unwrap(),
            None => self.sim.say("alice", "home", &script).unwrap(),
        };
        if thread.is_none() {
            self.sim.react("alice", message, "🚀").unwrap();
            self.open.push(message.thread());
            self.tally.sessions += 1;
        }
        let thread = thread.unwrap_or(message.thread());
        let fate = Fate::Wanted;
        self.prompts.insert(
            number,
            Prompt {
                thread,
                message,
                fate,
            },
        );
        self.tally.prompts += 1;
    }

    /// Nothing certain can be said any more of what this thread was asked so far.
    fn loosen(&mut self, thread: ThreadId) {
        for prompt in self.prompts.values_mut().filter(|p| p.thread == thread) {
            prompt.fate = Fate::Loose;
        }
    }

    /// A thread that is there by now.
    fn thread(&mut self) -> Option<ThreadId> {
        let there: Vec<ThreadId> = self
            .open
            .iter()
            .copied()
            .filter(|thread| self.sim.thread(*thread).is_some())
            .collect();
        self.dice.one_of(&there)
    }

    async fn wish(&mut self) {
        self.tally.wishes += 1;
        let what = self.dice.below(100);
        let thread = self.thread();
        match (what, thread) {
            (0..=11, _) if self.open.len() < SESSIONS => self.prompt(None),
            (0..=49, Some(thread)) => self.prompt(Some(thread)),
            (50..=55, Some(thread)) => {
                self.tally.steers += 1;
                self.sim.say("alice", thread, "!and hurry up").unwrap();
            }
            (56..=61, Some(thread)) => self.meddle(thread),
            (62..=71, Some(thread)) => self.click(thread),
            (72..=76, Some(thread)) => {
                self.tally.cancels += 1;
                self.loosen(thread);
                self.sim.say("alice", thread, "!omp cancel").unwrap();
            }
            (77..=78, Some(thread)) => self.stop(thread),
            (79..=80, Some(thread)) => {
                self.sim.say("mallory", thread, "SAY:I am nobody").unwrap();
            }
            (81..=88, _) => self.fault(),
            (89..=91, _) => {
                self.tally.gateways += 1;
                if self.dice.below(2) == 0 {
                    self.sim.refuse_resumes(1);
                }
                self.sim.drop_gateway();
            }
            (92..=99, _) if !self.steady => self.restart().await,
            _ => {}
        }
        // People are not as fast as programs, and things have to overlap: this is the load, not a wait.
        tokio::time::sleep(Duration::from_millis(self.dice.next() % 250)).await;
    }

    /// Changes or deletes something that was written before.
    fn meddle(&mut self, thread: ThreadId) {
        let of_it = |(number, prompt): (&usize, &Prompt)| (prompt.thread == thread).then_some(*number);
        let numbers: Vec<usize> = self.prompts.iter().filter_map(of_it).collect();
        let Some(number) = self.dice.one_of(&numbers) else {
            return;
        };
        self.tally.edits += 1;
        let delete = self.dice.below(2) == 0;
        let prompt = self.prompts.get_mut(&number).unwrap();
        prompt.fate = Fate::Loose;
        // The message that a thread hangs on may be gone already.
        if delete {
            self.sim.delete(prompt.message).ok();
        } else {
            let text = format!("SAY:answer to {}.", token(number));
            self.sim.edit("alice", prompt.message, &text).ok();
        }
    }

    /// Presses any button that decides something; those that would run something again are left alone.
    fn click(&mut self, thread: ThreadId) {
        const SAFE: [&str; 9] = [
            "Approve",
            "Deny",
            "Discard",
            "Ignore",
            "Run",
            "Continue queue",
            "Queue",
            "Log",
            "one",
        ];
        let messages = by_bot(&self.sim, thread);
        let buttons = messages
            .iter()
            .flat_map(|m| m.buttons.iter().map(|b| (m.id, b.label.clone())));
        let safe: Vec<_> = buttons
            .filter(|(_, label)| SAFE.contains(&label.as_str()))
            .collect();
        if let Some((message, label)) = self.dice.one_of(&safe) {
            self.tally.clicks += 1;
            let who = if self.dice.below(5) == 0 {
                "mallory"
            } else {
                "alice"
            };
            if who == "alice" && matches!(label.as_str(), "Discard" | "Ignore") {
                self.loosen(thread);
            }
            self.sim.click(who, message, &label).ok();
        }
    }

    fn stop(&mut self, thread: ThreadId) {
        self.tally.stops += 1;
        self.loosen(thread);
        self.open.retain(|open| *open != thread);
        self.ended.push(thread);
        self.sim.say("alice", thread, "!omp stop").unwrap();
    }

    fn fault(&mut self) {
        self.tally.faults += 1;
        let routes = [
            ("POST", "/channels/*/messages"),
            ("PATCH", "/channels/*/messages/*"),
            ("*", "/channels/**"),
        ];
        let mishaps = [
            Mishap::status(500),
            Mishap::status(503),
            Mishap::LoseReply,
            Mishap::Cut,
            Mishap::rate_limited(Duration::from_millis(400)),
            Mishap::Slow { ms: 700 },
        ];
        let (method, route) = self.dice.one_of(&routes).unwrap();
        let mishap = self.dice.one_of(&mishaps).unwrap();
        let times = 1 + u32::try_from(self.dice.below(2)).unwrap();
        self.sim.fault(Fault::next(method, route, mishap).times(times));
    }

    /// Ends the daemon, well or badly, and starts it again, at once or after something was written meanwhile.
    async fn restart(&mut self) {
        let program = self.program.take().unwrap();
        if self.dice.below(2) == 0 {
            self.tally.kills += 1;
            program.signal(Signal::SIGKILL);
            program.ended().await;
        } else {
            self.tally.terms += 1;
            program.signal(Signal::SIGTERM);
            let status = program.ended().await;
            assert!(status.success(), "{status}: {}", self.log());
        }
        if let (0, Some(thread)) = (self.dice.below(2), self.thread()) {
            self.prompt(Some(thread));
        }
        let gone = |sim: &Sim| (!sim.gateway_connected()).then_some(());
        self.sim.until("the gateway to notice", gone).await;
        self.sim.clear_faults();
        self.program = Some(Program::run(&self.bench).await);
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.bench.dir.path().join("log.txt")).unwrap()
    }

    /// Everything comes to rest: whoever is asked says no, and whatever waits may go on. Then what happened is compared
    /// with what was wished for.
    async fn rest(&mut self) {
        self.tally.rests += 1;
        self.sim.clear_faults();
        let connected = |sim: &Sim| sim.gateway_connected().then_some(());
        self.sim.until("the daemon to be there", connected).await;
        for thread in self.open.clone() {
            let sim = self.sim.clone();
            sim.until("the thread of a launch", |sim| sim.thread(thread).map(|_| ()))
                .await;
            let history = self.history(thread).await;
            let rows = self.rows(thread).await;
            self.judge(thread, &history, &rows);
        }
        // A session does not live for ever, and its history must fit into one message.
        let stopped = |sim: &Sim, thread: ThreadId| {
            let mut said = by_bot(sim, thread).into_iter();
            said.any(|m| m.content.contains("Session stopped"))
        };
        self.ended.append(&mut self.open);
        for thread in std::mem::take(&mut self.ended) {
            let sim = self.sim.clone();
            if !stopped(&sim, thread) {
                sim.say("alice", thread, "!omp stop").unwrap();
            }
            let over = |sim: &Sim| stopped(sim, thread).then_some(());
            sim.until("the session to stop", over).await;
        }
        let agents = format!("--cwd {}", self.bench.work().display());
        eventually("the agents to end", || processes(&agents).is_empty()).await;
    }

    /// What the agent of this thread was told, after everything that waits there.
    async fn history(&mut self, thread: ThreadId) -> String {
        for round in 0.. {
            let marker = format!(
                "HISTORY h{:05}r{round}",
                self.tally.prompts + self.tally.rests * 10_000
            );
            self.sim.say("alice", thread, &marker).unwrap();
            // What was let go in this thread meanwhile may run after the question: it is asked again then.
            let mut went_on = false;
            loop {
                match self.next_answer(thread, &marker).await {
                    Ok(history) if !went_on => return history,
                    Ok(_) => break,
                    Err((place, message, way)) => {
                        if let Ok(click) = self.sim.click("alice", message, &way) {
                            // An acknowledgement says nothing yet: what the click does is done when the button is gone.
                            let came = |sim: &Sim| {
                                let reply = sim.reply_to(click)?;
                                let has_it = |m: &SeenMessage| m.button(&way).is_some_and(|b| !b.disabled);
                                let there = sim.message(message).as_ref().is_some_and(has_it);
                                let over = !there || reply.failed || !reply.followups.is_empty();
                                over.then_some(reply)
                            };
                            let sim = self.sim.clone();
                            if sim.until("the click to come to something", came).await.failed {
                                continue;
                            }
                        }
                        self.pressed.insert(message);
                        went_on |= place == thread;
                    }
                }
            }
        }
        unreachable!("a thread is asked until nothing of it waits")
    }

    /// The next thing that somebody is asked, with the button that ends it; where nobody is, the history.
    async fn next_answer(
        &self,
        thread: ThreadId,
        marker: &str,
    ) -> Result<String, (ThreadId, MessageId, String)> {
        let ways = ["Discard", "Ignore", "Continue queue", "Deny", "one"];
        let way = |m: &SeenMessage| {
            let open = |way: &&&str| m.button(way).is_some_and(|b| !b.disabled);
            ways.iter().find(open).filter(|_| !self.pressed.contains(&m.id))
        };
        let next = |sim: &Sim| {
            // In every thread: who waits for a person elsewhere may have the process that this one waits for.
            let asked = self.open.iter().find_map(|place| {
                let messages = by_bot(sim, *place);
                let found = messages.iter().find_map(|m| Some((m.id, way(m)?)));
                found.map(|(id, way)| Err((*place, id, (*way).to_owned())))
            });
            if asked.is_some() {
                return asked.filter(|_| sim.gateway_connected());
            }
            let messages = by_bot(sim, thread);
            let told = |m: &&SeenMessage| m.content.starts_with("History: ") && m.content.contains(marker);
            messages.iter().find(told).map(|m| Ok(m.content.clone()))
        };
        self.sim.until(&format!("{marker} in {thread}"), next).await
    }

    /// What the daemon has of this thread's prompts.
    async fn rows(&self, thread: ThreadId) -> Vec<Row> {
        use sqlx::Connection as _;
        let path = self.bench.config().database_path();
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(path)
            .read_only(true);
        let mut database = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        let rows = sqlx::query_as::<_, Row>(
            "SELECT prompt_id, discord_message_id, position, prompts.state, text FROM prompts JOIN agent_sessions USING (session_id)
             WHERE discord_thread_id = ? ORDER BY prompt_id",
        )
        .bind(thread.get().cast_signed())
        .fetch_all(&mut database)
        .await
        .unwrap();
        database.close().await.unwrap();
        rows
    }

    /// What must hold, whatever happened.
    fn judge(&self, thread: ThreadId, history: &str, rows: &[Row]) {
        // There is never a second card.
        card(&self.sim, thread);
        let messages = by_bot(&self.sim, thread);
        let picture = || {
            format!(
                "{history}\n{rows:#?}\n{}\n{:#?}\n{}",
                self.log(),
                self.tally,
                self.sim.picture()
            )
        };
        for (number, prompt) in self.prompts.iter().filter(|(_, p)| p.thread == thread) {
            let token = token(*number);
            let answer = format!("answer to {token}.");
            // The prompt itself says what the answer is.
            let told = history.matches(&format!("SAY:{answer}")).count();
            assert!(told <= 1, "{token} was given {told} times: {}", picture());
            let shown = messages
                .iter()
                .filter(|m| m.content.trim_start().starts_with(&answer))
                .count();
            assert!(
                shown <= 1,
                "the answer to {token} is there {shown} times: {}",
                picture()
            );
            if prompt.fate == Fate::Wanted {
                // It ran, or its thread says why not, or it waits and says so by its 📥.
                let waits =
                    |row: &Row| row.4.contains(&token) && !matches!(row.3.as_str(), "done" | "dropped");
                let known = history.contains(&token)
                    || messages.iter().any(|m| m.words().contains(&token))
                    || rows.iter().any(waits);
                assert!(known, "{token} was lost: {}", picture());
            }
        }
        assert!(!history.contains("I am nobody"), "{}", picture());
    }

    fn holds(&self) -> Holds {
        let pid = self.program.as_ref().unwrap().id();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let number = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        Holds {
            files: std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count(),
            resident_kb: number("VmRSS:"),
            threads: number("Threads:"),
        }
    }
}

#[tokio::test]
async fn a_soak_of_random_people_faults_and_restarts_loses_and_doubles_nothing() {
    let number = |name: &str| {
        let text = std::env::var(name).ok()?;
        Some(text.parse::<u64>().unwrap())
    };
    let seed = number("OMPCORD_SOAK_SEED").unwrap_or(7);
    let length = number("OMPCORD_SOAK_MINUTES").map(|minutes| Duration::from_secs(60 * minutes));
    println!("seed {seed}");
    let mut soak = Soak::new(seed).await;
    let (began, mut first) = (Instant::now(), None);
    loop {
        // By hand it goes by the clock.
        let over = |tenths: u32| match length {
            Some(length) => 10 * began.elapsed() >= tenths * length,
            None => 10 * soak.tally.wishes >= tenths as usize * WISHES,
        };
        if over(10) {
            break;
        }
        // In the last part the daemon lives on.
        let steady = over(6);
        soak.steady |= steady;
        for _ in 0..EPOCH {
            soak.wish().await;
        }
        soak.rest().await;
        if soak.steady && first.is_none() {
            first = Some(soak.holds());
        }
        println!(
            "{:5.1} s {:?} {:?}",
            began.elapsed().as_secs_f64(),
            soak.holds(),
            soak.tally
        );
    }
    let (first, last) = (first.unwrap_or_else(|| soak.holds()), soak.holds());
    assert!(last.files <= first.files + 8, "{first:?} {last:?}");
    assert!(last.threads <= first.threads + 8, "{first:?} {last:?}");
    assert!(
        last.resident_kb <= first.resident_kb + first.resident_kb / 2,
        "{first:?} {last:?}"
    );
    let program = soak.program.take().unwrap();
    program.signal(Signal::SIGTERM);
    let status = program.ended().await;
    assert!(status.success(), "{status}: {}", soak.log());
    // A click or command that was on its way when the daemon died has no answer; nothing else may be wrong.
    let complaints = soak.sim.take_complaints();
    let unanswered = |complaint: &String| complaint.contains("was not answered");
    assert!(complaints.iter().all(unanswered), "{complaints:#?}");
    soak.bench.finish().await;
}
