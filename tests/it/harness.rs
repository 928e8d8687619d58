//! The whole daemon against the simulated Discord, and what a test asks of it.
//!
//! A test fails on leftovers: complaints of the simulator, rows that were not sent, processes that still run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ompcord::agent;
use ompcord::config::{Config, Patience};
use ompcord::daemon::{self, Ports};
use ompcord::discord::Endpoint;
use ompcord::ids::{MessageId, ThreadId};
use ompcord::sim::{Reply, SeenMessage, Sim, SimConfig};
use ompcord::store::Store;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// How a daemon under test differs from the usual one.
#[derive(Default)]
pub struct Setup {
    pub sim: SimConfig,
    /// Variables besides the usual ones; they win.
    pub vars: Vec<(&'static str, String)>,
    /// A client that takes the simulator for discord.com; then the library's own limiter is at work.
    pub client: Option<reqwest::Client>,
}

/// A daemon and its Discord.
pub struct Bench {
    pub sim: Sim,
    pub dir: tempfile::TempDir,
    vars: HashMap<&'static str, String>,
    client: Option<reqwest::Client>,
    /// How long things get that do not end by themselves; shorter than in earnest where a test waits for one.
    pub patience: Patience,
    running: Option<Running>,
}

struct Running {
    addr: std::net::SocketAddr,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
    runtime: Option<Runtime>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // A runtime must not wait for its tasks within another one.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The command that plays the scripted agent and keeps its conversations here.
pub fn scripted_command(dir: &Path) -> String {
    let dir = dir.join("scripted");
    format!(
        "env OMPCORD_SCRIPTED_DIR={} {} scripted-agent",
        dir.display(),
        env!("CARGO_BIN_EXE_ompcord")
    )
}

impl Bench {
    /// A daemon with the scripted agent, ready.
    pub async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    pub async fn with(setup: Setup) -> Self {
        let sim = Sim::start(setup.sim).await.unwrap();
        let mut bench = Self::on(sim, setup.vars, setup.client);
        bench.boot().await;
        bench
    }

    /// A daemon with these variables besides the usual ones, made from the Discord that it is for.
    pub async fn with_vars(vars: impl FnOnce(&Sim) -> Vec<(&'static str, String)>) -> Self {
        let sim = Sim::start(SimConfig::default()).await.unwrap();
        let vars = vars(&sim);
        let mut bench = Self::on(sim, vars, None);
        bench.boot().await;
        bench
    }

    /// A daemon that was not started yet, on this Discord.
    pub fn on(sim: Sim, vars: Vec<(&'static str, String)>, client: Option<reqwest::Client>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let work = dir.path().join("my-project");
        std::fs::create_dir(&work).unwrap();
        let mut all = HashMap::from([
            ("DISCORD_BOT_TOKEN", sim.bot_token()),
            ("DISCORD_GUILD_ID", sim.guild_id().to_string()),
            ("DISCORD_CHANNEL_ID", sim.home_channel().to_string()),
            ("DISCORD_ALLOWED_USERS", sim.user("alice").unwrap().to_string()),
            ("OMP_COMMAND", scripted_command(dir.path())),
            ("OMP_WORKDIR", work.display().to_string()),
            ("OMP_APPROVAL_MODE", "yolo".to_owned()),
            (
                "OMPCORD_STATE_DIR",
                dir.path().join("state").display().to_string(),
            ),
        ]);
        if client.is_none() {
            all.insert("DISCORD_API_URL", sim.base_url());
        }
        all.extend(vars);
        Self {
            sim,
            dir,
            vars: all,
            client,
            patience: Patience::default(),
            running: None,
        }
    }

    /// Another value for a variable, from the next start on.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.vars.insert(name, value.into());
    }

    pub fn config(&self) -> Config {
        // Without a file of this name nobody's own `.env` is read.
        let file = self.dir.path().join("empty.env");
        std::fs::write(&file, "").unwrap();
        let mut config = Config::load(Some(&file), |name| self.vars.get(name).cloned()).unwrap();
        config.patience = self.patience;
        config
    }

    /// The variables of the daemon, for one that runs as a process.
    pub fn vars(&self) -> &HashMap<&'static str, String> {
        &self.vars
    }

    /// Ends the daemon without any goodbye and starts it again on the same port.
    pub async fn reboot(&mut self) {
        let addr = self.running.as_ref().unwrap().addr;
        self.abort().await;
        self.boot_on(TcpListener::bind(addr).await.unwrap()).await;
    }

