/**
 * What a conversation remembers in its own file: whether it is shared, and which command was handed to the agent last.
 *
 * Without it a resumed conversation would have to be shared again by hand, and a command that was under way when the
 * terminal died would be run twice.
 */
import type { SessionEntry } from "@oh-my-pi/pi-coding-agent";
import type { Handed } from "./attach";

/** The name of its entries. */
export const MEMORY = "dev.ompcord.sharing";

export interface Memory {
  on: boolean;
  handed: Handed | undefined;
}

export function note(session: string, on: boolean, handed: Handed) {
  return { session, on, ...handed };
}

/** The newest note of this conversation. A fork has copies of another one's. */
export function recall(entries: readonly SessionEntry[], id: string): Memory | undefined {
  let memory: Memory | undefined;
  for (const entry of entries) {
    if (entry.type !== "custom" || entry.customType !== MEMORY) continue;
    const { session, on, thread, after } = (entry.data ?? {}) as { [name in keyof ReturnType<typeof note>]?: unknown };
    if (session !== id) continue;
    const known = typeof thread === "string" && typeof after === "number" && Number.isSafeInteger(after);
    memory = { on: on === true, handed: known ? { thread, after } : undefined };
  }
  return memory;
}

/** Installed twice, as a plugin and as a file say, it is still one: two would take the thread from each other. */
export function claim(conversation: object, session: object): boolean {
  const claims = ((globalThis as { [name: symbol]: unknown })[Symbol.for(MEMORY)] ??= new WeakMap()) as WeakMap<object, unknown>;
  if (!claims.has(conversation)) claims.set(conversation, session);
  return claims.get(conversation) === session;
}
