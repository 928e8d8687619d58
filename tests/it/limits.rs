//! The whole daemon under Discord's limits as the library's own limiter sees them: through TLS, as `discord.com`.

use std::fmt::Write as _;

use futures_util::future::join_all;
use ompcord::ids::ThreadId;
use ompcord::sim::{RateLimits, Sim, SimConfig};
use serde_json::json;

use crate::harness::{Bench, answers, footers, is_footer};
use crate::terminal::Terminal;

async fn limited() -> Bench {
    let sim = Sim::start(SimConfig {
        rate_limits: RateLimits::On,
        ..SimConfig::default()
    });
    let sim = sim.await.unwrap();
    let client = crate::tls::client(&sim).await;
    let mut bench = Bench::on(sim, Vec::new(), Some(client));
    bench.boot().await;
    bench
}

#[tokio::test]
async fn a_busy_session_stays_within_the_limits_and_keeps_its_order() {
    let bench = limited().await;
    let mut prompt = "SLOW:25 TOOLMS:40\n".to_owned();
    for n in 1..=8 {
        writeln!(
            prompt,
            "SAY:Step {n} of the work begins here.\nTOOL:bash:{{\"command\":\"step {n}\"}}"
        )
        .unwrap();
    }
    let (_, thread) = bench
        .launch(&format!("{prompt}LINES:200:100 SAY:All eight steps are done."))
        .await;
    let messages = bench.turns(thread, 1).await;
    let said = answers(&messages);
    let steps: Vec<&str> = said
        .split('\n')
        .filter(|line| line.starts_with("Step") || line.starts_with("All"))
        .collect();
    let mut expected: Vec<String> = (1..=8)
        .map(|n| format!("Step {n} of the work begins here."))
        .collect();
    expected.push("All eight steps are done.".to_owned());
    assert_eq!(steps, expected, "{}", bench.sim.picture());
    assert!(is_footer(messages.last().unwrap()));
    assert!(bench.transcript().contains("line 200 of 200"));
    let refused = bench.sim.rate_limited();
    assert!(refused <= 1, "{refused} × 429\n{}", bench.sim.picture());
    bench.finish().await;
}

#[tokio::test]
async fn five_sessions_at_once_are_slowed_down_and_lose_nothing() {
    let bench = limited().await;
    let mut threads = Vec::new();
    for n in 0..5 {
        let message = bench
            .sim
            .say("alice", "home", &format!("LINES:60:60 SAY:Answer {n}."))
            .unwrap();
        bench.sim.react("alice", message, "🚀").unwrap();
        threads.push(message.thread());
    }
    for (n, thread) in threads.into_iter().enumerate() {
        let messages = bench.turns(thread, 1).await;
        assert!(
            answers(&messages).ends_with(&format!("Answer {n}.")),
            "{}",
            bench.sim.picture()
        );
        let last = messages
            .iter()
            .rev()
            .find(|m| m.content.starts_with("```"))
            .unwrap();
        assert!(last.content.contains("line 60 of 60"), "{}", last.content);
    }
    let refused = bench.sim.rate_limited();
    assert!(refused <= 5, "{refused} × 429\n{}", bench.sim.picture());
    bench.finish().await;
}

/// Sessions in terminals, and in how many of the agents the daemon itself runs. Discord allows fifty threads at once.
const TERMINALS: usize = 45;
const OWNED: usize = 5;
/// How many of them ask a person, one after the other, and how many end, while all others go on talking.
const CALLS: usize = 3;
/// The daemon sends forty requests a second.
const A_SECOND: usize = 40;

/// Many sessions in terminals, of which the first call a person one by one.
struct Crowd<'a> {
    bench: &'a Bench,
    terminals: Vec<Terminal>,
    round: usize,
}

impl<'a> Crowd<'a> {
    async fn gather(bench: &'a Bench) -> Self {
        let names: Vec<String> = (0..TERMINALS).map(|n| format!("terminal {n}")).collect();
        let mut terminals = join_all(names.iter().map(|name| Terminal::attach(bench, name))).await;
        join_all(
            terminals
                .iter_mut()
                .map(|one| one.does("agent_start", "", json!({}))),
        )
        .await;
        Self {
            bench,
            terminals,
            round: 0,
        }
    }

    fn words(&self) -> String {
        format!("Step {} of many.", self.round)
    }

    /// Everybody from this one on says something and uses a tool.
    async fn talk(&mut self, from: usize) {
        self.round += 1;
        let (words, id) = (self.words(), format!("tool {}", self.round));
        let talks = self.terminals.iter_mut().skip(from).map(async |terminal| {
            let tool = json!({"id": id, "tool": "bash", "args": {"command": "cargo test"}});
            terminal.does("tool_start", "bash", tool).await;
            terminal.says(&words).await;
            terminal.does("tool_end", "bash", json!({"id": id})).await;
        });
        join_all(talks).await;
    }

    /// The same for a while, with more to say in each second than Discord takes in one.
    async fn chatter(&mut self, from: usize, rounds: usize) {
        for _ in 0..rounds {
            let before = self.taken();
            self.talk(from).await;
            let more = |sim: &Sim| (sim.count("*", "**") >= before + A_SECOND).then_some(());
            self.bench.sim.until("a second's worth of requests", more).await;
        }
    }

