// The official TypeScript client of MCP uses every Discord tool: `client.mjs LABEL stdio|http`.
//
// Where the server is, is in the environment, as ompcord's own. It says what came of everything as one JSON object, and
// gives its last question up when it is sent a line.
import { createRequire } from "node:module";
import { once } from "node:events";
import { pathToFileURL } from "node:url";

// The packages are in a folder of the cache, wherever this file is.
const require = createRequire(`${process.env.MCP_CLIENTS}/package.json`);
const load = (name) => import(pathToFileURL(require.resolve(`@modelcontextprotocol/sdk/client/${name}`)).href);
const { Client } = await load("index.js");
const { StdioClientTransport } = await load("stdio.js");
const { StreamableHTTPClientTransport } = await load("streamableHttp.js");

const [label, kind] = process.argv.slice(2);
const { OMPCORD, OMPCORD_URL, OMPCORD_SESSION_TOKEN } = process.env;
const transport =
  kind === "stdio"
    ? new StdioClientTransport({ command: OMPCORD, args: ["mcp"], env: process.env })
    : new StreamableHTTPClientTransport(new URL(`${OMPCORD_URL}/mcp`), {
        requestInit: { headers: { Authorization: `Bearer ${OMPCORD_SESSION_TOKEN}` } },
      });
const client = new Client({ name: "outside", version: "1.0.0" });
await client.connect(transport);

const said = { tools: (await client.listTools()).tools.map((tool) => tool.name).sort() };
const call = async (name, args = {}) => {
  const result = await client.callTool({ name, arguments: args });
  const { text } = result.content[0];
  said[name] = { is_error: result.isError === true, text };
  return result.isError ? text : JSON.parse(text);
};

const sent = await call("discord_send", { text: `${label} sends` });
await call("discord_reply", { text: `${label} replies`, message_id: sent.message_id });
await call("discord_notify", { text: `${label} notifies` });
await call("discord_react", { message_id: sent.message_id, emoji: "👀" });
await call("discord_send_file", { path: "report.md", text: `${label} sends a file` });
await call("discord_channels");
await call("discord_guilds");
await call("discord_read", { limit: 50 });
await call("discord_ask", { question: `${label} asks?`, choices: ["Yes", "No"] });
const bad = await client.callTool({ name: "discord_send", arguments: { text: 7 } });
said.bad = { is_error: bad.isError === true, text: bad.content[0].text };
const [resource] = (await client.listResources()).resources;
said.resource = (await client.readResource({ uri: resource.uri })).contents[0].text;

const giveUp = new AbortController();
const question = { name: "discord_ask", arguments: { question: `${label} gives up?` } };
const asked = client.callTool(question, undefined, { signal: giveUp.signal });
asked.catch(() => (said.given_up = true));
await once(process.stdin, "data");
giveUp.abort();
await asked.catch(() => {});
// The session outlives what was given up in it.
await call("discord_guilds");
console.log(JSON.stringify(said));
await client.close();
process.exit(0);
