//! Who calls, and what a request says: extractors that refuse before a handler runs.
//!
//! A handler takes a [`Caller`] or an [`Owner`] and so cannot forget to ask; that none takes neither is tested.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse as _;
use serde::de::DeserializeOwned;

use super::error::ApiError;
use super::{Api, Health, door};
use crate::ids::SessionId;
use crate::store::sessions::{Session, SessionPhase};
use crate::token::Principal;

/// The daemon, once it is up.
pub(super) struct Ready(pub(super) Arc<Api>);

/// Somebody with a token.
pub(super) struct Caller {
    pub(super) api: Arc<Api>,
    pub(super) who: Principal,
}

/// Somebody with the owner's token.
pub(super) struct Owner(pub(super) Arc<Api>);

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

/// The query, as text by name.
pub(super) struct Query<T>(pub(super) T);

/// A part of the path.
pub(super) struct Path<T>(pub(super) T);

impl FromRequestParts<Arc<Health>> for Ready {
    type Rejection = ApiError;

    async fn from_request_parts(_: &mut Parts, health: &Arc<Health>) -> Result<Self, ApiError> {
        let api = health.api.borrow().clone();
        api.map(Self).ok_or_else(|| {
            let message = "the daemon is starting or stopping";
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", message)
                .hint("try again in a moment")
                .retry_after(1)
        })
    }
}

impl FromRequestParts<Arc<Health>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, health: &Arc<Health>) -> Result<Self, ApiError> {
        let Ready(api) = Ready::from_request_parts(parts, health).await?;
        let shown = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let token = shown
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        let refuse = |code, message: &str| {
            ApiError::new(StatusCode::UNAUTHORIZED, code, message).hint(format!(
                "send `Authorization: Bearer …` with the token in {}",
                api.deps.config.api_token_path().display()
            ))
        };
        let Some(token) = token else {
            return Err(refuse("no_token", "this needs a token"));
        };
        match api.deps.tokens.check(token).await? {
            Some(who) => Ok(Self { api, who }),
            None => Err(refuse("bad_token", "this token is not good (any more)")),
        }
    }
}

impl FromRequestParts<Arc<Health>> for Owner {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, health: &Arc<Health>) -> Result<Self, ApiError> {
        let Caller { api, who } = Caller::from_request_parts(parts, health).await?;
        match who {
            Principal::Owner => Ok(Self(api)),
            Principal::Session(_) => Err(not_yours("a session's token is not good for this")),
        }
    }
}

fn not_yours(message: &str) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "not_yours", message)
}

impl Caller {
    /// Whether this is about the caller's own session, or the owner asks.
    pub(super) fn may(&self, session: &SessionId) -> Result<(), ApiError> {
        match &self.who {
            Principal::Owner => Ok(()),
            Principal::Session(own) if own == session => Ok(()),
            Principal::Session(_) => Err(not_yours("this token is good for another session")),
        }
    }

    /// The session of this id, where the caller may.
    pub(super) async fn session(&self, id: &str) -> Result<Session, ApiError> {
        let id: SessionId = id.parse().map_err(|_| ApiError::unknown_session())?;
        self.may(&id)?;
        self.api.session(&id).await
    }
}

impl Api {
    pub(super) async fn session(&self, id: &SessionId) -> Result<Session, ApiError> {
        self.deps
            .store
            .session(id)
            .await?
            .ok_or_else(ApiError::unknown_session)
    }

    /// A session that takes prompts.
    pub(super) async fn open_session(&self, id: &str) -> Result<Session, ApiError> {
        let id: SessionId = id.parse().map_err(|_| ApiError::unknown_session())?;
        let session = self.session(&id).await?;
        match session.phase {
            SessionPhase::Open => Ok(session),
            SessionPhase::Opening => {
                let message = "the session's thread is being made";
                Err(ApiError::new(StatusCode::CONFLICT, "session_opening", message).retry_after(1))
            }
            SessionPhase::Stopped | SessionPhase::Failed => {
                Err(
                    ApiError::new(StatusCode::CONFLICT, "session_ended", "the session has ended")
                        .hint("POST /api/sessions starts another one"),
                )
            }
        }
    }
}

/// The whole body.
pub(super) struct Raw(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        // It was read before, and is not too large.
        let bytes = Bytes::from_request(request, state).await;
        bytes.map(Self).map_err(|_| door::broken())
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let Raw(bytes) = Raw::from_request(request, state).await?;
        // Where everything is optional, nothing is as good as an empty object; where not, what is missing is named.
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        read_json(bytes, "").map(Self)
    }
}

/// Reads JSON and says which field is wrong; `root` stands before the first part of its path.
pub(super) fn read_json<T: DeserializeOwned>(bytes: &[u8], root: &str) -> Result<T, ApiError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let message = error.inner().to_string();
        if path == "." || error.inner().is_syntax() || error.inner().is_eof() {
            ApiError::new(StatusCode::BAD_REQUEST, "bad_json", message)
        } else {
            ApiError::field(format!("{root}{path}"), message)
        }
    })?;
    let ended = reader.end();
    ended.map_err(|error| ApiError::new(StatusCode::BAD_REQUEST, "bad_json", error.to_string()))?;
    Ok(read)
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = axum::extract::Query::try_from_uri(&parts.uri);
        query
            .map(|query| Self(query.0))
            .map_err(|error| ApiError::new(StatusCode::BAD_REQUEST, "bad_query", error.body_text()))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        path.map(|path| Self(path.0)).map_err(|error| {
            // Percent signs that mean nothing are nobody's id.
            let status = error.into_response().status();
            if status.is_server_error() {
                ApiError::new(status, "internal", "this route is broken")
            } else {
                ApiError::new(
                    StatusCode::NOT_FOUND,
                    "not_found",
                    "there is nothing at this address",
                )
            }
        })
    }
}

/// A number within bounds.
pub(super) fn number(
    field: &str,
    text: Option<&str>,
    bounds: std::ops::RangeInclusive<i64>,
) -> Result<Option<i64>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    match text.parse::<i64>() {
        Ok(number) if bounds.contains(&number) => Ok(Some(number)),
        _ => Err(ApiError::field(
            field,
            format!(
                "expected a whole number from {} to {}",
                bounds.start(),
                bounds.end()
            ),
        )),
    }
}
