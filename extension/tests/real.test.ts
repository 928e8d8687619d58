/**
 * With the real agent, in a terminal (tmux) and over its protocol; its model is a script on loopback.
 *
 *   OMPCORD_TEST_OMP=$(scripts/install-omp) scripts/extension test
 */
import { afterEach, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Daemon, until } from "./daemon";

const omp = process.env["OMPCORD_TEST_OMP"] ?? "";
const bundle = join(import.meta.dir, "..", "dist", "index.js");
const model = join(import.meta.dir, "..", "..", "tests", "rig", "model.mjs");
const hasTmux = spawnSync("tmux", ["-V"]).status === 0;
const PATIENCE = 60_000;

const cleanup: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step();
});

async function rig(extra: Record<string, string> = {}) {
  const home = mkdtempSync(join(tmpdir(), "ompcord-real-"));
  cleanup.push(() => rmSync(home, { recursive: true, force: true }));
  const workspace = join(home, "project");
  mkdirSync(workspace);
  const script = spawn("node", [model, "--home", home], { stdio: ["pipe", "pipe", "inherit"] });
  cleanup.push(() => void script.stdin.end());
  await new Promise<void>((resolve) => script.stdout.once("data", () => resolve()));
  const daemon = await new Daemon().start();
  cleanup.push(() => daemon.end());
  const env: Record<string, string> = {
    HOME: home,
    PATH: process.env["PATH"] ?? "",
    TERM: "xterm-256color",
    LANG: "C.UTF-8",
    OMP_SKIP_SETUP: "1",
    OMPCORD_URL: daemon.url,
    OMPCORD_STATE_DIR: daemon.stateDir,
    ...extra,
  };
  const args = ["--model", "rig/script", "--approval-mode", "yolo", "-e", bundle];
  return { home, workspace, daemon, env, args };
}

type Rig = Awaited<ReturnType<typeof rig>>;

class Terminal {
  readonly #socket: string;
  readonly pid: number;

