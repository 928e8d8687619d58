//! What a demo adds to the simulator's own pages: what there is to try, and a button that restarts the daemon.
//!
//! The simulator knows nothing of a daemon or of what a visitor should see; whoever starts both says so here.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::mpsc;

struct Demo {
    about: Value,
    restart: mpsc::Sender<()>,
}

/// Serves what the demo says about itself, and tells it when someone wants its daemon restarted.
pub fn demo_pages(about: Value, restart: mpsc::Sender<()>) -> Router {
    Router::new()
        .route("/demo.json", get(describe))
        .route("/demo/restart", post(restart_daemon))
        .with_state(Arc::new(Demo { about, restart }))
}

async fn describe(State(demo): State<Arc<Demo>>) -> Json<Value> {
    Json(demo.about.clone())
}

async fn restart_daemon(State(demo): State<Arc<Demo>>) -> (StatusCode, Json<Value>) {
    match demo.restart.try_send(()) {
        // Whoever asks while it restarts anyway gets what they want.
        Ok(()) | Err(mpsc::error::TrySendError::Full(())) => {
            (StatusCode::ACCEPTED, Json(json!({"restarting": true})))
        }
        Err(mpsc::error::TrySendError::Closed(())) => {
            (StatusCode::CONFLICT, Json(json!({"error": "the demo is ending"})))
        }
    }
}
