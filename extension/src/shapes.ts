/**
 * The shapes of tokens: how each kind begins, and what tells it from a name in ordinary code. The same table as
 * src/render/redact/shapes.rs; a change there belongs here too.
 */
import type { Span } from "./redact";

/** How much of a candidate is looked at to tell a random string from a name. */
const JUDGED = 128;
/** The longest header of a web token. */
const HEADER_MAX = 1024;

type Check = (body: string) => boolean;

interface Shape {
  prefix: string;
  kind: string;
  /** The characters of the rest, of which there are at least `min`. Sticky. */
  body: RegExp;
  min: number;
  /** Tells a token from a name that happens to begin the same way. */
  check: Check;
  /** The prefix is so short that it ends ordinary words (`task-…`): it must begin one. */
  beginsWord: boolean;
}

const ALNUM = /[A-Za-z0-9]*/y;
const DASHED = /[A-Za-z0-9_-]*/y;
const DOTTED = /[A-Za-z0-9_.-]*/y;
const PATH = /[A-Za-z0-9_/-]*/y;
const UPPER = /[A-Z0-9]*/y;

const WEB_TOKEN = "jwt";

function shape(prefix: string, kind: string, body: RegExp, min: number, check: Check = isRandom): Shape {
  return { prefix, kind, body, min, check, beginsWord: false };
}

function word(prefix: string, kind: string, body: RegExp, min: number, check: Check = isRandom): Shape {
  return { ...shape(prefix, kind, body, min, check), beginsWord: true };
}

const SHAPES: Shape[] = [
  word("sk-ant-", "anthropic-key", DASHED, 16),
  word("sk-proj-", "openai-key", DASHED, 16),
  word("sk-svcacct-", "openai-key", DASHED, 16),
  word("sk-admin-", "openai-key", DASHED, 16),
  word("sk-or-v1-", "api-key", DASHED, 16),
  word("sk-lf-", "api-key", DASHED, 16),
  word("sk-", "api-key", DASHED, 20, isKey),
  word("gsk_", "api-key", ALNUM, 30),
  word("xai-", "api-key", ALNUM, 30),
  word("hf_", "huggingface-token", ALNUM, 30),
  shape("ghp_", "github-token", DOTTED, 20),
  shape("gho_", "github-token", DOTTED, 20),
  shape("ghu_", "github-token", DOTTED, 20),
  shape("ghs_", "github-token", DOTTED, 20),
  shape("ghr_", "github-token", DOTTED, 20),
  shape("github_pat_", "github-token", DOTTED, 20),
  shape("glpat-", "gitlab-token", DOTTED, 20),
  shape("npm_", "npm-token", ALNUM, 30),
  shape("pypi-AgE", "pypi-token", DASHED, 30),
  shape("xoxa-", "slack-token", DASHED, 10),
  shape("xoxb-", "slack-token", DASHED, 10),
  shape("xoxe-", "slack-token", DASHED, 10),
  shape("xoxp-", "slack-token", DASHED, 10),
  shape("xoxr-", "slack-token", DASHED, 10),
  shape("xoxs-", "slack-token", DASHED, 10),
  shape("hooks.slack.com/services/", "slack-webhook", PATH, 20),
  word("AKIA", "aws-key", UPPER, 16, isAwsId),
  word("ASIA", "aws-key", UPPER, 16, isAwsId),
  shape("AIza", "google-key", DASHED, 35),
  shape("sk_live_", "stripe-key", ALNUM, 16),
  shape("sk_test_", "stripe-key", ALNUM, 16),
  shape("rk_live_", "stripe-key", ALNUM, 16),
  shape("whsec_", "stripe-key", ALNUM, 24),
  shape("eyJ", WEB_TOKEN, DOTTED, 20, isWebToken),
  // The daemon's own tokens.
  word("ompo_", "api-token", DASHED, 20),
  word("omps_", "api-token", DASHED, 20),
];

