import { expect, test } from "bun:test";
import { readConfig } from "../src/config";
import { Containment, describe } from "../src/contain";
import { finishedText } from "../src/notice";
import { EventQueue } from "../src/queue";
import { Redactor } from "../src/redact";
import { isOlder } from "../src/version";
import { until } from "./daemon";

const none = new Redactor([]);

test("the queue keeps the newest and counts the rest", () => {
  const queue = new EventQueue({ events: 10, bytes: 1e6 });
  for (let n = 1; n <= 25; n += 1) queue.push("message", String(n));
  expect(queue.length).toBe(10);
  const [dropped, ...rest] = queue.take(100, 1e6);
  expect(dropped).toMatchObject({ event_type: "dropped", data: { count: 16 } });
  expect(rest.map(({ content }) => content)).toEqual(["17", "18", "19", "20", "21", "22", "23", "24", "25"]);
});

test("the queue is bounded by weight, and one huge event is still kept", () => {
  const queue = new EventQueue({ events: 1_000, bytes: 10_000 });
  for (let n = 0; n < 100; n += 1) queue.push("message", "x".repeat(900));
  expect(queue.bytes).toBeLessThanOrEqual(10_000);
  queue.push("message", "y".repeat(50_000));
  const left = queue.take(1_000, 1e9);
  expect(left.map(({ event_type }) => event_type)).toEqual(["dropped", "message"]);
  expect(left[0]?.data).toEqual({ count: 100 });
});

test("what is under way is not given up, and keeps its ids when it is sent again", () => {
  const queue = new EventQueue({ events: 5, bytes: 1e6 });
  for (let n = 1; n <= 5; n += 1) queue.push("message", String(n));
  const under = queue.take(2, 1e6);
  for (let n = 6; n <= 9; n += 1) queue.push("message", String(n));
  queue.unsent();
  const again = queue.take(100, 1e6);
  expect(again.slice(0, 2)).toEqual(under);
  expect(again.map(({ content, data }) => data?.["count"] ?? content)).toEqual(["1", "2", 5, "8", "9"]);
  queue.sent(again);
  expect([queue.length, queue.bytes]).toEqual([0, 0]);
  const other = new EventQueue();
  other.push("message", "x");
  expect(new Set([...again, ...other.take(1, 1)].map(({ id }) => id)).size).toBe(6);
});

test("a batch is bounded by weight", () => {
  const queue = new EventQueue();
  for (let n = 0; n < 10; n += 1) queue.push("message", "x".repeat(10_000));
  expect(queue.take(100, 35_000).length).toBe(3);
  expect(queue.take(100, 1).length).toBe(1);
});

test("the configuration never throws and says what is wrong", () => {
  const read = (env: Record<string, string>) => readConfig({ HOME: "/home/ana", ...env });
  expect(read({})).toMatchObject({ tokenFile: "/home/ana/.local/state/ompcord/api-token", notify: { on: true, minMs: 0 }, owned: false, problems: [] });
  expect(read({}).daemon?.href).toBe("http://127.0.0.1:8901/");
  expect(read({ XDG_STATE_HOME: "/x" }).tokenFile).toBe("/x/ompcord/api-token");
  expect(read({ OMPCORD_STATE_DIR: "~/s" }).tokenFile).toBe("/home/ana/s/api-token");
  expect(read({ OMPCORD_NOTIFY: "off" }).notify.on).toBe(false);
  expect(read({ OMPCORD_NOTIFY: "5m" }).notify).toEqual({ on: true, minMs: 300_000 });
  expect(read({ OMPCORD_OWNED: "1" }).owned).toBe(true);
  for (const env of [
    { OMPCORD_URL: "nonsense" },
    { OMPCORD_URL: "http://example.com:8901" },
    { OMPCORD_URL: "file:///etc/passwd" },
    { OMPCORD_STATE_DIR: "relative" },
    { OMPCORD_NOTIFY: "sometimes" },
    { DISCORD_WEBHOOK_URL: "https://discord.com/nothing" },
    { DISCORD_WEBHOOK_URL: "http://example.com/api/webhooks/123456789012345678/abcdefghijklmnopqrstuvwxyz" },
  ]) {
    const { problems, daemon, webhook } = read(env);
    expect(problems.length).toBe(1);
    expect(webhook).toBeUndefined();
    if ("OMPCORD_URL" in env) expect(daemon).toBeUndefined();
  }
});

test("secrets of the environment are known, references are not", () => {
  const { literals } = readConfig({
    HOME: "/home/ana",
    OPENAI_API_KEY: "plain words in a key",
    DB_PASSWORD: "tr0ub4dor",
    TOKEN_FILE: "/run/secrets/token",
    PASSWORD_STORE: "default",
    MAX_TOKEN: "4096",
    PATH: "/usr/bin:/bin",
    DISCORD_WEBHOOK_URL: "https://discord.com/api/webhooks/123456789012345678/abcdefghijklmnopqrstuvwxyz",
  });
  const redactor = new Redactor(literals);
  expect(redactor.redact("a plain words in a key b tr0ub4dor c /run/secrets/token default 4096")).toBe(
    "a [redacted:env] b [redacted:env] c /run/secrets/token default 4096",
  );
  expect(redactor.redact("token abcdefghijklmnopqrstuvwxyz")).toBe("token [redacted:webhook]");
});

test("nothing leaves a timer, a task or a logger", async () => {
  const logs: string[] = [];
  const contain = new Containment({ warn: (message, fields) => void logs.push(`${message} ${JSON.stringify(fields)}`) }, none);
  const thrown = [new Error(`x ghp_${"a1".repeat(18)}`), null, undefined, Object.create(null), new Proxy({}, { get: () => { throw new Error("no"); } })];
  thrown.forEach((value, at) => contain.run(`place ${at}`, () => { throw value; }));
  contain.after(0, "a timer", () => { throw new Error("late"); });
  contain.task("a task", () => Promise.reject(new Error("rejected")));
  contain.task("a task that throws at once", () => { throw new Error("sync"); });
  await until("all are told", () => logs.length === 8);
  expect(logs.join()).toContain("[redacted:github-token]");
  expect(logs.join()).not.toContain("a1a1");
  for (let n = 0; n < 1_000; n += 1) contain.report("a timer", "again");
  expect(logs.length).toBe(8);
  const broken = new Containment({ warn: () => { throw new Error("logger"); } }, none);
  broken.report("x", "y");
  expect(describe({ toString: () => { throw new Error("no"); } })).toBe("an error that cannot be read");
});

test("versions", () => {
  expect([isOlder("0.1.0", "0.2.0"), isOlder("0.2.0", "0.1.9"), isOlder("1.0.0", "1.0.0"), isOlder("v0.9.9-rc1", "1.0.0"), isOlder("dev", "1.0.0")]).toEqual([
    true, false, false, true, false,
  ]);
});

test("the words for the end of a run", () => {
  const run = { outcome: "done" as const, durationMs: 130_000, title: "Fix *the* parser", workspace: "pro`ject", answer: "All\n\ndone. ghp_" + "a1".repeat(18), error: "" };
  expect(finishedText(run, none)).toBe("✅ **Fix \\*the\\* parser** finished after 2m 10s in `project`\n> All done. [redacted:github-token]");
  expect(finishedText({ ...run, outcome: "failed", title: "", answer: "", error: "401" }, none)).toBe("❌ **The agent** failed after 2m 10s in `project`\n> 401");
});
