/** A shared session against a daemon that follows the contract. */
import { afterEach, expect, test } from "bun:test";
import { Agent } from "./agent";
import { Daemon, OWNER, until } from "./daemon";

let daemon: Daemon;
const daemons: Daemon[] = [];
const agents: Agent[] = [];

async function world(env: Record<string, string> = {}): Promise<Agent> {
  daemon = await new Daemon().start();
  daemons.push(daemon);
  return agentOf(daemon, env);
}

function agentOf(of: Daemon, env: Record<string, string> = {}): Agent {
  const agent = new Agent(of, env);
  agents.push(agent);
  agent.start();
  return agent;
}

async function attached(env?: Record<string, string>): Promise<Agent> {
  const agent = await world(env);
  await agent.command("discord", "on");
  await until("it is attached", () => agent.session?.phase === "attached");
  return agent;
}

const only = () => daemon.shared[0]!;

afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.shutdown()));
  await Promise.all(daemons.splice(0).map((one) => one.end()));
});

test("on: a thread, a footer, the link; every event of a run in order", async () => {
  const agent = await attached();
  expect(agent.status).toBe("● on Discord");
  expect(agent.notices).toEqual(["info: This session is on Discord: https://discord.com/channels/1/101"]);
  agent.emit("agent_start");
  agent.user("please fix it");
  agent.answer("Let me look.", { stopReason: "toolUse" });
  agent.emit("tool_execution_start", { toolCallId: "t1", toolName: "bash", args: { command: "ls -la\n/tmp", timeout: 5 } });
  agent.emit("tool_approval_requested", { toolCallId: "t1", toolName: "bash" });
  agent.emit("tool_approval_resolved", { toolCallId: "t1", toolName: "bash", approved: true });
  agent.emit("tool_execution_end", { toolCallId: "t1", toolName: "bash", result: {}, isError: false });
  agent.emit("auto_retry_start", { attempt: 1, maxAttempts: 3, delayMs: 100, errorMessage: "overloaded" });
  agent.emit("auto_compaction_start", { reason: "threshold" });
  agent.title = "New title";
  agent.answer("Fixed.");
  agent.emit("agent_end", { messages: [] });
  await until("the end is there", () => daemon.of("agent_end").length === 1 && daemon.of("title").length === 1);
  expect(daemon.types()).toEqual([
    "session_start", "agent_start", "prompt", "message", "tool_start", "approval", "approval", "tool_end", "retry", "compaction", "message", "agent_end", "title",
  ]);
  expect(daemon.of("session_start")[0]?.data).toEqual({ cwd: "/work/project", model: "rig/script", title: "Fix the parser" });
  expect(daemon.of("prompt")[0]).toMatchObject({ content: "please fix it", data: { source: "terminal" } });
  expect(daemon.of("message")[1]).toMatchObject({ content: "Fixed.", data: { model: "rig/script", cost: 0.25, stop_reason: "stop", usage: { input: 1, output: 2 } } });
  expect(daemon.of("tool_start")[0]).toMatchObject({ content: "bash: ls -la /tmp", data: { id: "t1", tool: "bash", args: { command: "ls -la\n/tmp", timeout: 5 } } });
  expect(daemon.of("tool_end")[0]?.data).toMatchObject({ id: "t1", is_error: false, duration_ms: expect.any(Number) });
  expect(daemon.of("approval").map(({ data }) => data?.["resolved"])).toEqual([false, true]);
  expect(daemon.of("agent_end")[0]).toMatchObject({ content: "Fixed.", data: { cost: 0.5, context_percent: 12.3, model: "rig/script", outcome: "done" } });
  const attach = JSON.parse(daemon.wire.find(({ path }) => path.endsWith("/attach"))!.body);
  expect(attach).toMatchObject({ agent_session_id: "agent-session-1", cwd: "/work/project", title: "Fix the parser", model: "rig/script", pid: process.pid, agent_version: "18.2.3", extension_version: "0.1.0" });
  expect(daemon.notices).toEqual([]);
});

