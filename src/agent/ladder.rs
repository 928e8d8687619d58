//! Ends an agent process, politely first: abort, closed stdin, SIGTERM, SIGKILL.
//!
//! Only the first rung makes the agent clean up after its tools, and only the last is certain. Each rung has
//! a bounded wait, so that no state of the agent can keep a session, or the daemon, from ending.

use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::command::Command;
use super::handle::{Control, Stop};
use super::pump::Life;
use super::sweep::{self, Process};

/// How long a killed process may take to be gone. Longer only happens where the kernel itself hangs.
const KILL_TIME: Duration = Duration::from_secs(10);

/// A process on its way down.
pub(super) struct Ladder<'a> {
    pub(super) child: &'a mut Child,
    pub(super) life: &'a Life,
    pub(super) ours: &'a mpsc::UnboundedSender<Vec<u8>>,
    pub(super) controls: &'a mut mpsc::UnboundedReceiver<Control>,
    /// What it had started, found while its parents could still be told.
    pub(super) known: Vec<Process>,
}

/// What a wait ended with.
enum Waited {
    Exited(std::io::Result<ExitStatus>),
    TurnEnded,
    Late,
}

impl Ladder<'_> {
    /// Goes down until the process is gone. `None`: not even SIGKILL ended it in time.
    pub(super) async fn descend(&mut self, stop: Stop) -> Option<std::io::Result<ExitStatus>> {
        self.life.shared.stopping.cancel();
        let mut grace = stop.grace;
        self.look().await;
        if stop.abort_first && *self.life.in_turn.borrow() {
            tracing::debug!("the agent is told to abort its turn");
            // A writer that is gone means a stdin that is: the next rung will show.
            drop(self.ours.send(Command::Abort { id: "stop" }.line()));
            if let Waited::Exited(status) = self.wait(&mut grace, true).await {
                return Some(status);
            }
        }
        tracing::debug!("the agent's stdin is closed");
        self.life.closing.cancel();
        if let Waited::Exited(status) = self.wait(&mut grace, false).await {
            return Some(status);
        }
        for signal in [Signal::SIGTERM, Signal::SIGKILL] {
            self.look().await;
            self.signal(signal);
            if signal == Signal::SIGKILL {
                grace = KILL_TIME;
            }
            if let Waited::Exited(status) = self.wait(&mut grace, false).await {
                return Some(status);
            }
        }
        tracing::error!("the agent's process survived SIGKILL");
        None
    }

    async fn wait(&mut self, grace: &mut Duration, for_turn: bool) -> Waited {
        let begun = Instant::now();
        let mut in_turn = self.life.in_turn.subscribe();
        loop {
            tokio::select! {
                biased;
                status = self.child.wait() => return Waited::Exited(status),
                () = idle(&mut in_turn), if for_turn => return Waited::TurnEnded,
                () = tokio::time::sleep_until(begun + *grace) => return Waited::Late,
                Some(control) = self.controls.recv() => match control {
                    Control::Stop(stop) => *grace = stop.grace.min(*grace),
                    Control::Refused { id, error } => self.life.refuse(id, error).await,
                },
            }
        }
    }

    /// Remembers what the process has started by now: after its end these have other parents.
    async fn look(&mut self) {
        if let Some(pid) = self.child.id() {
            self.known.extend(sweep::descendants(pid.cast_signed()).await);
        }
    }

    /// To the whole group. The leader was not waited for, so its number cannot be anybody else's.
    fn signal(&self, signal: Signal) {
        let Some(pid) = self.child.id() else {
            return;
        };
        tracing::debug!(pid, %signal, "the agent's process group is signalled");
        if let Err(error) = killpg(Pid::from_raw(pid.cast_signed()), signal) {
            tracing::debug!(pid, %signal, %error, "the agent's process group cannot be signalled");
        }
    }
}

async fn idle(in_turn: &mut watch::Receiver<bool>) {
    // The sender lives as long as the process; without it there is no turn either.
    drop(in_turn.wait_for(|running| !running).await);
}
