//! Boots everything in order, owns every task, runs until shutdown, drains.
//!
//! All fallible work is done before the gateway connects: a bot that is online and cannot act is worse than one that
//! is offline and says why.

mod login;
mod notify;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::discord::outbox::{Outbox, OutboxEvent};
use crate::discord::rest::Rest;
use crate::discord::{Endpoint, gateway};
use crate::error::Fatal;
use crate::http::{self, Api, Health};
use crate::ingress::Ingress;
use crate::render::redact::Redactor;
use crate::session::dashboard::Dashboard;
use crate::session::models::Models;
use crate::session::slots::Slots;
use crate::session::terminal::Commands;
use crate::session::{Deps, Sessions};
use crate::status::Host;
use crate::store::Store;
use crate::store::events::EventLog;
use crate::token::Tokens;

pub use notify::Manager;

/// How long Discord may take to answer at the start, and then its gateway. Long enough for a network that comes up
/// with the machine; a service manager tries again after that.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long sessions get to end beyond the time that turns get.
const LADDER: Duration = Duration::from_secs(15);
/// How long the last messages may take.
const LAST_WORDS: Duration = Duration::from_secs(10);
/// Discord's code for what cannot be done in an archived thread.
const THREAD_ARCHIVED: u32 = 50_083;

/// The daemon's ends that a test holds.
#[derive(Debug)]
pub struct Ports {
    /// Where the HTTP server listens.
    pub listener: TcpListener,
    /// How Discord is reached.
    pub endpoint: Endpoint,
    /// Ends the daemon.
    pub shutdown: CancellationToken,
    /// How long Discord may take to answer, usually [`CONNECT_TIMEOUT`].
    pub patience: Duration,
    /// Who is told how it goes.
    pub manager: Manager,
}

/// Runs the daemon until SIGTERM or Ctrl-C.
pub async fn run(config: Config, patience: Duration) -> Result<()> {
    let shutdown = CancellationToken::new();
    let listener = http::listen(config.http_addr).await?;
    let addr = listener.local_addr().context("cannot read the address")?;
    let version = env!("CARGO_PKG_VERSION");
    tracing::info!("ompcord {version} answers on http://{addr}/healthz");
    let ports = Ports {
        listener,
        endpoint: Endpoint::new()?,
        shutdown: shutdown.clone(),
        patience,
        manager: Manager::here(),
    };
    let serve = serve(config, ports);
    tokio::pin!(serve);
    tokio::select! {
        ended = &mut serve => return ended,
        signal = signalled() => {
            tracing::info!("{}: shutting down", signal?);
            shutdown.cancel();
        }
    }
    tokio::select! {
        ended = serve => ended,
        signal = signalled() => {
            tracing::warn!("{} again: leaving without waiting", signal?);
            Ok(())
        }
    }
}

/// Returns when the process is asked to end, with how.
pub(crate) async fn signalled() -> Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "interrupt",
    })
}

/// Runs the daemon on these ports until their token is cancelled.
pub async fn serve(config: Config, ports: Ports) -> Result<()> {
    let config = Arc::new(config);
    let tracker = TaskTracker::new();
    // The HTTP server answers from the first moment to the last.
    let last = CancellationToken::new();
    let (gateway_ready, gateway_seen) = watch::channel(false);
    let (booted, booted_seen) = watch::channel(false);
    let (api, api_seen) = watch::channel(None);
    let http_addr = ports.listener.local_addr().unwrap_or(config.http_addr);
    let host = Host::new(gateway_seen.clone(), booted_seen, http_addr);
    let health = Health {
        host: host.clone(),
        api: api_seen,
    };
    let mut http = tracker.spawn(http::run(ports.listener, health, last.clone()));
    let (shutdown, manager) = (ports.shutdown.clone(), ports.manager);
    let served = async {
        let boot = Boot {
            config,
            endpoint: ports.endpoint,
            tracker: tracker.clone(),
            shutdown: ports.shutdown,
            last: last.clone(),
            patience: ports.patience,
            manager: ports.manager,
            noted: last.child_token(),
            api,
            api_url: format!("http://{http_addr}"),
            host,
        };
        boot.run(gateway_ready, gateway_seen, booted).await
    };
    let result = tokio::select! {
        result = served => result,
        ended = &mut http => Err(task_ended("http", ended)),
    };
    manager.ended();
    // A daemon that could not start has tasks that nobody told to end.
    shutdown.cancel();
    last.cancel();
    tracker.close();
    if tokio::time::timeout(Duration::from_secs(5), tracker.wait())
        .await
        .is_err()
    {
        tracing::warn!("{} tasks did not end in time", tracker.len());
    }
    result
}

