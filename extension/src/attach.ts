/**
 * One conversation of the terminal, shared on Discord: from `/discord on` until `off`, or until the terminal closes.
 *
 *   attaching → attached ⇄ reattaching          the daemon may come and go
 *       ↘ blocked ↗                              the daemon runs this conversation itself: one writer at a time
 *   any → detached                               for good, with a reason
 *
 * Two loops run while it lasts: one asks for commands by long poll, one posts what happened. Each only ever waits for
 * the network; the agent never waits for either.
 */
import { type Attached, type Client, type Command, type Failure, isTransient } from "./client";
import type { Cancel, Containment } from "./contain";
import type { EventQueue } from "./queue";
import { isOlder, MIN_DAEMON_VERSION, UPDATE_DAEMON, UPDATE_EXTENSION, VERSION } from "./version";
import { sentence } from "./words";

export type Phase = "attaching" | "attached" | "reattaching" | "blocked" | "detached";

export interface Pace {
  flushMs: number;
  flushAt: number;
  requestMs: number;
  pollS: number;
  /** How much longer than the poll its answer may take. */
  pollGraceMs: number;
  backoffMs: number;
  backoffMaxMs: number;
  blockedMs: number;
  /** An empty answer that comes faster than this is no long poll. */
  pollMinMs: number;
  offMs: number;
  shutdownMs: number;
  /** Two refused tokens within this time: somebody else attaches the same conversation. */
  displacedMs: number;
}

export const PACE: Pace = {
  flushMs: 2_000,
  flushAt: 50,
  requestMs: 10_000,
  pollS: 25,
  pollGraceMs: 10_000,
  backoffMs: 1_000,
  backoffMaxMs: 30_000,
  blockedMs: 15_000,
  pollMinMs: 1_000,
  offMs: 5_000,
  // The agent gives its extensions two seconds to end.
  shutdownMs: 1_700,
  displacedMs: 120_000,
};

const BATCH_EVENTS = 200;
const BATCH_BYTES = 512 * 1024;

/** What it needs of the rest. */
export interface Host {
  facts(): object;
  ownerToken(): Promise<string | undefined>;
  /** Hands a command to the agent. */
  deliver(command: Command): void;
  phaseChanged(phase: Phase): void;
  say(text: string, kind: "info" | "warning" | "error"): void;
  /** A secret that must not be posted from now on. */
  secret(token: string): void;
}

/** The last command that was handed to the agent, of the daemon's session of this name. */
export interface Handed {
  thread: string;
  after: number;
}

export class Attachment {
  readonly agentSessionId: string;
  readonly #client: Client;
  readonly #host: Host;
  readonly #contain: Containment;
  readonly #pace: Pace;
  readonly #queue: EventQueue;
  readonly #over = new AbortController();

  #phase: Phase = "attaching";
  #session: Attached | undefined;
  /** The next poll acknowledges it. */
  #handed: Handed;
  #poll = new AbortController();
  #posting: AbortController | undefined;
  #batchMax = BATCH_EVENTS;
  #postFailures = 0;
  #timer: { at: number; cancel: Cancel } | undefined;
  #refusedAt = -Infinity;
  readonly #said = new Set<string>();

  constructor(agentSessionId: string, handed: Handed | undefined, queue: EventQueue, client: Client, host: Host, contain: Containment, pace: Pace) {
    this.agentSessionId = agentSessionId;
    this.#handed = handed ?? { thread: "", after: 0 };
    this.#queue = queue;
    this.#client = client;
    this.#host = host;
    this.#contain = contain;
    this.#pace = pace;
  }

  get phase(): Phase {
    return this.#phase;
  }

  get threadUrl(): string {
    return this.#session?.threadUrl ?? "";
  }

  /** The session's own token, while it is shared. */
  get token(): string | undefined {
    return this.#phase === "attached" ? this.#session?.token : undefined;
  }

  get handed(): Handed {
    return this.#handed;
  }

  /** How many events wait to be posted. */
  get waiting(): number {
    return this.#queue.length;
  }

