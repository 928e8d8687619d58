import { expect, test } from "bun:test";
import { Redactor } from "../src/redact";
import { ARGS, truncate } from "../src/truncate";
import { SECRETS } from "./secrets";
import { oneLine, plain, safeText } from "../src/words";

const none = new Redactor([]);

function key(label: string): string {
  const line = "MIIEowIBAAKCAQEAq7v3Zb0uYlq1z5yXh2m4".repeat(2);
  return `-----BEGIN ${label}-----\n${line}\n${line}\nab+/cd==\n-----END ${label}-----`;
}

test("each kind is found wherever it stands", () => {
  const places: [string, string][] = [
    ["", ""],
    ["KEY=", "\n"],
    ['say "', '".'],
    ['{"log":"a\\n', '\\nb"}'],
    ["größe: ", " 👩‍💻"],
    ["`", "`"],
    ["at ", ", and"],
  ];
  for (const [kind, secret] of SECRETS) {
    for (const [before, after] of places) {
      expect(none.redact(before + secret + after)).toBe(`${before}[redacted:${kind}]${after}`);
    }
  }
});

test("headers keep their names", () => {
  const long = "abcdefgh12345678";
  const cases: [string, string][] = [
    ["Authorization: Bearer abcd", "Authorization: Bearer [redacted:authorization]"],
    ["authorization: basic dXNlcjpwYXNz", "authorization: basic [redacted:authorization]"],
    ['curl -H "Authorization: Bearer abcd" x', 'curl -H "Authorization: Bearer [redacted:authorization]" x'],
    ['{"Authorization": "Bot abcd.ef"}', '{"Authorization": "Bot [redacted:authorization]"}'],
    ['{\\"authorization\\":\\"Bearer abcd\\"}', '{\\"authorization\\":\\"Bearer [redacted:authorization]\\"}'],
    [`Authorization: ${long}`, "Authorization: [redacted:authorization]"],
    [`X-Api-Key: ${long}`, "X-Api-Key: [redacted:api-key]"],
    [`AWS_SECRET_ACCESS_KEY=${long}/${long}`, "AWS_SECRET_ACCESS_KEY=[redacted:aws-key]"],
  ];
  for (const [text, shown] of cases) {
    expect(none.redact(text)).toBe(shown);
    expect(none.redact(shown)).toBe(shown);
  }
});

test("what is secret by its place is taken too", () => {
  const cases: [string, string][] = [
    ["git clone https://ana:hunter2pw@example.com/x.git", "git clone https://ana:[redacted:password]@example.com/x.git"],
    ["postgres://app:p-ss!word@[::1]/db", "postgres://app:[redacted:password]@[::1]/db"],
    ["GET /x?a=1&access_token=abc123def&b=2", "GET /x?a=1&access_token=[redacted:url-secret]&b=2"],
    ["DB_PASSWORD=correct7horse", "DB_PASSWORD=[redacted:secret]"],
    ['export MY_API_KEY="abcd1234efgh"', 'export MY_API_KEY="[redacted:secret]"'],
    ["login --password hunter2hunter2 --user x", "login --password [redacted:secret] --user x"],
    ["sent Bearer abcdefgh12345678 to it", "sent Bearer [redacted:authorization] to it"],
  ];
  for (const [text, shown] of cases) {
    expect(none.redact(text)).toBe(shown);
    expect(none.redact(shown)).toBe(shown);
  }
});

