//! Requests to Discord, and what their answers mean.
//!
//! serenity's own `Http::request` waits out a limit inside the call, so what is finally sent is as old as the
//! wait was long; with its limiter off (`DISCORD_API_URL`) it drops `retry_after`; and it numbers every file
//! of a raw multipart request `files[0]`. So the transport is our own: serenity contributes the routes and the
//! limiter's buckets, which are asked before and told after, and a limit is an answer that the caller sees.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, USER_AGENT};
use reqwest::multipart::{Form, Part};
use serde::de::DeserializeOwned;
use serenity::http::{Http, LightMethod, Request, Route};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::status::Metrics;

mod answers;
mod call;
mod clock;
mod failure;
mod fetched;
mod guild;
mod line;
mod permissions;
mod reads;
mod template;
mod windows;

pub use call::Call;
pub use clock::Offset;
pub use failure::RestError;
use failure::{explain, unanswered, unsendable};
pub use fetched::{
    FetchedAttachment, FetchedAuthor, FetchedChannel, FetchedEmoji, FetchedMessage, FetchedReaction,
};
pub use guild::{NamedChannel, NamedGuild};
pub use line::Haste;
pub(crate) use reads::list;
pub use reads::{Application, Me, Owner};

const UPLOAD_BASE: Duration = Duration::from_secs(30);
const UPLOAD_BYTES_A_SECOND: usize = 64 * 1024;

/// The transport. Clones share the connection pool and the pace.
#[derive(Debug, Clone)]
pub struct Rest {
    http: Arc<Http>,
    client: reqwest::Client,
    base: Option<String>,
    /// Who waits for a place in the global pace.
    line: Arc<line::Line>,
    /// Which windows are spent.
    windows: Arc<windows::Windows>,
    /// Whether the global pace is kept. A proxy or another server has limits of its own, perhaps none: there it
    /// is kept only once a global limit was met.
    paced: Arc<AtomicBool>,
    me: Arc<OnceCell<Me>>,
    metrics: Metrics,
}

impl Rest {
    /// A transport with the token and the limiter of `http`. `base` is `DISCORD_API_URL`; `client` needs a
    /// timeout of its own (about 15 s), or a lost connection holds its lane for ever.
    #[must_use]
    pub fn new(http: Arc<Http>, client: reqwest::Client, base: Option<String>) -> Self {
        Self {
            http,
            client,
            paced: Arc::new(AtomicBool::new(base.is_none())),
            base: base.map(|base| base.trim_end_matches('/').to_owned()),
            line: Arc::default(),
            windows: Arc::default(),
            me: Arc::default(),
            metrics: Metrics::default(),
        }
    }

    /// The same, with its requests counted there.
    #[must_use]
    pub fn counted_by(mut self, metrics: &Metrics) -> Self {
        self.metrics = metrics.clone();
        self
    }

    /// serenity's client with the same token.
    #[must_use]
    pub fn http(&self) -> &Arc<Http> {
        &self.http
    }

    /// Waits for a place in the global pace. Whoever has something that may change meanwhile waits here first and
    /// decides what to send afterwards.
    pub async fn turn(&self, haste: Haste) {
        if self.paced.load(Ordering::Relaxed) {
            self.line.turn(haste).await;
        }
    }

    /// Sends a request now and gives the body of a successful answer. It never waits for a limit: one that
    /// is known of, or that Discord names, is `Limited`.
    pub async fn send(&self, call: Call<'_>) -> Result<Vec<u8>, RestError> {
        let probe = Request::new(call.route, call.method);
        self.admit(&probe).await?;
        let name = (template::method(call.method), template::route(&call.route));
        let request = self.request(call)?;
        let began = Instant::now();
        let answer = request.send().await;
        let status = answer.as_ref().ok().map(|response| response.status().as_u16());
        self.metrics.requested(name, status, began.elapsed());
        let response = answer.map_err(|error| unanswered(&error))?;
        self.note_limits(&probe, &response).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await;
        if status.is_success() {
            return Ok(body.map_err(|error| unanswered(&error))?.to_vec());
        }
        let error = explain(status, &headers, &body.unwrap_or_default());
        if let RestError::Limited { global, .. } = error {
            self.metrics.limited(name.1, global);
            self.paced.fetch_or(global, Ordering::Relaxed);
        }
        Err(error)
    }

    /// The same, with the answer read as JSON.
    pub async fn send_for<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, RestError> {
        let body = self.send(call).await?;
        serde_json::from_slice(&body).map_err(|error| RestError::Unknown {
            reason: format!("an answer that cannot be read: {error}"),
            maybe_done: true,
        })
    }

