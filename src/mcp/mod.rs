//! The Discord tools as an MCP server, over whatever carries its messages: HTTP in the daemon, stdio in `ompcord mcp`.
//!
//! What there is to offer comes from a [`Backend`]: the daemon itself, or the HTTP API of one. So both transports offer
//! the same, and there is one connection to Discord however many clients there are. The protocol is the official SDK's.

mod backend;
mod over_http;
mod over_stdio;

use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, CustomRequest, CustomResult,
    ErrorCode, Implementation, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, ProgressNotificationParam, ReadResourceRequestParams, ReadResourceResponse,
    ReadResourceResult, Resource, ResourceContents, ResourceTemplate, ServerCapabilities, ServerConfig, Tool,
    ToolAnnotations,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};

use crate::tools::resource::{self, LISTER, MIME, READER, TEMPLATE};
use crate::tools::{INSTRUCTIONS, Offer, Outcome};

pub use backend::{Backend, Unavailable};
pub(crate) use over_http::HttpServers;
pub use over_stdio::serve as serve_stdio;

/// How often a client is told that a call is under way. Clients give up after a minute without a sign, often sooner.
const STILL: Duration = Duration::from_secs(10);

/// A server for one client.
#[derive(Debug, Clone)]
pub(crate) struct Server<B>(B);

impl<B: Backend> ServerHandler for Server<B> {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .build();
        let this =
            Implementation::new("ompcord", env!("CARGO_PKG_VERSION")).with_title("Discord, by ompcord");
        ServerConfig::new(capabilities)
            .with_server_info(this)
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let offers = self.0.offers().await.map_err(internal)?;
        Ok(ListToolsResult::with_all_items(
            offers.into_iter().map(tool).collect(),
        ))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.map_or(Value::Null, Value::Object);
        let call = self.0.call(&request.name, arguments);
        let outcome = patiently(&context, call).await?;
        let outcome = match outcome {
            Ok(Some(outcome)) => outcome,
            Ok(None) => {
                let told = format!("there is no tool `{}`", request.name);
                return Err(ErrorData::invalid_params(told, None));
            }
            Err(Unavailable(why)) => {
                return Ok(CallToolResult::error(vec![ContentBlock::text(why)]).into());
            }
        };
        let said = vec![ContentBlock::text(outcome.text)];
        if outcome.is_error {
            return Ok(CallToolResult::error(said).into());
        }
        let mut result = CallToolResult::success(said);
        result.structured_content = Some(outcome.data);
        Ok(result.into())
    }

    /// What has the name of a request of MCP and comes here was no such request, because of its parameters.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let known = [
            "initialize",
            "ping",
            "tools/call",
            "tools/list",
            "resources/list",
            "resources/read",
            "resources/templates/list",
        ];
        if known.contains(&request.method.as_str()) {
            let told = format!("the parameters of {} are not what it takes", request.method);
            return Err(ErrorData::invalid_params(told, None));
        }
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, request.method, None))
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let listed = self.look(LISTER, json!({})).await?;
        let channels = listed.data["channels"].as_array().cloned().unwrap_or_default();
        let resources = channels.iter().filter_map(|channel| {
            let (id, name) = (channel["id"].as_str()?, channel["name"].as_str()?);
            let messages = Resource::new(resource::address(id), name).with_mime_type(MIME);
            Some(messages.with_description("The newest messages, oldest first"))
        });
        Ok(ListResourcesResult::with_all_items(resources.collect()))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let messages = ResourceTemplate::new(TEMPLATE, "messages")
            .with_description("The newest messages of a Discord channel or thread, oldest first")
            .with_mime_type(MIME);
        Ok(ListResourceTemplatesResult::with_all_items(vec![messages]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let arguments = resource::arguments(&request.uri);
        let arguments = arguments
            .ok_or_else(|| ErrorData::resource_not_found(format!("there are only {TEMPLATE}"), None))?;
        let read = self.look(READER, arguments).await?;
        let contents = ResourceContents::text(read.text, request.uri).with_mime_type(MIME);
        Ok(ReadResourceResult::new(vec![contents]).into())
    }
}

impl<B: Backend> Server<B> {
    /// Uses a tool for something that is no tool to the client.
    async fn look(&self, tool: &str, arguments: Value) -> Result<Outcome, ErrorData> {
        let outcome = self.0.call(tool, arguments).await.map_err(internal)?;
        let outcome = outcome.ok_or_else(|| internal(Unavailable(format!("there is no {tool}"))))?;
        if outcome.is_error {
            return Err(ErrorData::new(ErrorCode::INVALID_PARAMS, outcome.text, None));
        }
        Ok(outcome)
    }
}

/// Carries a call out until the client does not want to know any more, and tells it now and then that it is under way.
async fn patiently<T>(
    context: &RequestContext<RoleServer>,
    call: impl Future<Output = T>,
) -> Result<T, ErrorData> {
    tokio::pin!(call);
    let mut told = 0.0;
    loop {
        tokio::select! {
            outcome = &mut call => return Ok(outcome),
            () = context.ct.cancelled() => {
                return Err(ErrorData::new(ErrorCode::INTERNAL_ERROR, "the request was cancelled", None));
            }
            () = tokio::time::sleep(STILL) => {}
        }
        let Some(token) = context.meta.get_progress_token() else {
            continue;
        };
        told += 1.0;
        let still = ProgressNotificationParam::new(token, told)
            .with_message("Discord, or a person there, has not answered yet…");
        // A client that is gone cancels.
        context.peer.notify_progress(still).await.ok();
    }
}

fn internal(Unavailable(why): Unavailable) -> ErrorData {
    ErrorData::internal_error(why, None)
}

fn tool(offer: Offer) -> Tool {
    let hints = ToolAnnotations::with_title(offer.title.clone())
        .read_only(offer.read_only)
        .destructive(false)
        .open_world(true);
    let mut tool = Tool::new(offer.name, offer.description, Arc::new(offer.input_schema));
    tool.title = Some(offer.title);
    tool.annotations = Some(hints);
    tool
}