test("ordinary code is left alone", () => {
  const texts = [
    "task-list-item-class-name risk-assessment-report-2024-final disk-usage-monitoring-tool",
    "task-proj-2024-backend-refactoring-plan ask-ant-colony-optimization-42",
    ".sk-circle-fade-dot-animation .sk-folding-cube .sk-circle12 .sk-cube-grid-delay-2",
    "550e8400-e29b-41d4-a716-446655440000 380d88c2f0e1d2c3b4a5968778695a4b3c2d1e0f",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "npm_config_registry npm_lifecycle_event ghp_ gho_some_snake_case_name_here_too xoxb-",
    "MyVeryLongJavaClassNameHere.method.anotherVeryLongMethodNameInJava",
    'let h = format!("Authorization: Bearer {token}"); // Authorization: required',
    "curl -H \"Authorization: Bearer $TOKEN\" -H 'Authorization: Bearer <token>'",
    "AKIA is a prefix, AKIAIOSFODNN7EXAMPLEX is too long, eyJ is how JSON begins",
    "https://discord.com/developers/docs/resources/webhook webhooks/123/abc",
    'key.replace("-----BEGIN PRIVATE KEY-----", "").replace("-----END PRIVATE KEY-----", "")',
    "-----BEGIN CERTIFICATE-----\nMIIEowIBAAKCAQEAq7v3Zb0uYlq1z5yXh2m4\n-----END CERTIFICATE-----",
    "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    "MAX_TOKENS=4096 TOKEN=$TOKEN API_KEY=process.env.API_KEY const SECRET = load(); --token-limit 5",
    "http://localhost:8080/path?page=2&sort=name user@example.com:path/to git@github.com:a/b.git",
    "fn token(&self) -> Token { self.token }  password: string; tokens: 12 000",
  ];
  for (const text of texts) expect(none.redact(text)).toBe(text);
});

test("private keys are taken whole", () => {
  for (const label of ["PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"]) {
    const whole = key(label);
    expect(none.redact(`a\n${whole}\nb c`)).toBe("a\n[redacted:pem]\nb c");
    expect(none.redact(`{"k":"${whole.replaceAll("\n", "\\n")}\\n"}`)).toBe('{"k":"[redacted:pem]\\n"}');
    const numbered = whole.split("\n").map((line, at) => `${String(at + 1).padStart(5)}| ${line}`);
    expect(none.redact(numbered.join("\n"))).toBe("    1| [redacted:pem]");
    expect(none.redact(whole.replaceAll("\n", "\r\n    "))).toBe("[redacted:pem]");
    const open = whole.slice(0, whole.indexOf("-----END"));
    expect(none.redact(`${open}`)).toStartWith("[redacted:pem]");
  }
});

test("literals are found in any place, short ones ignored", () => {
  const redactor = new Redactor([["bot-token", "hunter2-hunter2"], ["api-token", " two words \n"], ["short", "abc"]]);
  expect(redactor.redact("xhunter2-hunter2y two words abc")).toBe("x[redacted:bot-token]y [redacted:api-token] abc");
});

test("a cut never leaves half a secret", () => {
  for (const [, secret] of SECRETS) {
    // Wherever the cut falls within it.
    for (const limit of [1_000, 1_000 - 7, 1_000 + 5, 1_000 + secret.length - 3, 1_000 + secret.length]) {
      const text = `${"x ".repeat(500)}${secret} ${"y ".repeat(20_000)}`;
      const shown = safeText(text, limit, none);
      expect(shown.length).toBeLessThanOrEqual(limit);
      expect(shown).not.toContain(secret.slice(0, 12));
    }
    // And at the end of what is looked at.
    for (const over of [3, 9, secret.length - 2]) {
      const text = "x ".repeat(3_000).slice(0, 1_000 + 4_096 - over) + secret + "z".repeat(9_000);
      expect(safeText(text, 1_000, none)).not.toContain(secret.slice(0, 8));
    }
  }
});

test("hostile text takes linear time", () => {
  const pieces = ["sk-", "eyJ", "a.", "webhooks/", "-----BEGIN ", "Authorization: ", "http", "M".repeat(50), "PASSWORD", "A_", "://a:", "?token=", "--token ", "Bearer ", " ", "\\", "\t"];
  for (const piece of pieces) {
    const text = piece.repeat(Math.ceil(1_000_000 / piece.length));
    const began = performance.now();
    none.redact(text);
    // Quadratic would be minutes; this only tells the two apart.
    expect(performance.now() - began).toBeLessThan(10_000);
  }
});

