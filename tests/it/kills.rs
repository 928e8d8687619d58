//! The kill matrix: the daemon is ended as by SIGKILL at every change of state that must survive it, started again, and
//! nothing is lost, doubled, or run twice.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::time::Duration;

use ompcord::ids::{MessageId, ThreadId};
use ompcord::sim::{SeenMessage, Sim, SimConfig};
use serde_json::{Value, json};

use crate::harness::{Bench, card};
use crate::restart::Program;

/// Places that a launch and two prompts pass, the third time too where it says so.
const TURNS: &[&str] = &[
    "launch.claimed",
    "launch.thread",
    "launch.greeted",
    "launch.opened",
    "prompt.stored",
    "prompt.stored:2",
    "prompt.running",
    "prompt.running:2",
    "prompt.given",
    "prompt.given:2",
    "prompt.done",
    "prompt.done:2",
];
/// The same for what goes out.
const OUTBOX: &[&str] = &[
    "outbox.stored",
    "outbox.stored:3",
    "outbox.stored:5",
    "outbox.claimed",
    "outbox.claimed:3",
    "outbox.created",
    "outbox.created:2",
    "outbox.created:4",
    "outbox.confirmed",
    "outbox.confirmed:3",
    "outbox.edited",
];
/// Places that a question passes.
const QUESTIONS: &[&str] = &[
    "dialog.stored",
    "dialog.posted",
    "dialog.answered",
    "dialog.sealed",
];
/// Places that a cancelled turn, a failed one and what waits behind them pass.
const DECISIONS: &[&str] = &["prompt.held", "prompt.dropped", "prompt.queued", "prompt.failed"];
/// Places that only a thread made by a command passes.
const BY_COMMAND: &[&str] = &["launch.made"];
/// Places that a terminal passes that comes, is shown, is told something, and goes; what is shown of it too.
const TERMINALS: &[&str] = &[
    "terminal.attached",
    "terminal.heard",
    "terminal.heard:3",
    "terminal.heard:4",
    "terminal.heard:6",
    "terminal.shown",
    "terminal.shown:2",
    "terminal.shown:4",
    "terminal.said",
    "terminal.said:2",
    "terminal.said:3",
    "terminal.handed",
    "terminal.given",
    "terminal.acknowledged",
    "terminal.leaving",
    "terminal.told",
    "terminal.detached",
    "outbox.stored:9",
    "outbox.stored:11",
    "outbox.stored:13",
    "outbox.created:8",
    "outbox.confirmed:9",
];
/// Passed by a start after a crash, or by prompts that came while the daemon was away: it has to die twice.
const AFTER_A_CRASH: &[&str] = &["prompt.interrupted"];

/// A daemon that is started again whenever it has died, as a service manager does.
struct Service {
    program: Program,
    died: usize,
}

impl Service {
    async fn run<T>(bench: &Bench, die_at: &str, story: impl Future<Output = T>) -> (Self, T) {
        let mut service = Self {
            program: Program::start(bench, Some(die_at)),
            died: 0,
        };
        tokio::pin!(story);
        let told = loop {
            tokio::select! {
                told = &mut story => break told,
                () = tokio::time::sleep(Duration::from_millis(20)) => service.look_after(bench),
            }
        };
        (service, told)
    }

    fn look_after(&mut self, bench: &Bench) {
        if let Some(status) = self.program.try_ended() {
            let log = std::fs::read_to_string(bench.dir.path().join("log.txt")).unwrap();
            assert_eq!(status.signal(), Some(9), "{status}\n{log}");
            self.died += 1;
            self.program = Program::start(bench, None);
        }
    }

    async fn finish(self, place: &str, bench: Bench) {
        assert_eq!(self.died, 1, "{place} was not passed\n{}", bench.sim.picture());
        self.program.signal(nix::sys::signal::Signal::SIGTERM);
        assert!(self.program.ended().await.success());
        // A click that was on its way when the daemon died has no answer; nothing else may be wrong.
        let complaints = bench.sim.take_complaints();
        let unanswered = |complaint: &String| complaint.contains("was not answered");
        assert!(complaints.iter().all(unanswered), "{place}: {complaints:#?}");
        bench.finish().await;
    }
}