    /// Starts the daemon and waits until it is connected.
    pub async fn boot(&mut self) {
        self.boot_on(TcpListener::bind("127.0.0.1:0").await.unwrap())
            .await;
    }

    async fn boot_on(&mut self, listener: TcpListener) {
        let addr = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let endpoint = match &self.client {
            Some(client) => Endpoint {
                client: client.clone(),
            },
            None => Endpoint::new().unwrap(),
        };
        let ports = Ports {
            listener,
            endpoint,
            shutdown: shutdown.clone(),
            patience: daemon::CONNECT_TIMEOUT,
            manager: daemon::Manager::default(),
        };
        // A runtime of its own, so that everything in it can be ended at once.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let task = runtime.spawn(daemon::serve(self.config(), ports));
        self.running = Some(Running {
            addr,
            shutdown,
            task,
            runtime: Some(runtime),
        });
        let sim = self.sim.clone();
        let connected = sim.until("the daemon to connect", |sim| {
            sim.gateway_connected().then_some(())
        });
        tokio::select! {
            () = connected => {}
            ended = &mut self.running.as_mut().unwrap().task => panic!("the daemon ended: {ended:?}"),
        }
    }

    /// Where the daemon's HTTP API is.
    pub fn url(&self) -> String {
        format!("http://{}", self.running.as_ref().unwrap().addr)
    }

    /// The daemon's HTTP API, with the owner's token.
    pub fn api(&self) -> Http {
        let token = std::fs::read_to_string(self.config().api_token_path()).unwrap();
        Http::new(self.url(), token.trim())
    }

    /// Shuts the daemon down as SIGTERM does.
    pub async fn shut_down(&mut self) {
        let mut running = self.running.take().unwrap();
        running.shutdown.cancel();
        (&mut running.task).await.unwrap().unwrap();
    }

    /// Asks the daemon to end, as SIGTERM does, without waiting for it.
    pub fn ask_to_end(&self) {
        self.running.as_ref().unwrap().shutdown.cancel();
    }

    /// Ends the daemon without any goodbye, as SIGKILL does, as far as a process can do that to itself: every one of
    /// its tasks stops where it is.
    pub async fn abort(&mut self) {
        let mut running = self.running.take().unwrap();
        let runtime = running.runtime.take().unwrap();
        tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(10)))
            .await
            .unwrap();
        assert!((&mut running.task).await.unwrap_err().is_cancelled());
        let gone = |sim: &Sim| (!sim.gateway_connected()).then_some(());
        self.sim.until("the gateway to notice", gone).await;
    }

    /// The end of every test: shut down, and nothing is left.
    pub async fn finish(mut self) {
        if self.running.is_some() {
            self.shut_down().await;
        }
        self.sim.assert_clean();
        let store = Store::open(&self.config().database_path()).await.unwrap();
        assert_eq!(
            store.outbox_left().await.unwrap(),
            0,
            "rows of the outbox were not sent\n{}",
            self.sim.picture()
        );
        store.close().await;
        let left = agent::sweep_all(&self.dir.path().join("state").display().to_string()).await;
        assert_eq!(left, 0, "processes of agents were left running");
    }

    /// Puts the rocket on a new message of alice and gives the message and its thread, once it is there.
    pub async fn launch(&self, text: &str) -> (MessageId, ThreadId) {
        let message = self.sim.say("alice", "home", text).unwrap();
        self.sim.react("alice", message, "🚀").unwrap();
        let thread = self
            .sim
            .until("a thread on the message", |sim| sim.thread_on(message))
            .await;
        (message, thread.id)
    }

    /// Waits for a message of the bot in the thread whose words contain this.
    pub async fn sees(&self, thread: ThreadId, what: &str) -> SeenMessage {
        let wanted = what.to_owned();
        self.sim
            .until(&format!("{what:?} in the thread"), move |sim| {
                sim.messages(thread)
                    .into_iter()
                    .find(|m| m.by_bot && m.words().contains(&wanted))
            })
            .await
    }

    /// Waits until nothing that was sent to the daemon before can be under way any more: a session that is launched
    /// now has its answer.
    pub async fn barrier(&self) {
        let (_, thread) = self.launch("SAY:The barrier is passed.").await;
        self.turns(thread, 1).await;
    }

