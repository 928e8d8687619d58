//! A Discord for one test: it keeps messages, recognises nonces, and does with a request what the test says.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request, State};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;

pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);
pub(crate) const BOT: &str = "4242";

/// A request as the scripted Discord saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) body: Value,
    pub(crate) files: Vec<(String, String, Vec<u8>)>,
    pub(crate) length: Option<String>,
    pub(crate) at: Instant,
}

impl Seen {
    pub(crate) fn content(&self) -> &str {
        self.body["content"].as_str().unwrap_or_default()
    }

    pub(crate) fn is(&self, method: &str, part: &str) -> bool {
        self.method == method && self.path.contains(part)
    }
}

/// What the scripted Discord does with a request instead of simply doing it.
pub(crate) enum Answer {
    /// Says this and does nothing.
    Say(u16, Value),
    /// Does it and drops the connection.
    Lose,
    /// Never answers and does nothing.
    Hang,
    /// Waits for a permit, then goes on with the rest.
    Hold(Arc<Semaphore>, Box<Answer>),
    /// Does it and adds headers.
    With(Vec<(&'static str, String)>),
    /// Does it.
    Do,
}

pub(crate) struct Rule {
    pub(crate) method: &'static str,
    pub(crate) part: String,
    pub(crate) answer: Answer,
}

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) seen: Vec<Seen>,
    pub(crate) rules: VecDeque<Rule>,
    /// Messages per channel, oldest first.
    pub(crate) messages: HashMap<String, Vec<Value>>,
    pub(crate) nonces: HashMap<String, Value>,
    pub(crate) last_id: u64,
}

#[derive(Clone)]
pub(crate) struct Discord {
    pub(crate) url: String,
    pub(crate) model: Arc<Mutex<Model>>,
    pub(crate) count: watch::Sender<usize>,
}

impl Discord {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let discord = Self {
            url,
            model: Arc::default(),
            count: watch::Sender::new(0),
        };
        let router = Router::new()
            .fallback(handle)
            .layer(DefaultBodyLimit::disable())
            .with_state(discord.clone());
        TaskTracker::new().spawn(async move { axum::serve(listener, router).await.unwrap() });
        discord
    }

    /// The next request like this is answered so.
    pub(crate) fn rule(&self, method: &'static str, part: impl Into<String>, answer: Answer) {
        let part = part.into();
        self.model
            .lock()
            .unwrap()
            .rules
            .push_back(Rule { method, part, answer });
    }

    pub(crate) fn hold(&self, method: &'static str, part: &str, then: Answer) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        self.rule(method, part, Answer::Hold(Arc::clone(&gate), Box::new(then)));
        gate
    }

    pub(crate) fn seen(&self, method: &str, part: &str) -> Vec<Seen> {
        let model = self.model.lock().unwrap();
        model
            .seen
            .iter()
            .filter(|seen| seen.is(method, part))
            .cloned()
            .collect()
    }

    /// Waits until so many requests like this were seen, and gives them.
    pub(crate) async fn until(&self, method: &str, part: &str, count: usize) -> Vec<Seen> {
        let mut changes = self.count.subscribe();
        soon(async {
            while self.seen(method, part).len() < count {
                changes.changed().await.unwrap();
            }
        })
        .await;
        self.seen(method, part)
    }

    /// What stands in a channel.
    pub(crate) fn shown(&self, channel: u64) -> Vec<String> {
        let model = self.model.lock().unwrap();
        let messages = model.messages.get(&channel.to_string());
        messages
            .into_iter()
            .flatten()
            .map(|message| message["content"].as_str().unwrap().to_owned())
            .collect()
    }
}

pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(TIMEOUT, what).await.expect("in time")
}