    fn request(&self, call: Call<'_>) -> Result<reqwest::RequestBuilder, RestError> {
        let mut url = call.route.path().into_owned();
        if let Some(base) = &self.base {
            url = url.replacen("https://discord.com", base, 1);
        }
        let mut url = reqwest::Url::parse(&url).map_err(|error| unsendable(&error))?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut token = HeaderValue::from_str(self.http.token()).map_err(|error| unsendable(&error))?;
        // So that no debug output of a request ever shows it.
        token.set_sensitive(true);
        let mut builder = self
            .client
            .request(call.method.reqwest_method(), url)
            .header(AUTHORIZATION, token)
            .header(USER_AGENT, serenity::constants::USER_AGENT);
        if let Some(reason) = call.reason {
            builder = builder.header("x-audit-log-reason", reason);
        }
        let body = call.body.map(|body| body.to_string());
        if call.uploads.is_empty() {
            return Ok(match body {
                Some(body) => builder.header(CONTENT_TYPE, "application/json").body(body),
                // Discord answers 411 to a PUT without a length, and reqwest sends none for no body.
                None if call.method != LightMethod::Get => builder.header(CONTENT_LENGTH, 0),
                None => builder,
            });
        }
        let json = Part::text(body.unwrap_or_default())
            .mime_str("application/json")
            .map_err(|error| unsendable(&error))?;
        // A slow line needs its time: with the client's own timeout a large file would be tried for ever.
        let bytes: usize = call.uploads.iter().map(|upload| upload.bytes.len()).sum();
        let allowance = Duration::from_secs(u64::try_from(bytes / UPLOAD_BYTES_A_SECOND).unwrap_or(u64::MAX));
        let form = call.uploads.into_iter().enumerate().fold(
            Form::new().part("payload_json", json),
            |form, (index, upload)| {
                form.part(
                    format!("files[{index}]"),
                    Part::bytes(upload.bytes).file_name(upload.name),
                )
            },
        );
        Ok(builder.timeout(UPLOAD_BASE + allowance).multipart(form))
    }

    /// How long such a request has to wait for the window of its route, as far as that is known. Whoever asks before
    /// waiting in the line takes no place there for a request that cannot be sent.
    #[must_use]
    pub fn closed_for(&self, method: LightMethod, route: Route<'_>, haste: Haste) -> Option<Duration> {
        let bucket = route.ratelimiting_bucket();
        self.windows
            .wait(&(bucket, method.reqwest_method()), haste.leaves())
    }

    /// Asks the buckets for this route. The library's own hook would sleep in here, with a draft that gets old.
    async fn admit(&self, probe: &Request<'_>) -> Result<(), RestError> {
        let bucket = probe.route_ref().ratelimiting_bucket();
        if bucket.is_none() {
            return Ok(());
        }
        if let Some(retry_after) = self
            .windows
            .wait(&(bucket, probe.method_ref().reqwest_method()), 0)
        {
            return Err(RestError::Limited {
                retry_after,
                global: false,
            });
        }
        let Some(limiter) = &self.http.ratelimiter else {
            return Ok(());
        };
        let bucket = Arc::clone(limiter.routes().write().await.entry(bucket).or_default());
        let mut bucket = bucket.lock().await;
        let wait = bucket
            .reset()
            .and_then(|reset| reset.duration_since(SystemTime::now()).ok());
        if let (0, Some(retry_after)) = (bucket.remaining(), wait) {
            return Err(RestError::Limited {
                retry_after,
                global: false,
            });
        }
        bucket.pre_hook(probe, &|_| ()).await;
        Ok(())
    }

    /// Tells the buckets what the headers said. Not for a 429: the hook would sleep it out.
    async fn note_limits(&self, probe: &Request<'_>, response: &reqwest::Response) {
        let bucket = probe.route_ref().ratelimiting_bucket();
        if bucket.is_none() || response.status() == StatusCode::TOO_MANY_REQUESTS {
            return;
        }
        let key = (bucket, probe.method_ref().reqwest_method());
        self.windows.note(key, response.headers());
        let Some(limiter) = &self.http.ratelimiter else {
            return;
        };
        let bucket = Arc::clone(limiter.routes().write().await.entry(bucket).or_default());
        if let Err(error) = bucket
            .lock()
            .await
            .post_hook(response, probe, &|_| (), false)
            .await
        {
            tracing::debug!(%error, "cannot read the limits in an answer");
        }
    }
}