    /// What was said to the agent of this thread so far. Takes a turn.
    pub async fn history(&self, thread: ThreadId) -> String {
        let before = footers(&self.sim, thread);
        self.sim.say("alice", thread, "HISTORY").unwrap();
        let messages = self.turns(thread, before + 1).await;
        let last = messages.iter().rev().find(|m| m.content.starts_with("History: "));
        last.expect("a history").content.clone()
    }

    /// Clicks on the button of this name below the newest message that has it, and waits for what is answered.
    pub async fn press(&self, user: &str, thread: ThreadId, button: &str) -> Reply {
        let message = self.button(thread, button).await;
        let click = self.sim.click(user, message, button).unwrap();
        self.sim.reply(click).await
    }

    /// Clicks as `press` does, and waits for what only the person who clicked is told after it.
    pub async fn privately(&self, user: &str, thread: ThreadId, button: &str) -> String {
        let message = self.button(thread, button).await;
        self.told(user, message, button).await
    }

    /// Clicks on this message's button, and waits for what only the person who clicked is told after it.
    pub async fn told(&self, user: &str, message: MessageId, button: &str) -> String {
        let click = self.sim.click(user, message, button).unwrap();
        let followup = |sim: &Sim| sim.reply_to(click)?.followups.first().cloned();
        let told = self.sim.until("a private answer", followup).await;
        assert_eq!(told.only_for.as_deref(), Some(user));
        told.content
    }

    /// Waits for a message with this button, and gives the newest.
    pub async fn button(&self, thread: ThreadId, button: &str) -> MessageId {
        let wanted = button.to_owned();
        self.sim
            .until(&format!("a button {button:?} in the thread"), move |sim| {
                let messages = sim.messages(thread);
                messages
                    .iter()
                    .rev()
                    .find(|m| m.button(&wanted).is_some())
                    .map(|m| m.id)
            })
            .await
    }

    /// Waits for a question with buttons whose words contain this.
    pub async fn question(&self, thread: ThreadId, what: &str) -> SeenMessage {
        let wanted = what.to_owned();
        self.sim
            .until(&format!("a question about {what:?} in the thread"), move |sim| {
                let messages = sim.messages(thread);
                let asked = |m: &SeenMessage| !m.buttons.is_empty() && m.words().contains(&wanted);
                messages.into_iter().find(asked)
            })
            .await
    }

    /// Waits until nothing of a question can be answered any more, and gives what it says then.
    pub async fn closed(&self, question: MessageId) -> String {
        let over = move |sim: &Sim| {
            let seen = sim.message(question)?;
            (seen.buttons.is_empty() && seen.selects.is_empty()).then_some(seen.content)
        };
        self.sim.until("the question to be over", over).await
    }

    /// Presses a button that opens a form, as alice, writes something into it and sends it.
    pub async fn writes(&self, question: MessageId, button: &str, text: &str) {
        let opened = self.sim.click("alice", question, button).unwrap();
        assert!(self.sim.reply(opened).await.modal.is_some(), "a form");
        let sent = self.sim.submit_modal("alice", opened, &[("text", text)]).unwrap();
        self.sim.reply(sent).await;
    }

    /// Waits until the bot's reaction is on the message (`true`) or not (any more).
    pub async fn marked(&self, message: MessageId, emoji: &str, there: bool) {
        let wanted = emoji.to_owned();
        self.sim
            .until(&format!("{emoji} on {message}: {there}"), move |sim| {
                let seen = sim.message(message)?;
                (seen.reactions.iter().any(|r| r.emoji == wanted) == there).then_some(())
            })
            .await;
    }

    /// Waits until so many turns have ended in the thread: each has one footer.
    pub async fn turns(&self, thread: ThreadId, count: usize) -> Vec<SeenMessage> {
        self.sim
            .until(&format!("{count} footers in the thread"), move |sim| {
                let messages = talk(sim, thread);
                (messages.iter().filter(|m| is_footer(m)).count() >= count).then_some(messages)
            })
            .await
    }

    /// Waits until the card's words contain this.
    pub async fn card_says(&self, thread: ThreadId, what: &str) -> SeenMessage {
        let says = |sim: &Sim| card(sim, thread).filter(|card| card.words().contains(what));
        self.sim.until(&format!("{what:?} on the card"), says).await
    }

