/**
 * Tier 1: notices through a Discord webhook, without any daemon.
 *
 * At most five requests in five seconds; what waits is merged into one message, so a burst becomes one notification.
 * Nothing that an agent writes can mention anyone.
 */
import { type Containment, describe } from "./contain";
import { clip } from "./words";

export interface WebhookPace {
  requests: number;
  windowMs: number;
  requestMs: number;
  retryMs: number;
}

export const PACE: WebhookPace = { requests: 5, windowMs: 5_000, requestMs: 10_000, retryMs: 1_000 };

const MESSAGE_MAX = 2_000;
const WAITING_MAX = 50;
const ATTEMPTS = 5;
const SUPPRESS_EMBEDS = 4;

interface Notice {
  text: string;
  told: (outcome: string) => void;
}

/** `sent`, or a sentence that says why not. */
export const SENT = "sent";

export class Webhook {
  readonly #url: URL;
  readonly #contain: Containment;
  readonly #pace: WebhookPace;
  readonly #sentAt: number[] = [];
  #waiting: Notice[] = [];
  #lost = 0;
  #notBefore = 0;
  #working: Promise<void> | undefined;
  #gone = "";

  constructor(url: URL, contain: Containment, pace: WebhookPace = PACE) {
    this.#url = url;
    this.#contain = contain;
    this.#pace = pace;
  }

  /** Resolves with `sent` or with why not. Never rejects. */
  send(text: string): Promise<string> {
    if (this.#gone) return Promise.resolve(this.#gone);
    return new Promise((resolve) => {
      this.#waiting.push({ text: clip(text, MESSAGE_MAX), told: resolve });
      if (this.#waiting.length > WAITING_MAX) {
        this.#waiting.shift()?.told("too many notices were waiting");
        this.#lost += 1;
      }
      this.#working ??= this.#contain
        .finished("the webhook", () => this.#work())
        .finally(() => {
          this.#working = undefined;
        });
    });
  }

  /** Until nothing waits. */
  async settled(): Promise<void> {
    while (this.#working) await this.#working;
  }

  async #work(): Promise<void> {
    const never = new AbortController().signal;
    // All that is said in the same moment becomes one message.
    await this.#contain.pause(0, never);
    while (this.#waiting.length > 0) {
      await this.#contain.pause(this.#waitMs(), never);
      const batch = this.#merge();
      const outcome = await this.#deliver(batch.content, never);
      for (const notice of batch.notices) notice.told(outcome);
      if (this.#gone) {
        for (const notice of this.#waiting.splice(0)) notice.told(this.#gone);
      }
    }
  }

  #waitMs(): number {
    const now = Date.now();
    while (this.#sentAt.length > 0 && now - (this.#sentAt[0] ?? 0) >= this.#pace.windowMs) this.#sentAt.shift();
    const oldest = this.#sentAt[0];
    const window = this.#sentAt.length >= this.#pace.requests && oldest !== undefined ? oldest + this.#pace.windowMs - now : 0;
    return Math.max(0, window, this.#notBefore - now);
  }

  #merge(): { content: string; notices: Notice[] } {
    const notices: Notice[] = [];
    let content = this.#lost > 0 ? `-# ${this.#lost} earlier notices were left out` : "";
    while (this.#waiting[0]) {
      const next = content === "" ? this.#waiting[0].text : `${content}\n${this.#waiting[0].text}`;
      if (next.length > MESSAGE_MAX && notices.length > 0) break;
      content = clip(next, MESSAGE_MAX);
      notices.push(...this.#waiting.splice(0, 1));
    }
    this.#lost = 0;
    return { content, notices };
  }

  async #deliver(content: string, never: AbortSignal): Promise<string> {
    let why = "";
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      if (attempt > 1) await this.#contain.pause(this.#waitMs(), never);
      const { done, why: problem, waitMs } = await this.#attempt(content);
      if (done) return problem === "" ? SENT : problem;
      why = problem;
      this.#notBefore = Date.now() + (waitMs || this.#pace.retryMs * 2 ** (attempt - 1) * (0.8 + Math.random() * 0.4));
    }
    return why;
  }

  /** One request. `done` with a reason: it never will be. */
  async #attempt(content: string): Promise<{ done: boolean; why: string; waitMs: number }> {
    this.#sentAt.push(Date.now());
    try {
      const response = await fetch(this.#url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ content, allowed_mentions: { parse: [] }, flags: SUPPRESS_EMBEDS }),
        redirect: "manual",
        signal: AbortSignal.timeout(this.#pace.requestMs),
      });
      const answer = response.status === 429 ? await response.text() : "";
      await response.body?.cancel().catch(() => {});
      if (response.status === 429) return { done: false, why: "Discord limits this webhook", waitMs: retryAfter(answer, response.headers) };
      if (response.ok) {
        if (response.headers.get("x-ratelimit-remaining") === "0") {
          const resetMs = seconds(response.headers.get("x-ratelimit-reset-after"));
          this.#notBefore = Math.max(this.#notBefore, Date.now() + resetMs);
        }
        return { done: true, why: "", waitMs: 0 };
      }
      if (response.status >= 500) return { done: false, why: `Discord answered ${response.status}`, waitMs: 0 };
      if (response.status === 404 || response.status === 401) {
        this.#gone = "the webhook of DISCORD_WEBHOOK_URL does not exist any more";
        return { done: true, why: this.#gone, waitMs: 0 };
      }
      return { done: true, why: `Discord refused the message (${response.status})`, waitMs: 0 };
    } catch (error) {
      this.#contain.report("a request to the webhook", error);
      const timeout = describe(error).startsWith("TimeoutError");
      return { done: false, why: timeout ? "Discord did not answer in time" : "Discord cannot be reached", waitMs: 0 };
    }
  }
}

/** Discord says it in seconds, in the body and in the header. */
function retryAfter(body: string, headers: Headers): number {
  let said = 0;
  try {
    const value: unknown = (JSON.parse(body) as { retry_after?: unknown } | null)?.retry_after;
    said = typeof value === "number" ? seconds(String(value)) : 0;
  } catch {
    said = 0;
  }
  return said || seconds(headers.get("retry-after"));
}

function seconds(text: string | null): number {
  const value = Number(text ?? "");
  return Number.isFinite(value) && value > 0 ? Math.min(value * 1000, 600_000) : 0;
}
