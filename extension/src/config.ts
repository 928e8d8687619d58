/** The environment, read once; every problem is a sentence for `/discord`, never an exception. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

export interface Config {
  /** Where the daemon listens. Nowhere when the setting is wrong. */
  daemon: URL | undefined;
  tokenFile: string;
  webhook: URL | undefined;
  /** Whether the end of a run is told, and from which length on. */
  notify: { on: boolean; minMs: number };
  /** The daemon runs this agent itself and knows everything already. */
  owned: boolean;
  problems: string[];
  /** Secrets known word for word. */
  literals: [kind: string, secret: string][];
}

export type Environment = Record<string, string | undefined>;

const DAEMON = "http://127.0.0.1:8901";

export function readConfig(env: Environment): Config {
  const problems: string[] = [];
  const daemon = readDaemon(env["OMPCORD_URL"]?.trim() || DAEMON, problems);
  const webhook = readWebhook(env["DISCORD_WEBHOOK_URL"]?.trim() ?? "", problems);
  return {
    daemon,
    tokenFile: join(stateDir(env, problems), "api-token"),
    webhook,
    notify: readNotify(env["OMPCORD_NOTIFY"]?.trim().toLowerCase() ?? "", problems),
    owned: env["OMPCORD_OWNED"] === "1",
    problems,
    literals: [...known(env, webhook)],
  };
}

export function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

function readDaemon(text: string, problems: string[]): URL | undefined {
  const url = URL.parse(text);
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:")) {
    problems.push("OMPCORD_URL is not an address such as http://127.0.0.1:8901");
    return undefined;
  }
  if (url.protocol === "http:" && !isLoopback(url)) {
    problems.push("OMPCORD_URL would send the token over the network in the clear: use this machine or https");
    return undefined;
  }
  url.username = "";
  url.password = "";
  return url;
}

function readWebhook(text: string, problems: string[]): URL | undefined {
  if (text === "") return undefined;
  const url = URL.parse(text);
  const safe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url));
  if (!url || !safe || !/\/webhooks\/\d+\/[\w-]+\/?$/.test(url.pathname)) {
    problems.push("DISCORD_WEBHOOK_URL is not the address of a webhook (https://discord.com/api/webhooks/…)");
    return undefined;
  }
  return url;
}

function readNotify(text: string, problems: string[]): Config["notify"] {
  if (text === "" || text === "on" || text === "1" || text === "true" || text === "yes") return { on: true, minMs: 0 };
  if (text === "off" || text === "0" || text === "false" || text === "no") return { on: false, minMs: 0 };
  const [, count, unit] = /^(\d{1,6})(s|m)?$/.exec(text) ?? [];
  if (count !== undefined) return { on: true, minMs: Number(count) * (unit === "m" ? 60_000 : 1000) };
  problems.push("OMPCORD_NOTIFY is on, off, or the shortest run to tell of (30s, 5m)");
  // Whoever set something did not want everything.
  return { on: false, minMs: 0 };
}

function stateDir(env: Environment, problems: string[]): string {
  const home = env["HOME"] && isAbsolute(env["HOME"]) ? env["HOME"] : homedir();
  const own = env["OMPCORD_STATE_DIR"]?.trim();
  if (own) {
    const path = own.startsWith("~/") ? join(home, own.slice(2)) : own;
    if (isAbsolute(path)) return path;
    problems.push("OMPCORD_STATE_DIR is not an absolute path");
  }
  const xdg = env["XDG_STATE_HOME"];
  return join(xdg && isAbsolute(xdg) ? xdg : join(home, ".local", "state"), "ompcord");
}

/** The owner's token, read when it is needed: the daemon may have been started since. */
export async function readToken(tokenFile: string): Promise<string | undefined> {
  try {
    const token = (await readFile(tokenFile, "utf8")).slice(0, 1000).trim();
    return /^[\x21-\x7e]{8,200}$/.test(token) ? token : undefined;
  } catch {
    return undefined;
  }
}

const SECRET_VARIABLE = /(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|API_?KEY|ACCESS_KEY|SECRET_KEY|PRIVATE_KEY|CREDENTIALS?|WEBHOOK(?:_URL)?)(?:_|$)/i;

/** The agent prints its environment as easily as anything else. */
function* known(env: Environment, webhook: URL | undefined): Iterable<[string, string]> {
  if (webhook) {
    yield ["webhook", webhook.href];
    const token = webhook.pathname.replace(/\/$/, "").split("/").at(-1) ?? "";
    if (token.length >= 16) yield ["webhook", token];
  }
  let count = 0;
  for (const [name, value] of Object.entries(env)) {
    const secret = value?.trim() ?? "";
    // Words and paths are what such variables hold when they only say where a secret is.
    const isReference = /^(?:[a-z]+|[\d.]+|~?\.{0,2}\/[^\n]*)$/i.test(secret);
    if (secret.length < 8 || isReference || !SECRET_VARIABLE.test(name)) continue;
    yield [/webhook/i.test(name) ? "webhook" : "env", secret];
    count += 1;
    if (count >= 100) return;
  }
}
