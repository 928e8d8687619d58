//! Where an MCP server gets its tools from.

use serde_json::Value;

use crate::tools::{self, Caller, Offer, Outcome};

/// The tools cannot be reached at all, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// What carries out what a client asks for.
pub trait Backend: Clone + Send + Sync + 'static {
    /// The tools.
    fn offers(&self) -> impl Future<Output = Result<Vec<Offer>, Unavailable>> + Send;

    /// Uses a tool; nothing where there is no such tool. Dropping the future gives it up.
    fn call(
        &self,
        name: &str,
        arguments: Value,
    ) -> impl Future<Output = Result<Option<Outcome>, Unavailable>> + Send;
}

impl Backend for Caller {
    async fn offers(&self) -> Result<Vec<Offer>, Unavailable> {
        Ok(tools::TOOLS.iter().map(tools::Definition::offer).collect())
    }

    async fn call(&self, name: &str, arguments: Value) -> Result<Option<Outcome>, Unavailable> {
        if !tools::is_known(name) {
            return Ok(None);
        }
        Ok(Some(tools::call(self, name, arguments).await))
    }
}