    /// How many requests Discord has taken.
    fn taken(&self) -> usize {
        self.bench.sim.count("*", "**")
    }

    /// Waits for something that was wished for after everybody from this one on had said something; gives how many of
    /// those it did not overtake.
    async fn behind(&self, from: usize, what: &str, is: impl Fn(&Sim) -> bool) -> usize {
        let (words, sim) = (self.words(), &self.bench.sim);
        sim.until(what, |sim| is(sim).then_some(())).await;
        let shown = |terminal: &&Terminal| {
            let messages = sim.messages(terminal.thread);
            messages.iter().any(|m| m.content.contains(&words))
        };
        self.terminals.iter().skip(from).filter(shown).count()
    }

    /// Terminal `n` asks somebody while all after it go on talking. Gives how many of them its question waited for.
    async fn ask(&mut self, n: usize) -> usize {
        self.chatter(n, 1).await;
        self.talk(n + 1).await;
        let thread = self.terminals[n].thread;
        let asks = json!({"id": "t", "tool": "bash", "resolved": false});
        self.terminals[n].does("approval", "May bash run?", asks).await;
        let asked = |sim: &Sim| {
            let messages = sim.messages(thread);
            messages.iter().any(|m| m.content.contains("May bash run?"))
        };
        self.behind(n + 1, "the question", asked).await
    }

    /// The turn of terminal `n` ends while all after it go on talking. Gives how many of them its footer waited for.
    async fn end(&mut self, n: usize) -> usize {
        self.chatter(n, 1).await;
        self.talk(n + 1).await;
        self.finish(n).await;
        let thread = self.terminals[n].thread;
        self.behind(n + 1, "the end", |sim| footers(sim, thread) == 1)
            .await
    }

    async fn finish(&mut self, n: usize) {
        self.terminals[n].says("This is the final answer.").await;
        self.terminals[n].ends("done").await;
    }
}

fn median(mut all: Vec<usize>) -> usize {
    all.sort_unstable();
    all[all.len() / 2]
}

#[tokio::test]
async fn fifty_busy_sessions_stay_within_every_limit_and_people_come_first() {
    let bench = limited().await;
    let sim = &bench.sim;
    let mut owned = Vec::new();
    for n in 0..OWNED {
        let prompt = format!("LINES:100:20\nAPPROVE:bash:make {n}\nSAY:The answer of agent {n}.");
        owned.push(bench.launch(&prompt).await.1);
    }
    let mut crowd = Crowd::gather(&bench).await;
    crowd.chatter(0, 2).await;
    let (mut questions, mut finals) = (Vec::new(), Vec::new());
    for n in 0..CALLS {
        questions.push(crowd.ask(n).await);
    }
    for n in CALLS..2 * CALLS {
        finals.push(crowd.end(n).await);
    }
    let made = |terminal: &Terminal| {
        let messages = sim.messages(terminal.thread);
        messages.iter().filter(|m| m.by_bot).count()
    };
    let shares: Vec<usize> = crowd.terminals.iter().skip(2 * CALLS).map(made).collect();
    println!("waited for: questions {questions:?}, ends {finals:?}; shares {shares:?}");
    for waited in [questions, finals] {
        let middle = median(waited);
        assert!(2 * middle < TERMINALS, "it waited for {middle} others");
    }
    let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
    assert!(3 * least >= *most, "{shares:?}");
    // Everybody else ends in the same moment.
    let before = crowd.taken();
    for n in (0..CALLS).chain(2 * CALLS..TERMINALS) {
        crowd.finish(n).await;
    }
    for thread in &owned {
        bench.press("alice", *thread, "Approve").await;
    }
    let threads: Vec<ThreadId> = crowd.terminals.iter().map(|terminal| terminal.thread).collect();
    for thread in threads.iter().chain(&owned) {
        bench.turns(*thread, 1).await;
    }
    let requests = crowd.taken() - before;
    println!(
        "{} requests, of them {requests} until the last one's end",
        crowd.taken()
    );
    assert!(requests <= 8 * (TERMINALS + OWNED), "{requests}");
    for thread in &threads {
        let said = answers(&sim.messages(*thread));
        assert_eq!(said.matches("This is the final answer.").count(), 1, "{said}");
        for round in 1..=crowd.round {
            let times = said.matches(&format!("Step {round} of many.")).count();
            assert!(times <= 1, "step {round} is there {times} times: {said}");
        }
    }
    for (n, thread) in owned.iter().enumerate() {
        let said = answers(&sim.messages(*thread));
        assert_eq!(
            said.matches(&format!("The answer of agent {n}.")).count(),
            1,
            "{said}"
        );
    }
    let refused = |limit| {
        sim.requests()
            .iter()
            .filter(|call| call.limit == Some(limit))
            .count()
    };
    assert_eq!(refused("user"), 0, "no route was ever overrun");
    // What is sent evenly can arrive in a bunch where the machine stands still for a moment.
    assert!(refused("global") <= 3, "{} × 429", refused("global"));
    bench.finish().await;
}
