/** Short messages to the home channel: "finished", and what the person says with `/discord-ping`. */
import type { Client } from "./client";
import type { Containment } from "./contain";
import type { Redactor } from "./redact";
import { SENT, type Webhook } from "./webhook";
import { clip, duration, oneLine, safeText } from "./words";

/** How a run of the agent ended. */
export interface Finished {
  outcome: "done" | "failed" | "stopped";
  durationMs: number;
  title: string;
  workspace: string;
  answer: string;
  error: string;
}

const NOTIFY_MS = 3_000;

/** The words for the end of a run. Everything in it is redacted already or becomes so. */
export function finishedText(run: Finished, redactor: Redactor): string {
  const name = oneLine(redactor.redact(run.title), 100) || "The agent";
  const place = run.workspace ? ` in \`${oneLine(redactor.redact(run.workspace), 60).replaceAll("`", "")}\`` : "";
  const head =
    run.outcome === "failed"
      ? `❌ **${escape(name)}** failed after ${duration(run.durationMs)}${place}`
      : `✅ **${escape(name)}** finished after ${duration(run.durationMs)}${place}`;
  const said = oneLine(safeText(run.outcome === "failed" ? run.error || run.answer : run.answer, 1_000, redactor), 300);
  return said === "" ? head : `${head}\n> ${said}`;
}

export class Notices {
  readonly #client: Client | undefined;
  readonly #webhook: Webhook | undefined;
  readonly #ownerToken: () => Promise<string | undefined>;
  readonly #contain: Containment;
  readonly #redactor: Redactor;
  readonly #under = new Set<Promise<unknown>>();

  constructor(
    client: Client | undefined,
    webhook: Webhook | undefined,
    ownerToken: () => Promise<string | undefined>,
    contain: Containment,
    redactor: Redactor,
  ) {
    this.#client = client;
    this.#webhook = webhook;
    this.#ownerToken = ownerToken;
    this.#contain = contain;
    this.#redactor = redactor;
  }

  finished(run: Finished): void {
    this.#contain.task("the notice of the end", async () => {
      await this.send(finishedText(run, this.#redactor));
    });
  }

  /** Through the daemon, or the webhook when there is none. Resolves with `sent` or with why not. */
  send(text: string): Promise<string> {
    const sending = this.#send(clip(this.#redactor.redact(text.toWellFormed()), 2_000)).catch(() => "it could not be sent");
    this.#under.add(sending);
    void sending.finally(() => this.#under.delete(sending));
    return sending;
  }

  /** Until nothing is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#under);
  }

  async #send(text: string): Promise<string> {
    let why = "the ompcord daemon does not run here";
    const token = this.#client && (await this.#ownerToken());
    if (this.#client && token !== undefined) {
      const answer = await this.#client.notify(token, text, NOTIFY_MS);
      if (answer.ok) return SENT;
      why = answer.kind === "refused" ? `the daemon refused it (${answer.message})` : "the ompcord daemon cannot be reached";
    }
    if (this.#webhook) return this.#webhook.send(text);
    return `${why}, and DISCORD_WEBHOOK_URL is not set`;
  }
}

/** A title is not markdown. */
function escape(text: string): string {
  return text.replace(/[\\*_~`|>]/g, "\\$&");
}
