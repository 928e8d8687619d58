/** The three promises, by trying to break them: it never blocks, it never crashes, it never leaks. */
import { afterEach, expect, test } from "bun:test";
import { Agent } from "./agent";
import { Daemon, type Mode, OWNER, until } from "./daemon";
import { SECRETS } from "./secrets";

const daemons: Daemon[] = [];
const agents: Agent[] = [];
const escaped: unknown[] = [];
process.on("unhandledRejection", (reason) => escaped.push(reason));
process.on("uncaughtException", (error) => escaped.push(error));

async function newDaemon(): Promise<Daemon> {
  const daemon = await new Daemon().start();
  daemons.push(daemon);
  return daemon;
}

function newAgent(daemon: Daemon | undefined, env: Record<string, string> = {}): Agent {
  const agent = new Agent(daemon, env);
  agents.push(agent);
  agent.start();
  return agent;
}

async function attached(daemon: Daemon, env: Record<string, string> = {}): Promise<Agent> {
  const agent = newAgent(daemon, env);
  await agent.command("discord", "on");
  await until("it is attached", () => agent.session?.phase === "attached");
  return agent;
}

afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.shutdown()));
  await Promise.all(daemons.splice(0).map((daemon) => daemon.end()));
  // What escapes does so after the tick that made it.
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(escaped.splice(0)).toEqual([]);
});

const EVENTS = [
  "session_start", "session_switch", "session_branch", "agent_start", "agent_end", "message_end", "tool_execution_start", "tool_execution_end",
  "tool_approval_requested", "tool_approval_resolved", "auto_retry_start", "auto_retry_end", "auto_compaction_start", "auto_compaction_end",
];

/** Everything an agent does in a busy minute; no handler may give anything back. */
function busy(agent: Agent, rounds: number): void {
  for (let n = 0; n < rounds; n += 1) {
    const returned = [
      ...agent.emit("agent_start"),
      ...agent.emit("message_end", { message: { role: "user", content: `prompt ${n}`, timestamp: 1 } }),
      ...agent.emit("tool_execution_start", { toolCallId: `t${n}`, toolName: "bash", args: { command: `echo ${n}` } }),
      ...agent.emit("tool_execution_end", { toolCallId: `t${n}`, toolName: "bash", result: {}, isError: false }),
      ...agent.emit("message_end", { message: { role: "assistant", content: [{ type: "text", text: `answer ${n}` }], usage: {}, stopReason: "stop" } }),
      ...agent.emit("agent_end", { messages: [] }),
    ];
    expect(returned).toEqual(Array.from({ length: 6 }, () => undefined));
  }
}

for (const mode of ["hang", "error", "garbage", "wrong", "endless", "cut"] satisfies Mode[]) {
  test(`never blocks: a daemon that answers with "${mode}", from the start and later`, async () => {
    const daemon = await newDaemon();
    daemon.mode = mode;
    const early = newAgent(daemon);
    await early.command("discord");
    await early.command("discord", "on");
    await early.command("discord-ping", "x");
    busy(early, 50);
    daemon.mode = "ok";
    const late = await attached(daemon);
    daemon.mode = mode;
    busy(late, 50);
    await until("it was tried more than once", () => daemon.wire.length > 5);
    // The loop of the process is free: a timer comes while all of that is under way.
    await new Promise((resolve) => setTimeout(resolve, 1));
    // And leaving takes no longer than it may.
    const began = Date.now();
    await Promise.all([early.shutdown(), late.shutdown()]);
    expect(Date.now() - began).toBeLessThan(2_000);
  });
}

test("never blocks: no daemon at all, and one that accepts and says nothing", async () => {
  const absent = newAgent(undefined);
  await absent.command("discord", "on");
  busy(absent, 200);
  const deaf = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const daemon = await newDaemon();
  const agent = newAgent(daemon, { OMPCORD_URL: `http://127.0.0.1:${deaf.port}` });
  await agent.command("discord", "on");
  busy(agent, 200);
  await agent.shutdown();
  deaf.stop(true);
});

test("never blocks: a slow daemon gets everything in the end", async () => {
  const daemon = await newDaemon();
  daemon.delayMs = 100;
  const agent = await attached(daemon);
  busy(agent, 100);
  await until("all is there", () => daemon.of("agent_end").length === 100);
  expect(daemon.of("message").map(({ content }) => content)).toEqual(Array.from({ length: 100 }, (_, n) => `answer ${n}`));
});

