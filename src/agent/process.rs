//! Starts an agent process and stays with it until it and all that it started are gone.
//!
//! One supervisor task per process owns the child. Whatever happens (no such program, never ready, a crash,
//! a stop, nobody left to listen) ends in exactly one `Exited` event with nothing left in the process table.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command as Process};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::command::Command;
use super::env;
use super::handle::{self, AgentHandle, Control, Ends, Stop};
use super::ladder::Ladder;
use super::pump::{self, Life, Outlet};
use super::state::AgentStateReport;
use super::sweep::{self, MARKER};
use crate::event::{AgentEvent, AgentExit, AgentStarted, ExitHow};
use crate::ids::SessionId;

/// How an agent that nobody holds any more, or that never came up, is ended.
const UNWANTED: Stop = Stop {
    abort_first: false,
    grace: Duration::from_secs(2),
};

/// How to run an agent.
#[derive(Debug, Clone)]
pub struct AgentSpec {
    /// The program and its first arguments (`OMP_COMMAND`, split).
    pub program: Vec<String>,
    /// Where it runs.
    pub cwd: PathBuf,
    /// Our session, for the log.
    pub session: SessionId,
    /// `provider/model`; otherwise the agent's own choice.
    pub model: Option<String>,
    /// How much the model thinks; otherwise the agent's own choice.
    pub thinking: Option<String>,
    /// `always-ask`, `write` or `yolo`. Always passed: the agent's own default asks nobody.
    pub approval_mode: String,
    /// The agent's session to continue.
    pub resume: Option<String>,
    /// Variables besides those that are allowed through. They win.
    pub extra_env: Vec<(String, String)>,
    /// `<instance>/<session>`: what everything it starts is found by.
    pub marker: String,
    /// How long it may take to come up.
    pub start_timeout: Duration,
}

/// Starts an agent. This cannot fail: what goes wrong is told by events, the last of which is `Exited`.
pub fn spawn(spec: AgentSpec, tracker: &TaskTracker, events: mpsc::Sender<AgentEvent>) -> AgentHandle {
    let (handle, ends) = handle::connect();
    let tasks = tracker.clone();
    // Within the session that starts it, at every level of the filter.
    let span = tracing::error_span!("agent");
    let supervised = async move {
        let shared = Arc::clone(&ends.shared);
        let outlet = Outlet::new(events, shared.stopping.clone());
        let life = Arc::new(Life::new(outlet, Arc::clone(&shared)));
        // Dropped on every way out, so that whoever waits for the end never waits for ever.
        let gone = shared.gone.clone().drop_guard();
        let exit = supervise(&spec, &life, ends, &tasks).await;
        tracing::info!(?exit.how, exit.requested, exit.swept, "the agent is gone");
        shared.hang_up();
        drop(gone);
        life.outlet.last(AgentEvent::Exited(exit)).await;
    };
    tracker.spawn(supervised.instrument(span));
    handle
}

async fn supervise(spec: &AgentSpec, life: &Arc<Life>, ends: Ends, tasks: &TaskTracker) -> AgentExit {
    let mut exit = AgentExit {
        how: ExitHow::NotReady,
        requested: false,
        last_lines: Vec::new(),
        swept: 0,
    };
    let (mut child, pipes) = match launch(spec) {
        Ok(launched) => launched,
        Err(how) => return AgentExit { how, ..exit },
    };
    tracing::info!(pid = child.id(), resume = spec.resume, "the agent was started");
    let (ours, ours_to_write) = mpsc::unbounded_channel();
    let here = || tracing::Span::current();
    let pumps = [
        tasks.spawn(pump::stdout(pipes.stdout, Arc::clone(life)).instrument(here())),
        tasks.spawn(pump::stderr(pipes.stderr, Arc::clone(life)).instrument(here())),
        tasks.spawn(pump::stdin(pipes.stdin, Arc::clone(life), ours_to_write, ends.queue).instrument(here())),
    ];
    let mut controls = ends.controls;
    let ladder = Ladder {
        child: &mut child,
        life,
        ours: &ours,
        controls: &mut controls,
        known: Vec::new(),
    };
    let fate = live(spec, ladder).await;
    life.closing.cancel();
    exit.swept = sweep::sweep_with(&spec.marker, fate.known).await;
    life.exited.cancel();
    for pump in pumps {
        if let Err(error) = pump.await {
            tracing::error!(%error, "a pipe of the agent was left alone");
        }
    }
    while let Ok(control) = controls.try_recv() {
        if let Control::Refused { id, error } = control {
            life.refuse(id, error).await;
        }
    }
    exit.requested = fate.requested;
    exit.last_lines = life.last_lines();
    exit.how = fate
        .how
        .unwrap_or_else(|| how_it_ended(spec, fate.status.as_ref(), &exit.last_lines));
    exit
}

