//! The daemon's HTTP API through its own port.

mod documented;
mod door;
pub mod events;
mod killed;
mod notify;
mod poll;
mod sessions;
mod shell;

use ompcord::ids::SessionId;
use ompcord::store::Store;
use ompcord::store::tokens::Holder;
use ompcord::token::Tokens;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::harness::{Bench, Http};
use crate::terminal::Terminal;

/// The code of an error.
pub fn code(answer: &Value) -> &str {
    answer["error"]["code"].as_str().unwrap_or("no code")
}

/// A token of this session, made as the daemon makes it.
pub async fn session_token(bench: &Bench, session: &str) -> String {
    let config = bench.config();
    let store = Store::open(&config.database_path()).await.unwrap();
    let tokens = Tokens::open(store.clone(), &config.api_token_path())
        .await
        .unwrap();
    let id: SessionId = session.parse().unwrap();
    let token = tokens.issue(&id, Holder::Terminal).await.unwrap();
    store.close().await;
    token.expose_secret().to_owned()
}

/// A session whose agent runs in a terminal, with a client that has its token.
async fn terminal(bench: &Bench) -> (String, Http) {
    let terminal = Terminal::attach(bench, "a conversation").await;
    (terminal.session, terminal.http)
}
