//! How long a prompt takes from the gateway to the stdin of an agent that is already there.
//!
//! The whole daemon runs against the simulated Discord. What the agent is sent passes through `tee` into a pipe that
//! is read here, so the time of its arrival is seen from outside.

#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot run has nobody to tell but the terminal"
)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use ompcord::config::Config;
use ompcord::daemon::{self, Ports};
use ompcord::discord::Endpoint;
use ompcord::ids::ThreadId;
use ompcord::sim::{Sim, SimConfig};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(30);

fn config(sim: &Sim, dir: &Path, pipe: &Path) -> Config {
    let work = dir.join("work");
    std::fs::create_dir(&work).expect("a workspace");
    let empty = dir.join("empty.env");
    std::fs::write(&empty, "").expect("an empty file");
    let agent = format!(
        "env OMPCORD_SCRIPTED_DIR={dir} sh -c 'tee {pipe} | {program} scripted-agent \"$@\"' agent",
        dir = dir.display(),
        pipe = pipe.display(),
        program = env!("CARGO_BIN_EXE_ompcord"),
    );
    let vars = |name: &str| {
        Some(match name {
            "DISCORD_BOT_TOKEN" => sim.bot_token(),
            "DISCORD_GUILD_ID" => sim.guild_id().to_string(),
            "DISCORD_CHANNEL_ID" => sim.home_channel().to_string(),
            "DISCORD_ALLOWED_USERS" => sim.user("alice").expect("alice").to_string(),
            "DISCORD_API_URL" => sim.base_url(),
            "OMP_COMMAND" => agent.clone(),
            "OMP_WORKDIR" => work.display().to_string(),
            "OMP_APPROVAL_MODE" => "yolo".to_owned(),
            "OMPCORD_STATE_DIR" => dir.join("state").display().to_string(),
            _ => return None,
        })
    };
    Config::load(Some(&empty), vars).expect("a configuration")
}

/// When each prompt reached the agent.
fn arrivals(pipe: &Path) -> Receiver<Instant> {
    let (seen, arrivals) = channel();
    let pipe = pipe.to_owned();
    std::thread::spawn(move || {
        let lines = BufReader::new(std::fs::File::open(pipe).expect("the pipe")).lines();
        for line in lines.map_while(Result::ok) {
            if line.contains("\"type\":\"prompt\"") && seen.send(Instant::now()).is_err() {
                return;
            }
        }
    });
    arrivals
}

async fn footers(sim: &Sim, thread: ThreadId, count: usize) {
    sim.until("the end of the turn", |sim| {
        let messages = sim.messages(thread);
        let ended = messages
            .iter()
            .filter(|m| m.by_bot && m.content.starts_with("-# work ⋅"));
        (ended.count() >= count).then_some(())
    })
    .await;
}

fn warm_prompt(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let dir = tempfile::tempdir().expect("a directory");
    let pipe = dir.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    let arrivals = arrivals(&pipe);
    let shutdown = CancellationToken::new();
    let (sim, daemon, thread) = runtime.block_on(async {
        let sim = Sim::start(SimConfig::default()).await.expect("a Discord");
        let ports = Ports {
            listener: tokio::net::TcpListener::bind("127.0.0.1:0")
                .await
                .expect("a port"),
            endpoint: Endpoint::new().expect("a client"),
            shutdown: shutdown.clone(),
            patience: ompcord::daemon::CONNECT_TIMEOUT,
            manager: daemon::Manager::default(),
        };
        let daemon = runtime.spawn(daemon::serve(config(&sim, dir.path(), &pipe), ports));
        sim.until("the daemon", |sim| sim.gateway_connected().then_some(()))
            .await;
        let message = sim.say("alice", "home", "SAY:Ready.").expect("a message");
        sim.react("alice", message, "🚀").expect("a reaction");
        footers(&sim, message.thread(), 1).await;
        (sim, daemon, message.thread())
    });
    arrivals.recv_timeout(PATIENCE).expect("the first prompt");
    let mut turns = 1;
    let mut group = criterion.benchmark_group("warm prompt");
    group.sample_size(20).measurement_time(Duration::from_secs(4));
    group.bench_function("gateway to stdin", |bencher| {
        bencher.iter_custom(|iterations| {
            let mut sum = Duration::ZERO;
            for _ in 0..iterations {
                turns += 1;
                let began = Instant::now();
                sim.say("alice", thread, "SAY:ok").expect("a message");
                let arrived = arrivals.recv_timeout(PATIENCE).expect("the prompt");
                sum += arrived - began;
                runtime.block_on(footers(&sim, thread, turns));
            }
            sum
        });
    });
    group.finish();
    shutdown.cancel();
    runtime
        .block_on(daemon)
        .expect("the daemon")
        .expect("a clean end");
}

criterion_group!(benches, warm_prompt);
criterion_main!(benches);
