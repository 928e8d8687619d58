//! The whole daemon against the simulated Discord, and what a test asks of it.
//!
//! A test fails on leftovers: complaints of the simulator, rows that were not sent, processes that still run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ompcord::agent;
use ompcord::config::Config;
use ompcord::daemon::{self, Ports};
use ompcord::discord::Endpoint;
use ompcord::ids::{MessageId, ThreadId};
use ompcord::sim::{SeenMessage, Sim, SimConfig};
use ompcord::store::Store;
use tokio::net::TcpListener;
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
    running: Option<Running>,
}

struct Running {
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
    http: std::net::SocketAddr,
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
            running: None,
        }
    }

    pub fn config(&self) -> Config {
        // Without a file of this name nobody's own `.env` is read.
        let file = self.dir.path().join("empty.env");
        std::fs::write(&file, "").unwrap();
        Config::load(Some(&file), |name| self.vars.get(name).cloned()).unwrap()
    }

    /// Starts the daemon and waits until it is connected.
    pub async fn boot(&mut self) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let http = listener.local_addr().unwrap();
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
        };
        let task = tokio::spawn(daemon::serve(self.config(), ports));
        self.running = Some(Running { shutdown, task, http });
        let sim = self.sim.clone();
        let connected = sim.until("the daemon to connect", |sim| {
            sim.gateway_connected().then_some(())
        });
        tokio::select! {
            () = connected => {}
            ended = &mut self.running.as_mut().unwrap().task => panic!("the daemon ended: {ended:?}"),
        }
    }

    pub fn http(&self) -> std::net::SocketAddr {
        self.running.as_ref().unwrap().http
    }

    /// Shuts the daemon down as SIGTERM does.
    pub async fn shut_down(&mut self) {
        let running = self.running.take().unwrap();
        running.shutdown.cancel();
        running.task.await.unwrap().unwrap();
    }

    /// Ends the daemon without any goodbye, as SIGKILL does, as far as a process can do that to itself.
    pub async fn abort(&mut self) {
        let running = self.running.take().unwrap();
        running.task.abort();
        assert!(running.task.await.unwrap_err().is_cancelled());
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

    /// Waits until so many turns have ended in the thread: each has one footer.
    pub async fn turns(&self, thread: ThreadId, count: usize) -> Vec<SeenMessage> {
        self.sim
            .until(&format!("{count} footers in the thread"), move |sim| {
                let messages = sim.messages(thread);
                (messages.iter().filter(|m| is_footer(m)).count() >= count).then_some(messages)
            })
            .await
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

/// A footer names the workspace and says how long it took.
pub fn is_footer(message: &SeenMessage) -> bool {
    message.by_bot
        && message
            .content
            .lines()
            .last()
            .is_some_and(|line| line.starts_with("-# my-project ⋅"))
}

/// What the bot said in the thread besides footers and the opening line, joined.
pub fn answers(messages: &[SeenMessage]) -> String {
    let said = messages
        .iter()
        .filter(|m| m.by_bot && !m.content.starts_with("-# "));
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
