/**
 * The OMP extension of ompcord: a session in a terminal, shown and steered on Discord.
 *
 * Three promises, each with tests that try to break it. It never blocks: handlers only put something into a bounded
 * queue and return. It never crashes the agent: nothing leaves a handler, a timer or a promise. It never leaks: what
 * leaves the process was redacted and cut first.
 */
import type { ExtensionAPI } from "@oh-my-pi/pi-coding-agent";
import { Session } from "./session";
import type { Environment } from "./config";

export default function ompcord(pi: ExtensionAPI): void {
  install(pi, process.env);
}

/** For each session of the agent's process, subagents too, once. Never throws. */
export function install(pi: ExtensionAPI, env: Environment, pace?: ConstructorParameters<typeof Session>[2]): Session | undefined {
  try {
    const session = new Session(pi, env, pace);
    // Its daemon reads everything from the agent's own protocol: a word from here would be said twice.
    if (session.owned) return undefined;
    session.register();
    return session;
  } catch {
    // An agent without Discord is still an agent.
    return undefined;
  }
}
