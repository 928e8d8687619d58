//! How many events a second the HTTP API takes, and how long each sender waits until they are on the disk.
//!
//! Not criterion: what matters is many senders at once and the slowest of them. Sixty-four connections speak plain
//! HTTP/1.1 over sockets of their own, so that the measuring costs little of the two cores.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot run has nobody to tell but the terminal"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ompcord::config::Config;
use ompcord::daemon::{self, Ports};
use ompcord::discord::Endpoint;
use ompcord::sim::{Sim, SimConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

const CONNECTIONS: usize = 64;
const LENGTH: Duration = Duration::from_secs(4);

fn config(sim: &Sim, dir: &std::path::Path) -> Config {
    let empty = dir.join("empty.env");
    std::fs::write(&empty, "").expect("an empty file");
    let vars = |name: &str| {
        Some(match name {
            "DISCORD_BOT_TOKEN" => sim.bot_token(),
            "DISCORD_GUILD_ID" => sim.guild_id().to_string(),
            "DISCORD_CHANNEL_ID" => sim.home_channel().to_string(),
            "DISCORD_ALLOWED_USERS" => sim.user("alice").expect("alice").to_string(),
            "DISCORD_API_URL" => sim.base_url(),
            "OMPCORD_STATE_DIR" => dir.join("state").display().to_string(),
            _ => return None,
        })
    };
    Config::load(Some(&empty), vars).expect("a configuration")
}

/// One connection.
struct Sender {
    stream: TcpStream,
    head: String,
    buffer: Vec<u8>,
}

impl Sender {
    async fn open(addr: SocketAddr, token: &str) -> Self {
        let stream = TcpStream::connect(addr).await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let head = format!("host: {addr}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json");
        Self {
            stream,
            head,
            buffer: vec![0; 16 * 1024],
        }
    }

    /// Posts and gives status and body.
    async fn post(&mut self, path: &str, body: &str) -> (u16, Value) {
        let request = format!(
            "POST {path} HTTP/1.1\r\n{}\r\ncontent-length: {}\r\n\r\n{body}",
            self.head,
            body.len()
        );
        self.stream
            .write_all(request.as_bytes())
            .await
            .expect("a sent request");
        let mut filled = 0;
        loop {
            let space = self.buffer.get_mut(filled..).expect("space for an answer");
            let count = self.stream.read(space).await.expect("an answer");
            assert!(count > 0, "the connection was closed");
            filled += count;
            let text = String::from_utf8_lossy(self.buffer.get(..filled).expect("what was read"));
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.expect("a length").parse().expect("a number");
            if body.len() >= length {
                let status = head.split(' ').nth(1).expect("a status");
                return (
                    status.parse().expect("a number"),
                    serde_json::from_str(body).expect("JSON"),
                );
            }
        }
    }
}

/// How long each request took. With a rate, requests are sent when they are due, whatever became of the earlier ones, and
/// the time counts from then: a sender that waits for its answers would not notice that others have to wait.
async fn measure(addr: SocketAddr, token: Arc<str>, session: Arc<str>, (batch, rate): (usize, Option<u32>)) {
    let began = Instant::now();
    let interval =
        rate.map(|rate| Duration::from_secs(1) * u32::try_from(CONNECTIONS * batch).expect("few") / rate);
    let offered = rate.map_or_else(String::new, |rate| format!(", {rate} events/s offered"));
    let mut senders = tokio::task::JoinSet::new();
    for connection in 0..CONNECTIONS {
        let (token, session) = (token.clone(), session.clone());
        senders.spawn(async move {
            let mut sender = Sender::open(addr, &token).await;
            let mut waits = Vec::new();
            let label = interval.map_or(0, |interval| interval.as_nanos());
            // Not all at the same moment.
            let mut due = began + interval.unwrap_or_default() * u32::try_from(connection).expect("few") / 64;
            while began.elapsed() < LENGTH {
                let events: Vec<Value> = (0..batch)
                    .map(|n| {
                        json!({"session_id": &*session, "event_type": "message", "timestamp": 1_700_000_000_000_i64,
                            "content": "The tests pass again; the login keeps its session now.",
                            "id": format!("{label}/{batch}/{connection}/{}/{n}", waits.len()), "data": {"model": "m"}})
                    })
                    .collect();
                let body = if batch == 1 { json!(events[0]) } else { json!(events) }.to_string();
                let sent = match interval {
                    None => Instant::now(),
                    Some(interval) => {
                        tokio::time::sleep_until(due.into()).await;
                        let sent = due;
                        due += interval;
                        sent
                    }
                };
                let (status, answer) = sender.post("/api/webhook/event", &body).await;
                waits.push(sent.elapsed());
                assert_eq!((status, answer["accepted"].as_u64()), (202, Some(batch as u64)), "{answer}");
            }
            waits
        });
    }
    let mut waits = Vec::new();
    while let Some(more) = senders.join_next().await {
        waits.extend(more.expect("a sender"));
    }
    report(&mut waits, (batch, &offered), began.elapsed());
}

/// Prints a line about how long the requests took.
fn report(waits: &mut [Duration], (batch, offered): (usize, &str), took: Duration) {
    let took = took.as_secs_f64();
    waits.sort();
    let at = |part: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index"
        )]
        let index = ((waits.len() - 1) as f64 * part) as usize;
        waits[index].as_secs_f64() * 1_000.0
    };
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = (waits.len() * batch) as f64 / took;
    println!(
        "{CONNECTIONS} connections, {batch:>3} events a request{offered}: {rate:>8.0} events/s, p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let dir = tempfile::tempdir().expect("a directory");
        let sim = Sim::start(SimConfig::default()).await.expect("a Discord");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("an address");
        let shutdown = CancellationToken::new();
        let ports = Ports {
            listener,
            endpoint: Endpoint::new().expect("a client"),
            shutdown: shutdown.clone(),
            patience: daemon::CONNECT_TIMEOUT,
            manager: daemon::Manager::default(),
        };
        let config = config(&sim, dir.path());
        let token_file = config.api_token_path();
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(daemon::serve(config, ports));
        sim.until("the daemon", |sim| sim.gateway_connected().then_some(()))
            .await;
        let token: Arc<str> = std::fs::read_to_string(token_file)
            .expect("a token")
            .trim()
            .into();
        let mut sender = Sender::open(addr, &token).await;
        let (_, session) = sender.post("/api/sessions", "{}").await;
        let session: Arc<str> = session["session_id"].as_str().expect("a session").into();
        let loads = [
            (10, Some(20_000)),
            (50, Some(20_000)),
            (1, None),
            (4, None),
            (10, None),
            (50, None),
        ];
        for load in loads {
            measure(addr, token.clone(), session.clone(), load).await;
        }
        shutdown.cancel();
        tasks
            .join_next()
            .await
            .expect("the daemon")
            .expect("an end")
            .expect("a clean end");
    });
}
