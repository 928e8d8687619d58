/** What `/discord` says. */
import type { Phase } from "./attach";
import type { DaemonStatus, Outcome } from "./client";
import { isOlder, MIN_DAEMON_VERSION, UPDATE_DAEMON, UPDATE_EXTENSION, VERSION } from "./version";

export const USAGE = "Usage: /discord (how it stands), /discord on (share this session), /discord off (stop sharing it)";

/** The item in the footer. */
export function footer(phase: Phase): string | undefined {
  switch (phase) {
    case "attached":
      return "● on Discord";
    case "attaching":
      return "◌ Discord: connecting";
    case "reattaching":
      return "◌ Discord: connection lost, trying again";
    case "blocked":
      return "◌ Discord: running there";
    case "detached":
      return undefined;
  }
}

export interface Standing {
  daemon: Outcome<DaemonStatus> | "no token" | "not set";
  address: string;
  phase: Phase;
  threadUrl: string;
  waiting: number;
  webhook: boolean;
  notify: { on: boolean; minMs: number };
  problems: string[];
}

export function standing(is: Standing): string {
  return [daemonLines(is), sessionLine(is), noticeLine(is), ...is.problems.map((problem) => `! ${problem}`)].flat().join("\n");
}

function daemonLines({ daemon, address }: Standing): string[] {
  if (daemon === "not set") return ["Daemon: no usable address"];
  if (daemon === "no token") return ["Daemon: no token found; start it once with `ompcord run`"];
  if (!daemon.ok) {
    if (daemon.status === 401 || daemon.status === 403) return [`Daemon: runs at ${address}, but does not accept this user's token`];
    if (daemon.kind === "refused") return [`Daemon: ${daemon.message}`];
    if (daemon.kind === "garbage") return [`Daemon: what answers at ${address} is not ompcord`];
    return [`Daemon: ${daemon.kind === "timeout" ? "does not answer" : "not running"} at ${address}`];
  }
  const { bot, ready, latencyMs, guilds, version, minExtensionVersion } = daemon.body;
  const state = ready ? "ready" : "not connected to Discord yet";
  const latency = latencyMs === undefined ? "" : `, ${latencyMs} ms`;
  const lines = [`Daemon: ompcord ${version || "of an unknown version"}, ${bot ? `bot ${bot}, ` : ""}${state}${latency}`];
  if (guilds.length > 0) lines.push(`Server${guilds.length > 1 ? "s" : ""}: ${guilds.join(", ")}`);
  if (isOlder(VERSION, minExtensionVersion)) {
    lines.push(`! This extension (${VERSION}) is too old for it. ${UPDATE_EXTENSION}`);
  }
  if (isOlder(version, MIN_DAEMON_VERSION)) {
    lines.push(`! It is too old for this extension (${VERSION}), which needs ${MIN_DAEMON_VERSION}. ${UPDATE_DAEMON}`);
  }
  return lines;
}

function sessionLine({ phase, threadUrl, waiting }: Standing): string {
  const unsent = waiting > 0 ? ` (${waiting} ${waiting === 1 ? "event" : "events"} not sent yet)` : "";
  switch (phase) {
    case "attached":
      return `This session: on Discord${threadUrl ? `, ${threadUrl}` : ""}${unsent}`;
    case "attaching":
      return `This session: connecting${unsent}`;
    case "reattaching":
      return `This session: connection lost, tried again by itself${unsent}`;
    case "blocked":
      return "This session: runs on Discord right now; it connects when that is over";
    case "detached":
      return "This session: not shared (/discord on shares it)";
  }
}

function noticeLine({ webhook, notify, daemon }: Standing): string {
  if (!notify.on) return "Notices when a run ends: off";
  const way = typeof daemon === "object" && daemon.ok ? "through the daemon" : webhook ? "through the webhook" : "nowhere to send them (no daemon, no DISCORD_WEBHOOK_URL)";
  const from = notify.minMs > 0 ? `, for runs of ${notify.minMs / 1000} s and more` : "";
  return `Notices when a run ends: ${way}${from}`;
}
