// Output is safe for terminals, whatever text comes from a server, a publisher or an argument. All commands print
// through one file.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { cleanup } from "../support/cleanup.ts";
import { onTerminal, run } from "../support/command.ts";
import { ACTED_ON, COLORS, EVIL } from "../support/evil.ts";
import { folder, runProcess } from "../support/process.ts";
import { startServer } from "../support/server.ts";
import { bearer, claims, SECRET, token } from "../support/tokens.ts";

const SRC = join(import.meta.dir, "../../src");

/** Matches code that writes to a terminal directly. */
const WRITES =
  /\b(?:process\.)?std(?:out|err)\.write\b|\bconsole\.\w+\(|\bBun\.(?:stdout|stderr)\b|\bwriteSync\(\s*[12]\b/;

test("only terminal.ts writes to the terminal", async () => {
  const found: string[] = [];
  for await (const path of new Bun.Glob("cli/**/*.ts").scan(SRC))
    if (WRITES.test(await Bun.file(join(SRC, path)).text())) found.push(path.replaceAll("\\", "/"));
  expect(found).toEqual(["cli/terminal.ts"]);
});

test.each([
  "process.stdout.write(x)",
  "stderr.write(x)",
  "console.log(x)",
  "Bun.stdout.writer()",
  "writeSync(1, x)",
])("the checker finds %s", (text) => expect(text).toMatch(WRITES));

/** A server whose responses all contain harmful characters. */
function hostile(status = 200): string {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () =>
      Response.json(
        {
          rooms: [{ room: EVIL, sessions: 2, kept: { count: 1 }, [EVIL]: EVIL }],
          code: EVIL,
          detail: EVIL,
          results: [{ error: { code: EVIL, message: EVIL } }],
        },
        { status },
      ),
  });
  cleanup(() => server.stop(true));
  return `http://127.0.0.1:${server.port}`;
}

test.each([
  ["rooms", ["rooms"], 200],
  ["rooms --json", ["rooms", "--json"], 200],
  ["rooms --color always", ["rooms", "--color", "always"], 200],
  ["an error of rooms", ["rooms"], 400],
  ["an error of publish", ["publish", "r", "x"], 403],
  ["an error of one published line", ["publish", "r", "x"], 200],
  ["an error of tail", ["tail", "r"], 403],
  ["an error of bench", ["bench"], 403],
  ["an argument", ["tail", "r", "--last", EVIL], 200],
  ["an unknown command", [EVIL.replaceAll("\u0000", "")], 200],
  ["an address", ["rooms", "--url", `http://${EVIL}`], 200],
  ["a credential's file", ["rooms", "--token-file", EVIL], 200],
  ["a config's name", ["check", EVIL], 200],
  ["a server's argument", ["--config", EVIL], 200],
] as [string, string[], number][])(
  "%s: the output has no effect on a terminal",
  async (what, args, status) => {
    const { out, err } = await run(args, { THUMP_URL: hostile(status) });
    const ours = what.includes("color") ? COLORS : /(?!)/g;
    expect(out.replaceAll(ours, "") + err).not.toMatch(ACTED_ON);
    expect(out + err).toContain("\\u009b31m");
  },
);

test("room names in a redrawn list have no effect on a terminal", async () => {
  const screen = onTerminal(["rooms", "--watch", "50ms"], { THUMP_URL: hostile(), NO_COLOR: "1" });
  const text = await screen.until((all) => all.includes("\\u009b31m"));
  expect(text.replaceAll("\u001b[H\u001b[2J", "").replaceAll("\r\n", "\n")).not.toMatch(ACTED_ON);
});

test.each([[["--json"]], [[]], [["--color", "always"]]])(
  "tail %j: data, keys, events, users and rooms",
  async (flags) => {
    const server = startServer({ access: { secrets: SECRET } });
    // Names cannot contain control characters, but can contain characters that change the text direction.
    const [room, event, user] = ["r\u202e", "e\u2066\u061c", "u\u202e"];
    const headers = bearer(token(claims({ sub: user })));
    const posted = await fetch(`${server.url}/publish`, {
      method: "POST",
      headers,
      body: JSON.stringify([
        { room, event, data: { [EVIL]: [EVIL] } },
        { room, event, data: EVIL },
      ]),
    });
    expect(posted.status).toBe(200);
    const { code, out, err } = await run(["tail", room, "other", "--last", "2", "--count", "2", ...flags], {
      THUMP_URL: server.url,
      THUMP_TOKEN: token(claims()),
    });
    expect(code).toBe(0);
    const ours = flags.includes("--color") ? COLORS : /(?!)/g;
    expect(out.replaceAll(ours, "") + err).not.toMatch(ACTED_ON);
    if (!flags.includes("--json")) return;
    const lines = out.split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toMatchObject([
      { room, event, from: user, data: { [EVIL]: [EVIL] } },
      { room, event, from: user, data: EVIL },
    ]);
  },
);

test("check prints a config's names as JSON", async () => {
  const cwd = folder({ "thump.config.json": JSON.stringify({ rooms: { [EVIL]: { history: false } } }) });
  const { code, out } = await runProcess(["check"], {}, cwd);
  expect(code).toBe(0);
  expect(out).not.toMatch(ACTED_ON);
  expect(Object.keys((JSON.parse(out) as { rooms: object }).rooms)).toContain(EVIL);
});
