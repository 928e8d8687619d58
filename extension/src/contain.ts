/**
 * Keeps every failure of the extension inside the extension.
 *
 * It runs in the agent's own process. An exception out of a timer or a promise that nobody catches would end the
 * session that the person is working in, so every handler, timer and detached task goes through here.
 */
import type { Redactor } from "./redact";

/** What is used of the agent's logger. */
export interface Log {
  warn(message: string, fields?: Record<string, unknown>): void;
}

export type Cancel = () => void;

/** A place that fails all the time is logged once a minute. */
const QUIET_MS = 60_000;
const PLACES_MAX = 200;

/** What went wrong, in words. The value may be anything, also something that throws when it is looked at. */
export function describe(error: unknown): string {
  try {
    if (error instanceof Error) {
      const code: unknown = Reflect.get(error, "code");
      const name = typeof code === "string" ? code : String(error.name);
      return `${name}: ${String(error.message)}`.slice(0, 500);
    }
    return String(error).slice(0, 500);
  } catch {
    return "an error that cannot be read";
  }
}

export class Containment {
  readonly #log: Log;
  readonly #redactor: Redactor;
  readonly #told = new Map<string, number>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  constructor(log: Log, redactor: Redactor) {
    this.#log = log;
    this.#redactor = redactor;
  }

  /** Runs it; what it throws is logged and gone. */
  run<T>(where: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.report(where, error);
      return undefined;
    }
  }

  /** Work that nobody waits for. */
  task(where: string, work: () => Promise<void>): void {
    void this.finished(where, work);
  }

  /** The same work for somebody who waits; never rejects. */
  async finished(where: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.report(where, error);
    }
  }

  /** Later, unless cancelled. Never keeps the process alive. */
  after(ms: number, where: string, work: () => void): Cancel {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.run(where, work);
    }, Math.max(0, ms));
    timer.unref?.();
    this.#timers.add(timer);
    return () => {
      clearTimeout(timer);
      this.#timers.delete(timer);
    };
  }

  every(ms: number, where: string, work: () => void): Cancel {
    const timer = setInterval(() => this.run(where, work), ms);
    timer.unref?.();
    this.#timers.add(timer);
    return () => {
      clearInterval(timer);
      this.#timers.delete(timer);
    };
  }

  /** Waits, or until the signal. */
  pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const stop = () => {
        cancel();
        resolve();
      };
      const cancel = this.after(ms, "a pause", () => {
        signal.removeEventListener("abort", stop);
        resolve();
      });
      signal.addEventListener("abort", stop, { once: true });
    });
  }

  /** Ends all timers: the session is over. */
  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  report(where: string, error: unknown): void {
    try {
      const now = Date.now();
      const last = this.#told.get(where);
      if (last !== undefined && now - last < QUIET_MS) return;
      if (this.#told.size >= PLACES_MAX) this.#told.clear();
      this.#told.set(where, now);
      this.#log.warn(`ompcord: ${where} failed`, { error: this.#redactor.redact(describe(error)) });
    } catch {
      // A logger that fails leaves nobody to tell.
    }
  }
}
