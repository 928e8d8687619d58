//! The daemon's tools and addresses in the hands of an agent that it runs.
//!
//! Each request is carried out by a task of its own: a question to a person may wait for hours, and the actor that shows
//! it must not. What is still running when the agent goes, or when it does not want to know any more, is given up.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;
use tracing::Instrument as _;

use super::actor::Actor;
use crate::agent::AgentHandle;
use crate::event::{Dialog, HostRequest};
use crate::render::dialog::tool_of;
use crate::token::Principal;
use crate::tools::{self, Caller};

/// After how long the agent is first told that a tool takes its time, and then again and again.
const SLOW: Duration = Duration::from_secs(1);
const STILL: Duration = Duration::from_secs(15);
/// What it is told.
const WAITING: &str = "Discord, or a person there, has not answered yet…";

/// What an agent has asked for and not got yet.
#[derive(Debug, Default)]
pub(super) struct HostCalls(HashMap<String, AbortHandle>);

impl HostCalls {
    fn begin(&mut self, id: String, task: AbortHandle) {
        self.0.retain(|_, task| !task.is_finished());
        self.0.insert(id, task);
    }

    fn cancel(&mut self, id: &str) {
        if let Some(task) = self.0.remove(id) {
            task.abort();
        }
    }
}

impl Drop for HostCalls {
    fn drop(&mut self) {
        self.0.values().for_each(AbortHandle::abort);
    }
}

/// Offers everything to an agent that has just been started.
pub(super) fn offer(agent: &AgentHandle) {
    agent.offer(&tools::for_host(), &[tools::resource::SCHEME]);
}

impl Actor {
    /// The agent wants something.
    pub(super) fn host_request(&mut self, request: HostRequest) {
        let who = Principal::Session(self.handle.id().clone());
        let caller = Caller::new(Arc::clone(&self.deps), who);
        let tracker = self.deps.tracker.clone();
        let Some(running) = &mut self.running else { return };
        let agent = running.handle.clone();
        let (id, task) = match request {
            HostRequest::Cancel { id } => return running.calls.cancel(&id),
            HostRequest::Call { id, tool, args } => {
                let answer_to = id.clone();
                let call = async move { tools::call(&caller, &tool, args).await };
                let work = async move {
                    let outcome = patiently(&agent, &answer_to, call).await;
                    agent.host_result(&answer_to, &outcome.text, outcome.is_error);
                };
                (id, tracker.spawn(work.in_current_span()))
            }
            HostRequest::Read { id, url, write } => {
                let answer_to = id.clone();
                let work = async move {
                    let read = tools::resource::read(&caller, &url, write).await;
                    let read = read.as_deref().map_err(String::as_str);
                    agent.host_reading(&answer_to, read);
                };
                (id, tracker.spawn(work.in_current_span()))
            }
        };
        running.calls.begin(id, task.abort_handle());
    }

    /// Whether this asks for the approval of a tool of the daemon's own that needs none in this session: the agent takes
    /// every tool of a host for one that runs programs.
    pub(super) fn is_allowed_host_tool(&self, asked: &Dialog) -> bool {
        let session = self.session.as_ref();
        let mode = session.and_then(|session| session.approval_mode.parse().ok());
        let tool = tool_of(asked).zip(mode);
        tool.is_some_and(|(tool, mode)| tools::runs_without_asking(tool, mode))
    }
}

/// Carries a call out, and tells the agent now and then that it is under way.
async fn patiently(
    agent: &AgentHandle,
    id: &str,
    call: impl Future<Output = tools::Outcome>,
) -> tools::Outcome {
    tokio::pin!(call);
    let mut wait = SLOW;
    loop {
        tokio::select! {
            outcome = &mut call => return outcome,
            () = tokio::time::sleep(wait) => agent.host_progress(id, WAITING),
        }
        wait = STILL;
    }
}
