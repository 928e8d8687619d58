//! One request, before it is sent.

use std::fmt::Display;

use serde_json::Value;
use serenity::http::{LightMethod, Route};

use crate::discord::draft::Upload;

/// One request.
#[derive(Debug)]
pub struct Call<'a> {
    pub(super) route: Route<'a>,
    pub(super) method: LightMethod,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
    pub(super) uploads: Vec<Upload>,
    pub(super) reason: Option<&'static str>,
}

impl<'a> Call<'a> {
    /// A request without a body.
    #[must_use]
    pub fn new(method: LightMethod, route: Route<'a>) -> Self {
        Self {
            route,
            method,
            query: Vec::new(),
            body: None,
            uploads: Vec::new(),
            reason: None,
        }
    }

    /// The same with a JSON body.
    #[must_use]
    pub fn json(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// The same with a query parameter. The value goes into the URL encoded.
    #[must_use]
    pub fn query(mut self, name: &'static str, value: &dyn Display) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// The same with a reason for the server's audit log.
    #[must_use]
    pub fn reason(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// The same with files; the JSON body becomes the `payload_json` part.
    pub(crate) fn files(mut self, uploads: Vec<Upload>) -> Self {
        self.uploads = uploads;
        self
    }
}
