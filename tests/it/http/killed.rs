//! What was acknowledged is there once, whatever happens to the daemon.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ompcord::sim::{Sim, SimConfig};
use ompcord::store::Store;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use crate::harness::{Bench, Http, eventually};

const CLIENTS: usize = 8;
const EVENTS: usize = 50_000;
const BATCH: usize = 50;

fn daemon(bench: &Bench, addr: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_ompcord"))
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap())
        .env("HOME", bench.dir.path())
        .envs(bench.vars().clone())
        .env("OMPCORD_HTTP_ADDR", addr)
        .env("OMPCORD_LOG", "error")
        .current_dir(bench.dir.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Waits until the API answers.
async fn up(url: &str, token: &Path) -> Http {
    eventually("the token", || token.exists()).await;
    let api = Http::new(url.to_owned(), std::fs::read_to_string(token).unwrap().trim());
    for _ in 0..1_500 {
        if let Ok(answer) = api
            .client
            .get(format!("{url}/status"))
            .bearer_auth(&api.token)
            .send()
            .await
            && answer.status() == 200
        {
            return api;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the daemon does not answer");
}

/// Posts a client's events in order, each batch again and again until it is acknowledged.
async fn post_all(api: Arc<Mutex<Http>>, session: String, client: usize, acknowledged: Arc<AtomicUsize>) {
    let mine: Vec<usize> = (0..EVENTS / CLIENTS).collect();
    for batch in mine.chunks(BATCH) {
        let events: Vec<Value> = batch
            .iter()
            .map(|n| {
                json!({"session_id": session, "event_type": "message", "content": format!("{client}/{n}"),
                    "timestamp": 1, "id": format!("{client}/{n}")})
            })
            .collect();
        let body = json!(events).to_string();
        loop {
            let api = api.lock().await.clone();
            let request = api.client.post(format!("{}/api/webhook/event", api.url));
            let request = request
                .bearer_auth(&api.token)
                .header("content-type", "application/json")
                .body(body.clone());
            match request.send().await {
                Ok(answer) if answer.status() == 202 => break,
                Ok(answer) => assert_eq!(answer.status(), 503, "only a daemon that starts refuses"),
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            }
        }
        acknowledged.fetch_add(batch.len(), Ordering::Relaxed);
    }
}

#[tokio::test]
async fn fifty_thousand_events_survive_a_kill_each_of_them_once() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let bench = Bench::on(sim, Vec::new(), None);
    let addr = {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        free.local_addr().unwrap().to_string()
    };
    let url = format!("http://{addr}");
    let token = bench.config().api_token_path();
    let mut child = daemon(&bench, &addr);
    let api = up(&url, &token).await;
    let (session, _) = api.session().await;
    let api = Arc::new(Mutex::new(api));
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(post_all(
            api.clone(),
            session.clone(),
            client,
            acknowledged.clone(),
        ));
    }
    eventually("half of the events", || {
        acknowledged.load(Ordering::Relaxed) > EVENTS / 2
    })
    .await;
    child.kill().await.unwrap();
    let before = acknowledged.load(Ordering::Relaxed);
    assert!(before < EVENTS, "it was killed in the middle");
    let mut child = daemon(&bench, &addr);
    *api.lock().await = up(&url, &token).await;
    while let Some(done) = clients.join_next().await {
        done.unwrap();
    }
    child.kill().await.unwrap();

    let store = Store::open(&bench.config().database_path()).await.unwrap();
    let (mut after, mut seen, mut newest) = (0, HashSet::new(), HashMap::<usize, usize>::new());
    loop {
        let page = store.events_after(after, None, 10_000).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.id;
        for event in page.iter().filter(|event| event.kind == "message") {
            assert!(
                seen.insert(event.content.clone()),
                "{} is there twice",
                event.content
            );
            let (client, n) = event.content.split_once('/').unwrap();
            let n: usize = n.parse().unwrap();
            let before = newest.insert(client.parse().unwrap(), n);
            assert!(
                before.is_none_or(|before| before < n),
                "in the order of its client"
            );
        }
    }
    store.close().await;
    assert_eq!(seen.len(), EVENTS);
}
