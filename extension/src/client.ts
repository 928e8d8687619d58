/**
 * Requests to the daemon. Nothing here throws: every outcome is a value.
 *
 * It is `node:http` and not `fetch`, because Bun's `fetch` sends also loopback addresses through `HTTP_PROXY`, and the
 * owner's token with them.
 */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { describe } from "./contain";
import { oneLine } from "./words";
import type { Posted } from "./queue";

export interface Done<T> {
  ok: true;
  body: T;
}

export interface Failure {
  ok: false;
  /** `refused`: the daemon said no, with a status and a code. `garbage`: this is not the daemon, or a broken one. */
  kind: "unreachable" | "timeout" | "refused" | "garbage" | "aborted";
  status: number;
  code: string;
  message: string;
  hint: string;
  retryAfterMs: number;
}

export type Outcome<T> = Done<T> | Failure;

export interface Attached {
  sessionId: string;
  token: string;
  threadUrl: string;
  resumed: boolean;
  daemonVersion: string;
}

export interface Command {
  id: number;
  kind: "prompt" | "steer" | "cancel" | "detach" | "unknown";
  text: string;
  author: string;
}

export interface DaemonStatus {
  bot: string;
  ready: boolean;
  guilds: string[];
  latencyMs: number | undefined;
  version: string;
  minExtensionVersion: string;
}

/** What an answer may weigh. */
const ANSWER_MAX = 4 * 1024 * 1024;
const PROMPT_MAX = 200_000;

export function failure(kind: Failure["kind"], message: string, more: Partial<Failure> = {}): Failure {
  return { ok: false, kind, status: 0, code: "", message, hint: "", retryAfterMs: 0, ...more };
}

/** Whether trying again later can help. */
export function isTransient(problem: Failure): boolean {
  const { kind, status } = problem;
  return kind !== "refused" || status === 429 || status === 408 || (status >= 500 && status !== 501);
}

interface Options {
  token?: string;
  body?: unknown;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

export class Client {
  readonly #base: URL;

  constructor(base: URL) {
    this.#base = base;
  }

  async attach(token: string, facts: object, timeoutMs: number, signal?: AbortSignal): Promise<Outcome<Attached>> {
    const answer = await this.#call("POST", "/api/sessions/attach", { token, body: facts, timeoutMs, signal });
    if (!answer.ok) return answer;
    const { session_id, token: own, thread_url, resumed, daemon_version } = fields(answer.body);
    const wellFormed =
      typeof session_id === "string" && /^[\w.-]{1,64}$/.test(session_id) && typeof own === "string" && /^[\x21-\x7e]{8,200}$/.test(own);
    if (!wellFormed) return failure("garbage", "the answer to attach makes no sense");
    return {
      ok: true,
      body: {
        sessionId: session_id,
        token: own,
        threadUrl: typeof thread_url === "string" && /^https?:\/\//.test(thread_url) ? oneLine(thread_url, 200) : "",
        resumed: resumed === true,
        daemonVersion: text(daemon_version, 40),
      },
    };
  }

  async post(sessionId: string, token: string, events: Posted[], timeoutMs: number, signal?: AbortSignal): Promise<Outcome<unknown>> {
    const body = events.map((event) => ({ session_id: sessionId, ...event }));
    return this.#call("POST", "/api/webhook/event", { token, body, timeoutMs, signal });
  }

  async poll(sessionId: string, token: string, after: number, waitS: number, timeoutMs: number, signal?: AbortSignal): Promise<Outcome<Command[]>> {
    const query = new URLSearchParams({ session_id: sessionId, wait: String(waitS), after: String(after) });
    const answer = await this.#call("GET", `/api/commands/poll?${query}`, { token, timeoutMs, signal });
    if (!answer.ok) return answer;
    const { commands } = fields(answer.body);
    if (!Array.isArray(commands)) return failure("garbage", "the answer to poll makes no sense");
    const read: Command[] = [];
    for (const item of commands.slice(0, 1000)) {
      const { id, kind, text: words, author } = fields(item);
      if (typeof id !== "number" || !Number.isSafeInteger(id) || id < 0) continue;
      const known = kind === "prompt" || kind === "steer" || kind === "cancel" || kind === "detach";
      read.push({
        id,
        kind: known ? kind : "unknown",
        text: typeof words === "string" ? words.slice(0, PROMPT_MAX).toWellFormed() : "",
        author: text(fields(author)["name"], 60),
      });
    }
    read.sort((a, b) => a.id - b.id);
    return { ok: true, body: read };
  }

  async detach(sessionId: string, token: string, reason: "off" | "closed", timeoutMs: number): Promise<Outcome<unknown>> {
    return this.#call("POST", `/api/sessions/${encodeURIComponent(sessionId)}/detach`, { token, body: { reason }, timeoutMs });
  }

