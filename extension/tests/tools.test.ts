/** The Discord tools of an agent in a terminal. */
import { afterEach, expect, test } from "bun:test";
import { Agent } from "./agent";
import { Daemon, until } from "./daemon";

let daemon: Daemon;
let agent: Agent;

async function shared(): Promise<void> {
  daemon = await new Daemon().start();
  agent = new Agent(daemon);
  agent.start();
}

const on = async () => {
  await agent.command("discord", "on");
  await until("it is attached", () => agent.session?.phase === "attached");
};
const shown = () => agent.activeTools.filter((name) => name.startsWith("discord_")).length;
const use = (name: string, args: object, signal?: AbortSignal): Promise<any> => agent.tools.get(name).execute("call-1", args, signal, undefined, agent.ctx);

afterEach(async () => {
  await agent.shutdown();
  await daemon.end();
});

test("a model sees the tools while the session is shared, and no longer", async () => {
  await shared();
  expect(agent.tools.size).toBe(9);
  expect([...agent.tools.values()].every((tool) => tool.defaultInactive)).toBe(true);
  expect(shown()).toBe(0);
  await on();
  await until("the tools are shown", () => shown() === 9);
  expect(agent.activeTools).toContain("bash");
  await agent.command("discord", "off");
  await until("the tools are hidden", () => shown() === 0);
  expect(agent.activeTools).toEqual(["bash", "read"]);
  expect(use("discord_send", { text: "x" })).rejects.toThrow("not on Discord");
});

test("a tool uses the session's own token, tells what is wrong and keeps secrets", async () => {
  await shared();
  await on();
  const done = await use("discord_send", { text: `the key is ${"sk-"}${"abcdefghijklmn".repeat(3)}` });
  expect(done.content).toEqual([{ type: "text", text: '{"sent":true}' }]);
  expect(JSON.stringify(daemon.used)).not.toContain("abcdefghijklmn");
  const request = daemon.wire.find(({ path }) => path.startsWith("/api/tools/"));
  expect(request?.authorization).toBe(`Bearer ${daemon.shared[0]?.token}`);
  expect(use("discord_send", { text: "" })).rejects.toThrow("`text` is wrong");
});

test("a question that is given up is taken back, and a daemon that is gone is an error and no crash", async () => {
  await shared();
  await on();
  const over = new AbortController();
  const asked = use("discord_ask", { question: "Now?" }, over.signal);
  await until("it is asked", () => daemon.used.length === 1);
  over.abort();
  await expect(asked).rejects.toThrow("given up");
  await until("it is taken back", () => daemon.givenUp.length === 1);
  await daemon.stop();
  await expect(use("discord_send", { text: "x" })).rejects.toThrow();
});