fn task_ended(task: &'static str, ended: Result<Result<()>, tokio::task::JoinError>) -> anyhow::Error {
    let source = match ended {
        Ok(Ok(())) => None,
        Ok(Err(error)) if error.downcast_ref::<Fatal>().is_some() => return error,
        Ok(Err(error)) => Some(error),
        Err(panic) => Some(panic.into()),
    };
    Fatal::TaskEnded { task, source }.into()
}

struct Boot {
    config: Arc<Config>,
    endpoint: Endpoint,
    tracker: TaskTracker,
    shutdown: CancellationToken,
    /// Cancelled when everything else has ended.
    last: CancellationToken,
    patience: Duration,
    manager: Manager,
    /// Cancelled when nobody has anything to note any more.
    noted: CancellationToken,
    /// What the HTTP API answers with, while there is something to answer with.
    api: watch::Sender<Option<Arc<Api>>>,
    api_url: String,
    host: Host,
}

impl Boot {
    async fn run(
        self,
        gateway_ready: watch::Sender<bool>,
        gateway_seen: watch::Receiver<bool>,
        booted: watch::Sender<bool>,
    ) -> Result<()> {
        let config = &self.config;
        config.create_directories().map_err(|source| Fatal::StateDir {
            dir: config.state_dir.clone(),
            source,
        })?;
        let marker = self.clean_up().await;
        let store = Store::open(&config.database_path()).await.map_err(Fatal::Store)?;
        let rest = self.endpoint.rest(config).counted_by(self.host.metrics());
        let identified = self
            .shutdown
            .run_until_cancelled(self.identify(&rest, &store))
            .await;
        let Some(login) = identified.transpose()? else {
            store.close().await;
            return Ok(());
        };
        let (events, outbox_events) = mpsc::unbounded_channel();
        let outbox_stop = CancellationToken::new();
        let outbox = Outbox::start(
            store.clone(),
            rest.clone(),
            &self.tracker,
            outbox_stop.clone(),
            events,
        )
        .await?;
        let parts = (store.clone(), outbox.clone(), rest.clone());
        let deps = self.deps(parts, marker).await?;
        let ingress = Ingress::new(deps.clone(), login.bot);
        let stop = CancellationToken::new();
        crate::session::settle_left(&deps).await?;
        let dashboard = Dashboard::start(&deps, gateway_seen.clone());
        let mut outbox_watch = self.tracker.spawn(watch_outbox(
            outbox_events,
            (ingress.clone(), dashboard.clone()),
            outbox_stop.clone(),
        ));
        for session in store.sessions_to_wake().await? {
            deps.sessions.wake(&session);
        }
        self.look_after(&deps, &gateway_seen, &stop);
        self.open_api(&deps, &ingress, &stop);
        let tasks = (self.tracker.clone(), stop.clone());
        let client = gateway::run(config.clone(), ingress, login, gateway_ready, tasks);
        let mut client = self.tracker.spawn(client);
        booted.send_replace(true);
        let result = tokio::select! {
            () = self.shutdown.cancelled() => Ok(()),
            ended = &mut client => Err(task_ended("gateway", ended)),
            ended = &mut outbox_watch => Err(task_ended("outbox", ended)),
            error = self.first_ready(gateway_seen) => Err(error),
        };
        self.close_api(&stop);
        drain(&deps, &dashboard).await;
        self.noted.cancel();
        outbox_stop.cancel();
        store.close().await;
        result
    }

    /// Ends what an earlier run left behind, and sees to it that this one leaves nothing. Gives the mark that agents
    /// of this installation carry.
    async fn clean_up(&self) -> String {
        let marker = self.config.state_dir.display().to_string();
        if let Err(error) = crate::agent::become_subreaper() {
            tracing::warn!("cannot adopt orphaned processes: {error}");
        }
        self.tracker.spawn(crate::agent::reap_adopted(self.last.clone()));
        let left = crate::agent::sweep_all(&marker).await;
        if left > 0 {
            tracing::warn!("ended {left} processes that an earlier run had left behind");
        }
        marker
    }

