/** Text that is shown to people or sent away: clean, short, and never with half a secret at its end. */
import type { Redactor } from "./redact";

/** More than any token whose beginning alone is not yet told from ordinary text. */
const MARGIN = 4096;

// Colours, cursor movements, titles: what comes from outside must not steer the terminal. Direction marks could
// make a line read other than it is.
const CONTROLS = /\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]{0,1000}(?:\u0007|\u001b\\)?|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Without anything that a terminal takes for a command. */
export function plain(text: string): string {
  return text.replace(/\r\n?/g, "\n").replace(CONTROLS, "");
}

/** At most `limit` UTF-16 units, never half a character; a cut is shown. */
export function clip(text: string, limit: number): string {
  if (text.length <= limit) return text;
  return `${whole(text.slice(0, Math.max(0, limit - 1)))}…`;
}

export function oneLine(text: string, limit: number): string {
  // Long texts are cut before they are searched.
  return clip(plain(text.slice(0, limit * 4)).replace(/\s+/g, " ").trim(), limit);
}

/**
 * Redacted and cut. It is redacted with some text beyond the cut, because the first half of a token looks like
 * nothing; it costs the same for a text of any length.
 */
export function safeText(text: string, limit: number, redactor: Redactor): string {
  const cut = text.length > limit + MARGIN;
  const window = cut ? text.slice(0, limit + MARGIN) : text;
  const shown = redactor.redact(window.toWellFormed());
  if (!cut) return clip(shown, limit);
  // What ends the window may be the start of a secret.
  return `${whole(shown.slice(0, Math.max(0, Math.min(limit, shown.length - MARGIN) - 1)))}…`;
}

function whole(text: string): string {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff ? text.slice(0, -1) : text;
}

/** A hint of the daemon, which has neither a capital letter nor a full stop, between other sentences. */
export function sentence(hint: string): string {
  return `${hint.charAt(0).toUpperCase()}${hint.slice(1)}${/[.!?]$/.test(hint) ? "" : "."}`;
}

/** `2m 10s` */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${seconds % 60}s`;
  return `${Math.floor(minutes / 60)}h ${minutes % 60}m`;
}