test("off: what waits is posted first, then it lets go and is silent", async () => {
  const agent = await attached();
  agent.run("a", "b");
  await agent.command("discord", "off");
  expect(agent.status).toBeUndefined();
  await until("it is detached", () => only().detached.length === 1);
  expect(only().detached).toEqual(["off"]);
  expect(daemon.types()).toEqual(["session_start", "agent_start", "prompt", "message", "agent_end"]);
  agent.run("c", "d");
  await until("the home channel is told instead", () => daemon.notices.length === 1);
  expect(daemon.types().length).toBe(5);
  await agent.command("discord", "off");
  expect(agent.notices.at(-1)).toBe("info: This session is not on Discord");
});

test("attached in the middle of a run: the thread knows that it runs", async () => {
  const agent = await world();
  agent.emit("agent_start");
  await agent.command("discord", "on");
  await until("it is there", () => daemon.types().length === 2);
  expect(daemon.types()).toEqual(["session_start", "agent_start"]);
});

test("commands from the thread: prompt, steer, cancel; acknowledged, given once", async () => {
  const agent = await attached();
  daemon.command(only(), "prompt", "first \u001b[2J line\nsecond");
  daemon.command(only(), "steer", "rather that");
  daemon.command(only(), "cancel");
  daemon.command(only(), "something new", "x");
  await until("all are acknowledged", () => only().commands.length === 0);
  expect(agent.prompts).toEqual(["first \u001b[2J line\nsecond", "rather that"]);
  expect(agent.aborted).toBe(1);
  expect(agent.notices.slice(1)).toEqual(["info: Discord · Ana: first line second", "info: Discord · Ana: rather that", "warning: Discord · Ana: cancelled what was running"]);
  // The agent's echo of these prompts is in the thread already; the same words typed later are not.
  agent.emit("agent_start");
  agent.user("first \u001b[2J line\nsecond");
  agent.user("rather that", { steering: true });
  agent.user("rather that");
  agent.user("go on", { synthetic: true });
  agent.user("from a tool", { attribution: "agent" });
  agent.emit("agent_end", { messages: [] });
  await until("the run is over", () => daemon.of("agent_end").length === 1);
  expect(daemon.of("prompt").map(({ content }) => content)).toEqual(["rather that"]);
});

test("detach from Discord ends it, and is acknowledged", async () => {
  const agent = await attached();
  daemon.command(only(), "detach");
  await until("it let go", () => agent.session?.phase === "detached" && only().commands.length === 0);
  expect(agent.entries.at(-1).data).toMatchObject({ on: false });
});

test("a command whose answer was lost is given again and run once", async () => {
  const agent = await attached();
  daemon.mode = "cut";
  daemon.modeFor = /poll/;
  daemon.command(only(), "prompt", "once");
  await until("some answers were cut", () => daemon.wire.filter(({ path }) => path.includes("poll")).length > 4);
  daemon.mode = "ok";
  await until("it is acknowledged", () => only().commands.length === 0);
  expect(agent.prompts).toEqual(["once"]);
});

test("after a crash between hand-over and acknowledgement it is not run again", async () => {
  const agent = await attached();
  daemon.command(only(), "prompt", "once");
  await until("it is handed over", () => agent.prompts.length === 1);
  // The terminal dies here; its file has what was remembered. The daemon never saw the acknowledgement.
  const { entries } = agent;
  await daemon.stop();
  await agent.shutdown();
  only().commands = [{ id: 1, kind: "prompt", text: "once", author: null }];
  await daemon.start();
  const next = new Agent(daemon);
  agents.push(next);
  next.entries.push(...entries);
  next.start();
  await until("it is acknowledged", () => only().commands.length === 0);
  expect(next.prompts).toEqual([]);
  // A daemon with a new database counts from one again, under another name.
  await next.shutdown();
  daemon.sessions.clear();
  daemon.sessions.set("someone else", daemon.newSession("someone else"));
  const third = new Agent(daemon);
  agents.push(third);
  third.entries.push(...next.entries);
  third.start();
  await until("it is attached", () => third.session?.phase === "attached");
  daemon.command(daemon.sessions.get(third.sessionId)!, "prompt", "anew");
  await until("it is handed over", () => third.prompts.length === 1);
});

