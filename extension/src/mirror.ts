/**
 * What happens in the agent, as the events that the daemon knows. Looks, never touches: nothing here returns a value
 * to the agent or changes what it was given.
 */
import type { AgentEndEvent, ExtensionContext, MessageEndEvent } from "@oh-my-pi/pi-coding-agent";
import type { Finished } from "./notice";
import type { Redactor } from "./redact";
import { type Json, truncate } from "./truncate";
import { oneLine, safeText } from "./words";

// Even if every character is escaped, a request with this message is below 1 MiB.
const MESSAGE_MAX = 150_000;
const PROMPT_MAX = 20_000;
const FINAL_MAX = 4_000;
const ERROR_MAX = 2_000;
const TOOLS_MAX = 500;
const ECHOES_MAX = 100;
const ECHO_MS = 10 * 60_000;

type Message = MessageEndEvent["message"];
export type Record = (type: string, content: string, data?: { [name: string]: Json }) => void;

interface Run {
  began: number;
  cost: number;
  answer: string;
  stop: string;
  error: string;
}

export class Mirror {
  readonly #record: Record;
  readonly #redactor: Redactor;
  readonly #tools = new Map<string, number>();
  #echoes: { text: string; until: number }[] = [];
  #run: Run | undefined;
  #began = -Infinity;
  #title = "";
  #model = "";

  constructor(record: Record, redactor: Redactor) {
    this.#record = record;
    this.#redactor = redactor;
  }

  get busy(): boolean {
    return this.#run !== undefined;
  }

  startedWithin(ms: number): boolean {
    return this.#run !== undefined || Date.now() - this.#began < ms;
  }

  /** A prompt from Discord is in the thread already: the agent's echo of it is not posted. */
  expectEcho(text: string): void {
    this.#echoes.push({ text: text.trim(), until: Date.now() + ECHO_MS });
    if (this.#echoes.length > ECHOES_MAX) this.#echoes.shift();
  }

  /** The state that somebody needs who starts to listen now. */
  begin(cwd: string, title: string, model: string): void {
    this.#title = title;
    this.#model = model;
    this.#record("session_start", this.#text(title, 200), {
      cwd: this.#text(cwd, 1_000),
      model: this.#text(model, 200),
      title: this.#text(title, 200),
    });
    if (this.#run) this.#record("agent_start", "", {});
  }

  /** Title and model have no events of their own. */
  look(title: string, model: string): void {
    if (title !== "" && title !== this.#title) {
      this.#title = title;
      this.#record("title", this.#text(title, 200), { title: this.#text(title, 200) });
    }
    if (model !== "" && model !== this.#model) {
      this.#model = model;
      this.#record("model", this.#text(model, 200), { model: this.#text(model, 200) });
    }
  }

  agentStart(): void {
    // An agent that goes on by itself starts more than once before it is done.
    if (this.#run) return;
    this.#began = Date.now();
    this.#run = { began: this.#began, cost: 0, answer: "", stop: "", error: "" };
    this.#record("agent_start", "", {});
  }

  messageEnd(message: Message): void {
    if (message.role === "user") this.#prompt(message);
    if (message.role === "assistant") this.#answer(message);
  }

  /** What to tell of the run, when it is really over. */
  agentEnd(event: AgentEndEvent, usage: ReturnType<ExtensionContext["getContextUsage"]>): Omit<Finished, "title" | "workspace"> | undefined {
    if (event.willContinue === true) return undefined;
    const run = this.#run;
    this.#run = undefined;
    this.#tools.clear();
    if (!run) return undefined;
    const outcome = run.stop === "error" ? "failed" : run.stop === "aborted" ? "stopped" : "done";
    const durationMs = Math.max(0, Date.now() - run.began);
    if (outcome === "failed") this.#record("error", this.#text(run.error || "the model's request failed", ERROR_MAX), { final: true });
    const percent = usage?.percent;
    this.#record("agent_end", run.answer, {
      duration_ms: durationMs,
      context_percent: typeof percent === "number" && Number.isFinite(percent) ? Math.round(percent * 10) / 10 : null,
      model: this.#text(this.#model, 200),
      cost: run.cost,
      outcome,
    });
    return { outcome, durationMs, answer: run.answer, error: this.#text(run.error, ERROR_MAX) };
  }

