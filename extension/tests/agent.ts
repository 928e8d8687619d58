/** The agent as far as the extension sees it, without the agent. */
import type { ExtensionAPI } from "@oh-my-pi/pi-coding-agent";
import { install } from "../src/index";
import type { Session } from "../src/session";
import type { Daemon } from "./daemon";

/** Quick enough for tests; none of them measures time. */
export const QUICK = {
  attach: {
    flushMs: 20,
    requestMs: 1_500,
    pollS: 1,
    pollGraceMs: 400,
    backoffMs: 10,
    backoffMaxMs: 80,
    blockedMs: 30,
    pollMinMs: 20,
    offMs: 1_000,
    shutdownMs: 600,
    displacedMs: 5_000,
  },
  webhook: { windowMs: 300, requestMs: 500, retryMs: 20 },
};

type Handler = (event: any, ctx: any) => unknown;

export class Agent {
  readonly handlers = new Map<string, Handler[]>();
  readonly commands = new Map<string, { handler: (args: string, ctx: any) => Promise<void> }>();
  readonly tools = new Map<string, any>();
  activeTools: string[] = ["bash", "read"];
  readonly notices: string[] = [];
  readonly logs: string[] = [];
  readonly prompts: string[] = [];
  readonly entries: any[] = [];
  status: string | undefined;
  sessionId = "agent-session-1";
  title = "Fix the parser";
  hasUI = true;
  idle = true;
  aborted = 0;
  session: Session | undefined;
  sendUserMessage = (text: string): void => void this.prompts.push(text);

  ctx: any = Object.defineProperties(
    {
      ui: {
        notify: (message: string, kind: string) => void this.notices.push(`${kind}: ${message}`),
        setStatus: (_key: string, text: string | undefined) => void (this.status = text),
      },
      mode: "tui",
      cwd: "/work/project",
      sessionManager: { getSessionId: () => this.sessionId, getCwd: () => "/work/project", getEntries: () => this.entries },
      model: { provider: "rig", id: "script" },
      getContextUsage: () => ({ tokens: 100, contextWindow: 1000, percent: 12.34 }),
      isIdle: () => this.idle,
      abort: () => void (this.aborted += 1),
    },
    { hasUI: { get: () => this.hasUI } },
  );

  readonly pi: any = {
    logger: { warn: (message: string, fields: unknown) => void this.logs.push(`${message} ${JSON.stringify(fields)}`) },
    pi: { VERSION: "18.2.3" },
    setLabel: () => {},
    on: (event: string, handler: Handler) => void this.handlers.set(event, [...(this.handlers.get(event) ?? []), handler]),
    registerCommand: (name: string, options: any) => void this.commands.set(name, options),
    registerTool: (tool: any) => void this.tools.set(tool.name, tool),
    getActiveTools: () => this.activeTools,
    setActiveTools: async (names: string[]) => void (this.activeTools = names),
    sendUserMessage: (text: string) => this.sendUserMessage(text),
    appendEntry: (customType: string, data: unknown) => void this.entries.push({ type: "custom", customType, data }),
    getSessionName: () => this.title,
  };

  constructor(daemon: Daemon | undefined, env: Record<string, string> = {}, pace: typeof QUICK = QUICK) {
    const where: Record<string, string> = daemon ? { OMPCORD_URL: daemon.url, OMPCORD_STATE_DIR: daemon.stateDir } : { OMPCORD_STATE_DIR: "/nonexistent" };
    this.session = install(this.pi as ExtensionAPI, { HOME: "/nonexistent", OMPCORD_URL: "http://127.0.0.1:9", ...where, ...env }, pace);
  }

  /** What the handlers return: nothing, at once. */
  emit(event: string, fields: object = {}): unknown[] {
    const whole = Object.create(null);
    Object.defineProperties(whole, { ...Object.getOwnPropertyDescriptors(fields), type: { value: event } });
    return (this.handlers.get(event) ?? []).map((handler) => handler(whole, this.ctx));
  }

  raw(event: string, value: unknown): unknown[] {
    return (this.handlers.get(event) ?? []).map((handler) => handler(value, this.ctx));
  }

  start(): void {
    this.emit("session_start");
  }

  command(name: string, args = ""): Promise<void> {
    return this.commands.get(name)!.handler(args, this.ctx);
  }

  user(text: string, more: object = {}): void {
    this.emit("message_end", { message: { role: "user", content: [{ type: "text", text }], timestamp: 1, ...more } });
  }

  answer(text: string, more: object = {}): void {
    const usage = { input: 1, output: 2, cacheRead: 0, cacheWrite: 0, cost: { total: 0.25 } };
    this.emit("message_end", {
      message: { role: "assistant", content: [{ type: "text", text }], provider: "rig", model: "script", usage, stopReason: "stop", ...more },
    });
  }

  /** A whole run without tools. */
  run(prompt: string, answer: string): void {
    this.emit("agent_start");
    this.user(prompt);
    this.answer(answer);
    this.emit("agent_end", { messages: [] });
  }

  async shutdown(): Promise<void> {
    await Promise.all(this.emit("session_shutdown"));
  }
}
