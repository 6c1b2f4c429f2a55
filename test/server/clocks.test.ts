// Intervals use a monotonic clock. The wall clock, which can be set, is read only for dates that are stored, signed or
// displayed.
import { expect, test } from "bun:test";
import { join } from "node:path";

const SRC = join(import.meta.dir, "../../src");
/**
 * The number of wall-clock reads in each file, with the reason. Timeouts, intervals and rates are not valid reasons.
 */
const ALLOWED: Record<string, [times: number, reason: string]> = {
  "log/clock.ts": [2, "derives a clock without jumps"],
  "auth/tokens.ts": [3, "exp, iat and nbf are signed dates"],
  "auth/authenticator.ts": [1, "exp of a previously verified token"],
  "auth/revocations.ts": [1, "the iat up to which tokens are revoked"],
  "service/end-sessions.ts": [3, "the iat and exp up to which tokens are revoked"],
  "hub/heartbeat.ts": [1, "exp of a session's token"],
  "client/connection.ts": [1, "exp of the token to renew"],
  "cli/create-token.ts": [1, "iat and exp of a new token"],
  "server/app.ts": [1, "expiry of a certificate"],
  "server/metrics/process-metrics.ts": [1, "start time of the process, as a date for Prometheus"],
  "server/status-rooms/server-stats.ts": [1, "displayed: time of a sample"],
  "server/status-rooms/status-publisher.ts": [1, "displayed: time of an error report"],
  "cli/tail/message-format.ts": [1, "displayed: whether a date is today"],
  "cli/list-rooms-command.ts": [1, "displayed: time of the list"],
  "console/app/hooks.ts": [2, "displayed: time since an event"],
};

const WALL_CLOCK = /\bDate\.now\b|\bnew Date\(\)|\bDate\(\)/g;

/** Counts the wall-clock reads in code, ignoring comments. */
function countReads(text: string): number {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|\s)\/\/.*$/gm, "");
  return code.match(WALL_CLOCK)?.length ?? 0;
}

test("the wall clock is read only for dates that are stored, signed or displayed", async () => {
  const found: Record<string, number> = {};
  for await (const path of new Bun.Glob("**/*.{ts,tsx}").scan(SRC)) {
    const times = countReads(await Bun.file(join(SRC, path)).text());
    if (times > 0) found[path.replaceAll("\\", "/")] = times;
  }
  expect(found).toEqual(Object.fromEntries(Object.entries(ALLOWED).map(([path, [times]]) => [path, times])));
});

test.each([
  ["const now = Date.now();", 1],
  ["const at = [new Date(), Date()];", 2],
  ["clock = Date.now", 1],
  ["// Date.now()\n/** Date.now() */ new Date(time)", 0],
])("the checker counts %j: %i", (text, times) => {
  expect(countReads(text)).toBe(times);
});