fn talk(sim: &Sim, thread: ThreadId) -> Vec<SeenMessage> {
    sim.messages(thread).into_iter().filter(|m| m.by_bot).collect()
}

fn counted(sim: &Sim, thread: ThreadId, is: impl Fn(&str) -> bool) -> usize {
    talk(sim, thread).iter().filter(|m| is(m.content.trim())).count()
}

/// Waits for something, and meanwhile decides that what was interrupted is not wanted any more.
async fn deciding<T>(sim: &Sim, thread: ThreadId, what: &str, ready: impl Fn(&Sim) -> Option<T>) -> T {
    let mut pressed = BTreeSet::new();
    loop {
        let asked = |sim: &Sim| {
            let open = |m: &&SeenMessage| m.button("Discard").is_some() && !pressed.contains(&m.id);
            talk(sim, thread).iter().find(open).map(|m| m.id)
        };
        let next = sim
            .until(what, |sim| match ready(sim) {
                Some(done) => Some(Ok(done)),
                // A click to a daemon that is not there is nobody's.
                None => asked(sim).filter(|_| sim.gateway_connected()).map(Err),
            })
            .await;
        match next {
            Ok(done) => return done,
            Err(message) => {
                let click = sim.click("alice", message, "Discard").unwrap();
                let came = |sim: &Sim| sim.reply_to(click).filter(|reply| reply.answered || reply.failed);
                // A person who reads that nobody answered presses it again.
                if sim.until("the click to come to something", came).await.answered {
                    pressed.insert(message);
                }
            }
        }
    }
}

/// Everything that the agent was told, in the end.
async fn history(sim: &Sim, thread: ThreadId) -> String {
    sim.say("alice", thread, "HISTORY").unwrap();
    let ready = |sim: &Sim| {
        let messages = talk(sim, thread);
        let found = messages.iter().find(|m| m.content.starts_with("History: "));
        found.map(|m| m.content.clone())
    };
    deciding(sim, thread, "the history", ready).await
}

/// A prompt reached the agent once, or the thread says once that it was interrupted.
fn ran_once(sim: &Sim, thread: ThreadId, history: &str, prompt: &str, place: &str) {
    let ran = history.matches(prompt).count();
    let asked = counted(sim, thread, |text| {
        text.contains("ompcord was interrupted") && text.contains(prompt)
    });
    assert!(
        ran <= 1,
        "{place}: {prompt} ran {ran} times: {history}\n{}",
        sim.picture()
    );
    assert!(
        asked <= 1,
        "{place}: it was asked {asked} times about {prompt}\n{}",
        sim.picture()
    );
    assert!(
        ran + asked >= 1,
        "{place}: {prompt} was lost: {history}\n{}",
        sim.picture()
    );
}

async fn bench() -> Bench {
    Bench::on(Sim::start(SimConfig::default()).await.unwrap(), Vec::new(), None)
}

/// The daemon has to be there before anything happens: what happens before is another test's matter.
async fn connected(sim: &Sim) {
    sim.until("the program to connect", |sim| {
        sim.gateway_connected().then_some(())
    })
    .await;
}

async fn launch(sim: &Sim, text: &str) -> (MessageId, ThreadId) {
    connected(sim).await;
    let message = sim.say("alice", "home", text).unwrap();
    sim.react("alice", message, "🚀").unwrap();
    sim.until("a thread on the message", |sim| sim.thread_on(message))
        .await;
    (message, message.thread())
}

