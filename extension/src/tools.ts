/**
 * The daemon's Discord tools for an agent in a terminal, while its session is shared.
 *
 * What they are is `tools.json`, which the daemon's own list writes: a tool has to be registered while the agent loads,
 * before anybody could be asked. They are inactive until the session is on Discord, and again after it, so that a model
 * never sees a tool that cannot work.
 */
import type { ExtensionAPI } from "@oh-my-pi/pi-coding-agent";
import type { Client } from "./client";
import type { Containment } from "./contain";
import type { Redactor } from "./redact";
import OFFERS from "./tools.json";

type Definition = Parameters<ExtensionAPI["registerTool"]>[0];

/** A person may take a week. */
const PATIENCE_MS = 7 * 24 * 3_600_000;
const NAMES: ReadonlySet<string> = new Set(OFFERS.map((offer) => offer.name));

export class Tools {
  readonly #pi: ExtensionAPI;
  readonly #contain: Containment;
  readonly #redactor: Redactor;
  readonly #client: Client;
  /** The session's token, while it is shared. */
  readonly #token: () => string | undefined;
  #shown = false;

  constructor(pi: ExtensionAPI, client: Client, contain: Containment, redactor: Redactor, token: () => string | undefined) {
    this.#pi = pi;
    this.#client = client;
    this.#contain = contain;
    this.#redactor = redactor;
    this.#token = token;
  }

  /** An agent that knows no tools of extensions goes on without them. */
  register(): void {
    this.#contain.run("the Discord tools", () => {
      for (const offer of OFFERS) this.#pi.registerTool(this.#definition(offer));
    });
  }

  /** Shows the tools to the model, or hides them. Nobody waits for it. */
  show(shown: boolean): void {
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#contain.task("showing the Discord tools", async () => {
      const others = this.#pi.getActiveTools().filter((name) => !NAMES.has(name));
      // By then it may be the other way round already.
      await this.#pi.setActiveTools(this.#shown ? [...others, ...NAMES] : others);
    });
  }

  #definition(offer: (typeof OFFERS)[number]): Definition {
    const definition = {
      name: offer.name,
      label: offer.title,
      description: offer.description,
      parameters: offer.input_schema,
      defaultInactive: true,
      loadMode: "essential",
      approval: offer.read_only ? "read" : "write",
      execute: (_id: string, params: unknown, signal: AbortSignal | undefined) => this.#use(offer.name, params, signal),
    };
    // The agent takes a JSON Schema as well; its types only know those that are built with a library.
    return definition as unknown as Definition;
  }

  /** The agent makes a tool error of what this throws, which is how a tool of it says that it failed. */
  async #use(name: string, params: unknown, signal: AbortSignal | undefined): Promise<{ content: { type: "text"; text: string }[] }> {
    const token = this.#token();
    if (token === undefined) throw new Error("This session is not on Discord. A person shares it with /discord on.");
    const answer = await this.#client.useTool(name, token, clean(params, this.#redactor), PATIENCE_MS, signal);
    if (!answer.ok) throw new Error(answer.kind === "aborted" ? "given up" : this.#redactor.redact([answer.message, answer.hint].filter(Boolean).join(". ")));
    if (answer.body.isError) throw new Error(answer.body.text);
    return { content: [{ type: "text", text: answer.body.text }] };
  }
}

/** No text of it holds a secret. */
function clean(value: unknown, redactor: Redactor): unknown {
  if (typeof value === "string") return redactor.redact(value);
  if (Array.isArray(value)) return value.map((item) => clean(item, redactor));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, clean(item, redactor)]));
}
