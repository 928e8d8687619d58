//! Reads the body of a request: JSON, or multipart with `payload_json` and files.

use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::error::ApiError;

/// A file that came with a request.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    /// The number in `files[n]`, by which the JSON refers to it.
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) content_type: Option<String>,
    pub(crate) bytes: Bytes,
}

/// The JSON of a request and the files beside it.
#[derive(Debug, Default)]
pub(crate) struct Form {
    pub(crate) json: Value,
    pub(crate) files: Vec<Upload>,
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let kind = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        if kind.starts_with("multipart/form-data") {
            let multipart = Multipart::from_request(request, state)
                .await
                .map_err(|error| broken(&error.to_string()))?;
            return read_multipart(multipart).await;
        }
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|error| broken(&error.to_string()))?;
        Ok(Self {
            json: parse(&bytes)?,
            files: Vec::new(),
        })
    }
}

fn broken(why: &str) -> ApiError {
    ApiError::new(
        400,
        50109,
        &format!("The request body contains invalid JSON. ({why})"),
    )
}

fn parse(bytes: &[u8]) -> Result<Value, ApiError> {
    if bytes.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(bytes).map_err(|error| broken(&error.to_string()))
}

async fn read_multipart(mut multipart: Multipart) -> Result<Form, ApiError> {
    let mut form = Form {
        json: json!({}),
        files: Vec::new(),
    };
    while let Some(field) = multipart
        .next_field()
        .await
        .map_err(|error| broken(&error.to_string()))?
    {
        let name = field.name().unwrap_or_default().to_owned();
        let file_name = field.file_name().map(str::to_owned);
        let content_type = field.content_type().map(str::to_owned);
        let bytes = field.bytes().await.map_err(|error| broken(&error.to_string()))?;
        match file_name {
            Some(file_name) => form.files.push(Upload {
                number: number_of(&name).unwrap_or(form.files.len() as u64),
                name: safe_name(&file_name),
                content_type,
                bytes,
            }),
            None if name == "payload_json" => form.json = parse(&bytes)?,
            None => set_text(&mut form.json, name, &bytes),
        }
    }
    Ok(form)
}

/// A plain field beside `payload_json`, such as a webhook's `content`.
fn set_text(json: &mut Value, name: String, bytes: &[u8]) {
    if let Some(fields) = json.as_object_mut() {
        fields.insert(name, json!(String::from_utf8_lossy(bytes)));
    }
}

/// The number in `files[3]`.
fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix("files[")?.strip_suffix(']')?.parse().ok()
}

/// A file's name as Discord keeps it.
pub(crate) fn safe_name(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') {
                c
            } else {
                '_'
            }
        })
        .collect()
}