/// How the life of a process went.
struct Fate {
    /// What is known better than by the exit status.
    how: Option<ExitHow>,
    status: Option<io::Result<ExitStatus>>,
    requested: bool,
    known: Vec<sweep::Process>,
}

/// What comes next in the life of a process.
enum Next {
    Up,
    Failed(ExitHow),
    Exited(io::Result<ExitStatus>),
    Stop(Stop),
}

/// From the start to the end of the process, whoever brings it about.
async fn live(spec: &AgentSpec, mut ladder: Ladder<'_>) -> Fate {
    let mut next = {
        let Ladder {
            child,
            life,
            ours,
            controls,
            ..
        } = &mut ladder;
        let pid = child.id().unwrap_or_default();
        tokio::select! {
            biased;
            status = child.wait() => Next::Exited(status),
            stop = next_stop(life, controls) => Next::Stop(stop),
            started = tokio::time::timeout(spec.start_timeout, start(spec, life, ours, pid)) => match started {
                Ok(Ok(())) => Next::Up,
                Ok(Err(how)) => Next::Failed(how),
                Err(_) => Next::Failed(ExitHow::NotReady),
            },
        }
    };
    if matches!(next, Next::Up) {
        next = tokio::select! {
            biased;
            status = ladder.child.wait() => Next::Exited(status),
            stop = next_stop(ladder.life, ladder.controls) => Next::Stop(stop),
        };
    }
    let (how, status, requested) = match next {
        Next::Exited(status) => (None, Some(status), false),
        Next::Failed(how) => (Some(how), ladder.descend(UNWANTED).await, false),
        Next::Stop(stop) => (None, ladder.descend(stop).await, true),
        Next::Up => (None, ladder.descend(UNWANTED).await, true),
    };
    Fate {
        how,
        status,
        requested,
        known: ladder.known,
    }
}

/// The next wish to end the process. Nobody holding it any more is one.
async fn next_stop(life: &Life, controls: &mut mpsc::UnboundedReceiver<Control>) -> Stop {
    loop {
        match controls.recv().await {
            Some(Control::Stop(stop)) => return stop,
            Some(Control::Refused { id, error }) => life.refuse(id, error).await,
            None => return UNWANTED,
        }
    }
}