async fn two_prompts(place: &str) {
    let bench = bench().await;
    let sim = bench.sim.clone();
    // The line of a tool is edited.
    let text = match place {
        "outbox.edited" => "TOOLMS:1200\nTOOL:bash:{\"command\":\"x\"}\nSAY:the first answer",
        _ => "SAY:the first answer",
    };
    let story = async {
        let (message, thread) = launch(&sim, text).await;
        sim.say("alice", thread, "SAY:the second answer").unwrap();
        // Two messages within milliseconds may reach a session that idles in another order.
        let ran =
            |sim: &Sim| (counted(sim, thread, |text| text.contains("the second answer")) > 0).then_some(());
        deciding(&sim, thread, "the second prompt to run", ran).await;
        let history = history(&sim, thread).await;
        let unpinned = |sim: &Sim| (!sim.message(message)?.pinned).then_some(());
        sim.until(&format!("{place}: it to be unpinned"), unpinned).await;
        // There is never a second one; where it died before the first was made, the next turn makes it.
        card(&sim, thread);
        (thread, history)
    };
    let (service, (thread, history)) = Service::run(&bench, place, story).await;
    for prompt in ["SAY:the first answer", "SAY:the second answer"] {
        ran_once(&sim, thread, &history, prompt, place);
        let answer = prompt.trim_start_matches("SAY:");
        let shown = counted(&sim, thread, |text| text == answer);
        assert!(
            shown <= 1,
            "{place}: {answer:?} is there {shown} times\n{}",
            sim.picture()
        );
        let asked = counted(&sim, thread, |text| {
            text.contains(prompt) && text.contains("interrupted")
        });
        assert!(
            shown + asked >= 1,
            "{place}: {answer:?} was lost\n{}",
            sim.picture()
        );
    }
    let opening = counted(&sim, thread, |text| {
        text.contains("session_") && text.starts_with("-# ")
    });
    assert_eq!(opening, 1, "{place}\n{}", sim.picture());
    assert_eq!(sim.threads().len(), 1, "{place}\n{}", sim.picture());
    service.finish(place, bench).await;
}

#[tokio::test]
async fn a_kill_in_a_launch_or_a_turn_loses_and_doubles_nothing() {
    for place in TURNS {
        two_prompts(place).await;
    }
}

#[tokio::test]
async fn a_kill_in_the_outbox_loses_and_doubles_nothing() {
    for place in OUTBOX {
        two_prompts(place).await;
    }
}

#[tokio::test]
async fn a_kill_in_a_question_runs_nothing_and_leaves_no_dead_button() {
    for place in QUESTIONS {
        let bench = bench().await;
        let sim = bench.sim.clone();
        let story = async {
            let (_, thread) = launch(&sim, "APPROVE:bash:make one").await;
            let asked = |sim: &Sim| {
                let messages = talk(sim, thread);
                let question = messages.iter().find(|m| m.button("Approve").is_some());
                let over = messages
                    .iter()
                    .any(|m| m.content.contains("ompcord was interrupted"));
                question.map(|m| Some(m.id)).or(over.then_some(None))
            };
            if let Some(question) = sim.until("a question, or its end", asked).await {
                // It may expire just now.
                sim.click("alice", question, "Approve").ok();
            }
            (thread, history(&sim, thread).await)
        };
        let (service, (thread, history)) = Service::run(&bench, place, story).await;
        ran_once(&sim, thread, &history, "APPROVE:bash:make one", place);
        let dead = |sim: &Sim| {
            let messages = talk(sim, thread);
            (!messages.iter().any(|m| m.button("Approve").is_some())).then_some(())
        };
        sim.until(&format!("{place}: the question to end"), dead).await;
        let ran = counted(&sim, thread, |text| text.contains("bash ran: make one"));
        assert!(ran <= 1, "{place}\n{}", sim.picture());
        service.finish(place, bench).await;
    }
}

