//! What is answered when something is wrong: always the same shape, for programs and for people.
//!
//! Here is one of the three edges at which an error is turned into words for somebody outside (see `error.rs`).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::discord::rest::RestError;
use crate::error::{UserError, for_person};

/// An error as it is answered.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct ErrorBody {
    error: ErrorInfo,
}

/// What went wrong.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct ErrorInfo {
    /// For programs: words with underscores that stay the same.
    code: &'static str,
    /// For people.
    message: String,
    /// What to do about it.
    #[schema(required)]
    hint: Option<String>,
    /// The part of the request that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

/// An error with the status that it is answered with.
#[derive(Debug, Clone)]
pub(super) struct ApiError {
    status: StatusCode,
    info: ErrorInfo,
    retry_after_s: Option<u16>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let info = ErrorInfo {
            code,
            message: message.into(),
            hint: None,
            field: None,
        };
        Self {
            status,
            info,
            retry_after_s: None,
        }
    }

    /// A part of the request is wrong.
    pub(super) fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        let mut error = Self::new(StatusCode::BAD_REQUEST, "bad_field", message);
        error.info.field = Some(field.into());
        error
    }

    #[must_use]
    pub(super) fn at(mut self, field: impl Into<String>) -> Self {
        self.info.field = Some(field.into());
        self
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.info.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub(super) fn retry_after(mut self, seconds: u16) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    pub(super) fn unknown_session() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "unknown_session",
            "there is no such session",
        )
        .hint("GET /api/sessions lists them")
    }

    pub(super) fn unknown_channel() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "unknown_channel",
            "there is no such channel in the bot's server",
        )
        .hint("GET /channels lists them")
        .at("channel_id")
    }
}

impl From<anyhow::Error> for ApiError {
    fn from(error: anyhow::Error) -> Self {
        if let Some(UserError { message, hint }) = error.downcast_ref() {
            let mut told = Self::new(StatusCode::CONFLICT, "refused", message.clone());
            told.info.hint.clone_from(hint);
            return told;
        }
        if let Some(error) = error.downcast_ref::<RestError>() {
            tracing::warn!("a request to the HTTP API could not be served: {error}");
            return Self::new(
                StatusCode::BAD_GATEWAY,
                "discord_failed",
                "Discord did not answer as it should",
            )
            .hint("try again; the daemon's log has more")
            .retry_after(5);
        }
        let UserError { message, hint } = for_person(&error);
        let mut told = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message);
        told.info.hint = hint;
        told
    }
}

impl From<RestError> for ApiError {
    fn from(error: RestError) -> Self {
        anyhow::Error::from(error).into()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(ErrorBody { error: self.info })).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_internal_reaches_whoever_asked() {
        let internal = anyhow::anyhow!("database is locked").context("cannot store");
        let told = ApiError::from(internal);
        assert_eq!(told.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(
            told.info.message.starts_with("Something went wrong (ref "),
            "{told:?}"
        );
        let user = ApiError::from(anyhow::Error::from(UserError::new("no").hint("yes")));
        assert_eq!((user.status, user.info.code), (StatusCode::CONFLICT, "refused"));
        assert_eq!(user.info.hint.as_deref(), Some("yes"));
    }
}
