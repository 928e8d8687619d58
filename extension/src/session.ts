/** Ties the parts to one session of the agent: its events, its commands, its footer. */
import { hostname } from "node:os";
import { basename } from "node:path";
import type { ExtensionAPI, ExtensionContext } from "@oh-my-pi/pi-coding-agent";
import { Attachment, type Host, PACE, type Pace, type Phase } from "./attach";
import { Client, type Command } from "./client";
import { footer, type Standing, standing, USAGE } from "./commands";
import { type Config, type Environment, readConfig, readToken } from "./config";
import { type Cancel, Containment } from "./contain";
import { claim, MEMORY, type Memory, note, recall } from "./memory";
import { Mirror } from "./mirror";
import { Notices } from "./notice";
import { EventQueue } from "./queue";
import { Redactor } from "./redact";
import { Tools } from "./tools";
import { VERSION } from "./version";
import { SENT, Webhook, type WebhookPace } from "./webhook";
import { oneLine, plain } from "./words";

const STATUS = "ompcord";
const STATUS_MS = 3_000;
const LOOK_MS = 3_000;
const TAKEN_MS = 20_000;
const REDRAWN_MS = 500;
const NOT_SHARED = "Discord: this is another conversation now, and not shared. /discord on shares it.";

type Kind = "info" | "warning" | "error";

export class Session {
  readonly #pi: ExtensionAPI;
  readonly #config: Config;
  readonly #pace: Pace;
  readonly #redactor: Redactor;
  readonly #contain: Containment;
  readonly #client: Client | undefined;
  readonly #notices: Notices;
  readonly #mirror: Mirror;
  readonly #tools: Tools | undefined;
  /** Only with somebody to talk to: subagents and scripts stay silent. */
  #ctx: ExtensionContext | undefined;
  #attachment: Attachment | undefined;
  #looking: Cancel | undefined;
  #closing = false;