  toolStart(id: string, tool: string, args: unknown): void {
    if (this.#tools.size >= TOOLS_MAX) this.#tools.clear();
    this.#tools.set(id, Date.now());
    const copy = truncate(args, this.#redactor);
    const name = this.#text(tool, 100);
    this.#record("tool_start", oneLine([name, subject(copy)].filter(Boolean).join(": "), 200), { id: this.#text(id, 200), tool: name, args: copy });
  }

  toolEnd(id: string, tool: string, isError: boolean): void {
    const began = this.#tools.get(id);
    this.#tools.delete(id);
    this.#record("tool_end", this.#text(tool, 100), {
      id: this.#text(id, 200),
      tool: this.#text(tool, 100),
      is_error: isError === true,
      duration_ms: began === undefined ? null : Math.max(0, Date.now() - began),
    });
  }

  note(type: "retry" | "compaction" | "error" | "approval", content: string, data: { [name: string]: unknown }): void {
    this.#record(type, this.#text(content, ERROR_MAX), truncate(data, this.#redactor) as { [name: string]: Json });
  }

  shutdown(): void {
    this.#record("session_shutdown", "", {});
  }

  #prompt(message: Extract<Message, { role: "user" }>): void {
    // What the agent says to itself is nobody's prompt.
    if (message.synthetic === true || message.attribution === "agent") return;
    const { text, images } = contentOf(message.content);
    const now = Date.now();
    this.#echoes = this.#echoes.filter(({ until }) => until > now);
    const echo = this.#echoes.findIndex((sent) => sent.text === text.trim());
    if (echo >= 0) {
      this.#echoes.splice(echo, 1);
      return;
    }
    const seen = images > 0 ? `${text}\n[${images} ${images === 1 ? "image" : "images"}]` : text;
    if (seen.trim() === "") return;
    this.#record("prompt", this.#text(seen.trim(), PROMPT_MAX), { source: "terminal" });
  }

  #answer(message: Extract<Message, { role: "assistant" }>): void {
    const cost = message.usage?.cost?.total;
    const known = typeof cost === "number" && Number.isFinite(cost) ? cost : 0;
    if (this.#run) {
      this.#run.cost += known;
      this.#run.stop = String(message.stopReason ?? "");
      this.#run.error = message.stopReason === "error" ? String(message.errorMessage ?? "").slice(0, 10_000) : "";
    }
    const model = this.#text([message.provider, message.model].filter(Boolean).join("/"), 200);
    const blocks = textBlocks(message.content);
    if (blocks.length > 0 && this.#run) this.#run.answer = this.#text(blocks.join("\n\n"), FINAL_MAX);
    blocks.forEach((block, index) => {
      const data: { [name: string]: Json } = { model };
      if (index === blocks.length - 1) {
        const { input, output, cacheRead, cacheWrite } = message.usage ?? {};
        data["usage"] = truncate({ input, output, cache_read: cacheRead, cache_write: cacheWrite }, this.#redactor);
        data["cost"] = known;
        data["stop_reason"] = this.#text(String(message.stopReason ?? ""), 40);
      }
      this.#record("message", this.#text(block, MESSAGE_MAX), data);
    });
  }

  #text(text: unknown, limit: number): string {
    return typeof text === "string" ? safeText(text, limit, this.#redactor) : "";
  }
}

function contentOf(content: unknown): { text: string; images: number } {
  if (typeof content === "string") return { text: content, images: 0 };
  if (!Array.isArray(content)) return { text: "", images: 0 };
  const images = content.filter((part) => part?.type === "image").length;
  return { text: textBlocks(content).join("\n"), images };
}

function textBlocks(content: unknown): string[] {
  if (!Array.isArray(content)) return [];
  return content
    .filter((part) => part?.type === "text" && typeof part.text === "string" && part.text.trim() !== "")
    .map((part) => part.text as string);
}

const SUBJECTS = ["command", "path", "file_path", "pattern", "query", "url", "prompt", "question", "description", "name", "code"];

/** What a call is about, in a few words, from the redacted copy of its arguments. */
function subject(args: Json): string {
  if (typeof args === "string") return args;
  if (typeof args !== "object" || args === null || Array.isArray(args)) return "";
  for (const name of SUBJECTS) {
    const value = Object.hasOwn(args, name) ? args[name] : undefined;
    if (typeof value === "string" && value.trim() !== "") return value;
  }
  return Object.values(args).find((value): value is string => typeof value === "string" && value.trim() !== "") ?? "";
}