test("never blocks: a daemon that answers polls at once is not asked without end", async () => {
  const daemon = await newDaemon();
  const agent = await attached(daemon);
  daemon.impatient = true;
  const poll = daemon.wire.length;
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(daemon.wire.length - poll).toBeLessThan(20);
  await agent.shutdown();
});

function hostile(): unknown[] {
  const throws = (what: string) => () => {
    throw new Error(what);
  };
  const angry = new Proxy({}, { get: throws("get"), has: throws("has"), ownKeys: throws("keys"), getPrototypeOf: throws("proto"), getOwnPropertyDescriptor: throws("own") });
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();
  const cycle: any = { type: "x" };
  cycle.self = cycle;
  cycle.message = cycle;
  cycle.content = [cycle];
  const everywhere = new Proxy(() => {}, { get: (_t, name) => (name === "then" ? undefined : everywhere), apply: () => everywhere }) as unknown;
  return [undefined, null, 0, "", "text", 5n, Symbol("s"), () => 1, [], {}, angry, revoked, cycle, everywhere, new Date(NaN), Object.create(null), new Map([[1, 2]]), "x".repeat(3_000_000)];
}

test("never crashes: whatever the agent hands over", async () => {
  const daemon = await newDaemon();
  const agent = await attached(daemon);
  const names = ["message", "toolCallId", "toolName", "args", "isError", "attempt", "delayMs", "errorMessage", "reason", "willContinue", "finalError", "approved"];
  for (const value of hostile()) {
    for (const event of EVENTS) {
      expect(agent.raw(event, value).every((returned) => returned === undefined)).toBe(true);
      agent.emit(event, Object.fromEntries(names.map((name) => [name, value])));
    }
    for (const role of ["user", "assistant", value]) {
      agent.emit("message_end", { message: { role, content: value, usage: value, stopReason: value, errorMessage: value, provider: value, model: value } });
      agent.emit("message_end", { message: { role, content: [value, { type: "text", text: value }, { type: value }], usage: { cost: value } } });
    }
    agent.emit("tool_execution_start", { toolCallId: "t", toolName: "x", args: { deep: { value, list: [value, value] } } });
    await agent.command("discord", value as string);
    await agent.command("discord-ping", value as string);
  }
  agent.emit("agent_end", {});
  agent.run("still", "alive");
  await until("it still works", () => daemon.of("message").at(-1)?.content === "alive");
});

test("never crashes: an agent whose every call throws", async () => {
  const daemon = await newDaemon();
  const agent = await attached(daemon);
  const bang = () => {
    throw new Error("bang");
  };
  Object.assign(agent.ctx.ui, { notify: bang, setStatus: bang });
  Object.assign(agent.ctx.sessionManager, { getSessionId: bang, getCwd: bang, getEntries: bang });
  Object.assign(agent.ctx, { getContextUsage: bang, isIdle: bang, abort: bang });
  Object.assign(agent.pi, { appendEntry: bang, getSessionName: bang });
  agent.pi.logger.warn = bang;
  agent.sendUserMessage = bang;
  const [session] = daemon.shared;
  for (const kind of ["prompt", "steer", "cancel"]) daemon.command(session!, kind, "x");
  await until("they are acknowledged", () => session!.commands.length === 0);
  busy(agent, 5);
  await agent.command("discord", "");
  await agent.command("discord", "off");
  await agent.command("discord", "on");
  await agent.shutdown();
});

test("never crashes: an agent without the calls that are expected", () => {
  for (const pi of [{}, { on: () => {} }, { logger: null, on: null }, new Proxy({}, { get: () => { throw new Error("no"); } })]) {
    expect(() => new Agent(undefined, {}).pi && require("../src/index").default(pi)).not.toThrow();
  }
});

test("never crashes: megabytes, thousands of them", async () => {
  const daemon = await newDaemon();
  const agent = await attached(daemon);
  const large = "words and more words ".repeat(200_000);
  for (let n = 0; n < 30; n += 1) {
    agent.answer(large);
    agent.emit("tool_execution_start", { toolCallId: "t", toolName: "write", args: { path: "a", content: large } });
  }
  await until("the newest is there", () => daemon.of("tool_start").at(-1)?.data?.["args"].content.length > 1_000);
  await until("nothing waits", () => daemon.of("tool_start").length + (daemon.of("dropped").at(-1)?.data?.["count"] ?? 0) >= 30);
  // None of the requests was too large for the daemon.
  expect(Math.max(...daemon.wire.map(({ body }) => body.length))).toBeLessThan(1024 * 1024);
});