test("the daemon is restarted: it attaches again, nothing posted meanwhile is lost or doubled", async () => {
  const agent = await attached();
  await daemon.stop();
  await until("it noticed", () => agent.session?.phase === "reattaching");
  expect(agent.status).toContain("connection lost");
  for (let n = 0; n < 120; n += 1) agent.answer(`answer ${n}`);
  await daemon.start();
  await until("all is there", () => daemon.of("message").length >= 120);
  expect(daemon.of("message").map(({ content }) => content)).toEqual(Array.from({ length: 120 }, (_, n) => `answer ${n}`));
  expect(only().attaches).toBe(2);
  expect(agent.status).toBe("● on Discord");
  daemon.command(only(), "prompt", "still there?");
  await until("it listens", () => agent.prompts.length === 1);
  // The link was told once.
  expect(agent.notices.filter((notice) => notice.includes("is on Discord")).length).toBe(1);
});

test("answers of the ingest that are lost do not double events", async () => {
  const agent = await attached();
  await until("the start is there", () => daemon.types().length === 1);
  daemon.mode = "cut";
  daemon.modeFor = /event/;
  agent.run("a", "b");
  await until("it was tried", () => daemon.wire.filter(({ path }) => path.includes("event")).length > 3);
  daemon.mode = "ok";
  await until("it is there", () => daemon.of("agent_end").length === 1);
  expect(daemon.types()).toEqual(["session_start", "agent_start", "prompt", "message", "agent_end"]);
});

test("more than the queue holds: the newest, and how many are missing", async () => {
  const agent = await attached();
  await daemon.stop();
  for (let n = 0; n < 3_000; n += 1) agent.answer(`answer ${n}`);
  await daemon.start();
  await until("the newest is there", () => daemon.of("message").at(-1)?.content === "answer 2999");
  const lost = daemon.of("dropped")[0]?.data?.["count"];
  expect(daemon.of("message").length + lost).toBeGreaterThanOrEqual(3_000);
  expect(daemon.types().filter((type) => type === "dropped").length).toBe(1);
  expect(daemon.types().indexOf("dropped")).toBeLessThan(daemon.types().indexOf("message"));
});

test("one event that the daemon does not take holds up nothing", async () => {
  const agent = await attached();
  daemon.poison = "compaction";
  for (let n = 0; n < 40; n += 1) {
    if (n === 17) agent.emit("auto_compaction_start", { reason: "idle" });
    agent.answer(`answer ${n}`);
  }
  await until("all others are there", () => daemon.of("message").length === 40);
  expect(daemon.of("compaction").length).toBe(0);
  expect(agent.logs.join()).toContain("compaction");
});

test("a revoked token: it attaches again by itself", async () => {
  const agent = await attached();
  only().token = "revoked";
  agent.run("a", "b");
  await until("all is there", () => daemon.of("agent_end").length === 1);
  expect(only().attaches).toBe(2);
  expect(agent.session?.phase).toBe("attached");
});

test("a session that the daemon forgot is attached again, not thrown away event by event", async () => {
  const agent = await attached();
  await until("the start is there", () => daemon.types().length === 1);
  daemon.forgotten = true;
  for (let n = 0; n < 10; n += 1) agent.answer(`answer ${n}`);
  await until("it was attached again", () => only().attaches === 2);
  await until("all is there", () => daemon.of("message").length === 10);
});

test("a daemon that cannot attach says why, once", async () => {
  const agent = await world();
  daemon.attachError = { status: 501, code: "not_yet", message: "this daemon cannot attach terminals yet" };
  await agent.command("discord", "on");
  await until("it gave up", () => agent.session?.phase === "detached" && agent.notices.length === 1);
  expect(agent.notices).toEqual(["error: Discord: the daemon did not take this session: this daemon cannot attach terminals yet."]);
});

test("two terminals with one conversation: one of them wins and the other says so", async () => {
  const one = await attached();
  const two = agentOf(daemon);
  await two.command("discord", "on");
  await until("one gave up", () => [one, two].filter((agent) => agent.session?.phase === "detached").length === 1);
  const loser = one.session?.phase === "detached" ? one : two;
  expect(loser.notices.at(-1)).toContain("another terminal has taken this conversation over");
  const winner = loser === one ? two : one;
  await until("the other is attached", () => winner.session?.phase === "attached");
  const before = only().attaches;
  daemon.command(only(), "prompt", "who is it?");
  await until("it listens", () => winner.prompts.length === 1);
  expect(loser.prompts).toEqual([]);
  expect(only().attaches - before).toBeLessThanOrEqual(1);
});