  start(): void {
    this.#host.phaseChanged(this.#phase);
    this.#contain.task("the connection to the daemon", async () => {
      try {
        await this.#run();
      } finally {
        // However the loop ended, nothing may say that it is still connected.
        this.#end();
      }
    });
  }

  /** Returns at once; posted within two seconds, or sooner when much waits. */
  record(type: string, content: string, data?: Parameters<EventQueue["push"]>[2]): void {
    if (this.#phase === "detached") return;
    this.#queue.push(type, content, data);
    this.#flushIn(this.#queue.length >= this.#pace.flushAt ? 0 : this.#pace.flushMs);
  }

  /** Posts what waits and lets go of the thread, within the time given. Never rejects. */
  async close(reason: "off" | "closed", withinMs: number): Promise<void> {
    if (this.#phase === "detached") return;
    const session = this.#phase === "attached" || this.#phase === "reattaching" ? this.#session : undefined;
    const deadline = Date.now() + withinMs;
    this.#end();
    if (!session) return;
    await this.#contain.finished("the last events", async () => {
      const late = new AbortController();
      const cancel = this.#contain.after(Math.max(0, deadline - Date.now()), "the last events", () => late.abort());
      try {
        // Whether the batch that was under way has arrived is unknown: its ids make sending it again safe.
        this.#queue.unsent();
        while (this.#queue.length > 0 && !late.signal.aborted) {
          if (!(await this.#postBatch(session, deadline - Date.now(), late.signal))) break;
        }
        const left = deadline - Date.now();
        if (left > 0) await this.#client.detach(session.sessionId, session.token, reason, left);
      } finally {
        cancel();
      }
    });
  }

  #end(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#over.abort();
    this.#poll.abort();
    this.#posting?.abort();
    this.#become("detached");
  }

  #become(phase: Phase): void {
    if (this.#phase === phase || this.#phase === "detached") return;
    this.#phase = phase;
    this.#host.phaseChanged(phase);
  }

  #say(text: string, kind: "info" | "warning" | "error"): void {
    if (this.#over.signal.aborted || this.#said.has(text)) return;
    this.#said.add(text);
    this.#host.say(text, kind);
  }

  async #run(): Promise<void> {
    const over = this.#over.signal;
    let failures = 0;
    let connected = false;
    while (!over.aborted) {
      if (!connected) {
        const problem = await this.#attach();
        if (over.aborted) return;
        if (problem === "over") return;
        if (problem !== "attached") {
          failures += 1;
          await this.#contain.pause(problem === "blocked" ? this.#pace.blockedMs : this.#backoff(failures), over);
          continue;
        }
        connected = true;
      }
      const session = this.#session;
      if (!session) return;
      const began = Date.now();
      this.#poll = new AbortController();
      const answer = await this.#client.poll(
        session.sessionId,
        session.token,
        this.#handed.after,
        this.#pace.pollS,
        this.#pace.pollS * 1000 + this.#pace.pollGraceMs,
        this.#poll.signal,
      );
      if (over.aborted) return;
      if (answer.ok) {
        failures = 0;
        this.#deliver(answer.body);
        if (over.aborted) return this.#acknowledge(session);
        if (answer.body.length === 0) await this.#contain.pause(this.#pace.pollMinMs - (Date.now() - began), over);
        continue;
      }
      connected = false;
      this.#become("reattaching");
      if (isTransient(answer)) {
        failures += 1;
        await this.#contain.pause(Math.max(answer.retryAfterMs, this.#backoff(failures)), over);
      } else if (this.#isDisplaced()) {
        this.#say("Discord: another terminal has taken this conversation over. /discord on takes it back.", "warning");
        return;
      }
    }
  }

  /** The token is not good any more. Once that is a daemon with a new database; twice it is another terminal. */
  #isDisplaced(): boolean {
    const now = Date.now();
    const again = now - this.#refusedAt < this.#pace.displacedMs;
    this.#refusedAt = now;
    return again;
  }

  async #attach(): Promise<"attached" | "later" | "blocked" | "over"> {
    const token = await this.#host.ownerToken();
    if (token === undefined) {
      this.#say("Discord: no token of the daemon found. Once `ompcord run` has been started, this session connects by itself.", "warning");
      return "later";
    }
    const answer = await this.#client.attach(token, this.#host.facts(), this.#pace.requestMs, this.#over.signal);
    if (this.#over.signal.aborted) return "over";
    if (!answer.ok) return this.#attachFailed(answer);
    this.#host.secret(answer.body.token);
    if (isOlder(answer.body.daemonVersion, MIN_DAEMON_VERSION)) {
      this.#say(
        `Discord: the ompcord daemon ${answer.body.daemonVersion} is too old for this extension (${VERSION}): it needs ${MIN_DAEMON_VERSION}. ${UPDATE_DAEMON}`,
        "error",
      );
      await this.#client.detach(answer.body.sessionId, answer.body.token, "off", this.#pace.requestMs);
      return "over";
    }
    // The numbers of another session's commands mean nothing here.
    if (this.#handed.thread !== answer.body.sessionId) this.#handed = { thread: answer.body.sessionId, after: 0 };
    const first = this.#session === undefined;
    this.#session = answer.body;
    this.#postFailures = 0;
    this.#become("attached");
    if (first) this.#say(`This session is on Discord${answer.body.threadUrl ? `: ${answer.body.threadUrl}` : "."}`, "info");
    this.#flushIn(0);
    return "attached";
  }

  #attachFailed(problem: Failure): "later" | "blocked" | "over" {
    const hint = problem.hint ? ` ${sentence(problem.hint)}` : "";
    if (problem.status === 409) {
      this.#become("blocked");
      this.#say(
        `Discord runs this conversation right now, so do not write here yet: two writers would garble it.${hint || " Stop it there with /omp stop, or wait until it is idle."} It connects by itself then.`,
        "warning",
      );
      return "blocked";
    }
    if (problem.status === 426) {
      this.#say(`Discord: this extension (${VERSION}) is too old for the daemon.${hint || ` ${UPDATE_EXTENSION}`}`, "error");
      return "over";
    }
    const lost = this.#session !== undefined;
    if (isTransient(problem)) {
      if (!lost) this.#say("Discord: the ompcord daemon cannot be reached. It is tried again until /discord off; nothing is lost here.", "warning");
      this.#become(lost ? "reattaching" : "attaching");
      return "later";
    }
    if (problem.status === 401 || problem.status === 403) {
      this.#say(`Discord: the daemon does not accept this user's token.${hint}`, lost ? "warning" : "error");
      // A daemon that was set up anew writes a new token, which is read with each attempt.
      return lost ? "later" : "over";
    }
    this.#say(`Discord: the daemon did not take this session: ${problem.message}.${hint}`, "error");
    return "over";
  }

  #deliver(commands: Command[]): void {
    for (const command of commands) {
      if (command.id <= this.#handed.after || this.#over.signal.aborted) continue;
      this.#handed = { ...this.#handed, after: command.id };
      this.#contain.run("a command from Discord", () => this.#host.deliver(command));
    }
  }

  /** After the last command there is no next poll that would acknowledge it. */
  async #acknowledge(session: Attached): Promise<void> {
    await this.#client.poll(session.sessionId, session.token, this.#handed.after, 0, this.#pace.requestMs);
  }

  #backoff(failures: number): number {
    const whole = Math.min(this.#pace.backoffMaxMs, this.#pace.backoffMs * 2 ** Math.min(failures - 1, 10));
    return whole * (0.75 + Math.random() * 0.5);
  }

  #flushIn(ms: number): void {
    if (this.#posting || this.#phase !== "attached") return;
    const at = Date.now() + ms;
    if (this.#timer && this.#timer.at <= at) return;
    this.#timer?.cancel();
    const cancel = this.#contain.after(ms, "posting events", () => {
      this.#timer = undefined;
      this.#contain.task("posting events", () => this.#flush());
    });
    this.#timer = { at, cancel };
  }

  async #flush(): Promise<void> {
    if (this.#posting) return;
    const posting = new AbortController();
    this.#posting = posting;
    try {
      while (this.#phase === "attached" && this.#queue.length > 0 && this.#session) {
        if (!(await this.#postBatch(this.#session, this.#pace.requestMs, posting.signal))) break;
      }
    } finally {
      this.#posting = undefined;
      // What came meanwhile, and what has to be tried again.
      if (this.#queue.length > 0) this.#flushIn(this.#postFailures > 0 ? this.#backoff(this.#postFailures) : this.#pace.flushMs);
    }
  }

  /** Whether it went well. */
  async #postBatch(session: Attached, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const batch = this.#queue.take(this.#batchMax, BATCH_BYTES);
    const answer = await this.#client.post(session.sessionId, session.token, batch, Math.max(1, timeoutMs), signal);
    if (signal.aborted && !answer.ok) return false;
    if (answer.ok) {
      this.#queue.sent(batch);
      this.#batchMax = BATCH_EVENTS;
      this.#postFailures = 0;
      return true;
    }
    const unknown = answer.status === 404 || answer.code === "unknown_session";
    if (!unknown && (answer.status === 400 || answer.status === 413 || answer.status === 422)) {
      // One event that the daemon does not take must not hold up the others: halve until it is alone, then drop it.
      if (batch.length === 1) {
        this.#contain.report(`posting "${batch[0]?.event_type}"`, answer.message);
        this.#queue.sent(batch);
      } else {
        this.#queue.unsent();
        this.#batchMax = Math.ceil(batch.length / 2);
      }
      return true;
    }
    this.#queue.unsent();
    this.#postFailures += 1;
    const refused = answer.status === 401 || answer.status === 403 || unknown;
    // The poll finds out the same, but perhaps only in half a minute.
    if (refused && this.#session === session && this.#phase === "attached") this.#poll.abort();
    return false;
  }
}
