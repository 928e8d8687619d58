//! A Discord that runs in the process: REST, gateway, faults and the hands of its users.
//!
//! The tests and `ompcord demo` run the unmodified client library against it. Without it nothing above the
//! session's logic could be tested, and nobody could try the program without an account.

mod commands;
mod components;
mod config;
mod control;
mod control_http;
mod demo_http;
mod dispatch;
mod draft;
mod faults;
mod feed;
mod forged;
mod founding;
mod gateway;
mod hands;
mod interactions;
mod io;
mod json;
mod limits;
mod mentions;
mod messages;
mod names;
mod operator;
mod origin;
mod page;
mod ratelimit;
mod reading;
mod rest;
mod seen;
mod threads;
mod tracked;
mod trouble;
mod until;
mod view;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::serve::Listener;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub use self::config::{ChannelSpec, RateLimits, SimConfig, UserSpec, permission};
pub use self::demo_http::demo_pages;
pub use self::faults::{Fault, GatewayMishap, Mishap};
pub use self::names::{Refused, Where, Who};
pub use self::seen::{
    Reply, RestCall, SeenAttachment, SeenButton, SeenChannel, SeenCommand, SeenInput, SeenMessage, SeenModal,
    SeenOption, SeenReaction, SeenSelect, SeenThread,
};
pub use self::trouble::{Preset, TROUBLE_WORDS, Trouble, presets};
pub use self::world::InteractionId;
use self::world::World;
use crate::ids::ChannelId;

/// A running simulated Discord. Clones are handles to the same one; it stops with the last of them.
#[derive(Clone)]
pub struct Sim {
    shared: Arc<Shared>,
    /// Stops everything with the last handle; a server's own handle does not count.
    _stop_with_the_last: Option<Arc<DropGuard>>,
}

/// What the servers and the handles share.
pub(crate) struct Shared {
    world: Mutex<World>,
    /// Counts the changes, so that whoever waits for one wakes up.
    pub(crate) changed: watch::Sender<u64>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) tracker: TaskTracker,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the world.
    pub(crate) fn look<R>(&self, read: impl FnOnce(&World) -> R) -> R {
        read(&self.lock())
    }

    /// Changes the world, sends the events that this caused, and wakes whoever waits.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        let result = {
            let mut world = self.lock();
            let result = change(&mut world);
            world.flush();
            result
        };
        self.changed.send_modify(|count| *count += 1);
        result
    }

    /// Ends the indicator of typing once it was shown this long, unless the bot has typed again meanwhile.
    pub(crate) fn stop_typing_later(self: &Arc<Self>, channel: ChannelId, shown: Duration) {
        let shared = Arc::clone(self);
        self.tracker.spawn(async move {
            tokio::select! {
                () = shared.shutdown.cancelled() => return,
                () = tokio::time::sleep(shown) => {}
            }
            shared.change(|world| {
                let since = world.typing.get(&channel);
                if since.is_some_and(|since| since.elapsed() >= shown) {
                    world.typing.remove(&channel);
                }
            });
        });
    }
}

impl Sim {
    /// Starts a simulated Discord on 127.0.0.1.
    pub async fn start(config: SimConfig) -> anyhow::Result<Self> {
        Self::start_with_pages(config, Router::new()).await
    }

    /// Starts one that also serves these pages, from the same origin as its controls.
    pub async fn start_with_pages(config: SimConfig, pages: Router) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", config.port))
            .await
            .with_context(|| format!("cannot listen on 127.0.0.1:{}", config.port))?;
        let address = listener.local_addr().context("cannot read the address")?;
        let shutdown = CancellationToken::new();
        let sim = Self {
            shared: Arc::new(Shared {
                world: Mutex::new(World::new(config, format!("http://{address}"))),
                changed: watch::Sender::new(0),
                shutdown: shutdown.clone(),
                tracker: TaskTracker::new(),
            }),
            _stop_with_the_last: Some(Arc::new(shutdown.drop_guard())),
        };
        sim.serve_app(listener, rest::router(Arc::clone(&sim.shared), pages));
        Ok(sim)
    }

    /// A handle for the simulator's own servers, which must not keep it alive.
    pub(crate) fn of(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            _stop_with_the_last: None,
        }
    }

    /// Serves the same Discord on another listener too, such as one that speaks TLS.
    pub fn serve<L>(&self, listener: L)
    where
        L: Listener,
        L::Addr: std::fmt::Debug,
    {
        self.serve_app(listener, rest::router(Arc::clone(&self.shared), Router::new()));
    }

    fn serve_app<L>(&self, listener: L, app: Router)
    where
        L: Listener,
        L::Addr: std::fmt::Debug,
    {
        let app = app.into_make_service_with_connect_info::<io::Switch>();
        let shutdown = self.shared.shutdown.clone();
        self.shared.tracker.spawn(async move {
            let served = axum::serve(io::Cuttable(listener), app)
                .with_graceful_shutdown(async move { shutdown.cancelled().await });
            if let Err(error) = served.await {
                tracing::warn!("simulated discord: cannot serve: {error}");
            }
        });
    }

    /// The address to give as the base of Discord's API.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.shared.look(|world| world.base.clone())
    }

    /// Stops it: connections are closed and its tasks end, within five seconds.
    pub async fn stop(self) {
        self.shared.shutdown.cancel();
        self.shared.tracker.close();
        // A client that keeps its connection open must not hold up whoever stops the simulator.
        let _ = tokio::time::timeout(Duration::from_secs(5), self.shared.tracker.wait()).await;
    }
}

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sim").field("base_url", &self.base_url()).finish()
    }
}
