#!/usr/bin/env node
// A model that says what it is told, for the real agent: OpenAI's chat completions on loopback, no key, no cost.
//
//   node tests/rig/model.mjs --home DIR [--port N]
//
// It writes DIR/.omp/agent/models.yml, prints one line {"port":N,"model":"rig/script"} when it listens, and ends
// when its standard input closes, so that it never outlives the test that started it. Run the agent with HOME=DIR
// and `--model rig/script`.
//
// The person's last message is the script. Directives may stand anywhere in it:
//
//   SAY:text          say the text, up to the end of the message (\n is a newline)
//   LONG:n            say n KiB of words
//   CODE:n            say a fenced block of n lines
//   TOOL:name:{json}  call the tool; the answer to its result begins "The tool said: "
//   ERR:status        answer with this HTTP status instead (every time, so the agent's retries fail too)
//   SLOW:ms           pause this long between words (default: none)
//   HISTORY           list what the person said so far, " | " between the messages
//
// Without one it says "You said: " and the message. The agent's own additions (system reminders) are no part of it.
import { createServer } from "node:http";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: { home: { type: "string" }, port: { type: "string", default: "0" } },
});

/** The text of a message, whether it came as a string or in parts. */
function textOf(message) {
  const { content } = message ?? {};
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part) => part.text ?? (part.type === "image_url" ? "[image]" : "")).join("");
}

const said = (message) => textOf(message).replace(/<(system-[\w-]+)>[\s\S]*?<\/\1>/g, "").trim();

/** The JSON object that begins at `from`: a pattern cannot find its end when the text goes on. */
function objectAt(text, from) {
  let depth = 0;
  let quoted = false;
  for (let at = from; at < text.length; at += 1) {
    const c = text[at];
    if (quoted) {
      if (c === "\\") at += 1;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === "{") depth += 1;
    else if (c === "}" && (depth -= 1) === 0) return text.slice(from, at + 1);
  }
  return "{}";
}

const WORDS = "agent board card dialog event frame gateway handle inbox job key lane message nonce outbox prompt queue row".split(" ");

/**
 * Text of an exact length that is the same every time and never the same twice within: the agent takes an answer
 * that repeats itself for a model in a loop, drops it and asks again.
 */
function prose(length) {
  let seed = 1;
  let text = "";
  for (let line = 1; text.length < length; line += 1) {
    const words = Array.from({ length: 9 }, () => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return WORDS[Math.floor(seed / 65536) % WORDS.length];
    });
    text += `${line}. ${words.join(" ")}.\n`;
  }
  return text.slice(0, length);
}

/** What to answer to a conversation: `{ status }`, or `{ text, pause, tool? }`. */
function plan(messages) {
  const last = messages.at(-1);
  if (last?.role === "tool") return { text: `The tool said: ${textOf(last).slice(0, 2000)}`, pause: 0 };

  const script = said(messages.findLast((message) => message.role === "user"));
  const number = (name) => {
    const found = new RegExp(`\\b${name}:(\\d+)`).exec(script);
    return found && Number(found[1]);
  };
  const pause = number("SLOW") ?? 0;
  const status = number("ERR");
  if (status) return { status };

  const tool = /\bTOOL:([\w-]+):(?=\{)/.exec(script);
  if (tool) {
    const json = objectAt(script, tool.index + tool[0].length);
    return { text: "Let me look. ", pause, tool: { name: tool[1], arguments: json } };
  }
  const say = /\bSAY:([\s\S]*)$/.exec(script);
  if (say) return { text: say[1].replaceAll("\\n", "\n"), pause };
  const long = number("LONG");
  if (long) return { text: prose(long * 1024), pause };
  const code = number("CODE");
  if (code) {
    const lines = Array.from({ length: code }, (_, line) => `let line_${line + 1} = ${line + 1};`);
    return { text: ["```rust", ...lines, "```", ""].join("\n"), pause };
  }
  if (/\bHISTORY\b/.test(script)) {
    const history = messages.filter((message) => message.role === "user").map((message) => said(message).slice(0, 120));
    return { text: `So far: ${history.join(" | ")}`, pause };
  }
  return { text: `You said: ${script}`, pause };
}

/** Streams an answer in the events of a chat completion; stops when the agent hangs up. */
async function stream(response, { text, pause, tool }, call) {
  let open = true;
  response.on("close", () => (open = false));
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  const event = (fields) => {
    const chunk = { id: `answer-${call}`, object: "chat.completion.chunk", created: 0, model: "script", ...fields };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  };
  const delta = (fields, finish_reason = null) => event({ choices: [{ index: 0, delta: fields, finish_reason }] });

  delta({ role: "assistant", content: "" });
  const words = text.match(/\s*\S+\s*$|\s*\S+/g) ?? [];
  // The agent's work grows with the square of the number of events: a long answer in a hurry comes in larger pieces.
  const step = pause > 0 ? 1 : 8;
  for (let at = 0; at < words.length; at += step) {
    if (!open) return;
    delta({ content: words.slice(at, at + step).join("") });
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
  }
  if (!open) return;
  if (tool) delta({ tool_calls: [{ index: 0, id: `call-${call}`, type: "function", function: tool }] });
  delta({}, tool ? "tool_calls" : "stop");
  const usage = { prompt_tokens: 100, completion_tokens: words.length, total_tokens: 100 + words.length };
  event({ choices: [], usage });
  response.end("data: [DONE]\n\n");
}

function json(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

let calls = 0;
const server = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  if (request.method === "GET") {
    return json(response, 200, { object: "list", data: [{ id: "script", object: "model" }] });
  }
  let messages;
  try {
    ({ messages } = JSON.parse(Buffer.concat(parts).toString("utf8")));
  } catch {
    return json(response, 400, { error: { message: "the body is not JSON" } });
  }
  if (!Array.isArray(messages)) return json(response, 400, { error: { message: "there are no messages" } });
  const answer = plan(messages);
  if (answer.status) {
    return json(response, answer.status, { error: { message: `the script asked for ${answer.status}` } });
  }
  calls += 1;
  await stream(response, answer, calls);
});

server.listen(Number(options.port), "127.0.0.1", () => {
  const { port } = server.address();
  if (options.home) {
    const folder = join(options.home, ".omp", "agent");
    mkdirSync(folder, { recursive: true });
    const model = { id: "script", name: "Script", reasoning: false, input: ["text", "image"] };
    const limits = { contextWindow: 128000, maxTokens: 8192 };
    const cost = { input: 1, output: 2, cacheRead: 0, cacheWrite: 0 };
    const provider = { baseUrl: `http://127.0.0.1:${port}/v1`, apiKey: "none", api: "openai-completions" };
    const second = { ...model, id: "script-2", name: "Script 2", reasoning: true };
    const rig = { ...provider, models: [model, second].map((one) => ({ ...one, cost, ...limits })) };
    // JSON is YAML too.
    writeFileSync(join(folder, "models.yml"), `${JSON.stringify({ providers: { rig } }, null, 2)}\n`);
  }
  console.log(JSON.stringify({ port, model: "rig/script" }));
});

process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