test("two terminals with two conversations keep apart", async () => {
  const one = await attached();
  const two = agentOf(daemon);
  two.sessionId = "agent-session-2";
  await two.command("discord", "on");
  await until("both are attached", () => daemon.shared.length === 2 && two.session?.phase === "attached");
  daemon.command(daemon.shared[0]!, "prompt", "to one");
  daemon.command(daemon.shared[1]!, "prompt", "to two");
  await until("both have it", () => one.prompts.length === 1 && two.prompts.length === 1);
  expect([one.prompts, two.prompts]).toEqual([["to one"], ["to two"]]);
});

test("the daemon runs the conversation itself: it says so once, waits, and connects", async () => {
  const agent = await world();
  daemon.attachError = { status: 409, code: "owned_running", message: "it runs", hint: "Use /omp stop." };
  await agent.command("discord", "on");
  await until("it was tried some times", () => daemon.wire.filter(({ path }) => path.endsWith("attach")).length > 3);
  expect(agent.status).toBe("◌ Discord: running there");
  expect(agent.notices.length).toBe(1);
  expect(agent.notices[0]).toContain("two writers would garble it. Use /omp stop.");
  daemon.attachError = undefined;
  await until("it is attached", () => agent.session?.phase === "attached");
});

test("too old: each side says so and it ends", async () => {
  const agent = await world();
  daemon.attachError = { status: 426, code: "extension_too_old", message: "too old", hint: "run `ompcord extension install`, then start omp again" };
  await agent.command("discord", "on");
  await until("it gave up", () => agent.session?.phase === "detached");
  expect(agent.notices.at(-1)).toBe("error: Discord: this extension (0.1.0) is too old for the daemon. Run `ompcord extension install`, then start omp again.");
  // A daemon that does not say what to do.
  daemon.attachError = { status: 426, code: "extension_too_old", message: "too old" };
  await agent.command("discord", "on");
  await until("it gave up again", () => agent.notices.length === 2);
  expect(agent.notices.at(-1)).toContain("is too old for the daemon. Update it with `ompcord extension install`");
  daemon.attachError = undefined;
  daemon.daemonVersion = "0.0.9";
  await agent.command("discord", "on");
  await until("it says so", () => agent.notices.at(-1)?.includes("the ompcord daemon 0.0.9 is too old"));
  expect(agent.notices.at(-1)).toContain("Update ompcord, then start it again: `ompcord run`");
  await until("it let go", () => only().detached.length === 1);
  daemon.minExtensionVersion = "9.0.0";
  await agent.command("discord");
  await until("it is said when asked, too", () => agent.notices.at(-1)?.includes("Daemon: ompcord 0.0.9"));
  expect(agent.notices.at(-1)).toContain("This extension (0.1.0) is too old for it. Update it with `ompcord extension install`");
  expect(agent.notices.at(-1)).toContain("It is too old for this extension (0.1.0), which needs 0.1.0. Update ompcord");
});

test("no daemon at first: it connects when there is one", async () => {
  const agent = await world();
  await daemon.stop();
  await agent.command("discord", "on");
  await until("it is said", () => agent.notices.length === 1);
  expect(agent.notices[0]).toContain("cannot be reached");
  expect(agent.status).toBe("◌ Discord: connecting");
  agent.run("before", "it came");
  await daemon.start();
  await until("all is there", () => daemon.of("agent_end").length === 1);
  expect(daemon.types()).toEqual(["session_start", "agent_start", "prompt", "message", "agent_end"]);
});

test("a wrong token ends it with a sentence", async () => {
  const agent = await world();
  await Bun.write(`${daemon.stateDir}/api-token`, "ompo_SomeOtherTokenThatIsNotTheOwners00000000000");
  await agent.command("discord", "on");
  await until("it gave up", () => agent.session?.phase === "detached" && agent.notices.length > 0);
  expect(agent.notices).toEqual(["error: Discord: the daemon does not accept this user's token."]);
});