async fn handle(State(discord): State<Discord>, request: Request) -> Response {
    let seen = read(request).await;
    let answer = {
        let mut model = discord.model.lock().unwrap();
        let index = model
            .rules
            .iter()
            .position(|rule| seen.is(rule.method, &rule.part));
        let answer = index
            .and_then(|index| model.rules.remove(index))
            .map(|rule| rule.answer);
        model.seen.push(seen.clone());
        answer.unwrap_or(Answer::Do)
    };
    discord.count.send_modify(|count| *count += 1);
    let mut answer = answer;
    while let Answer::Hold(gate, then) = answer {
        gate.acquire().await.unwrap().forget();
        answer = *then;
    }
    match answer {
        Answer::Say(status, body) => reply(status, &body),
        Answer::Hang => std::future::pending().await,
        Answer::Lose => {
            discord.model.lock().unwrap().perform(&seen);
            // Ends the connection's task without a word on stderr.
            std::panic::resume_unwind(Box::new("lost"))
        }
        Answer::With(headers) => {
            let mut response = discord.model.lock().unwrap().perform(&seen);
            for (name, value) in headers {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
        Answer::Do | Answer::Hold(..) => discord.model.lock().unwrap().perform(&seen),
    }
}

fn reply(status: u16, body: &Value) -> Response {
    let mut response = Response::new(Body::from(if body.is_null() {
        String::new()
    } else {
        body.to_string()
    }));
    *response.status_mut() = status.try_into().unwrap();
    response.into_response()
}

async fn read(request: Request) -> Seen {
    let headers = request.headers().clone();
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header("authorization").as_deref(), Some("Bot token"));
    let mut seen = Seen {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        body: Value::Null,
        files: Vec::new(),
        length: header("content-length"),
        at: Instant::now(),
    };
    if header("content-type").is_some_and(|kind| kind.starts_with("multipart/")) {
        let mut form = Multipart::from_request(request, &()).await.unwrap();
        while let Some(field) = form.next_field().await.unwrap() {
            let name = field.name().unwrap().to_owned();
            let file = field.file_name().map(str::to_owned);
            let bytes = field.bytes().await.unwrap().to_vec();
            match file {
                Some(file) => seen.files.push((name, file, bytes)),
                None => seen.body = serde_json::from_slice(&bytes).unwrap(),
            }
        }
    } else {
        let bytes = axum::body::to_bytes(request.into_body(), usize::MAX)
            .await
            .unwrap();
        if !bytes.is_empty() {
            seen.body = serde_json::from_slice(&bytes).unwrap();
        }
    }
    seen
}

impl Model {
    fn perform(&mut self, seen: &Seen) -> Response {
        let parts: Vec<&str> = seen.path.split('/').skip(3).collect();
        match (seen.method.as_str(), parts.as_slice()) {
            ("GET", ["users", "@me"]) => reply(200, &json!({"id": BOT, "username": "omp"})),
            ("POST", ["channels", channel, "messages"]) => self.create(channel, seen),
            ("GET", ["channels", channel, "messages"]) => {
                let after: u64 = seen
                    .query
                    .split('&')
                    .find_map(|pair| pair.strip_prefix("after=")?.parse().ok())
                    .unwrap_or_default();
                let all = self.messages.get(*channel).cloned().unwrap_or_default();
                let id = |message: &Value| message["id"].as_str().unwrap().parse::<u64>().unwrap();
                let page: Vec<Value> = all
                    .into_iter()
                    .filter(|message| id(message) > after)
                    .take(100)
                    .collect();
                reply(200, &Value::Array(page.into_iter().rev().collect()))
            }
            (method, ["channels", channel, "messages", message]) => {
                let list = self.messages.entry((*channel).to_owned()).or_default();
                let Some(index) = list.iter().position(|known| known["id"] == *message) else {
                    return reply(404, &json!({"code": 10008, "message": "Unknown Message"}));
                };
                if method == "DELETE" {
                    list.remove(index);
                    return reply(204, &Value::Null);
                }
                list[index]["content"] = seen.body["content"].clone();
                attach(&mut list[index], seen);
                reply(200, &list[index])
            }
            _ => reply(204, &Value::Null),
        }
    }

    fn create(&mut self, channel: &str, seen: &Seen) -> Response {
        let nonce = seen.body["nonce"].as_str().unwrap().to_owned();
        if let Some(message) = self.nonces.get(&nonce) {
            return reply(200, message);
        }
        self.last_id += 1;
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_millis();
        let id = ((u64::try_from(now).unwrap() - 1_420_070_400_000) << 22) + self.last_id;
        let mut message = json!({
            "id": id.to_string(),
            "author": {"id": BOT},
            "content": seen.body["content"].as_str().unwrap().trim(),
            "embeds": seen.body["embeds"],
            "attachments": [],
        });
        attach(&mut message, seen);
        self.nonces.insert(nonce, message.clone());
        self.messages
            .entry(channel.to_owned())
            .or_default()
            .push(message.clone());
        reply(200, &message)
    }
}

/// Files get ids that tell which request brought them.
fn attach(message: &mut Value, seen: &Seen) {
    if let Some(wanted) = seen.body.get("attachments").and_then(Value::as_array) {
        let attachments = wanted
            .iter()
            .map(|attachment| match attachment["filename"].as_str() {
                Some(name) => json!({"id": format!("id-of-{name}"), "filename": name}),
                None => attachment.clone(),
            });
        message["attachments"] = attachments.collect();
    }
}

pub(crate) fn refusal(status: u16, code: u32) -> Answer {
    Answer::Say(status, json!({"code": code, "message": "no"}))
}

pub(crate) fn limited(seconds: f64, global: bool) -> Answer {
    Answer::Say(
        429,
        json!({"message": "slow", "retry_after": seconds, "global": global}),
    )
}
