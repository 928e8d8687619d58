/** A daemon that follows the HTTP contract, and misbehaves when told to. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type Mode = "ok" | "hang" | "error" | "garbage" | "wrong" | "endless" | "cut";

export interface Event {
  session_id: string;
  id: string;
  event_type: string;
  content: string;
  timestamp: number;
  data?: Record<string, any>;
}

interface Shared {
  id: string;
  token: string;
  agentSessionId: string;
  attaches: number;
  events: Event[];
  ids: Set<string>;
  commands: { id: number; kind: string; text: string; author: { id: string; name: string } | null }[];
  lastCommand: number;
  detached: string[];
}

export const OWNER = "ompo_FakeOwnerTokenForTests0000000000000000001";

export class Daemon {
  readonly stateDir = mkdtempSync(join(tmpdir(), "ompcord-ext-"));
  readonly sessions = new Map<string, Shared>();
  readonly notices: string[] = [];
  readonly used: { name: string; args: any }[] = [];
  readonly givenUp: string[] = [];
  /** Every request as it came over the wire. */
  readonly wire: { method: string; path: string; authorization: string; body: string; at: number }[] = [];
  mode: Mode = "ok";
  /** Requests to these paths only misbehave. */
  modeFor = /./;
  delayMs = 0;
  attachError: { status: number; code: string; message: string; hint?: string } | undefined;
  /** Events of this type are refused. */
  poison = "";
  daemonVersion = "0.1.0";
  minExtensionVersion = "0.1.0";
  ready = true;
  /** Events are refused until somebody attaches. */
  forgotten = false;
  /** Polls are answered at once, with nothing. */
  impatient = false;
  port = 0;
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();
  #tokens = 0;
  #waiters: (() => void)[] = [];

  constructor() {
    writeFileSync(join(this.stateDir, "api-token"), `${OWNER}\n`, { mode: 0o600 });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<this> {
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => this.#server?.listen(this.port, "127.0.0.1", resolve));
    this.port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  /** As by SIGKILL: connections are cut. The port stays this one's. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    server.closeAllConnections();
    await closed;
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.stateDir, { recursive: true, force: true });
  }

  get shared(): Shared[] {
    return [...this.sessions.values()];
  }

  /** All events, of all sessions, in the order of their arrival. */
  get events(): Event[] {
    return this.shared.flatMap(({ events }) => events);
  }

  types(): string[] {
    return this.events.map(({ event_type }) => event_type);
  }

  of(type: string): Event[] {
    return this.events.filter(({ event_type }) => event_type === type);
  }

  command(session: Shared, kind: string, text = "", name = "Ana"): void {
    session.lastCommand += 1;
    session.commands.push({ id: session.lastCommand, kind, text, author: { id: "1", name } });
    this.#wake();
  }

  #wake(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    request.on("error", () => {});
    response.on("error", () => {});
    try {
      for await (const part of request) parts.push(part as Buffer);
    } catch {
      return;
    }
    const body = Buffer.concat(parts).toString("utf8");
    const url = new URL(request.url ?? "/", "http://daemon");
    const authorization = request.headers.authorization ?? "";
    this.wire.push({ method: request.method ?? "", path: url.pathname + url.search, authorization, body, at: Date.now() });
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    if (this.mode !== "ok" && this.modeFor.test(url.pathname)) return this.#misbehave(request, response);
    const json = (status: number, value: unknown) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(value));
    };
    const refuse = (status: number, code: string, message = code, hint: string | null = null) => json(status, { error: { code, message, hint } });
    const token = authorization.replace(/^Bearer /, "");
    if (request.method === "POST" && request.headers["content-type"] !== "application/json") return refuse(415, "bad_content_type");
    if (body.length > 1024 * 1024) return refuse(413, "too_large");
    if (token === "") return refuse(401, "no_token");
    const own = this.shared.find((session) => session.token === token);
    if (token !== OWNER && !own) return refuse(401, "wrong_token");
    const owner = token === OWNER;
    const route = `${request.method} ${url.pathname}`;
    const parsed: any = body === "" ? {} : JSON.parse(body);

    if (route === "POST /api/sessions/attach") {
      if (!owner) return refuse(403, "owner_only");
      if (this.attachError) return refuse(this.attachError.status, this.attachError.code, this.attachError.message, this.attachError.hint);
      for (const field of ["agent_session_id", "cwd", "pid", "agent_version", "extension_version"]) {
        if (parsed[field] === undefined) return refuse(400, "bad_field", field);
      }
      return json(200, this.#attach(parsed.agent_session_id));
    }
    if (route === "POST /api/webhook/event") {
      const events: Event[] = Array.isArray(parsed) ? parsed : [parsed];
      if (this.forgotten) return refuse(400, "unknown_session");
      const wrong = events.findIndex((event) => event.event_type === this.poison);
      if (wrong >= 0) return refuse(400, "bad_field", `events[${wrong}].event_type`);
      let accepted = 0;
      for (const event of events) {
        const session = this.shared.find(({ id }) => id === event.session_id);
        if (!session || (!owner && session !== own)) return refuse(403, "other_session");
        if (session.ids.has(event.id)) continue;
        session.ids.add(event.id);
        session.events.push(event);
        accepted += 1;
      }
      return json(202, { accepted, duplicates: events.length - accepted });
    }
    if (route === "GET /api/commands/poll") {
      const session = this.shared.find(({ id }) => id === url.searchParams.get("session_id"));
      if (!session || session !== own) return refuse(403, "other_session");
      const after = Number(url.searchParams.get("after") ?? 0);
      session.commands = session.commands.filter(({ id }) => id > after);
      const deadline = Date.now() + Number(url.searchParams.get("wait") ?? 0) * 1000;
      let open = true;
      response.on("close", () => (open = false));
      while (open && !this.impatient && session.commands.length === 0 && Date.now() < deadline && session.token === token) {
        await new Promise<void>((resolve) => {
          this.#waiters.push(resolve);
          setTimeout(resolve, Math.min(50, deadline - Date.now()));
        });
      }
      return open ? json(200, { commands: session.commands }) : undefined;
    }
    const detach = /^POST \/api\/sessions\/([^/]+)\/detach$/.exec(route);
    if (detach) {
      const session = this.shared.find(({ id }) => id === detach[1]);
      if (!session) return refuse(404, "unknown_session");
      session.detached.push(parsed.reason);
      return json(200, {});
    }
    if (route.startsWith("POST /api/tools/")) {
      if (!own) return refuse(403, "not_a_session");
      const name = route.slice("POST /api/tools/".length);
      this.used.push({ name, args: parsed });
      response.on("close", () => response.writableEnded || this.givenUp.push(name));
      // A person takes their time.
      if (name === "discord_ask") return;
      const wrong = parsed.text === "";
      return json(200, { is_error: wrong, text: wrong ? "`text` is wrong: it is empty" : '{"sent":true}', data: null });
    }
    if (route === "POST /notify") {
      this.notices.push(parsed.content);
      return json(202, { queued: true });
    }
    if (route === "GET /status") {
      return json(200, {
        bot: { id: "9", name: "omp-bot" },
        guilds: [{ id: "1", name: "Home" }],
        latency_ms: 42,
        ready: this.ready,
        version: this.daemonVersion,
        min_extension_version: this.minExtensionVersion,
        uptime_s: 1,
        sessions: {},
      });
    }
    return refuse(404, "unknown_route");
  }

  #attach(agentSessionId: string) {
    const known = this.sessions.get(agentSessionId);
    const session = known ?? this.newSession(agentSessionId);
    this.sessions.set(agentSessionId, session);
    this.#tokens += 1;
    session.token = `omps_FakeSessionToken${String(this.#tokens).padStart(24, "0")}`;
    session.attaches += 1;
    this.forgotten = false;
    this.#wake();
    return {
      session_id: session.id,
      token: session.token,
      thread_id: `10${session.id}`,
      thread_url: `https://discord.com/channels/1/10${session.id.slice(1)}`,
      resumed: known !== undefined,
      daemon_version: this.daemonVersion,
    };
  }

  newSession(agentSessionId: string): Shared {
    return { id: `s${this.sessions.size + 1}`, token: "", agentSessionId, attaches: 0, events: [], ids: new Set(), commands: [], lastCommand: 0, detached: [] };
  }

  #misbehave(request: IncomingMessage, response: ServerResponse): void {
    switch (this.mode) {
      case "hang":
        return;
      case "error":
        response.writeHead(500, { "content-type": "application/json" });
        response.end('{"error":{"code":"internal","message":"broken","hint":null}}');
        return;
      case "garbage":
        response.writeHead(200, { "content-type": "text/html" });
        response.end("<html>\u0000 not the daemon");
        return;
      case "wrong":
        response.writeHead(200, { "content-type": "application/json" });
        response.end('{"session_id":[],"token":{},"commands":[null,7,{"id":"x"},{"id":1e99,"kind":"prompt","text":"no"},{"id":-1}],"ready":"no"}');
        return;
      case "endless": {
        response.writeHead(200, { "content-type": "application/json" });
        const feed = () => {
          while (!response.destroyed && response.write(" ".repeat(65536))) {
            // Until the socket is full.
          }
        };
        response.on("drain", feed);
        feed();
        return;
      }
      case "cut":
        response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
        response.write('{"commands":');
        setTimeout(() => request.socket.destroy(), 5);
        return;
      case "ok":
        return;
    }
  }
}

/** Until it is so; what a test waits for is always a condition. */
export async function until(what: string, condition: () => unknown, timeoutMs = 30_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