const PREFIXES = new RegExp(SHAPES.map(({ prefix }) => prefix.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")).join("|"), "g");

/** Headers and settings whose value is a secret whatever it looks like. Without a scheme the value must look random. */
const HEADERS =
  /(?:(?<auth>authorization)|(?<aws>aws_secret_access_key)|x-api-key|x-auth-token|private-token)(?:\\*["'])?\]?[ \t]*(?:=>|[:=])[ \t]*(?:[bfru]{0,2}\\*["'`])?(?<scheme>(?:bearer|basic|bot|token|apikey)[ \t]+)?(?<value>[A-Za-z0-9._~+/=-]{4,})/gi;

/** Webhooks on any host: a proxy or a test server leaks the same token. Interaction tokens have the same shape. */
const WEBHOOK = /webhooks\/[0-9]{15,20}\/[A-Za-z0-9_-]{20,}/g;

export function findHeaders(text: string, spans: Span[]): void {
  for (const found of text.matchAll(HEADERS)) {
    const { auth, aws, scheme, value } = found.groups ?? {};
    if (value === undefined) continue;
    const plainSecret = value.length >= 16 && /[0-9]/.test(value.slice(0, JUDGED));
    if (!plainSecret && scheme === undefined) continue;
    const end = found.index + found[0].length;
    const kind = auth !== undefined ? "authorization" : aws !== undefined ? "aws-key" : "api-key";
    spans.push({ start: end - value.length, end, kind });
  }
}

export function findShapes(text: string, spans: Span[]): void {
  PREFIXES.lastIndex = 0;
  for (let hit = PREFIXES.exec(text); hit; hit = PREFIXES.exec(text)) {
    const start = hit.index;
    let found: Span | undefined;
    for (const candidate of SHAPES) {
      found = shapeAt(candidate, text, start);
      if (found) break;
    }
    // A rejected candidate may hold a real one.
    PREFIXES.lastIndex = found?.end ?? start + 1;
    if (found) spans.push(found);
  }
}

function shapeAt({ prefix, kind, body, min, check, beginsWord: needsWord }: Shape, text: string, start: number): Span | undefined {
  if (!text.startsWith(prefix, start) || (needsWord && !beginsWord(text, start))) return undefined;
  const from = start + prefix.length;
  // The close look is bounded. A web token is judged by what follows its header, however long that is.
  const dot = kind === WEB_TOKEN ? text.slice(from, from + HEADER_MAX).indexOf(".") : 0;
  if (dot < 0) return undefined;
  const near = run(body, text.slice(from, from + dot + JUDGED), 0);
  if (near.length < min || !check(near)) return undefined;
  // A full stop behind a token ends the sentence.
  const whole = run(body, text, from).replace(/\.+$/, "");
  return { start, end: from + whole.length, kind };
}

function run(body: RegExp, text: string, from: number): string {
  body.lastIndex = from;
  return body.exec(text)?.[0] ?? "";
}

export function findWebhooks(text: string, spans: Span[]): void {
  for (const found of text.matchAll(WEBHOOK)) {
    const before = /[A-Za-z0-9_\-/:.]*$/.exec(text.slice(Math.max(0, found.index - 80), found.index))?.[0] ?? "";
    const host = before.lastIndexOf("http");
    const start = host < 0 ? found.index : found.index - (before.length - host);
    spans.push({ start, end: found.index + found[0].length, kind: "webhook" });
  }
}

/** Discord bot tokens: the bot's id in Base64 (digits begin with M, N or O), a time, a hash. */
export function findDiscordTokens(text: string, spans: Span[]): void {
  for (let dot = text.indexOf("."); dot >= 0; dot = text.indexOf(".", dot + 1)) {
    const second = [dot + 6, dot + 7, dot + 8].find((at) => text[at] === ".");
    if (second === undefined || !/^[A-Za-z0-9_-]+$/.test(text.slice(dot + 1, second))) continue;
    const head = /[A-Za-z0-9_-]*$/.exec(text.slice(Math.max(0, dot - 40), dot))?.[0] ?? "";
    let start = -1;
    for (let at = dot - head.length; at < dot && start < 0; at += 1) {
      const length = dot - at;
      if (length >= 23 && length <= 28 && /[MNO]/.test(text[at] ?? "")) start = at;
    }
    if (start < 0) continue;
    const tail = run(DASHED, text, second + 1);
    const end = second + 1 + tail.length;
    if (tail.length < 27 || !/[0-9]/.test(text.slice(start, Math.min(end, second + JUDGED)))) continue;
    spans.push({ start, end, kind: "discord-token" });
  }
}

/** What is secret because of the name or the place it stands at. The last group of each is the secret. */
const NAMED: [kind: string, pattern: RegExp][] = [
  ["password", /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/@:"'`<>]{0,200}:([^\s/@"'`<>]{1,200})(?=@[A-Za-z0-9[])/gi],
  [
    "url-secret",
    /[?&;](?:access_token|refresh_token|id_token|auth_token|token|api_?key|client_secret|secret|password|passwd|signature|sig)=([^&\s"'`<>#;,)\]}]{6,})/gi,
  ],
  [
    "secret",
    /\b(?:[A-Z][A-Z0-9_]{0,60}_)?(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|ACCESS_KEY|PRIVATE_KEY|SECRET_KEY)\\?["']?[ \t]{0,4}[:=][ \t]{0,4}\\?["']?([^\s"'`\\;,&|<>(){}[\]$]{8,})/g,
  ],
  ["secret", /(?<![\w-])--(?:password|passwd|passphrase|secret|token|api-?key|auth-token|access-token|private-key|client-secret)[= \t]{1,4}\\?["']?([^\s"'`\\$<>-][^\s"'`\\$<>]{5,})/g],
  ["authorization", /\b(?:Bearer|Bot|Basic)[ \t]+([A-Za-z0-9._~+/=-]{16,})/g],
];

/** Names of other things, not values. */
const REFERENCE = /^(?:\[redacted:|process\.|import\.|os\.|env[.:]|std::|self\.|config\.|settings\.|\*+$|x+$|\.+$)|^(?:redacted|required|optional|undefined|str|string)\b/i;

export function findNamed(text: string, spans: Span[]): void {
  for (const [kind, pattern] of NAMED) {
    for (const found of text.matchAll(pattern)) {
      const value = found[1];
      if (value === undefined || REFERENCE.test(value)) continue;
      if (kind === "authorization" && !/[0-9]/.test(value)) continue;
      if (kind === "secret" && !/[0-9]|[^A-Za-z_.:-]/.test(value) && value.length < 20) continue;
      const start = found.index + found[0].lastIndexOf(value);
      spans.push({ start, end: start + value.length, kind });
    }
  }
}

/** Whether a word begins here; the `n` of an escaped `\n` before it is no letter. */
function beginsWord(text: string, start: number): boolean {
  if (start === 0 || /\\[nrt]$/.test(text.slice(Math.max(0, start - 2), start))) return true;
  return !/[A-Za-z0-9_]/.test(text[start - 1] ?? "");
}

/** Names are lower case words; tokens mix digits and cases, or never pause. */
function isRandom(body: string): boolean {
  const judged = body.slice(0, JUDGED);
  return (
    /[0-9]/.test(judged) ||
    (/[A-Z]/.test(judged) && /[a-z]/.test(judged)) ||
    (/^[A-Za-z0-9]*/.exec(judged)?.[0].length ?? 0) >= 30
  );
}

/** `sk-` alone also begins class names (`sk-circle-fade-dot-2`): a key has a long part, or mixes everything. */
function isKey(body: string): boolean {
  const judged = body.slice(0, JUDGED);
  const long = judged.split(/[^A-Za-z0-9]/).some((part) => part.length >= 30 || (part.length >= 16 && /[0-9]/.test(part)));
  const count = (is: RegExp) => judged.match(is)?.length ?? 0;
  return long || (count(/[A-Z]/g) >= 2 && count(/[a-z]/g) >= 2 && count(/[0-9]/g) >= 3);
}

function isAwsId(body: string): boolean {
  return body.length === 16;
}

/** A header and a payload; the signature is optional, since one without it still names its bearer. */
function isWebToken(body: string): boolean {
  const [header, payload] = body.split(".");
  return (header?.length ?? 0) >= 8 && (payload?.length ?? 0) >= 8;
}