  constructor({ home, workspace, env, args }: Rig, more: string[] = []) {
    this.#socket = join(home, `tmux-${Math.random().toString(36).slice(2)}`);
    const words = ["env", "-i", ...Object.entries(env).map(([name, value]) => `${name}=${value}`), omp, ...args, ...more];
    const started = this.#tmux("new-session", "-d", "-x", "120", "-y", "50", "-c", workspace, words.map((word) => `'${word}'`).join(" "));
    if (started.status !== 0) throw new Error(started.stderr);
    this.pid = Number(this.#tmux("display-message", "-p", "#{pane_pid}").stdout);
    cleanup.push(() => this.kill());
  }

  #tmux(...args: string[]) {
    return spawnSync("tmux", ["-S", this.#socket, ...args], { encoding: "utf8" });
  }

  get screen(): string {
    return this.#tmux("capture-pane", "-p").stdout ?? "";
  }

  async shows(...texts: string[]): Promise<void> {
    try {
      await until(texts.join(", "), () => texts.every((text) => this.screen.includes(text)), PATIENCE);
    } catch {
      throw new Error(`the screen never showed ${JSON.stringify(texts)}:\n${this.screen}`);
    }
  }

  /** Text and Enter in one go are taken for something that was pasted. */
  async type(text: string): Promise<void> {
    this.#tmux("send-keys", "-l", text);
    await this.shows(text);
    this.#tmux("send-keys", "Enter");
  }

  keys(...keys: string[]): void {
    this.#tmux("send-keys", ...keys);
  }

  get alive(): boolean {
    return this.#tmux("has-session").status === 0;
  }

  /** As when the window is closed. */
  kill(): void {
    this.#tmux("kill-server");
  }
}

async function leave(terminal: Terminal): Promise<void> {
  const began = Date.now();
  let pressed = 0;
  await until("the terminal is closed", () => {
    if (Date.now() - began > pressed * 400) {
      terminal.keys("C-c");
      pressed += 1;
    }
    return !terminal.alive;
  });
}

describe.skipIf(omp === "" || !hasTmux)("in a terminal", () => {
  test("on, a typed prompt, a prompt that wakes it, one that steers, a restarted daemon, the end, and back again", async () => {
    const world = await rig();
    const { daemon } = world;
    const terminal = new Terminal(world);
    await terminal.shows("Script");
    await terminal.type("/discord on");
    await terminal.shows("This session is on Discord: https://discord.com/channels/1/101", "● on Discord");
    const session = daemon.shared[0]!;

    await terminal.type("SAY:typed and answered");
    await until("the answer is posted", () => daemon.of("agent_end").length === 1, PATIENCE);
    expect(daemon.of("prompt")[0]).toMatchObject({ content: "SAY:typed and answered", data: { source: "terminal" } });
    expect(daemon.of("message")[0]).toMatchObject({ content: "typed and answered", data: { model: "rig/script", stop_reason: "stop" } });
    expect(daemon.of("agent_end")[0]?.data).toMatchObject({ outcome: "done", model: "rig/script" });

    daemon.command(session, "prompt", "SAY:woken by Discord");
    await terminal.shows("Discord · Ana: SAY:woken by Discord");
    await until("it is answered", () => daemon.of("message").at(-1)?.content === "woken by Discord", PATIENCE);
    const idle = () => daemon.of("agent_end").length === daemon.of("agent_start").length;
    await until("it is idle", idle, PATIENCE);

    // The tool waits for this test, so that what is said meanwhile comes while it runs, however slow the machine is.
    const wait = "until [ -e gate ]; do sleep 0.1; done; echo from-the-tool";
    await terminal.type(`TOOL:bash:{"command":"${wait}"}`);
    await until("the tool runs", () => daemon.of("tool_start").length === 1, PATIENCE);
    daemon.command(session, "steer", "SAY:steered");
    await terminal.shows("Discord · Ana: SAY:steered");
    // It puts the tool into the background for that, and says more when the tool has ended: not the last message counts.
    const heard = () => daemon.of("message").findIndex(({ content }) => content.includes("steered"));
    await until("it heard", () => heard() >= 0, PATIENCE);
    expect(daemon.of("tool_start")[0]).toMatchObject({ content: `bash: ${wait}`, data: { tool: "bash" } });
    await until("the tool's end is posted", () => daemon.of("tool_end").length === 1, PATIENCE);
    writeFileSync(join(world.workspace, "gate"), "");
    await until("it knows that the tool has ended", () => daemon.of("message").length > heard() + 1, PATIENCE);
    // Whether that is still the same run is the agent's affair.
    await until("it is idle again", idle, PATIENCE);
    // What came from Discord is not posted back.
    expect(daemon.of("prompt").map(({ content }) => content)).toEqual(["SAY:typed and answered", expect.stringContaining("TOOL:bash")]);

    const runs = daemon.of("agent_end").length;
    daemon.command(session, "prompt", "SLOW:200 LONG:1");
    await until("it works", () => daemon.of("agent_start").length === runs + 1, PATIENCE);
    daemon.command(session, "cancel");
    await until("it stopped", () => daemon.of("agent_end").length === runs + 1, PATIENCE);
    expect(daemon.of("agent_end").at(-1)?.data?.["outcome"]).toBe("stopped");

    await daemon.stop();
    await terminal.shows("connection lost, trying again");
    await terminal.type("SAY:said meanwhile");
    await terminal.shows(" said meanwhile");
    await daemon.start();
    await terminal.shows("● on Discord");
    await until("it is posted", () => daemon.of("message").at(-1)?.content === "said meanwhile", PATIENCE);

    await terminal.type("/discord");
    await terminal.shows("Daemon: ompcord 0.1.0, bot omp-bot, ready, 42 ms", "This session: on Discord");

    await leave(terminal);
    await until("the end is posted", () => session.detached.length === 1);
    expect([daemon.types().at(-1), session.detached]).toEqual(["session_shutdown", ["closed"]]);

    const again = new Terminal(world, ["--resume", session.agentSessionId]);
    await again.shows("This session is on Discord", "● on Discord");
    expect(daemon.shared.length).toBe(1);
    daemon.command(session, "prompt", "HISTORY");
    await until("it remembers", () => daemon.of("message").at(-1)?.content.includes("SAY:woken by Discord"), PATIENCE);
    await again.type("/discord off");
    await again.shows("This session is no longer on Discord");
    await until("the footer is gone", () => !again.screen.includes("● on Discord"));
    await leave(again);
  }, 240_000);

  test("subagents say nothing, and another conversation is another one", async () => {
    const world = await rig();
    const { daemon } = world;
    const terminal = new Terminal(world);
    await terminal.shows("Script");
    await terminal.type("/discord on");
    await terminal.shows("● on Discord");
    await terminal.type('TOOL:task:{"context":"c","tasks":[{"name":"One","agent":"task","task":"SAY:subagent speaks"}]}');
    await terminal.shows("completed: subagent yielded");
    await until("the run is over", () => daemon.of("agent_end").length > 0, PATIENCE);
    expect(daemon.shared.length).toBe(1);
    expect(daemon.of("message").filter(({ content }) => content === "subagent speaks")).toEqual([]);
    expect(daemon.of("tool_start").map(({ data }) => data?.["tool"])).toEqual(["task"]);
    await terminal.type("/new");
    await terminal.shows("this is another conversation now, and not shared");
    expect([daemon.types().at(-1), daemon.shared[0]?.detached]).toEqual(["session_shutdown", ["closed"]]);
    await terminal.type("SAY:not for Discord");
    await until("the end is told", () => daemon.notices.length === 1, PATIENCE);
    expect(daemon.types().at(-1)).toBe("session_shutdown");
    await leave(terminal);
  }, 180_000);

  test("a window that is closed says so too", async () => {
    const world = await rig();
    const terminal = new Terminal(world);
    await terminal.shows("Script");
    await terminal.type("/discord on");
    await terminal.shows("● on Discord");
    terminal.kill();
    await until("the end is posted", () => world.daemon.shared[0]?.detached.length === 1);
    expect(world.daemon.types().at(-1)).toBe("session_shutdown");
  }, 120_000);

  test("a daemon that hangs delays nothing, not even leaving", async () => {
    const world = await rig();
    const { daemon } = world;
    const terminal = new Terminal(world);
    await terminal.shows("Script");
    await terminal.type("/discord on");
    await terminal.shows("● on Discord");
    daemon.mode = "hang";
    await terminal.type("SAY:the agent goes on");
    await terminal.shows(" the agent goes on\n");
    await leave(terminal);
  }, 120_000);

  test("no daemon and no webhook: it says so when asked, and only then", async () => {
    const world = await rig();
    await world.daemon.stop();
    const terminal = new Terminal(world);
    await terminal.shows("Script");
    await terminal.type("SAY:alone");
    await terminal.shows(" alone");
    expect(terminal.screen).not.toContain("Discord");
    await terminal.type("/discord");
    await terminal.shows("Daemon: not running at", "This session: not shared");
    await leave(terminal);
  }, 120_000);
});

class Rpc {
  readonly frames: any[] = [];
  readonly #process: ChildProcess;

  constructor({ workspace, env, args }: Rig, mode: string) {
    this.#process = spawn(omp, ["--mode", mode, ...args, "--cwd", workspace], { env, cwd: workspace, stdio: ["pipe", "pipe", "ignore"] });
    createInterface({ input: this.#process.stdout! }).on("line", (line) => {
      try {
        this.frames.push(JSON.parse(line));
      } catch {
        this.frames.push({ type: "line", line });
      }
    });
    cleanup.push(() => void this.#process.kill("SIGKILL"));
  }

  send(frame: object): void {
    this.#process.stdin!.write(`${JSON.stringify(frame)}\n`);
  }

  of(type: string, method?: string): any[] {
    return this.frames.filter((frame) => frame.type === type && (method === undefined || frame.method === method));
  }

  async ready(): Promise<void> {
    await until("it is ready", () => this.of("ready").length === 1, PATIENCE);
  }

  async prompt(message: string): Promise<void> {
    const before = this.of("agent_end").length;
    this.send({ id: message, type: "prompt", message });
    await until(`"${message}" is over`, () => this.of("agent_end").length > before, PATIENCE);
  }

  async end(): Promise<number | null> {
    const exited = new Promise<number | null>((resolve) => this.#process.once("exit", resolve));
    this.#process.stdin!.end();
    return exited;
  }
}

describe.skipIf(omp === "")("over the protocol", () => {
  test("owned by the daemon: silent, and harmless", async () => {
    const world = await rig({ OMPCORD_OWNED: "1", OMPCORD_SESSION_ID: "s1", OMPCORD_SESSION_TOKEN: "omps_FakeSessionTokenForTests000000000000001" });
    const agent = new Rpc(world, "rpc-ui");
    await agent.ready();
    await agent.prompt("SAY:done");
    await agent.prompt('TOOL:bash:{"command":"echo x"}');
    // The agent's own extensions speak too.
    expect(agent.of("extension_ui_request").filter(({ method }) => method === "notify" || method === "setStatus")).toEqual([]);
    expect(agent.of("extension_error")).toEqual([]);
    expect(await agent.end()).toBe(0);
    expect(world.daemon.wire).toEqual([]);
  }, 120_000);

  test("without a person: silent, and harmless", async () => {
    const world = await rig();
    const printed = spawn(omp, [...world.args, "-p", "SAY:printed"], { env: world.env, cwd: world.workspace, stdio: ["ignore", "pipe", "ignore"] });
    let out = "";
    printed.stdout.on("data", (part) => (out += String(part)));
    expect(await new Promise((resolve) => printed.once("exit", resolve))).toBe(0);
    expect(out.trim()).toBe("printed");
    expect(world.daemon.wire).toEqual([]);
  }, 120_000);

  test("with another host: attached, steered, closed with it", async () => {
    const world = await rig();
    const { daemon } = world;
    const agent = new Rpc(world, "rpc-ui");
    await agent.ready();
    agent.send({ id: "on", type: "prompt", message: "/discord on" });
    await until("it is attached", () => agent.of("extension_ui_request", "setStatus").some(({ statusText }) => statusText === "● on Discord"), PATIENCE);
    expect(agent.of("extension_ui_request", "notify").at(-1)?.message).toContain("This session is on Discord");
    daemon.command(daemon.shared[0]!, "prompt", "SAY:over the protocol");
    await until("it is answered", () => daemon.of("agent_end").length === 1, PATIENCE);
    expect(daemon.of("message")[0]?.content).toBe("over the protocol");
    expect(await agent.end()).toBe(0);
    expect(daemon.types().at(-1)).toBe("session_shutdown");
    expect(agent.of("extension_error")).toEqual([]);
  }, 120_000);

  test("an answer of 60 KiB arrives whole", async () => {
    const world = await rig();
    const agent = new Rpc(world, "rpc-ui");
    await agent.ready();
    agent.send({ id: "on", type: "prompt", message: "/discord on" });
    await until("it is attached", () => world.daemon.shared.length === 1, PATIENCE);
    await agent.prompt("LONG:60");
    await until("it is there", () => world.daemon.of("agent_end").length === 1, PATIENCE);
    expect(world.daemon.of("message").map(({ content }) => content).join("").length).toBe(60 * 1024);
    await agent.end();
  }, 120_000);

  test("it is found as a plugin", async () => {
    const world = await rig();
    const run = (...args: string[]) => spawnSync(omp, args, { env: world.env, cwd: world.workspace, encoding: "utf8" });
    const folder = join(import.meta.dir, "..");
    const linked = run("plugin", "link", folder);
    expect(`${linked.stdout}${linked.stderr}`).not.toContain("rror");
    expect(run("plugin", "list").stdout).toContain(JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).name);
    const agent = new Rpc({ ...world, args: world.args.filter((arg) => arg !== "-e" && arg !== bundle) }, "rpc-ui");
    await agent.ready();
    agent.send({ id: "on", type: "prompt", message: "/discord on" });
    await until("it is attached", () => world.daemon.shared.length === 1, PATIENCE);
    await agent.end();
  }, 120_000);
});