#[tokio::test]
async fn a_kill_in_a_cancel_a_failure_or_a_decision_keeps_what_waits() {
    for place in DECISIONS {
        let bench = bench().await;
        let sim = bench.sim.clone();
        let story = async {
            let (_, thread) = launch(&sim, "STEERABLE").await;
            sim.until("the turn to run", |sim| sim.is_typing(thread).then_some(()))
                .await;
            let waiting = sim.say("alice", thread, "SAY:I waited").unwrap();
            let shown = move |sim: &Sim| {
                let seen = sim.message(waiting)?;
                seen.reactions.iter().any(|r| r.emoji == "📥").then_some(())
            };
            sim.until("it to wait", shown).await;
            // A cancel holds the queue; a crash of the agent does, and fails the prompt.
            if place.contains("failed") {
                let pid = crate::harness::processes(&format!("--cwd {}", bench.work().display()));
                for pid in pid {
                    let pid = nix::unistd::Pid::from_raw(pid.try_into().unwrap());
                    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).ok();
                }
            } else {
                sim.slash("alice", thread, "omp cancel", &[]).unwrap();
            }
            let held = |sim: &Sim| {
                let messages = talk(sim, thread);
                let held = messages.iter().find(|m| m.button("Continue queue").is_some());
                let ran = messages.iter().any(|m| m.content == "I waited");
                held.map(|m| Some(m.id)).or(ran.then_some(None))
            };
            if let Some(held) = deciding(&sim, thread, "the queue to be held", held).await {
                sim.click("alice", held, "Continue queue").ok();
            }
            // A click on its way when the daemon died does nothing; the next one does.
            let ran = |sim: &Sim| {
                talk(sim, thread)
                    .iter()
                    .any(|m| m.content == "I waited")
                    .then_some(())
            };
            let patient =
                tokio::time::timeout(Duration::from_secs(4), deciding(&sim, thread, "it to run", ran));
            if patient.await.is_err() {
                let open = |sim: &Sim| {
                    talk(sim, thread)
                        .iter()
                        .find(|m| m.button("Continue queue").is_some())
                        .map(|m| m.id)
                };
                if let Some(held) = open(&sim) {
                    sim.click("alice", held, "Continue queue").ok();
                }
            }
            deciding(&sim, thread, "it to run", ran).await;
            (thread, history(&sim, thread).await)
        };
        let (service, (thread, history)) = Service::run(&bench, place, story).await;
        ran_once(&sim, thread, &history, "SAY:I waited", place);
        service.finish(place, bench).await;
    }
}

#[tokio::test]
async fn a_kill_while_a_command_makes_a_thread_makes_no_second_one() {
    for place in BY_COMMAND {
        let bench = bench().await;
        let sim = bench.sim.clone();
        let story = async {
            connected(&sim).await;
            sim.slash("alice", "home", "omp new", &[("prompt", "SAY:by command")])
                .unwrap();
            let thread = sim
                .until("a thread", |sim| sim.threads().first().map(|t| t.id))
                .await;
            (thread, history(&sim, thread).await)
        };
        let (service, (thread, history)) = Service::run(&bench, place, story).await;
        ran_once(&sim, thread, &history, "SAY:by command", place);
        assert_eq!(sim.threads().len(), 1, "{place}\n{}", sim.picture());
        service.finish(place, bench).await;
    }
}

#[tokio::test]
async fn a_second_kill_while_the_first_is_told_of_forgets_nothing() {
    for place in AFTER_A_CRASH {
        let bench = bench().await;
        let sim = bench.sim.clone();
        let first = Program::run(&bench).await;
        let (_, thread) = launch(&sim, "STEERABLE").await;
        sim.until("the turn to run", |sim| sim.is_typing(thread).then_some(()))
            .await;
        first.signal(nix::sys::signal::Signal::SIGKILL);
        first.ended().await;
        sim.until("the gateway to notice", |sim| {
            (!sim.gateway_connected()).then_some(())
        })
        .await;
        let story = async {
            let interrupted = |sim: &Sim| {
                let told = talk(sim, thread)
                    .iter()
                    .any(|m| m.content.contains("ompcord was interrupted"));
                told.then_some(())
            };
            sim.until("it to be told", interrupted).await;
            connected(&sim).await;
            history(&sim, thread).await
        };
        let (service, history) = Service::run(&bench, place, story).await;
        assert!(history.matches("STEERABLE").count() <= 1, "{history}");
        service.finish(place, bench).await;
    }
}

/// A terminal as its extension is: what the daemon did not answer is said again, with the same name.
struct Patient {
    client: reqwest::Client,
    url: String,
    owner: String,
    conversation: String,
    session: String,
    token: String,
    after: i64,
    events: u32,
}