    async fn deps(&self, (store, outbox, rest): (Store, Outbox, Rest), marker: String) -> Result<Arc<Deps>> {
        let config = self.config.clone();
        let token = config.token.expose_secret().to_owned();
        let webhook = config
            .webhook_url
            .as_ref()
            .map(|url| ("webhook", url.expose_secret().to_owned()));
        let literals = [("bot-token", token)].into_iter().chain(webhook);
        let deps = Arc::new(Deps {
            slots: Slots::new(config.agent.max_processes.get()),
            redactor: Redactor::new(literals),
            client: self.endpoint.client.clone(),
            tracker: self.tracker.clone(),
            sessions: Sessions::default(),
            tokens: Tokens::open(store.clone(), &config.api_token_path()).await?,
            events: EventLog::start(&store, &self.tracker, self.noted.clone()).await?,
            commands: Commands::new(store.clone()),
            api_url: self.api_url.clone(),
            config,
            store,
            outbox,
            rest,
            marker,
            models: Models::default(),
            host: self.host.clone(),
        });
        deps.sessions.connect(&deps);
        deps.recall_models().await;
        Ok(deps)
    }

    /// From now on the service manager is told how it goes, and what is old is forgotten, until `stop`.
    fn look_after(&self, deps: &Arc<Deps>, ready: &watch::Receiver<bool>, stop: &CancellationToken) {
        let old = crate::retention::look_after(deps.clone(), ready.clone(), stop.clone());
        self.tracker.spawn(old);
        let (manager, deps, ready, stop) = (self.manager, deps.clone(), ready.clone(), stop.clone());
        self.tracker
            .spawn(async move { manager.follow(&deps, ready, stop).await });
    }

    /// Ends what waits; whoever asks from now on is told to come again.
    fn close_api(&self, stop: &CancellationToken) {
        self.manager.stopping();
        stop.cancel();
        self.api.send_replace(None);
    }

    /// From now on the HTTP API has something to answer with; what waits in it ends at `stop`.
    fn open_api(&self, deps: &Arc<Deps>, ingress: &Ingress, stop: &CancellationToken) {
        let api = Api::new(deps.clone(), ingress.clone(), stop.clone());
        self.api.send_replace(Some(Arc::new(api)));
        // Who attaches by it is looked after.
        let watch = crate::session::watch_terminals(deps.clone(), stop.clone());
        self.tracker.spawn(watch);
    }
}

async fn watch_outbox(
    mut events: mpsc::UnboundedReceiver<OutboxEvent>,
    (ingress, dashboard): (Ingress, Dashboard),
    stop: CancellationToken,
) -> Result<()> {
    while let Some(event) = stop.run_until_cancelled(events.recv()).await.flatten() {
        dashboard.heard(event.clone());
        ingress.unseen(&event);
        match event {
            OutboxEvent::Unauthorized => return Err(Fatal::TokenRejected.into()),
            OutboxEvent::ChannelGone { channel } => {
                if !ingress.thread_gone(channel.thread()).await? {
                    tracing::warn!(
                        %channel,
                        "the channel {channel} does not exist, or the bot does not see it: what was to be said there is not; \
                         `ompcord doctor` says more"
                    );
                }
            }
            OutboxEvent::Refused {
                channel,
                code,
                message,
                ..
            } if code != THREAD_ARCHIVED => {
                tracing::warn!(%channel, code, "Discord refused something in channel {channel}: {message}");
            }
            // The dashboard says what has to be said about a thread that was put away.
            OutboxEvent::Refused { .. } | OutboxEvent::Sent { .. } | OutboxEvent::MessageGone { .. } => {}
        }
    }
    stop.cancelled().await;
    Ok(())
}

/// Lets the sessions end, and the last messages go out.
async fn drain(deps: &Deps, dashboard: &Dashboard) {
    let running = deps.sessions.views().into_iter().map(|view| view.id);
    dashboard.stopping(running.collect());
    deps.sessions.shut_down();
    within(
        deps.config.patience.drain + LADDER,
        "sessions",
        deps.sessions.all_ended(),
    )
    .await;
    within(LAST_WORDS, "board", dashboard.offline()).await;
    let left = deps.outbox.flush(LAST_WORDS).await;
    if left > 0 {
        tracing::warn!("{left} messages could not be sent; they go out at the next start");
    }
}

async fn within(limit: Duration, what: &str, work: impl Future<Output = ()>) {
    if tokio::time::timeout(limit, work).await.is_err() {
        tracing::warn!("the {what} did not end within {} s", limit.as_secs());
    }
}
