//! Asks the running daemon over its HTTP API, and makes a sentence of every way in which that can fail.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::{RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::net::TcpStream;

use crate::config::{Reach, process_env};
use crate::error::UserError;

/// The daemon is on this machine.
const CONNECT: Duration = Duration::from_secs(5);

/// The daemon.
pub(super) struct Daemon {
    url: String,
    token: SecretString,
    client: reqwest::Client,
}

impl Daemon {
    /// Finds the daemon's address and a token for it.
    pub(super) fn find(env_file: Option<&Path>) -> Result<Self> {
        let reach = Reach::load(env_file, process_env)?;
        let token = match reach.session_token {
            Some(token) => token,
            None => owner_token(&reach.token_file)?,
        };
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            // A proxy has no business with this machine.
            .no_proxy()
            .build()
            .context("cannot make an HTTP client")?;
        Ok(Self {
            url: reach.url,
            token,
            client,
        })
    }

    /// Whether no daemon listens where one should, and then in which words.
    pub(super) async fn away(env_file: Option<&Path>) -> Result<Option<String>> {
        let url = Reach::load(env_file, process_env)?.url;
        let parsed = Url::parse(&url).ok();
        let place = parsed
            .as_ref()
            .and_then(|url| Some((url.host_str()?, url.port_or_known_default()?)));
        let Some((host, port)) = place else {
            return Ok(None);
        };
        let knock = TcpStream::connect((host.trim_matches(['[', ']']), port));
        Ok(match tokio::time::timeout(CONNECT, knock).await {
            Ok(Ok(_)) => None,
            _ => Some(nobody(&url)),
        })
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value> {
        self.ask(self.client.get(format!("{}{path}", self.url))).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self
            .client
            .post(format!("{}{path}", self.url))
            .header("content-type", "application/json")
            .body(body.to_string());
        self.ask(request).await
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Value> {
        let request = request.bearer_auth(self.token.expose_secret());
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let text = response.text().await.map_err(|error| self.unreachable(&error))?;
        let answer: Option<Value> = serde_json::from_str(&text).ok();
        match answer {
            Some(answer) if status.is_success() => Ok(answer),
            Some(answer) if answer.pointer("/error/message").is_some() => {
                Err(refused(status, &answer).into())
            }
            _ => Err(UserError::new(format!(
                "what answers at {} is not an ompcord daemon of this version (status {status})",
                self.url
            ))
            .hint("check OMPCORD_HTTP_ADDR")
            .into()),
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> UserError {
        let url = &self.url;
        if error.is_connect() {
            UserError::new(nobody(url))
                .hint("start it with `ompcord run`, or say where it is with OMPCORD_HTTP_ADDR")
        } else {
            UserError::new(format!("the daemon at {url} did not answer to the end"))
                .hint("see its log; it may have been stopped")
        }
    }
}

fn nobody(url: &str) -> String {
    format!("no daemon answers at {url}")
}

fn owner_token(file: &Path) -> Result<SecretString> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(text.trim().to_owned().into()),
        Err(error) => Err(UserError::new(format!(
            "cannot read the daemon's token {}: {error}",
            file.display()
        ))
        .hint(
            "the daemon makes it at its first start: run `ompcord run` as this user, with the same OMPCORD_STATE_DIR",
        )
        .into()),
    }
}

fn refused(status: StatusCode, answer: &Value) -> UserError {
    let text = |pointer| answer.pointer(pointer).and_then(Value::as_str);
    let message = text("/error/message").unwrap_or_default();
    let error = match text("/error/field") {
        Some(field) => UserError::new(format!("{field}: {message}")),
        None => UserError::new(message),
    };
    let here = match text("/error/code") {
        Some("unknown_session" | "session_ended") => Some("`ompcord sessions` lists the open ones"),
        Some("unknown_channel") => {
            Some("copy its id in Discord: Settings, Advanced, Developer Mode, then a right click on it")
        }
        _ => None,
    };
    match here.or_else(|| text("/error/hint")) {
        _ if status == StatusCode::UNAUTHORIZED => error
            .hint("the token belongs to another installation: check OMPCORD_STATE_DIR and OMPCORD_HTTP_ADDR"),
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// A text of the answer, or nothing.
pub(super) fn text<'a>(answer: &'a Value, pointer: &str) -> &'a str {
    answer
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