/// Brings the agent up: ready, protocol, state, and the session that was asked for.
async fn start(
    spec: &AgentSpec,
    life: &Life,
    ours: &mpsc::UnboundedSender<Vec<u8>>,
    pid: u32,
) -> Result<(), ExitHow> {
    let ready = life
        .ready
        .subscribe()
        .wait_for(Option::is_some)
        .await
        .map(|ready| ready.clone());
    let versions = ready
        .ok()
        .flatten()
        .map(|ready| ready.versions)
        .unwrap_or_default();
    let say = |command: Command<'_>| drop(ours.send(command.line()));
    if versions.contains(&2) {
        // Refused or not, we read both versions.
        say(Command::NegotiateProtocol {
            id: "negotiate",
            version: 2,
        });
    }
    let (id, answer) = life.shared.question();
    say(Command::GetState { id: &id });
    let data = match answer.await {
        Ok(Ok(Some(data))) => data,
        refused => {
            tracing::warn!(?refused, "the agent does not tell its state");
            return Err(ExitHow::NotReady);
        }
    };
    let state = AgentStateReport::read(&data).map_err(|error| {
        tracing::warn!(%error, "the agent's state cannot be read");
        ExitHow::NotReady
    })?;
    if spec
        .resume
        .as_ref()
        .is_some_and(|wanted| *wanted != state.agent_session)
    {
        tracing::warn!(
            found = state.agent_session,
            "the agent began another session than the one to resume"
        );
        return Err(ExitHow::SessionMissing);
    }
    let started = AgentStarted {
        agent_session: state.agent_session,
        model: state.model,
        pid,
    };
    life.outlet.send(AgentEvent::Started(started)).await;
    if let Some(title) = state.title {
        life.titled(title).await;
    }
    life.started.cancel();
    Ok(())
}

/// The pipes of a process.
struct Pipes {
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: ChildStderr,
}

fn launch(spec: &AgentSpec) -> Result<(Child, Pipes), ExitHow> {
    let program = spec.program.join(" ");
    let failed = |error: String, not_found| ExitHow::NotStarted {
        program: program.clone(),
        error,
        not_found,
    };
    let Some((name, arguments)) = spec.program.split_first() else {
        return Err(failed("no program is configured".into(), true));
    };
    // The system would call a missing directory a missing program.
    if !spec.cwd.is_dir() {
        let error = format!("the working directory {} does not exist", spec.cwd.display());
        return Err(failed(error, false));
    }
    let mut process = Process::new(name);
    process
        .args(arguments)
        .args(flags(spec))
        .current_dir(&spec.cwd)
        .env_clear()
        .envs(env::allowed(std::env::vars_os()))
        .envs(spec.extra_env.iter().map(|(name, value)| (name, value)))
        .env(MARKER, &spec.marker)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = process
        .spawn()
        .map_err(|error| failed(error.to_string(), error.kind() == io::ErrorKind::NotFound))?;
    match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
        (Some(stdin), Some(stdout), Some(stderr)) => Ok((
            child,
            Pipes {
                stdin,
                stdout,
                stderr,
            },
        )),
        _ => Err(failed("its pipes are missing".into(), false)),
    }
}

fn flags(spec: &AgentSpec) -> Vec<OsString> {
    let mut flags: Vec<OsString> = ["--mode", "rpc-ui", "--approval-mode", &spec.approval_mode]
        .map(OsString::from)
        .to_vec();
    // Said explicitly, because the agent leaves the home directory for a temporary one otherwise.
    flags.extend(["--cwd".into(), spec.cwd.clone().into_os_string()]);
    for (flag, value) in [
        ("--model", &spec.model),
        ("--thinking", &spec.thinking),
        ("--resume", &spec.resume),
    ] {
        if let Some(value) = value {
            flags.extend([flag.into(), value.into()]);
        }
    }
    flags
}

fn how_it_ended(spec: &AgentSpec, status: Option<&io::Result<ExitStatus>>, last_lines: &[String]) -> ExitHow {
    let Some(Ok(status)) = status else {
        return ExitHow::Signal(Signal::SIGKILL as i32);
    };
    // The agent has no exit code of its own for this; what it writes is all there is.
    let missing = spec.resume.as_ref().is_some_and(|id| {
        let said = |line: &String| line.contains(id.as_str()) && line.contains("not found");
        status.code() == Some(1) && last_lines.iter().any(said)
    });
    match (status.code(), status.signal()) {
        _ if missing => ExitHow::SessionMissing,
        (Some(code), _) => ExitHow::Code(code),
        (None, signal) => ExitHow::Signal(signal.unwrap_or_default()),
    }
}
