//! The daemon of the demo, which the visitor may restart without losing the Discord around it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::cast::Cast;
use crate::cli::out;
use crate::config::{Config, process_env};
use crate::daemon::{self, Ports};
use crate::discord::Endpoint;
use crate::sim::Sim;

/// How long a turn may go on when the daemon is restarted: the visitor waits for it.
const DRAIN: Duration = Duration::from_secs(4);

/// How long it stays away: a visitor is to see on the page that it was gone.
const AWAY: Duration = Duration::from_millis(1500);

/// How long blocking work of an ended daemon may go on.
const LEFTOVERS: Duration = Duration::from_secs(5);

/// What the daemon is started with, each time.
pub(super) struct Stage {
    pub(super) sim: Sim,
    pub(super) command: Vec<String>,
    pub(super) workdir: PathBuf,
    pub(super) dir: PathBuf,
}

impl Stage {
    pub(super) fn new(sim: &Sim, cast: &Cast, workdir: PathBuf, dir: &Path) -> Self {
        Self {
            sim: sim.clone(),
            command: cast.command.clone(),
            workdir,
            dir: dir.to_owned(),
        }
    }

    /// Runs the daemon until the token is cancelled, and begins anew at each request.
    pub(super) async fn run(
        &self,
        shutdown: &CancellationToken,
        restarts: &mut mpsc::Receiver<()>,
    ) -> Result<()> {
        loop {
            let stop = shutdown.child_token();
            let (daemon, mut task) = Incarnation::start(self.config()?, ports(stop.clone()).await?)?;
            let ended = tokio::select! {
                ended = &mut task => ended,
                Some(()) = restarts.recv() => {
                    stop.cancel();
                    task.await
                }
            };
            daemon.end().await;
            let ended = ended.context("the daemon panicked").flatten();
            let met = self.sim.logins().0 > 0;
            match ended {
                Ok(()) if shutdown.is_cancelled() => return Ok(()),
                Ok(()) => {
                    shutdown.run_until_cancelled(tokio::time::sleep(AWAY)).await;
                }
                // A daemon that never worked is the demo's own failure.
                Err(error) if shutdown.is_cancelled() || !met => return Err(error),
                Err(error) => {
                    out::error(&format!("the daemon ended: {error:#}"));
                    out::error("Restart it on the page, or end the demo with Ctrl-C.");
                    tokio::select! {
                        () = shutdown.cancelled() => return Ok(()),
                        Some(()) = restarts.recv() => {}
                    }
                }
            }
            // Whoever asked meanwhile gets what they want.
            while restarts.try_recv().is_ok() {}
        }
    }

    /// The demo's own configuration. Of the environment only what concerns the agent counts.
    fn config(&self) -> Result<Config> {
        let sim = &self.sim;
        let alice = sim.user("alice").context("the simulated Discord has no alice")?;
        let vars = HashMap::from([
            ("DISCORD_BOT_TOKEN", sim.bot_token()),
            ("DISCORD_GUILD_ID", sim.guild_id().to_string()),
            ("DISCORD_CHANNEL_ID", sim.home_channel().to_string()),
            ("DISCORD_ALLOWED_USERS", alice.to_string()),
            ("DISCORD_API_URL", sim.base_url()),
            ("OMP_COMMAND", shell_words::join(&self.command)),
            ("OMP_WORKDIR", self.workdir.display().to_string()),
            ("OMPCORD_STATE_DIR", self.dir.join("state").display().to_string()),
        ]);
        // An empty file, so that nobody's own `.env` is read.
        let env_file = self.dir.join("empty.env");
        std::fs::write(&env_file, "").context("cannot write to the temporary directory")?;
        let lookup = |name: &str| match vars.get(name) {
            Some(value) => Some(value.clone()),
            None if name.starts_with("OMP_") || name.starts_with("XDG_") || name == "HOME" => {
                process_env(name)
            }
            None => None,
        };
        let mut config = Config::load(Some(&env_file), lookup)?;
        config.patience.drain = DRAIN;
        config
            .create_directories()
            .context("cannot create the demo's directories")?;
        Ok(config)
    }
}

/// One run of the daemon, on a runtime of its own: with a process ends whatever is left of a daemon, and the library
/// for Discord leaves a connection behind when it was just restoring one. Here the process goes on.
struct Incarnation(Option<Runtime>);

impl Incarnation {
    fn start(config: Config, ports: Ports) -> Result<(Self, JoinHandle<Result<()>>)> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(crate::cli::WORKERS)
            .thread_name("ompcord")
            .enable_all()
            .build()
            .context("cannot start a runtime")?;
        let task = runtime.spawn(daemon::serve(config, ports));
        Ok((Self(Some(runtime)), task))
    }

    /// Ends what did not end by itself.
    async fn end(mut self) {
        if let Some(runtime) = self.0.take() {
            // It waits for blocking work, which a runtime must not do within another one.
            let ended = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(LEFTOVERS));
            if let Err(error) = ended.await {
                tracing::warn!("what was left of the daemon could not be ended: {error}");
            }
        }
    }
}

impl Drop for Incarnation {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

async fn ports(shutdown: CancellationToken) -> Result<Ports> {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .context("cannot listen on 127.0.0.1")?;
    Ok(Ports {
        listener,
        endpoint: Endpoint::new()?,
        shutdown,
        patience: daemon::CONNECT_TIMEOUT,
        manager: daemon::Manager::default(),
    })
}
