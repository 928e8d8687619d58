//! The gateway: one websocket per connection of the bot.
//!
//! It only speaks the protocol; what a session missed and what it may see is known to the world.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use axum::extract::{ConnectInfo, State, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Shared;
use super::dispatch::{Out, intent};
use super::io::Switch;

const HEARTBEAT: u64 = 1;
const IDENTIFY: u64 = 2;
const PRESENCE: u64 = 3;
const RESUME: u64 = 6;
const REQUEST_MEMBERS: u64 = 8;

/// Accepts a connection, unless the gateway is down.
pub(crate) async fn connect(
    State(sim): State<Arc<Shared>>,
    ConnectInfo(switch): ConnectInfo<Switch>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if sim.look(|world| world.sessions.down) {
        switch.0.cancel();
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    upgrade
        .on_upgrade(move |socket| async move {
            let tracker = sim.tracker.clone();
            // The tracker owns it, so that stopping the simulator waits for it.
            tracker
                .track_future(Connection::new(sim, socket, switch).run())
                .await;
        })
        .into_response()
}

/// Why a connection is over.
enum End {
    /// The client said goodbye for good.
    Goodbye,
    /// It broke, or the client wants to resume.
    Lost,
}

struct Connection {
    sim: Arc<Shared>,
    socket: WebSocket,
    switch: Switch,
    number: u64,
    link: UnboundedSender<Out>,
    orders: UnboundedReceiver<Out>,
    identified: bool,
}

impl Connection {
    fn new(sim: Arc<Shared>, socket: WebSocket, switch: Switch) -> Self {
        let (link, orders) = unbounded_channel();
        let number = sim.change(|world| {
            world.sessions.connections += 1;
            world.sessions.connections
        });
        Self {
            sim,
            socket,
            switch,
            number,
            link,
            orders,
            identified: false,
        }
    }

    async fn run(mut self) {
        let interval = self.sim.look(|world| world.config.heartbeat_interval);
        let hello = json!({"op": 10, "s": null, "t": null, "d": {"heartbeat_interval": millis(interval)}});
        let end = match self.say(&hello).await {
            Ok(()) => self.talk().await,
            Err(end) => end,
        };
        let number = self.number;
        self.sim.change(|world| match end {
            End::Goodbye => world.sessions.forget(number),
            End::Lost => world.sessions.unlink(number),
        });
    }

    async fn talk(&mut self) -> End {
        let shutdown = self.sim.shutdown.clone();
        loop {
            let step = tokio::select! {
                () = shutdown.cancelled() => return self.close(1001, "going away").await,
                order = self.orders.recv() => match order {
                    Some(Out::Text(text)) => self.send(Message::Text(text.into())).await,
                    Some(Out::Close(code, reason)) => return self.close(code, reason).await,
                    Some(Out::Cut) => {
                        self.switch.0.cancel();
                        return End::Lost;
                    }
                    None => return End::Lost,
                },
                message = self.socket.recv() => match message {
                    Some(Ok(Message::Text(text))) => self.hear(text.as_str()).await,
                    Some(Ok(Message::Close(frame))) => return farewell(frame.as_ref()),
                    Some(Ok(_)) => Ok(()),
                    Some(Err(_)) | None => return End::Lost,
                },
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn hear(&mut self, text: &str) -> Result<(), End> {
        let Ok(frame) = serde_json::from_str::<Value>(text) else {
            return Err(self.close(4002, "Error while decoding payload.").await);
        };
        let data = frame.get("d").cloned().unwrap_or(Value::Null);
        match frame.get("op").and_then(Value::as_u64) {
            Some(HEARTBEAT) if self.sim.look(|world| world.sessions.silent) => Ok(()),
            Some(HEARTBEAT) => {
                self.say(&json!({"op": 11, "s": null, "t": null, "d": null}))
                    .await
            }
            Some(IDENTIFY) => self.identify(&data).await,
            Some(RESUME) => self.resume(&data).await,
            Some(PRESENCE) => {
                self.sim.change(|world| world.sessions.presence = Some(data));
                Ok(())
            }
            Some(REQUEST_MEMBERS) => Ok(()),
            _ => Err(self.close(4001, "Unknown opcode.").await),
        }
    }

    async fn identify(&mut self, data: &Value) -> Result<(), End> {
        if self.identified {
            return Err(self.close(4005, "Already authenticated.").await);
        }
        if !self.knows_token(data) {
            return Err(self.close(4004, "Authentication failed.").await);
        }
        let intents = data.get("intents").and_then(Value::as_u64).unwrap_or(0);
        if intents & !intent::KNOWN != 0 {
            return Err(self.close(4013, "Invalid intent(s).").await);
        }
        let disallowed = self.sim.look(|world| world.config.disallowed_intents);
        if intents & disallowed != 0 {
            return Err(self.close(4014, "Disallowed intent(s).").await);
        }
        self.identified = true;
        let (number, link) = (self.number, self.link.clone());
        self.sim.change(|world| {
            world.sessions.presence = data.get("presence").cloned();
            world.identify(number, intents, link);
        });
        Ok(())
    }

    async fn resume(&mut self, data: &Value) -> Result<(), End> {
        if !self.knows_token(data) {
            return Err(self.close(4004, "Authentication failed.").await);
        }
        let session = data.get("session_id").and_then(Value::as_str).unwrap_or_default();
        let seq = data.get("seq").and_then(Value::as_u64).unwrap_or(0);
        let (number, link) = (self.number, self.link.clone());
        let resumed = self.sim.change(|world| world.resume(session, seq, number, link));
        if resumed {
            self.identified = true;
            return Ok(());
        }
        self.say(&json!({"op": 9, "s": null, "t": null, "d": false}))
            .await
    }

    fn knows_token(&self, data: &Value) -> bool {
        let given = data.get("token").and_then(Value::as_str).unwrap_or_default();
        let given = given.strip_prefix("Bot ").unwrap_or(given);
        self.sim.look(|world| world.config.token == given)
    }

    async fn say(&mut self, frame: &Value) -> Result<(), End> {
        self.send(Message::Text(frame.to_string().into())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        self.socket.send(message).await.map_err(|_| End::Lost)
    }

    /// Says why, and waits for the client's own close so that the reason arrives before the socket goes.
    async fn close(&mut self, code: u16, reason: &'static str) -> End {
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
            let rest = async { while let Some(Ok(_)) = self.socket.recv().await {} };
            // A client that never answers must not hold the simulator up.
            let _ = tokio::time::timeout(Duration::from_secs(2), rest).await;
        }
        End::Lost
    }
}

/// A client that closes with 1000 or 1001 ends its session; any other code keeps it for a resume.
fn farewell(frame: Option<&CloseFrame>) -> End {
    match frame.map(|frame| frame.code) {
        Some(1000 | 1001) => End::Goodbye,
        _ => End::Lost,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
