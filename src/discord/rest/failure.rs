//! What an answer that is no success means, and no answer at all.

use std::fmt::Display;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

/// Why a request did not do what it should.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RestError {
    /// Too early; nothing was done.
    #[error("rate limited for {} ms", retry_after.as_millis())]
    Limited {
        /// How long to wait.
        retry_after: Duration,
        /// Whether every request has to wait, not only this kind.
        global: bool,
    },
    /// Discord understood and said no; nothing was done, and asking again will not help.
    #[error("Discord refused with {status}, code {code}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Discord's own code; 0 where it gave none.
        code: u32,
        /// What Discord said.
        message: String,
    },
    /// Whether it was done is not known: a timeout, a reset, a 5xx, an answer that cannot be read.
    #[error("no usable answer from Discord: {reason}")]
    Unknown {
        /// What happened.
        reason: String,
        /// Whether Discord may have done it. A connection that could not be made rules that out.
        maybe_done: bool,
    },
    /// The bot's token is not accepted (any more).
    #[error("Discord does not accept the bot's token")]
    Unauthorized,
}

impl RestError {
    /// Discord's code where it refused.
    #[must_use]
    pub fn code(&self) -> Option<u32> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// One word for logs and metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Limited { .. } => "limited",
            Self::Refused { .. } => "refused",
            Self::Unknown { .. } => "unknown",
            Self::Unauthorized => "unauthorized",
        }
    }
}

/// The innermost cause says what happened (`Connection refused`); the layers around it only say that it did, and
/// name the address, which can carry a token.
pub(super) fn unanswered(error: &reqwest::Error) -> RestError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let reason = if error.is_timeout() {
        "timed out".to_owned()
    } else {
        cause.to_string()
    };
    RestError::Unknown {
        reason,
        maybe_done: !(error.is_connect() || error.is_builder()),
    }
}

pub(super) fn unsendable(error: &dyn Display) -> RestError {
    RestError::Refused {
        status: 0,
        code: 0,
        message: format!("not a request: {error}"),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refusal {
    code: u32,
    message: String,
    errors: Value,
    retry_after: Option<f64>,
    global: bool,
}

/// What an answer that is no success means.
pub(super) fn explain(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> RestError {
    let refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
    match status {
        StatusCode::UNAUTHORIZED => RestError::Unauthorized,
        StatusCode::TOO_MANY_REQUESTS => {
            let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
            let seconds = refusal
                .retry_after
                .or_else(|| header("retry-after")?.parse().ok());
            let wait = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            RestError::Limited {
                retry_after: wait.unwrap_or(Duration::from_secs(1)),
                global: refusal.global
                    || headers.contains_key("x-ratelimit-global")
                    || header("x-ratelimit-scope") == Some("global"),
            }
        }
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => RestError::Unknown {
            reason: status.to_string(),
            maybe_done: true,
        },
        status => {
            let mut message = refusal.message;
            if message.is_empty() {
                status
                    .canonical_reason()
                    .unwrap_or("no reason given")
                    .clone_into(&mut message);
            }
            if !refusal.errors.is_null() {
                let errors: String = refusal.errors.to_string().chars().take(500).collect();
                message = format!("{message} {errors}");
            }
            RestError::Refused {
                status: status.as_u16(),
                code: refusal.code,
                message,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn a_limit_is_read_from_the_header_where_the_body_is_no_json() {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", HeaderValue::from_static("7"));
        headers.insert("x-ratelimit-scope", HeaderValue::from_static("global"));
        let limited = RestError::Limited {
            retry_after: Duration::from_secs(7),
            global: true,
        };
        assert_eq!(
            explain(StatusCode::TOO_MANY_REQUESTS, &headers, b"<html>"),
            limited
        );
    }

    #[test]
    fn a_refusal_names_the_field_that_is_wrong() {
        let body =
            br#"{"code": 50035, "message": "Invalid Form Body", "errors": {"content": {"_errors": []}}}"#;
        let error = explain(StatusCode::BAD_REQUEST, &HeaderMap::new(), body);
        assert_eq!(error.code(), Some(50035));
        assert!(error.to_string().contains("content"), "{error}");
        let bare = explain(StatusCode::FORBIDDEN, &HeaderMap::new(), b"");
        assert_eq!(bare.to_string(), "Discord refused with 403, code 0: Forbidden");
    }
}