    /// Waits until the board's words contain this.
    pub async fn board_says(&self, what: &str) -> SeenMessage {
        let says = |sim: &Sim| board(sim).filter(|board| board.words().contains(what));
        self.sim.until(&format!("{what:?} on the board"), says).await
    }

    /// The transcript of the only session.
    pub fn transcript(&self) -> String {
        let mut all: Vec<PathBuf> = std::fs::read_dir(self.dir.path().join("state/transcripts"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "log"))
            .collect();
        assert_eq!(all.len(), 1, "{all:?}");
        std::fs::read_to_string(all.remove(0)).unwrap()
    }

    pub fn work(&self) -> PathBuf {
        self.dir.path().join("my-project")
    }
}

/// A client of the HTTP API.
#[derive(Clone)]
pub struct Http {
    pub client: reqwest::Client,
    pub url: String,
    pub token: String,
}

impl Http {
    pub fn new(url: String, token: &str) -> Self {
        Self {
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            url,
            token: token.to_owned(),
        }
    }

    /// The same with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.send(self.client.get(format!("{}{path}", self.url))).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.client.post(format!("{}{path}", self.url));
        let request = request
            .header("content-type", "application/json")
            .body(body.to_string());
        self.send(request).await
    }

    /// Sends it with the token and gives the status and the JSON, which every answer is.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let response = request.bearer_auth(&self.token).send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        let json = serde_json::from_str(&text);
        (
            status,
            json.unwrap_or_else(|_| panic!("not JSON: {status} {text}")),
        )
    }

    /// Starts a session without a prompt, and gives its id and its thread.
    pub async fn session(&self) -> (String, ThreadId) {
        let (status, session) = self.post("/api/sessions", &json!({ "topic": "a test" })).await;
        assert_eq!(status, 201, "{session}");
        let text = |name: &str| session[name].as_str().unwrap().to_owned();
        (text("session_id"), text("thread_id").parse().unwrap())
    }
}

/// How many turns have ended in the thread.
pub fn footers(sim: &Sim, thread: ThreadId) -> usize {
    sim.messages(thread).iter().filter(|m| is_footer(m)).count()
}

/// A footer names the workspace and says how long it took.
pub fn is_footer(message: &SeenMessage) -> bool {
    message.by_bot
        && message
            .content
            .lines()
            .last()
            .is_some_and(|line| line.starts_with("-# my-project ⋅"))
}

/// Whether it is a session's card or the board: they say nothing, they show.
pub fn is_card(message: &SeenMessage) -> bool {
    message.by_bot && message.content.is_empty() && !message.embeds.is_empty()
}

/// The card of a thread; there is never a second one.
pub fn card(sim: &Sim, thread: ThreadId) -> Option<SeenMessage> {
    only(sim.messages(thread))
}

/// The board of the home channel.
pub fn board(sim: &Sim) -> Option<SeenMessage> {
    only(sim.messages("home"))
}

fn only(messages: Vec<SeenMessage>) -> Option<SeenMessage> {
    let mut cards: Vec<SeenMessage> = messages.into_iter().filter(is_card).collect();
    assert!(cards.len() <= 1, "there are two: {cards:#?}");
    cards.pop()
}

/// The messages of a thread without its card, whose place among them is nobody's business.
pub fn talk(sim: &Sim, thread: ThreadId) -> Vec<SeenMessage> {
    let mut messages = sim.messages(thread);
    messages.retain(|m| !is_card(m));
    messages
}

/// What the bot said in the thread besides footers and the opening line, joined.
pub fn answers(messages: &[SeenMessage]) -> String {
    let said = messages
        .iter()
        .filter(|m| m.by_bot && !is_card(m) && !m.content.starts_with("-# "));
    said.map(|m| m.content.clone()).collect::<Vec<_>>().join("\n")
}

/// Runs a check until it holds; for what no event tells of, such as a file or a process.
pub async fn eventually(what: &str, check: impl Fn() -> bool) {
    let limit = tokio::time::Instant::now() + Duration::from_secs(30);
    while !check() {
        assert!(tokio::time::Instant::now() < limit, "waited for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The pids of processes whose command line contains this.
pub fn processes(needle: &str) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let Ok(line) = std::fs::read(Path::new("/proc").join(entry.file_name()).join("cmdline")) else {
            continue;
        };
        if String::from_utf8_lossy(&line).replace('\0', " ").contains(needle) {
            found.push(pid);
        }
    }
    found
}
