/** The handshake: each side names the oldest version of the other that it still understands. */
import { version } from "../package.json";

export const VERSION: string = version;
export const MIN_DAEMON_VERSION = "0.1.0";

/** What helps when the other side is the older one. */
export const UPDATE_DAEMON = "Update ompcord, then start it again: `ompcord run`, or `systemctl --user restart ompcord`.";
export const UPDATE_EXTENSION = "Update it with `ompcord extension install`, then start omp again.";

/** Whether `version` is before `least`. One that cannot be read is not: it may be newer than this. */
export function isOlder(version: string, least: string): boolean {
  const parse = (text: string) => /^v?(\d+)\.(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number);
  const [own, other] = [parse(version), parse(least)];
  if (!own || !other) return false;
  for (let at = 0; at < 3; at += 1) {
    const difference = (own[at] ?? 0) - (other[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
