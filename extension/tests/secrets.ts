/** Secrets of every kind, all made up. */

// Put together at run time, so that no scanner takes this file for a leak. The same as in src/render/redact/mod.rs.
const random = "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4zAb3dEf6h";
const first = (length: number) => random.slice(0, length);
const hex = "0123456789abcdef0123456789abcdef";
export const SECRETS: [kind: string, secret: string][] = [
  ["api-key", `sk-${random}`],
  ["api-key", `sk-${hex}`],
  ["anthropic-key", `sk-ant-api03-${random}-${random}_AA`],
  ["openai-key", `sk-proj-${random}_${random}`],
  ["github-token", `ghp_${first(36)}`],
  ["github-token", `ghs_${first(36)}`],
  ["github-token", `ghr_${"a".repeat(36)}`],
  ["github-token", `github_pat_${first(22)}_${random}`],
  ["slack-token", `xoxb-123456789012-${first(24)}`],
  ["aws-key", `AKIA${"IOSFODNN7EXAMPLE"}`],
  ["aws-key", `ASIA${"IOSFODNNQEXAMPLE"}`],
  ["discord-token", `MTIzNDU2Nzg5MDEyMzQ1Njc4.GaBcDe.${first(38)}`],
  ["discord-token", `NzkyNzE1NDU0MTk2MDg4ODQy.X-hvzA.${first(27)}`],
  ["webhook", `https://discord.com/api/webhooks/123456789012345678/${random}-${random}`],
  ["webhook", `https://ptb.discordapp.com/api/v10/webhooks/123456789012345678/${random}`],
  ["webhook", `http://127.0.0.1:4000/api/v10/webhooks/123456789012345678/${random}`],
  ["jwt", `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.${random}`],
  ["jwt", `eyJ${random.repeat(15)}.eyJzdWIiOiIxIn0.${random}`],
  ["google-key", `AIza${first(35)}`],
  ["gitlab-token", `glpat-${first(20)}`],
  ["npm-token", `npm_${first(36)}`],
  ["stripe-key", `sk_live_${first(24)}`],
  ["huggingface-token", `hf_${first(34)}`],
  ["pypi-token", `pypi-AgE${random}`],
  ["slack-webhook", `hooks.slack.com/services/T0001/B0001/${first(24)}`],
  ["api-token", `ompo_${random}_x-`],
  ["api-token", `omps_${random}_x-`],
];