  constructor(pi: ExtensionAPI, env: Environment, pace?: { attach?: Partial<Pace>; webhook?: Partial<WebhookPace> }) {
    this.#pi = pi;
    this.#config = readConfig(env);
    this.#pace = { ...PACE, ...pace?.attach };
    this.#redactor = new Redactor(this.#config.literals);
    this.#contain = new Containment(pi.logger, this.#redactor);
    const { daemon, webhook } = this.#config;
    this.#client = daemon && new Client(daemon);
    const hook = webhook && new Webhook(webhook, this.#contain, { requests: 5, windowMs: 5_000, requestMs: 10_000, retryMs: 1_000, ...pace?.webhook });
    this.#notices = new Notices(this.#client, hook, () => this.#ownerToken(), this.#contain, this.#redactor);
    this.#tools = this.#client && new Tools(pi, this.#client, this.#contain, this.#redactor, () => this.#attachment?.token);
    this.#mirror = new Mirror((type, content, data) => this.#attachment?.record(type, content, data), this.#redactor);
  }

  get owned(): boolean {
    return this.#config.owned;
  }

  get phase(): Phase {
    return this.#attachment?.phase ?? "detached";
  }

  register(): void {
    this.#pi.setLabel("ompcord");
    this.#registerCommands();
    this.#tools?.register();
    this.#registerLifecycle();
    this.#registerWork();
  }

  #registerCommands(): void {
    this.#pi.registerCommand("discord", {
      // No completions for the two words: with an offer open, Enter takes the offer instead of the command.
      description: "Discord: how it stands; on: share this session in a thread; off: stop sharing it",
      handler: async (args, ctx) => {
        this.#contain.run("/discord", () => {
          if (this.#meet(ctx)) this.#discord(String(args ?? "").trim().toLowerCase());
        });
      },
    });
    this.#pi.registerCommand("discord-ping", {
      description: "Discord: send a message to the home channel",
      handler: async (args, ctx) => {
        this.#contain.run("/discord-ping", () => {
          if (this.#meet(ctx)) this.#ping(String(args ?? "").trim());
        });
      },
    });
  }

  #registerLifecycle(): void {
    this.#pi.on("session_start", this.#handler("session_start", () => this.#resume()));
    this.#pi.on("session_switch", this.#handler("session_switch", () => this.#switched()));
    this.#pi.on("session_branch", this.#handler("session_branch", () => this.#switched()));
    // The one handler that is waited for, and not for long.
    this.#pi.on("session_shutdown", () => this.#contain.finished("session_shutdown", () => this.#shutdown()));
  }

  #registerWork(): void {
    const mirror = this.#mirror;
    this.#pi.on("agent_start", this.#handler("agent_start", () => mirror.agentStart()));
    this.#pi.on("message_end", this.#handler("message_end", ({ message }) => mirror.messageEnd(message)));
    this.#pi.on("agent_end", this.#handler("agent_end", (event, ctx) => this.#agentEnd(event, ctx)));
    this.#pi.on("tool_execution_start", this.#handler("tool_execution_start", (event) => mirror.toolStart(event.toolCallId, event.toolName, event.args)));
    this.#pi.on("tool_execution_end", this.#handler("tool_execution_end", (event) => mirror.toolEnd(event.toolCallId, event.toolName, event.isError)));
    this.#pi.on(
      "tool_approval_requested",
      this.#handler("tool_approval_requested", ({ toolCallId, toolName, reason }) =>
        mirror.note("approval", `The terminal asks whether ${toolName} may run`, { id: toolCallId, tool: toolName, reason: reason ?? null, resolved: false }),
      ),
    );
    this.#pi.on(
      "tool_approval_resolved",
      this.#handler("tool_approval_resolved", ({ toolCallId, toolName, approved }) =>
        mirror.note("approval", `${toolName} was ${approved ? "allowed" : "denied"} in the terminal`, { id: toolCallId, tool: toolName, resolved: true, approved }),
      ),
    );
    this.#pi.on(
      "auto_retry_start",
      this.#handler("auto_retry_start", ({ attempt, maxAttempts, delayMs, errorMessage }) =>
        mirror.note("retry", errorMessage, { phase: "start", attempt, max_attempts: maxAttempts, delay_ms: delayMs }),
      ),
    );
    this.#pi.on(
      "auto_retry_end",
      this.#handler("auto_retry_end", ({ success, attempt, finalError }) => mirror.note("retry", finalError ?? "", { phase: "end", success, attempt })),
    );
    this.#pi.on(
      "auto_compaction_start",
      this.#handler("auto_compaction_start", ({ reason }) => mirror.note("compaction", "The conversation is being summed up", { phase: "start", reason })),
    );
    this.#pi.on(
      "auto_compaction_end",
      this.#handler("auto_compaction_end", ({ aborted, skipped, errorMessage }) =>
        mirror.note("compaction", errorMessage ?? "", { phase: "end", aborted, skipped: skipped === true, failed: errorMessage !== undefined }),
      ),
    );
  }

  /** A handler that returns nothing, at once, whatever happens: a result could change what the agent does. */
  #handler<E>(where: string, work: (event: E, ctx: ExtensionContext) => void): (event: E, ctx: ExtensionContext) => void {
    return (event, ctx) => {
      this.#contain.run(where, () => {
        if (this.#meet(ctx)) work(event, ctx);
      });
    };
  }

  /** Whether there is somebody to talk to. */
  #meet(ctx: ExtensionContext): boolean {
    if (!ctx.hasUI || this.#closing || !claim(ctx.sessionManager, this)) return false;
    this.#ctx = ctx;
    return true;
  }

  #discord(word: string): void {
    switch (word) {
      case "":
      case "status":
        this.#contain.task("/discord", () => this.#tellStanding());
        return;
      case "on":
        this.#on();
        return;
      case "off":
        this.#off();
        return;
      default:
        this.#say(USAGE, "warning");
    }
  }

  #on(): void {
    if (!this.#client) return this.#say(`Discord: ${this.#config.problems.join("; ") || "no daemon"}`, "error");
    const running = this.#attachment;
    if (running && running.phase !== "detached") {
      const where = running.threadUrl ? `: ${running.threadUrl}` : "";
      return this.#say(running.phase === "attached" ? `This session is on Discord already${where}` : "Discord: still connecting", "info");
    }
    this.#attach();
  }

  #off(): void {
    const attachment = this.#attachment;
    if (!attachment || attachment.phase === "detached") return this.#say("This session is not on Discord", "info");
    this.#remember(false);
    this.#contain.task("/discord off", () => attachment.close("off", this.#pace.offMs));
    this.#say("This session is no longer on Discord", "info");
  }

  #attach(): void {
    const id = this.#agentSessionId();
    if (!this.#client || id === "") return;
    const attachment = new Attachment(id, this.#remembered()?.handed, new EventQueue(), this.#client, this.#host(), this.#contain, this.#pace);
    this.#attachment = attachment;
    this.#mirror.begin(this.#cwd(), this.#title(), this.#model());
    attachment.start();
    this.#looking ??= this.#contain.every(LOOK_MS, "a look at the title", () => this.#look());
  }

  #host(): Host {
    return {
      facts: () => ({
        agent_session_id: this.#agentSessionId(),
        cwd: this.#cwd(),
        title: oneLine(this.#redactor.redact(oneLine(this.#title(), 200)), 200) || null,
        model: oneLine(this.#redactor.redact(this.#model()), 200) || null,
        pid: process.pid,
        host: hostname(),
        agent_version: this.#agentVersion(),
        extension_version: VERSION,
        resumable: this.#hasBegun(),
      }),
      ownerToken: () => this.#ownerToken(),
      deliver: (command) => this.#deliver(command),
      phaseChanged: (phase) => this.#show(phase),
      say: (text, kind) => this.#say(text, kind),
      secret: (token) => this.#redactor.add("api-token", token),
    };
  }

  #deliver({ id, kind, text, author }: Command): void {
    const from = author ? `Discord · ${author}` : "Discord";
    switch (kind) {
      case "prompt":
      case "steer":
        if (text.trim() === "") break;
        this.#say(`${from}: ${oneLine(text, 200)}`, "info");
        this.#mirror.expectEcho(text);
        this.#watchTaken(id);
        // It starts a turn when the agent is idle and steers when it works.
        this.#hand(id, text);
        break;
      case "cancel":
        this.#say(`${from}: cancelled what was running`, "warning");
        this.#ctx?.abort();
        break;
      case "detach":
        this.#say(`${from}: this session is no longer shared`, "info");
        this.#remember(false);
        this.#contain.task("detaching", async () => this.#attachment?.close("off", this.#pace.offMs));
        return;
      case "unknown":
        break;
    }
    this.#remember(true);
  }

  #hand(id: number, text: string): void {
    try {
      this.#pi.sendUserMessage(text);
    } catch (error) {
      this.#contain.report("handing a prompt to the agent", error);
      this.#mirror.note("error", "The terminal could not take this prompt", { command_id: id });
    }
  }

  /** The agent takes a message without saying whether it could; without a key, say, it only tells the terminal. */
  #watchTaken(id: number): void {
    if (this.#mirror.busy) return;
    this.#contain.after(TAKEN_MS, "a look at the prompt", () => {
      if (this.#mirror.startedWithin(TAKEN_MS + 1_000) || this.#ctx?.isIdle() === false) return;
      this.#mirror.note("error", "The terminal did not start on this prompt; its screen says why", { command_id: id });
    });
  }

  #agentEnd(event: Parameters<Mirror["agentEnd"]>[0], ctx: ExtensionContext): void {
    const run = this.#mirror.agentEnd(event, ctx.getContextUsage());
    this.#look();
    const { on, minMs } = this.#config.notify;
    // Who shares the session sees the end in the thread; who stopped it knows.
    if (!run || this.phase === "attached" || !on || run.durationMs < minMs || run.outcome === "stopped") return;
    this.#notices.finished({ ...run, title: this.#title(), workspace: basename(this.#cwd()) });
  }

  /** At the start, and after a change of conversation: one that was shared is shared again. */
  #resume(): void {
    const memory = this.#remembered();
    if (memory?.on && this.phase === "detached") this.#attach();
  }

  #switched(): void {
    const left = this.#attachment;
    if (left && left.agentSessionId === this.#agentSessionId()) return;
    if (left && left.phase !== "detached") {
      left.record("session_shutdown", "", {});
      this.#attachment = undefined;
      this.#contain.task("leaving a conversation", () => left.close("closed", this.#pace.offMs));
      // The agent draws its screen anew now, without what was said before.
      if (!this.#remembered()?.on) this.#contain.after(REDRAWN_MS, "a notice in the terminal", () => this.#say(NOT_SHARED, "info"));
    }
    this.#resume();
  }

  async #shutdown(): Promise<void> {
    if (this.#closing) return;
    const attachment = this.#attachment;
    if (attachment && attachment.phase !== "detached") this.#mirror.shutdown();
    this.#closing = true;
    const over = new AbortController();
    const finished = Promise.all([attachment?.close("closed", this.#pace.shutdownMs), this.#notices.settled()]);
    await Promise.race([finished, this.#contain.pause(this.#pace.shutdownMs, over.signal)]);
    over.abort();
    this.#contain.close();
  }

  async #tellStanding(): Promise<void> {
    const token = await this.#ownerToken();
    const daemon: Standing["daemon"] = !this.#client ? "not set" : token === undefined ? "no token" : await this.#client.status(token, STATUS_MS);
    const { webhook, notify, problems } = this.#config;
    const text = standing({
      daemon,
      address: this.#config.daemon?.origin ?? "",
      phase: this.phase,
      threadUrl: this.#attachment?.threadUrl ?? "",
      waiting: this.#attachment?.waiting ?? 0,
      webhook: webhook !== undefined,
      notify,
      problems,
    });
    this.#say(text, "info");
  }

  #ping(message: string): void {
    if (message === "") return this.#say("Usage: /discord-ping <message>", "warning");
    this.#contain.task("/discord-ping", async () => {
      const outcome = await this.#notices.send(message);
      if (outcome === SENT) this.#say("Sent to Discord", "info");
      else this.#say(`Not sent: ${outcome}`, "error");
    });
  }

  #look(): void {
    // In the moment of a change, title and model are those of the next conversation already.
    if (this.phase === "detached" || this.#attachment?.agentSessionId !== this.#agentSessionId()) return;
    this.#mirror.look(this.#title(), this.#model());
  }

  #show(phase: Phase): void {
    if (phase === "attached" && !this.#remembered()?.on) this.#remember(true);
    this.#tools?.show(phase === "attached");
    this.#contain.run("the footer", () => this.#ctx?.ui.setStatus(STATUS, footer(phase)));
  }

  #say(text: string, kind: Kind): void {
    if (this.#closing) return;
    this.#contain.run("a notice in the terminal", () => this.#ctx?.ui.notify(plain(text), kind));
  }

  async #ownerToken(): Promise<string | undefined> {
    const token = await readToken(this.#config.tokenFile);
    if (token !== undefined) this.#redactor.add("api-token", token);
    return token;
  }

  #agentSessionId(): string {
    return String(this.#ctx?.sessionManager.getSessionId() ?? "");
  }

  /** Before the model's first answer the agent keeps no file of a conversation, and nobody could go on with it. */
  #hasBegun(): boolean {
    const entries = this.#contain.run("the conversation", () => this.#ctx?.sessionManager.getEntries()) ?? [];
    return entries.some((entry) => entry.type === "message" && entry.message.role === "assistant");
  }

  #cwd(): string {
    return String(this.#ctx?.sessionManager.getCwd() ?? this.#ctx?.cwd ?? "");
  }

  #title(): string {
    return this.#contain.run("the title", () => this.#pi.getSessionName()) ?? "";
  }

  #model(): string {
    const model = this.#contain.run("the model", () => this.#ctx?.model);
    return model ? `${model.provider}/${model.id}` : "";
  }

  #agentVersion(): string {
    const version: unknown = this.#contain.run("the agent's version", () => this.#pi.pi.VERSION);
    return typeof version === "string" ? version : "unknown";
  }

  #remember(on: boolean): void {
    const attachment = this.#attachment;
    if (!attachment) return;
    this.#contain.run("remembering", () => this.#pi.appendEntry(MEMORY, note(attachment.agentSessionId, on, attachment.handed)));
  }

  #remembered(): Memory | undefined {
    return this.#contain.run("remembering", () => recall(this.#ctx?.sessionManager.getEntries() ?? [], this.#agentSessionId()));
  }
}