test("never leaks: secrets of every shape, in every place, attached and not", async () => {
  const daemon = await newDaemon();
  const env = { MY_SERVICE_TOKEN: "unshaped value of 1 secret", OMPCORD_SESSION_TOKEN: "another-unshaped-1" };
  const agent = await attached(daemon, env);
  const quiet = newAgent(daemon, env);
  quiet.sessionId = "agent-session-2";
  const secrets = [...SECRETS.map(([, secret]) => secret), ...Object.values(env), OWNER, daemon.shared[0]!.token];
  for (const secret of secrets) {
    for (const one of [agent, quiet]) {
      one.title = `Title ${secret}`;
      one.ctx.sessionManager.getCwd = () => `/work/${secret}`;
      one.ctx.model = { provider: "p", id: secret };
      one.emit("agent_start");
      one.user(`use ${secret} for it`);
      one.user("", { content: secret });
      one.emit("tool_execution_start", { toolCallId: secret, toolName: secret, args: { command: `curl -H "X: ${secret}" 'https://h/?q=${secret}'`, nested: [{ [secret]: secret }] } });
      one.emit("tool_execution_end", { toolCallId: secret, toolName: secret, result: secret, isError: true });
      one.emit("tool_approval_requested", { toolCallId: secret, toolName: secret, reason: secret });
      one.emit("tool_approval_resolved", { toolCallId: secret, toolName: secret, approved: true });
      one.emit("auto_retry_start", { attempt: 1, maxAttempts: 2, delayMs: 1, errorMessage: `401 for ${secret}` });
      one.emit("auto_retry_end", { success: false, attempt: 2, finalError: secret });
      one.emit("auto_compaction_end", { errorMessage: secret });
      one.emit("auto_compaction_start", { reason: secret });
      one.answer(`The key is ${secret}.`);
      one.answer(`${"x ".repeat(99_990)}${secret}`);
      one.answer("", { stopReason: "error", errorMessage: `bad key ${secret}`, provider: secret, model: secret });
      one.emit("agent_end", { messages: [] });
      one.emit("message_end", { get message() { throw new Error(`cannot read ${secret}`); } });
    }
    await quiet.command("discord-ping", `look: ${secret}`);
  }
  await until("all is there", () => daemon.notices.length >= secrets.length * 2 && daemon.of("agent_end").length + (daemon.of("dropped").at(-1)?.data?.["count"] ?? 0) >= 20);
  await agent.shutdown();
  await quiet.shutdown();
  const out = daemon.wire.map(({ path, body }) => path + body).join("\n") + agent.logs.join() + quiet.logs.join();
  expect(out).toContain("[redacted:github-token]");
  expect(out).toContain("[redacted:env]");
  expect(agent.logs.length).toBeGreaterThan(0);
  for (const secret of secrets) {
    expect(out).not.toContain(secret);
    // Nor most of it.
    expect(out).not.toContain(secret.slice(0, Math.max(16, secret.length - 8)));
  }
});

test("never leaks: the token goes to no proxy, no redirect and no other host", async () => {
  const seen: string[] = [];
  const thief = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => { seen.push(request.url); return new Response("{}"); } });
  const daemon = await newDaemon();
  const redirect = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => Response.redirect(`http://127.0.0.1:${thief.port}/`, 307) });
  const before = process.env["HTTP_PROXY"];
  process.env["HTTP_PROXY"] = process.env["http_proxy"] = `http://127.0.0.1:${thief.port}`;
  try {
    const agent = await attached(daemon);
    agent.run("a", "b");
    await until("it is there", () => daemon.of("agent_end").length === 1);
    const led = newAgent(daemon, { OMPCORD_URL: `http://127.0.0.1:${redirect.port}` });
    await led.command("discord-ping", "x");
    await until("it failed", () => led.notices.length > 0);
    const abroad = newAgent(daemon, { OMPCORD_URL: "http://example.com" });
    await abroad.command("discord", "on");
    expect(abroad.notices[0]).toContain("in the clear");
    expect(seen).toEqual([]);
  } finally {
    if (before === undefined) delete process.env["HTTP_PROXY"];
    else process.env["HTTP_PROXY"] = before;
    delete process.env["http_proxy"];
    thief.stop(true);
    redirect.stop(true);
  }
});