  async notify(token: string, content: string, timeoutMs: number): Promise<Outcome<unknown>> {
    return this.#call("POST", "/notify", { token, body: { content }, timeoutMs });
  }

  async status(token: string, timeoutMs: number): Promise<Outcome<DaemonStatus>> {
    const answer = await this.#call("GET", "/status", { token, timeoutMs });
    if (!answer.ok) return answer;
    const { bot, guilds, latency_ms, ready, version, min_extension_version } = fields(answer.body);
    if (typeof ready !== "boolean") return failure("garbage", "the answer to status makes no sense");
    const names = Array.isArray(guilds) ? guilds.slice(0, 20).map((guild) => text(fields(guild)["name"], 60)) : [];
    return {
      ok: true,
      body: {
        bot: text(fields(bot)["name"], 60),
        ready,
        guilds: names.filter((name) => name !== ""),
        latencyMs: typeof latency_ms === "number" && Number.isFinite(latency_ms) ? Math.round(latency_ms) : undefined,
        version: text(version, 40),
        minExtensionVersion: text(min_extension_version, 40),
      },
    };
  }

  /** Uses one of the daemon's tools; giving it up takes back what it asked a person. */
  async useTool(name: string, token: string, args: unknown, timeoutMs: number, signal?: AbortSignal): Promise<Outcome<{ isError: boolean; text: string }>> {
    const answer = await this.#call("POST", `/api/tools/${encodeURIComponent(name)}`, { token, body: args ?? {}, timeoutMs, signal });
    if (!answer.ok) return answer;
    const { is_error, text: said } = fields(answer.body);
    if (typeof is_error !== "boolean" || typeof said !== "string") return failure("garbage", "the answer of the tool makes no sense");
    return { ok: true, body: { isError: is_error, text: said.slice(0, PROMPT_MAX) } };
  }

  #call(method: "GET" | "POST", path: string, { token, body, timeoutMs, signal }: Options): Promise<Outcome<unknown>> {
    return new Promise((resolve) => {
      let settled = false;
      let close: () => void = () => {};
      const settle = (outcome: Outcome<unknown>) => {
        if (settled) return;
        settled = true;
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        try {
          close();
        } catch {
          // A request that cannot be ended has ended.
        }
        resolve(outcome);
      };
      const abort = () => settle(failure("aborted", "given up"));
      const timer = setTimeout(() => settle(failure("timeout", "no answer in time")), timeoutMs);
      timer.unref?.();
      try {
        if (signal?.aborted) return abort();
        signal?.addEventListener("abort", abort, { once: true });
        const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
        const headers: Record<string, string> = { accept: "application/json", connection: "close" };
        if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
        if (payload) {
          headers["content-type"] = "application/json";
          headers["content-length"] = String(payload.length);
        }
        const send = this.#base.protocol === "https:" ? httpsRequest : httpRequest;
        const request = send(new URL(path, this.#base), { method, headers, agent: false });
        close = () => request.destroy();
        request.on("error", (error) => settle(failure("unreachable", describe(error))));
        request.on("response", (response) => {
          const parts: Buffer[] = [];
          let size = 0;
          response.on("data", (part: Buffer) => {
            size += part.length;
            if (size > ANSWER_MAX) return settle(failure("garbage", "the answer is too long"));
            parts.push(part);
          });
          response.on("error", (error) => settle(failure("unreachable", describe(error))));
          response.on("aborted", () => settle(failure("unreachable", "the answer was cut")));
          response.on("end", () => settle(read(response.statusCode ?? 0, response.headers["retry-after"], Buffer.concat(parts))));
        });
        request.end(payload);
      } catch (error) {
        settle(failure("unreachable", describe(error)));
      }
    });
  }
}

function read(status: number, retryAfter: string | undefined, body: Buffer): Outcome<unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString("utf8"));
  } catch {
    parsed = undefined;
  }
  if (status >= 200 && status < 300) {
    return typeof parsed === "object" && parsed !== null ? { ok: true, body: parsed } : failure("garbage", "the answer is not JSON", { status });
  }
  if (status < 400) return failure("garbage", `unexpected status ${status}`, { status });
  const { code, message, hint } = fields(fields(parsed)["error"]);
  const seconds = Number(retryAfter);
  return failure("refused", text(message, 300) || `status ${status}`, {
    status,
    code: text(code, 60),
    hint: text(hint, 300),
    retryAfterMs: Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 600) * 1000 : 0,
  });
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function text(value: unknown, limit: number): string {
  return typeof value === "string" ? oneLine(value, limit) : "";
}