impl Patient {
    async fn attach(&mut self) {
        let request = crate::terminal::request(&self.conversation, crate::terminal::NOBODY);
        loop {
            let post = self
                .client
                .post(format!("{}/api/sessions/attach", self.url))
                .bearer_auth(&self.owner);
            let post = post
                .header("content-type", "application/json")
                .body(request.to_string());
            if let Some((200, answer)) = answer(post).await {
                let text = |name: &str| answer[name].as_str().unwrap().to_owned();
                (self.session, self.token) = (text("session_id"), text("token"));
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Asks until it is answered, and gives the answer; `None` where its session is over for it.
    async fn ask(
        &mut self,
        request: impl Fn(&Self) -> reqwest::RequestBuilder,
        leaving: bool,
    ) -> Option<Value> {
        loop {
            match answer(request(self).bearer_auth(&self.token)).await {
                Some((200..=299, answer)) => return Some(answer),
                Some((401, _)) if leaving => return None,
                Some((401, _)) => self.attach().await,
                None | Some((503, _)) => tokio::time::sleep(Duration::from_millis(50)).await,
                Some((status, answer)) => panic!("{status} {answer}"),
            }
        }
    }

    async fn does(&mut self, kind: &str, content: &str, data: Value) {
        self.events += 1;
        let id = format!("event {}", self.events);
        let request = |it: &Self| {
            let event = json!({"session_id": it.session, "event_type": kind, "content": content, "data": data,
                "timestamp": 1_700_000_000_000_i64, "id": id});
            let post = it.client.post(format!("{}/api/webhook/event", it.url));
            post.header("content-type", "application/json")
                .body(event.to_string())
        };
        self.ask(request, false).await;
    }

    async fn answers(&mut self, text: &str) {
        self.does("agent_start", "", json!({})).await;
        self.does("message", text, json!({"stop_reason": "stop"})).await;
        self.does("agent_end", "", json!({"outcome": "done"})).await;
    }

    /// What it is told next; what it was told before counts once.
    async fn takes(&mut self) -> Vec<String> {
        loop {
            let request = |it: &Self| {
                let query = format!("session_id={}&after={}&wait=2", it.session, it.after);
                it.client.get(format!("{}/api/commands/poll?{query}", it.url))
            };
            let answer = self.ask(request, false).await.unwrap();
            let commands = answer["commands"].as_array().unwrap();
            let new = commands
                .iter()
                .filter(|command| command["id"].as_i64().unwrap() > self.after);
            let texts: Vec<String> = new
                .map(|command| command["text"].as_str().unwrap().to_owned())
                .collect();
            let last = commands
                .last()
                .map_or(self.after, |last| last["id"].as_i64().unwrap());
            self.after = self.after.max(last);
            if !texts.is_empty() {
                return texts;
            }
        }
    }

    /// Says what it has taken.
    async fn acknowledges(&mut self) {
        let request = |it: &Self| {
            let query = format!("session_id={}&after={}", it.session, it.after);
            it.client.get(format!("{}/api/commands/poll?{query}", it.url))
        };
        self.ask(request, false).await;
    }

    async fn leaves(&mut self) {
        let request = |it: &Self| {
            let post = it
                .client
                .post(format!("{}/api/sessions/{}/detach", it.url, it.session));
            post.header("content-type", "application/json")
                .body(r#"{"reason":"closed"}"#)
        };
        self.ask(request, true).await;
    }
}

/// The status and the JSON of an answer; nothing where the daemon was not there, or died over it.
async fn answer(request: reqwest::RequestBuilder) -> Option<(u16, Value)> {
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    let body = response.text().await.ok()?;
    Some((status, serde_json::from_str(&body).ok()?))
}

/// A free port, for a daemon that is to be found again at the same place.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn a_kill_while_a_terminal_shares_its_session_loses_and_doubles_nothing() {
    for place in TERMINALS {
        let mut bench = bench().await;
        let url = format!("127.0.0.1:{}", free_port());
        bench.set("OMPCORD_HTTP_ADDR", url.clone());
        let sim = bench.sim.clone();
        let token = bench.config().api_token_path();
        let story = async {
            let (_, thread) = launch(&sim, "SAY:I know the word plum.").await;
            let turns = async |count: usize| {
                let ended = |sim: &Sim| (crate::harness::footers(sim, thread) >= count).then_some(());
                deciding(&sim, thread, &format!("{place}: {count} turns"), ended).await;
            };
            turns(1).await;
            let mut terminal = Patient {
                client: reqwest::Client::builder().no_proxy().build().unwrap(),
                url: format!("http://{url}"),
                owner: std::fs::read_to_string(token).unwrap().trim().to_owned(),
                conversation: String::new(),
                session: String::new(),
                token: String::new(),
                after: 0,
                events: 0,
            };
            // The owner asks which conversation it is; the daemon may die just then.
            let path = format!("{}/api/sessions", terminal.url);
            terminal.conversation = loop {
                let sessions = answer(terminal.client.get(&path).bearer_auth(&terminal.owner)).await;
                let known = sessions.and_then(|(_, all)| {
                    let id = all.pointer("/0/agent_session_id")?.as_str()?;
                    Some(id.to_owned())
                });
                if let Some(known) = known {
                    break known;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            };
            terminal.attach().await;
            terminal
                .does("prompt", "a wish typed by hand", json!({"source": "terminal"}))
                .await;
            terminal.answers("The first answer.").await;
            // Not for its footer: a kill between storing that a turn is done and wanting its footer costs that.
            let said = |sim: &Sim| {
                (counted(sim, thread, |text| text.contains("The first answer.")) > 0).then_some(())
            };
            sim.until(&format!("{place}: its answer"), said).await;
            sim.say("alice", thread, "written here").unwrap();
            let given = terminal.takes().await;
            terminal.acknowledges().await;
            terminal.answers("The second answer.").await;
            terminal.leaves().await;
            let closed = |sim: &Sim| {
                (counted(sim, thread, |text| text.contains("The terminal was closed")) > 0).then_some(())
            };
            sim.until(&format!("{place}: it to be told"), closed).await;
            sim.say("alice", thread, "SAY:back here").unwrap();
            let back = |sim: &Sim| (counted(sim, thread, |text| text == "back here") > 0).then_some(());
            deciding(&sim, thread, &format!("{place}: it to go on"), back).await;
            let history = history(&sim, thread).await;
            (thread, given, history)
        };
        let (service, (thread, given, history)) = Service::run(&bench, place, story).await;
        assert_eq!(given, ["written here"], "{place}");
        for prompt in ["SAY:I know the word plum.", "SAY:back here"] {
            ran_once(&sim, thread, &history, prompt, place);
        }
        assert!(
            !history.contains("written here"),
            "{place}: it ran here too: {history}"
        );
        // What was said is there once. Only that the terminal is gone may be told again: never is worse.
        for (said, at_most) in [
            ("a wish typed by hand", 1),
            ("The first answer.", 1),
            ("The second answer.", 1),
            ("The terminal was closed", 2),
        ] {
            let times = counted(&sim, thread, |text| text.contains(said));
            assert!(
                (1..=at_most).contains(&times),
                "{place}: {said:?} {times}\n{}",
                sim.picture()
            );
        }
        // Of the plum, of the terminal's two, of what was written here again; one may be lost.
        let ends = crate::harness::footers(&sim, thread);
        assert!(ends >= 3, "{place}: {ends}\n{}", sim.picture());
        assert_eq!(sim.threads().len(), 1, "{place}\n{}", sim.picture());
        card(&sim, thread);
        service.finish(place, bench).await;
    }
}

/// A place that no test names is a promise that nobody checks.
#[test]
fn every_place_is_in_the_matrix() {
    let groups = [
        TURNS,
        OUTBOX,
        QUESTIONS,
        DECISIONS,
        BY_COMMAND,
        AFTER_A_CRASH,
        TERMINALS,
    ];
    let tested: BTreeSet<&str> = groups
        .iter()
        .flat_map(|group| group.iter())
        .map(|place| place.split(':').next().unwrap())
        .collect();
    let mut named = BTreeSet::new();
    let mut dirs = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                dirs.push(path);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                let quoted = text.split('"').skip(1).step_by(2);
                let is_place = |word: &&str| {
                    ["prompt.", "outbox.", "launch.", "dialog.", "terminal."]
                        .iter()
                        .any(|room| {
                            word.strip_prefix(room).is_some_and(|rest| {
                                !rest.is_empty()
                                    && rest != "md"
                                    && rest.chars().all(|c| c.is_ascii_lowercase())
                            })
                        })
                };
                named.extend(quoted.filter(is_place).map(str::to_owned));
            }
        }
    }
    // Nothing is ever marked as asked about: such prompts are stored so.
    named.remove("prompt.asking");
    let named: BTreeSet<&str> = named.iter().map(String::as_str).collect();
    assert_eq!(tested, named);
}
