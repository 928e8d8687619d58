/**
 * A small, safe copy of any value.
 *
 * What a tool is called with can be anything: megabytes, cycles, proxies and getters that throw. What leaves is plain
 * JSON of bounded size, with every string redacted.
 */
import type { Redactor } from "./redact";
import { safeText } from "./words";

export interface Bounds {
  depth: number;
  /** Entries of one object or list. */
  entries: number;
  /** Values in all. */
  values: number;
  /** Characters of one string, and of all together. */
  string: number;
  characters: number;
}

export const ARGS: Bounds = { depth: 6, entries: 50, values: 500, string: 2_000, characters: 16_000 };

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Never throws. */
export function truncate(value: unknown, redactor: Redactor, bounds: Bounds = ARGS): Json {
  try {
    return new Copier(redactor, bounds).copy(value, bounds.depth, "");
  } catch {
    return "[unreadable]";
  }
}

class Copier {
  readonly #redactor: Redactor;
  readonly #bounds: Bounds;
  readonly #above = new Set<object>();
  #values: number;
  #characters: number;

  constructor(redactor: Redactor, bounds: Bounds) {
    this.#redactor = redactor;
    this.#bounds = bounds;
    this.#values = bounds.values;
    this.#characters = bounds.characters;
  }

  copy(value: unknown, depth: number, name: string): Json {
    if (this.#values <= 0) return "…";
    this.#values -= 1;
    switch (typeof value) {
      case "string":
        return this.#text(value, name);
      case "number":
        return Number.isFinite(value) ? value : String(value);
      case "boolean":
        return value;
      case "bigint":
        return this.#text(bounded(value), name);
      case "undefined":
        return null;
      case "symbol":
        return "[symbol]";
      case "function":
        return "[function]";
      default:
        return typeof value === "object" && value !== null ? this.#object(value, depth) : null;
    }
  }

  #object(value: object, depth: number): Json {
    if (this.#above.has(value)) return "[circular]";
    if (depth <= 0) return "[…]";
    this.#above.add(value);
    try {
      if (Array.isArray(value)) return this.#list(value, depth);
      if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? "[no date]" : value.toISOString();
      if (value instanceof Error) return this.#text(`${String(value.name)}: ${String(value.message)}`, "");
      if (value instanceof Map) return this.#named(value.entries(), value.size, depth);
      if (value instanceof Set) return this.#list([...take(value, this.#bounds.entries + 1)], depth, value.size);
      const names = Object.keys(value);
      return this.#named(read(value, names), names.length, depth);
    } catch {
      return "[unreadable]";
    } finally {
      this.#above.delete(value);
    }
  }

  #list(list: readonly unknown[], depth: number, length: number = list.length): Json {
    const copied: Json[] = [];
    let before = "";
    for (let at = 0; at < Math.min(length, this.#bounds.entries) && this.#values > 0; at += 1) {
      let item: unknown;
      try {
        item = list[at];
      } catch {
        item = "[unreadable]";
      }
      // `["--token", "…"]` is a name and its value too, and so is a header in two pieces.
      copied.push(this.copy(item, depth - 1, before));
      before = typeof item === "string" && item.length < 64 ? (/^-{1,2}([\w-]+)$|^([\w-]+):$/.exec(item)?.slice(1).find(Boolean) ?? "") : "";
    }
    if (copied.length < length) copied.push(`… ${length - copied.length} more`);
    return copied;
  }

  #named(entries: Iterable<readonly [unknown, unknown]>, size: number, depth: number): Json {
    // Without a prototype, so that a key such as `__proto__` is only a key.
    const copied: { [name: string]: Json } = Object.create(null);
    let count = 0;
    for (const [key, value] of entries) {
      if (count >= this.#bounds.entries || this.#values <= 0) break;
      const name = typeof key === "string" ? key : typeof key === "number" ? String(key) : "[key]";
      copied[safeText(name, 100, this.#redactor)] = this.copy(value, depth - 1, name.slice(0, 200));
      count += 1;
    }
    if (count < size) copied["…"] = `${size - count} more`;
    return copied;
  }

  #text(text: string, name: string): string {
    const limit = Math.min(this.#bounds.string, Math.max(0, this.#characters));
    if (limit === 0) return text === "" ? "" : "…";
    let shown = safeText(text, limit, this.#redactor);
    if (name !== "" && !shown.startsWith("[redacted:")) {
      // With its name in front, a short value may turn out to be a secret.
      shown = safeText(this.#redactor.redactNamed(name, shown), limit, this.#redactor);
    }
    this.#characters -= shown.length;
    return shown;
  }
}

/** A number of a million digits takes seconds to print. */
function bounded(value: bigint): string {
  const limit = 2n ** 256n;
  return value > limit || value < -limit ? "[large number]" : `${value}`;
}

function* take<T>(items: Iterable<T>, count: number): Iterable<T> {
  let left = count;
  for (const item of items) {
    if (left <= 0) return;
    left -= 1;
    yield item;
  }
}

function* read(value: object, names: string[]): Iterable<readonly [string, unknown]> {
  for (const name of names) {
    let item: unknown;
    try {
      item = Reflect.get(value, name);
    } catch {
      item = "[unreadable]";
    }
    yield [name, item];
  }
}
