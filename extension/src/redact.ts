/**
 * Takes secrets out of everything that leaves the process, each replaced by `[redacted:kind]`.
 *
 * The same kinds as the daemon's own (src/render/redact), which looks once more before anything is shown. Here a
 * little more is taken: what is known from this process's environment, passwords in addresses, and values whose
 * name says that they are secret. A secret that never left needs nobody else to be careful.
 */
import { findPem } from "./pem";
import { findDiscordTokens, findHeaders, findNamed, findShapes, findWebhooks } from "./shapes";

export interface Span {
  start: number;
  end: number;
  kind: string;
}

/** A shorter literal would be found all over ordinary text, and be no secret anyway. */
const LITERAL_MIN = 6;

const SECRET_NAME =
  /(?:^|[_-]|[a-z](?=[A-Z]))(?:pass(?:word|wd|phrase)|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|client[_-]?secret|credentials?|cookies?|authorization)$/i;

export class Redactor {
  readonly #literals: { kind: string; secret: string }[];

  constructor(literals: Iterable<readonly [kind: string, secret: string]>) {
    this.#literals = [];
    for (const [kind, secret] of literals) this.add(kind, secret);
  }

  /** One more secret that is known word for word. */
  add(kind: string, secret: string): void {
    const trimmed = secret.trim();
    if (trimmed.length < LITERAL_MIN || this.#literals.some((known) => known.secret === trimmed)) return;
    this.#literals.push({ kind, secret: trimmed });
    // The token of each attachment is new; the oldest ones are revoked.
    if (this.#literals.length > 300) this.#literals.shift();
  }

  redact(text: string): string {
    const spans = this.#spans(text);
    if (spans.length === 0) return text;
    let shown = "";
    let done = 0;
    for (const { start, end, kind } of spans) {
      shown += `${text.slice(done, start)}[redacted:${kind}]`;
      done = end;
    }
    return shown + text.slice(done);
  }

  /** A value that has a name: `Bearer …` alone is text, under `authorization` it is a secret. */
  redactNamed(name: string, value: string): string {
    if (SECRET_NAME.test(name) && value.trim().length >= 4) {
      const scheme = /^(?:bearer|basic|bot|token|apikey)[ \t]+/i.exec(value)?.[0] ?? "";
      return `${scheme}[redacted:${/authorization$/i.test(name) ? "authorization" : "secret"}]`;
    }
    const label = `${name}: `;
    const shown = this.redact(label + value);
    return shown.startsWith(label) ? shown.slice(label.length) : this.redact(value);
  }

  #spans(text: string): Span[] {
    const spans: Span[] = [];
    for (const { kind, secret } of this.#literals) {
      for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, at + secret.length)) {
        spans.push({ start: at, end: at + secret.length, kind });
      }
    }
    findHeaders(text, spans);
    findShapes(text, spans);
    findWebhooks(text, spans);
    findDiscordTokens(text, spans);
    findPem(text, spans);
    findNamed(text, spans);

    spans.sort((a, b) => a.start - b.start || b.end - a.end);
    const merged: Span[] = [];
    for (const span of spans) {
      const kept = merged.at(-1);
      if (kept && span.start < kept.end) kept.end = Math.max(kept.end, span.end);
      else merged.push(span);
    }
    return merged;
  }
}
