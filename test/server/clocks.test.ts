// Intervals are monotonic: the machine's clock, which anybody may set, is read only where a date is stored, signed or shown.
import { expect, test } from "bun:test";
import { join } from "node:path";

const SRC = join(import.meta.dir, "../../src");
/** How often a file reads the machine's clock, and what for. A timeout, an interval or a rate is no reason. */
const ALLOWED: Record<string, [times: number, reason: string]> = {
  "log/clock.ts": [2, "makes a clock of it that does not jump"],
  "auth/tokens.ts": [3, "exp, iat and nbf are dates that somebody signed"],
  "auth/authenticator.ts": [1, "exp of a token that was shown a while ago"],
  "auth/revocations.ts": [1, "up to which iat tokens are revoked"],
  "transports/http/operator-actions.ts": [3, "up to which iat, and until which exp, tokens are revoked"],
  "hub/heartbeat.ts": [1, "exp of a session's token"],
  "client/connection.ts": [1, "exp of the token that is to be renewed"],
  "cli/create-token.ts": [1, "iat and exp of the token that it makes"],
  "server/app.ts": [1, "until when a certificate is good"],
  "server/metrics/process-metrics.ts": [1, "when the process began, which Prometheus wants as a date"],
  "server/status-rooms/server-stats.ts": [1, "shown: when a sample was taken"],
  "server/status-rooms/status-publisher.ts": [1, "shown: when errors were gathered"],
  "cli/tail/message-format.ts": [1, "shown: whether it was today"],
  "cli/list-rooms-command.ts": [1, "shown: when the list was read"],
  "console/app/hooks.ts": [2, "shown: how long ago something was"],
};

const WALL = /\bDate\.now\b|\bnew Date\(\)|\bDate\(\)/g;

/** How often code reads the machine's clock, but for its comments. */
function readsWall(text: string): number {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|\s)\/\/.*$/gm, "");
  return code.match(WALL)?.length ?? 0;
}

test("the machine's clock is read only for dates that are stored, signed or shown", async () => {
  const found: Record<string, number> = {};
  for await (const path of new Bun.Glob("**/*.{ts,tsx}").scan(SRC)) {
    const times = readsWall(await Bun.file(join(SRC, path)).text());
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
  expect(readsWall(text)).toBe(times);
});
