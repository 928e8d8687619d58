/**
 * Private key blocks: the one secret of many lines. The same rules as src/render/redact/pem.rs: a block is told from
 * code that only names the markers by its lines.
 */
import type { Span } from "./redact";

/** The largest private key block; what is longer was never closed. */
const PEM_MAX = 32 * 1024;
const BEGIN = "-----BEGIN ";
const END = "-----END ";
const LABEL = /^[A-Z ]*PRIVATE KEY(?: BLOCK)?$/;

export function findPem(text: string, spans: Span[]): void {
  for (let start = text.indexOf(BEGIN); start >= 0; start = text.indexOf(BEGIN, start + BEGIN.length)) {
    const span = pemAt(text, start);
    if (span) spans.push(span);
  }
}

function pemAt(text: string, start: number): Span | undefined {
  const labelStart = start + BEGIN.length;
  const near = text.slice(labelStart, start + 128);
  const labelLength = near.indexOf("-----");
  if (labelLength < 0 || !LABEL.test(near.slice(0, labelLength))) return undefined;
  const bodyStart = labelStart + labelLength + 5;
  let rest = text.slice(bodyStart, bodyStart + PEM_MAX);
  const next = rest.indexOf(BEGIN);
  if (next >= 0) rest = rest.slice(0, next);
  const isAll = bodyStart + rest.length === text.length;

  const { body, length, closed } = scan(rest, isAll);
  let longest = 0;
  for (const run of rest.slice(0, body).split(/[^A-Za-z0-9+/=]+/)) longest = Math.max(longest, run.length);
  if (longest < (closed ? 1 : 24)) return undefined;
  const end = start + text.slice(start, bodyStart + length).trimEnd().length;
  return { start, end, kind: "pem" };
}

/** How long the key's body is behind the first marker, how long the block is, and whether its marker ended it. */
function scan(rest: string, isAll: boolean): { body: number; length: number; closed: boolean } {
  let at = 0;
  while (at < rest.length) {
    const newline = rest.indexOf("\n", at);
    const line = rest.slice(at, newline < 0 ? rest.length : newline + 1);
    const last = isAll && newline < 0;
    const marker = line.indexOf(END);
    const body = marker < 0 ? line : line.slice(0, marker);
    if (!isPemLine(body)) return { body: at, length: at, closed: false };
    if (marker >= 0) {
      const behind = line.slice(marker + END.length);
      const dashes = behind.indexOf("-----");
      if (dashes >= 0 || !last) {
        const length = at + marker + END.length + (dashes >= 0 ? dashes + 5 : behind.length);
        return { body: at + marker, length, closed: true };
      }
    }
    at += line.length;
  }
  return { body: at, length: at, closed: false };
}

/** Whether a line can stand in a key: Base64, a blank, a PEM header; perhaps quoted, escaped, indented or numbered. */
function isPemLine(whole: string): boolean {
  const line = whole.trim();
  const edge = Math.max(...[":", "|", "│", "→"].map((mark) => line.lastIndexOf(mark)));
  const numbered = edge >= 0 && edge <= 16;
  const gutter = numbered ? line.slice(0, edge) : "";
  const core = (numbered ? line.slice(edge + 1) : line)
    .trim()
    .replace(/^[\d\s]+/, "")
    .replace(/^[ \t"',\\+\->*#;]+/, "")
    .replace(/[ \t"',\\+\->*#;]+$/, "");
  if (/^[A-Za-z0-9+/=\\,-]*$/.test(core)) return true;
  if (gutter === "Comment" || gutter === "Version") return true;
  const word = /\S+$/.exec(line.slice(-4096))?.[0] ?? "";
  return word.length >= 40 && /^[A-Za-z0-9+/=]+$/.test(word);
}
