//! MCP over streamable HTTP: a server for each principal, so that nobody can take part in another one's session.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rmcp::transport::streamable_http_server::SessionManager as _;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio_util::sync::CancellationToken;

use super::Server;
use crate::session::Deps;
use crate::token::Principal;
use crate::tools::Caller;

/// A client that says nothing for so long has to begin again.
const KEPT: Duration = Duration::from_hours(24);

/// So many sessions has a token at once. A client that is started again and again and never says goodbye fills no memory:
/// the session that was longest without a request gives way.
const MOST: usize = 64;

/// A server's front door: it takes a request and gives a response.
pub(crate) type Service = StreamableHttpService<Server<Caller>, LocalSessionManager>;

/// A server with its sessions.
struct Kept {
    service: Service,
    sessions: Arc<LocalSessionManager>,
    /// By when they were used last.
    used: VecDeque<Arc<str>>,
}

/// The servers, by whose they are.
#[derive(Default)]
pub(crate) struct HttpServers(Mutex<HashMap<Principal, Kept>>);

impl std::fmt::Debug for HttpServers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpServers").finish_non_exhaustive()
    }
}

impl HttpServers {
    fn lock(&self) -> MutexGuard<'_, HashMap<Principal, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody has a server already.
    pub(crate) fn has(&self, who: &Principal) -> bool {
        self.lock().contains_key(who)
    }

    /// Forgets the servers of all others.
    pub(crate) fn keep(&self, wanted: impl Fn(&Principal) -> bool) {
        self.lock().retain(|who, _| wanted(who));
    }

    /// The server of somebody whose token was checked. It ends at `stop`.
    pub(crate) fn of(
        &self,
        deps: &Arc<Deps>,
        who: &Principal,
        max_body: usize,
        stop: &CancellationToken,
    ) -> Service {
        let make = || {
            let caller = Caller::new(Arc::clone(deps), who.clone());
            let mut sessions = LocalSessionManager::default();
            sessions.session_config.keep_alive = Some(KEPT);
            let config = StreamableHttpServerConfig::default()
                // What stands before every route has looked at both already.
                .disable_allowed_hosts()
                .disable_allowed_origins()
                .with_max_request_body_bytes(max_body)
                .with_cancellation_token(stop.child_token());
            let sessions = Arc::new(sessions);
            let server = move || Ok(Server(caller.clone()));
            Kept {
                service: StreamableHttpService::new(server, Arc::clone(&sessions), config),
                sessions,
                used: VecDeque::new(),
            }
        };
        let mut servers = self.lock();
        servers.entry(who.clone()).or_insert_with(make).service.clone()
    }

    /// Somebody has used a session, or has begun it.
    pub(crate) async fn used(&self, who: &Principal, session: &str, begun: bool) {
        let oldest = {
            let mut servers = self.lock();
            let Some(kept) = servers.get_mut(who) else { return };
            let known = kept.used.iter().position(|known| **known == *session);
            let Some(session) = known
                .and_then(|at| kept.used.remove(at))
                .or(begun.then(|| session.into()))
            else {
                return;
            };
            kept.used.push_back(session);
            let too_many = kept.used.len() > MOST;
            let oldest = too_many.then(|| kept.used.pop_front()).flatten();
            oldest.map(|oldest| (Arc::clone(&kept.sessions), oldest))
        };
        if let Some((sessions, oldest)) = oldest {
            // It may have ended by itself.
            sessions.close_session(&oldest).await.ok();
        }
    }
}
