/**
 * What waits to be posted, in bounded memory.
 *
 * The daemon may be away for hours while the agent works. The oldest events are given up first, and a `dropped` event
 * in their place says how many; the newest tell where the session stands.
 */
import { randomUUID } from "node:crypto";
import type { Json } from "./truncate";

export interface Posted {
  id: string;
  event_type: string;
  content: string;
  timestamp: number;
  data?: { [name: string]: Json };
}

interface Waiting {
  event: Posted;
  bytes: number;
}

export interface QueueBounds {
  events: number;
  bytes: number;
}

export const BOUNDS: QueueBounds = { events: 1_000, bytes: 4 * 1024 * 1024 };

export class EventQueue {
  readonly #bounds: QueueBounds;
  // Ids are the same however often an event is sent, and never those of another process.
  readonly #origin = randomUUID().slice(0, 13);
  #next = 1;
  #waiting: Waiting[] = [];
  #bytes = 0;
  /** How many at the front are on their way; those are not given up. */
  #sending = 0;

  constructor(bounds: QueueBounds = BOUNDS) {
    this.#bounds = bounds;
  }

  get length(): number {
    return this.#waiting.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(event_type: string, content: string, data?: { [name: string]: Json }): void {
    this.#add(this.#event(event_type, content, data), this.#waiting.length);
    while (this.#waiting.length > this.#bounds.events || this.#bytes > this.#bounds.bytes) {
      if (!this.#giveUpOldest()) break;
    }
  }

  /** The next events, oldest first. They stay until `sent`; `unsent` makes them wait again. */
  take(count: number, bytes: number): Posted[] {
    let size = 0;
    const batch: Posted[] = [];
    for (const { event, bytes: own } of this.#waiting) {
      if (batch.length >= count || (batch.length > 0 && size + own > bytes)) break;
      batch.push(event);
      size += own;
    }
    this.#sending = batch.length;
    return batch;
  }

  /** These have arrived, or are not wanted. */
  sent(batch: readonly Posted[]): void {
    const gone = new Set(batch);
    this.#waiting = this.#waiting.filter(({ event }) => !gone.has(event));
    this.#bytes = this.#waiting.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#sending = 0;
  }

  unsent(): void {
    this.#sending = 0;
  }

  #event(event_type: string, content: string, data?: { [name: string]: Json }): Posted {
    const event: Posted = { id: `${this.#origin}-${this.#next}`, event_type, content, timestamp: Date.now() };
    this.#next += 1;
    if (data) event.data = data;
    return event;
  }

  #add(event: Posted, at: number): void {
    const bytes = Buffer.byteLength(JSON.stringify(event)) + 64;
    this.#waiting.splice(at, 0, { event, bytes });
    this.#bytes += bytes;
  }

  /** Whether there was one to give up. */
  #giveUpOldest(): boolean {
    const front = this.#waiting[this.#sending];
    const counts = front?.event.event_type === "dropped";
    const at = this.#sending + (counts ? 1 : 0);
    // The newest stays, however large.
    if (at >= this.#waiting.length - 1) return false;
    const [gone] = this.#waiting.splice(at, 1);
    this.#bytes -= gone?.bytes ?? 0;
    const lost = gone?.event.event_type === "dropped" ? Number(gone.event.data?.["count"] ?? 1) : 1;
    if (counts && front) {
      const count = Number(front.event.data?.["count"] ?? 0) + lost;
      // A new id: the event with the old one may have arrived although its answer did not.
      this.#waiting.splice(this.#sending, 1);
      this.#bytes -= front.bytes;
      this.#add(this.#event("dropped", droppedText(count), { count }), this.#sending);
    } else {
      this.#add(this.#event("dropped", droppedText(lost), { count: lost }), this.#sending);
    }
    return true;
  }
}

function droppedText(count: number): string {
  return `${count} ${count === 1 ? "event was" : "events were"} lost while the connection was away`;
}
