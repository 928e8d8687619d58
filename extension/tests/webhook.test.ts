import { afterEach, expect, test } from "bun:test";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Containment } from "../src/contain";
import { Redactor } from "../src/redact";
import { SENT, Webhook } from "../src/webhook";
import { Agent } from "./agent";
import { Daemon, until } from "./daemon";

type Answer = { status: number; body?: string; headers?: Record<string, string> } | "hang" | "cut";

const TOKEN = "FakeWebhookTokenForTests-0000000000000000";
let servers: Server[] = [];

async function discord(answer: (count: number) => Answer = () => ({ status: 204 })) {
  const got: { at: number; body: any }[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    got.push({ at: Date.now(), body: JSON.parse(Buffer.concat(parts).toString()) });
    const said = answer(got.length);
    if (said === "hang") return;
    if (said === "cut") return void request.socket.destroy();
    response.writeHead(said.status, said.headers);
    response.end(said.body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push(server);
  const { port } = server.address() as AddressInfo;
  return { got, url: `http://127.0.0.1:${port}/api/webhooks/123456789012345678/${TOKEN}`, contents: () => got.map(({ body }) => body.content) };
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const logs: string[] = [];
const contain = new Containment({ warn: (message, fields) => void logs.push(message + JSON.stringify(fields)) }, new Redactor([["webhook", TOKEN]]));
const pace = { requests: 5, windowMs: 400, requestMs: 300, retryMs: 20 };

test("a message mentions nobody and is short enough", async () => {
  const { url, got } = await discord();
  const hook = new Webhook(new URL(url), contain, pace);
  expect(await hook.send("@everyone " + "😀".repeat(3_000))).toBe(SENT);
  const { content, allowed_mentions } = got[0]?.body;
  expect(content.length).toBeLessThanOrEqual(2_000);
  expect(content.isWellFormed()).toBe(true);
  expect(allowed_mentions).toEqual({ parse: [] });
});

test("five requests in a window, and what waits is merged in order", async () => {
  const { url, got, contents } = await discord();
  const hook = new Webhook(new URL(url), contain, pace);
  const outcomes: Promise<string>[] = [];
  for (let n = 0; n < 30; n += 1) {
    outcomes.push(hook.send(`notice ${n}`));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(new Set(await Promise.all(outcomes))).toEqual(new Set([SENT]));
  expect(contents().join("\n").split("\n")).toEqual(Array.from({ length: 30 }, (_, n) => `notice ${n}`));
  for (let at = 5; at < got.length; at += 1) {
    // The server sees a request a little after it was counted.
    expect((got[at]?.at ?? 0) - (got[at - 5]?.at ?? 0)).toBeGreaterThanOrEqual(pace.windowMs - 50);
  }
});

test("merged messages keep to the limit", async () => {
  const { url, contents } = await discord();
  const hook = new Webhook(new URL(url), contain, pace);
  await Promise.all(Array.from({ length: 5 }, (_, n) => hook.send(`${n}`.repeat(900))));
  expect(contents().map((content) => content.length)).toEqual([1801, 1801, 900]);
});

test("retry_after is waited for, in the body or the header", async () => {
  const { url, got } = await discord((count) =>
    count === 1 ? { status: 429, body: '{"retry_after":0.3,"global":false}' } : count === 2 ? { status: 429, body: "x", headers: { "retry-after": "1" } } : { status: 204 },
  );
  const hook = new Webhook(new URL(url), contain, pace);
  expect(await hook.send("x")).toBe(SENT);
  const [first, second, third] = got.map(({ at }) => at);
  expect(second! - first!).toBeGreaterThanOrEqual(280);
  expect(third! - second!).toBeGreaterThanOrEqual(980);
});

test("errors are tried again, then given up; a webhook that is gone is left alone", async () => {
  const flaky = await discord((count) => (count === 1 ? { status: 502 } : count === 2 ? "cut" : count === 3 ? "hang" : { status: 200, body: "{}" }));
  expect(await new Webhook(new URL(flaky.url), contain, pace).send("x")).toBe(SENT);
  expect(flaky.got.length).toBe(4);

  const broken = await discord(() => ({ status: 500 }));
  expect(await new Webhook(new URL(broken.url), contain, pace).send("x")).toBe("Discord answered 500");
  expect(broken.got.length).toBe(5);

  const gone = await discord(() => ({ status: 404 }));
  const hook = new Webhook(new URL(gone.url), contain, pace);
  expect(await hook.send("x")).toContain("does not exist");
  expect(await hook.send("y")).toContain("does not exist");
  expect(gone.got.length).toBe(1);

  const redirect = await discord(() => ({ status: 302, headers: { location: "http://127.0.0.1:9/" } }));
  expect(await new Webhook(new URL(redirect.url), contain, pace).send("x")).toContain("302");
  expect(logs.join()).not.toContain(TOKEN);
});

test("without a daemon the end of a run is told through the webhook", async () => {
  const { url, contents } = await discord();
  const agent = new Agent(undefined, { DISCORD_WEBHOOK_URL: url });
  agent.start();
  agent.run("go", `Done: ghp_${"a1".repeat(18)} and ${TOKEN}`);
  await until("it is told", () => contents().length === 1);
  expect(contents()[0]).toBe("✅ **Fix the parser** finished after 0s in `project`\n> Done: [redacted:github-token] and [redacted:webhook]");
  await agent.command("discord-ping", "hello @everyone");
  await until("it is sent", () => agent.notices.includes("info: Sent to Discord"));
  expect(contents()[1]).toBe("hello @everyone");
});

test("what should not be told is not", async () => {
  const { url, contents } = await discord();
  const off = new Agent(undefined, { DISCORD_WEBHOOK_URL: url, OMPCORD_NOTIFY: "off" });
  const long = new Agent(undefined, { DISCORD_WEBHOOK_URL: url, OMPCORD_NOTIFY: "60s" });
  const subagent = new Agent(undefined, { DISCORD_WEBHOOK_URL: url });
  subagent.hasUI = false;
  for (const agent of [off, long, subagent]) {
    agent.start();
    agent.run("go", "quiet");
  }
  const stopped = new Agent(undefined, { DISCORD_WEBHOOK_URL: url });
  stopped.start();
  stopped.emit("agent_start");
  stopped.answer("half", { stopReason: "aborted" });
  stopped.emit("agent_end", { messages: [] });
  stopped.emit("agent_start");
  stopped.answer("more comes");
  stopped.emit("agent_end", { messages: [], willContinue: true });
  stopped.answer("", { stopReason: "error", errorMessage: "overloaded" });
  stopped.emit("agent_end", { messages: [] });
  await until("the failure is told", () => contents().length === 1);
  expect(contents()).toEqual(["❌ **Fix the parser** failed after 0s in `project`\n> overloaded"]);
});

test("with a daemon it is told by the daemon, and by the webhook when that fails", async () => {
  const { url, contents } = await discord();
  const daemon = await new Daemon().start();
  const agent = new Agent(daemon, { DISCORD_WEBHOOK_URL: url });
  agent.start();
  agent.run("go", "one");
  await until("the daemon is told", () => daemon.notices.length === 1);
  daemon.mode = "error";
  agent.run("go", "two");
  await until("the webhook is told", () => contents().length === 1);
  await daemon.stop();
  agent.run("go", "three");
  await until("the webhook is told again", () => contents().length === 2);
  expect(daemon.notices[0]).toContain("> one");
  expect(contents().map((content) => content.split("\n")[1])).toEqual(["> two", "> three"]);
  await daemon.end();
});

test("with neither it says so, and only when asked", async () => {
  const agent = new Agent(undefined);
  agent.start();
  agent.run("go", "x");
  await agent.command("discord-ping", "x");
  await until("it is said", () => agent.notices.length > 0);
  expect(agent.notices).toEqual(["error: Not sent: the ompcord daemon does not run here, and DISCORD_WEBHOOK_URL is not set"]);
  await agent.command("discord-ping", " ");
  expect(agent.notices[1]).toContain("Usage");
});
