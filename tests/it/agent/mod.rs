//! Agents as processes: the scripted one with every misbehaviour, and the real one where it is installed.

use std::path::Path;
use std::time::Duration;

use ompcord::agent::{self, AgentHandle, AgentSpec, Image, Stop};
use ompcord::event::{AgentEvent, AgentExit, AgentStarted, DialogAnswer, ExitHow, MessageEnded};
use ompcord::ids::SessionId;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

mod real;
mod stopping;
mod talking;

/// Much longer than anything takes: a test that reaches it hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// A folder that agents run in, and what they are started with.
struct Rig {
    folder: TempDir,
    tracker: TaskTracker,
}

/// An agent and its events.
struct Running {
    handle: AgentHandle,
    events: mpsc::Receiver<AgentEvent>,
    marker: String,
    tracker: TaskTracker,
}

impl Rig {
    fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            tracker: TaskTracker::new(),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn spec(&self) -> AgentSpec {
        let session = SessionId::random();
        AgentSpec {
            program: vec![env!("CARGO_BIN_EXE_ompcord").into(), "scripted-agent".into()],
            cwd: self.path().to_owned(),
            marker: format!("test-{}/{session}", std::process::id()),
            session,
            model: None,
            thinking: None,
            approval_mode: "write".into(),
            resume: None,
            extra_env: vec![(
                "OMPCORD_SCRIPTED_DIR".into(),
                self.path().join("sessions").display().to_string(),
            )],
            start_timeout: PATIENCE,
        }
    }

    /// A spec of an agent with traits, such as `noready`.
    fn with_traits(&self, traits: &str) -> AgentSpec {
        let mut spec = self.spec();
        spec.extra_env.push(("OMPCORD_SCRIPTED".into(), traits.into()));
        spec
    }

    fn spawn(&self, spec: AgentSpec) -> Running {
        self.spawn_with(spec, 1000)
    }

    fn spawn_with(&self, spec: AgentSpec, room: usize) -> Running {
        let (sender, events) = mpsc::channel(room);
        let marker = spec.marker.clone();
        let handle = agent::spawn(spec, &self.tracker, sender);
        Running {
            handle,
            events,
            marker,
            tracker: self.tracker.clone(),
        }
    }

    /// An agent that is up.
    async fn up(&self) -> Running {
        let mut running = self.spawn(self.spec());
        running.started().await;
        running
    }
}

impl Running {
    async fn next(&mut self) -> AgentEvent {
        let event = tokio::time::timeout(PATIENCE, self.events.recv()).await;
        event.expect("an event in time").expect("an event before the end")
    }

    /// Passes over events until one is what is looked for.
    async fn until<T>(&mut self, mut pick: impl FnMut(&AgentEvent) -> Option<T>) -> T {
        let mut seen = Vec::new();
        loop {
            let event = self.next().await;
            if let Some(found) = pick(&event) {
                return found;
            }
            assert!(
                !matches!(event, AgentEvent::Exited(_)),
                "{event:?} after {seen:?}"
            );
            seen.push(event);
        }
    }

    async fn started(&mut self) -> AgentStarted {
        self.until(|event| match event {
            AgentEvent::Started(started) => Some(started.clone()),
            _ => None,
        })
        .await
    }

    async fn line(&mut self, beginning: &str) -> String {
        self.until(|event| match event {
            AgentEvent::Line(line) if line.starts_with(beginning) => Some(line.clone()),
            _ => None,
        })
        .await
    }

    async fn message(&mut self) -> MessageEnded {
        self.until(|event| match event {
            AgentEvent::MessageEnded(message) => Some(message.clone()),
            _ => None,
        })
        .await
    }

    async fn turn_ended(&mut self) {
        self.until(|event| (*event == AgentEvent::TurnEnded).then_some(()))
            .await;
    }

    /// Runs a turn and gives what was said last.
    async fn say(&mut self, prompt: &str) -> String {
        self.handle.prompt("p", prompt, &[]);
        let mut last = String::new();
        loop {
            match self.next().await {
                AgentEvent::MessageEnded(message) => {
                    last = message.texts.into_iter().map(|(_, text)| text).collect();
                }
                AgentEvent::TurnEnded => return last,
                AgentEvent::Exited(exit) => panic!("{exit:?}"),
                _ => {}
            }
        }
    }

    /// Waits for the end and checks that nothing is left of it: no event, no task, no process.
    async fn exited(mut self) -> AgentExit {
        let exit = self
            .until(|event| match event {
                AgentEvent::Exited(exit) => Some(exit.clone()),
                _ => None,
            })
            .await;
        assert_eq!(self.events.recv().await, None, "nothing follows the exit");
        self.tracker.close();
        tokio::time::timeout(PATIENCE, self.tracker.wait())
            .await
            .expect("every task ends");
        assert_eq!(marked(&self.marker), Vec::<i32>::new(), "no process is left");
        exit
    }

    async fn stopped(self) -> AgentExit {
        drop(self.handle.stop(Stop::default()));
        self.exited().await
    }
}

/// The processes that carry a mark, found without the code that is tested.
fn marked(marker: &str) -> Vec<i32> {
    let wanted = format!("OMPCORD_AGENT={marker}");
    let mut found = Vec::new();
    for item in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = item.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let environ = std::fs::read(item.path().join("environ")).unwrap_or_default();
        if environ
            .split(|byte| *byte == 0)
            .any(|variable| variable == wanted.as_bytes())
        {
            found.push(pid);
        }
    }
    found
}

/// Whether a process is there and no zombie.
fn alive(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        stat.rsplit_once(')')
            .is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
    })
}
