//! MCP over standard input and output, for clients that start their servers themselves.

use anyhow::{Context as _, Result};
use rmcp::ServiceExt as _;
use rmcp::service::ServerInitializeError;

use super::{Backend, Server};

/// Serves one client until it closes standard input.
pub async fn serve(backend: impl Backend) -> Result<()> {
    let service = match Server(backend).serve(rmcp::transport::stdio()).await {
        Ok(service) => service,
        // It went without a word: nothing was wanted.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(error).context("the client does not speak MCP"),
    };
    service.waiting().await.context("the MCP server ended")?;
    Ok(())
}