test("nothing hostile gets through the copy, and nothing throws", () => {
  const cycle: any = { name: "a" };
  cycle.self = cycle;
  cycle.list = [cycle];
  const throwing = Object.defineProperty({ fine: 1 }, "bad", { enumerable: true, get: () => { throw new Error("no"); } });
  const angry = new Proxy({}, { ownKeys: () => { throw new Error("keys"); }, get: () => { throw new Error("get"); }, getPrototypeOf: () => { throw new Error("proto"); } });
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();
  const deep: any = {};
  let at = deep;
  for (let n = 0; n < 10_000; n += 1) at = at.next = {};
  const values: unknown[] = [
    cycle, throwing, angry, revoked, deep, undefined, null, NaN, Infinity, -0, 10n ** 400n, 5n, Symbol("s"), () => 1,
    new Date(NaN), new Date(0), new Map([["a", 1]]), new Set([1]), new Uint8Array(1e6), new Error("e"), "x".repeat(5e6),
    Array.from({ length: 1e6 }, (_, n) => n), Object.fromEntries(Array.from({ length: 1e5 }, (_, n) => [`k${n}`, n])),
    { toJSON: () => { throw new Error("json"); } }, { __proto__: null, constructor: "x" }, JSON.parse('{"__proto__":{"polluted":1}}'),
    Object.assign([], { length: 4294967295 }), "\ud800 lone", { ["\udfff"]: "\ud800" }, new (class { get [Symbol.toStringTag]() { throw new Error("tag"); } })(),
    Object.assign(new Error("x"), { name: { toString() { throw new Error("name"); } } }),
  ];
  for (const value of values) {
    const text = JSON.stringify(truncate(value, none));
    expect(text.length).toBeLessThan(ARGS.characters * 6 + 20_000);
    expect(text).not.toMatch(/\\ud[89a-f]/i);
  }
  expect(({} as any).polluted).toBeUndefined();
  expect(truncate(cycle, none)).toEqual({ name: "a", self: "[circular]", list: ["[circular]"] });
  expect(truncate(throwing, none)).toEqual({ fine: 1, bad: "[unreadable]" });
  const same = { a: 1 };
  expect(truncate([same, same], none)).toEqual([{ a: 1 }, { a: 1 }]);
});

test("arguments lose what their names say is secret", () => {
  const args = {
    headers: { Authorization: "Bearer abcd", "x-api-key": "k1k1k1k1", Cookie: "sid=1234" },
    env: { DB_PASSWORD: "letmein", githubToken: "abcd-efgh", TOKENS: "12" },
    argv: ["curl", "-H", "Authorization:", "Bearer abcd", "--token", "plainword", "--user", "ana"],
    url: "https://a:pw123456@host/?token=abcdefgh",
    note: "the token is elsewhere",
  };
  expect(truncate(args, none)).toEqual({
    headers: { Authorization: "Bearer [redacted:authorization]", "x-api-key": "[redacted:secret]", Cookie: "[redacted:secret]" },
    env: { DB_PASSWORD: "[redacted:secret]", githubToken: "[redacted:secret]", TOKENS: "12" },
    argv: ["curl", "-H", "Authorization:", "Bearer [redacted:authorization]", "--token", "[redacted:secret]", "--user", "ana"],
    url: "https://a:[redacted:password]@host/?token=[redacted:url-secret]",
    note: "the token is elsewhere",
  });
});

test("every kind is taken out of every place of an argument", () => {
  for (const [, secret] of SECRETS) {
    const args = { [secret]: 1, a: secret, b: [secret, { c: `x ${secret} y` }], d: new Map([[secret, secret]]), e: new Set([secret]), f: new Error(secret) };
    expect(JSON.stringify(truncate(args, none))).not.toContain(secret);
  }
});

test("the terminal is not steered", () => {
  expect(plain("a\u001b[31mred\u001b[0m\u001b]0;title\u0007b\u0000\u009b2J\u202ec\r\nd\te")).toBe("aredb2Jc\nd\te");
  expect(oneLine("a\n b\t\u001b[2J c", 100)).toBe("a b c");
  expect(oneLine("😀".repeat(10), 4)).toBe("😀…");
});