test("/discord tells how it stands", async () => {
  const agent = await attached({ OMPCORD_NOTIFY: "90s" });
  await agent.command("discord");
  await until("it is told", () => agent.notices.length === 2);
  expect(agent.notices[1]).toBe(
    "info: Daemon: ompcord 0.1.0, bot omp-bot, ready, 42 ms\nServer: Home\nThis session: on Discord, https://discord.com/channels/1/101\nNotices when a run ends: through the daemon, for runs of 90 s and more",
  );
  await daemon.stop();
  await agent.command("discord", "status");
  await until("it is told", () => agent.notices.length === 3);
  expect(agent.notices[2]).toContain(`not running at ${daemon.url}`);
  await agent.command("discord", "of course");
  expect(agent.notices[3]).toContain("Usage");
});

test("the terminal closes: the last events, the end, the reason", async () => {
  const agent = await attached();
  agent.run("a", "b");
  await agent.shutdown();
  expect(daemon.types()).toEqual(["session_start", "agent_start", "prompt", "message", "agent_end", "session_shutdown"]);
  expect(only().detached).toEqual(["closed"]);
  expect(agent.emit("agent_start")).toEqual([undefined]);
});

test("resumed: a conversation that was shared is shared again, one that was not is not", async () => {
  const agent = await attached();
  await agent.shutdown();
  const again = new Agent(daemon);
  agents.push(again);
  again.entries.push(...agent.entries);
  again.start();
  await until("it is attached", () => again.session?.phase === "attached");
  expect(daemon.shared.length).toBe(1);
  await again.command("discord", "off");
  const third = new Agent(daemon);
  agents.push(third);
  third.entries.push(...again.entries);
  third.start();
  const fork = new Agent(daemon);
  agents.push(fork);
  fork.sessionId = "a-fork";
  fork.entries.push(...agent.entries);
  fork.start();
  expect([third.session?.phase, fork.session?.phase]).toEqual(["detached", "detached"]);
});

test("another conversation in the same terminal: the old one is closed, and taken up again on return", async () => {
  const agent = await attached();
  agent.emit("agent_start");
  agent.sessionId = "agent-session-2";
  agent.title = "";
  agent.emit("agent_end", { messages: [] });
  agent.emit("session_switch", { reason: "new" });
  await until("the old one is closed", () => only().detached.length === 1);
  expect(daemon.of("title")).toEqual([]);
  expect(only().detached).toEqual(["closed"]);
  expect(daemon.types().at(-1)).toBe("session_shutdown");
  expect(agent.session?.phase).toBe("detached");
  await until("it is said", () => agent.notices.at(-1)?.includes("another conversation now"));
  agent.sessionId = "agent-session-1";
  agent.emit("session_switch", { reason: "resume" });
  await until("it is attached", () => agent.session?.phase === "attached");
  expect(daemon.shared.length).toBe(1);
});

test("owned, or with nobody there: nothing at all", async () => {
  const agent = await world({ OMPCORD_OWNED: "1" });
  expect([agent.handlers.size, agent.commands.size]).toEqual([0, 0]);
  const subagent = agentOf(daemon);
  subagent.hasUI = false;
  subagent.start();
  subagent.run("a", "b");
  await subagent.command("discord", "on");
  await subagent.shutdown();
  expect([daemon.wire, subagent.notices, subagent.status, subagent.entries]).toEqual([[], [], undefined, []]);
});

test("installed twice it is still one", async () => {
  const agent = await world();
  const twin = new Agent(daemon);
  agents.push(twin);
  twin.ctx.sessionManager = agent.ctx.sessionManager;
  twin.start();
  await twin.command("discord", "on");
  await agent.command("discord", "on");
  await until("it is attached", () => agent.session?.phase === "attached");
  twin.run("a", "b");
  agent.run("a", "b");
  await until("all is there", () => daemon.of("agent_end").length === 1);
  expect([twin.session?.phase, twin.notices, only().attaches, daemon.types().length]).toEqual(["detached", [], 1, 5]);
});

test("the owner's token is for attaching and notices only", async () => {
  const agent = await attached();
  agent.run("a", "b");
  daemon.command(only(), "prompt", "x");
  await until("all is done", () => daemon.of("agent_end").length === 1 && agent.prompts.length === 1);
  await agent.shutdown();
  for (const { path, authorization } of daemon.wire) expect(authorization === `Bearer ${OWNER}`).toBe(path === "/api/sessions/attach");
});
