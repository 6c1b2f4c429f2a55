// `thump tail` as a command: its output, its formats, its reconnects, and its exit codes.
import { expect, test } from "bun:test";
import { eventually, publishAt, stateOf } from "../support/answers.ts";
import { command, onTerminal, run } from "../support/command.ts";
import { environment, folder, killAfter, THUMP } from "../support/process.ts";
import { Proxy } from "../support/proxy.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { bearer, claims, SECRET, token } from "../support/tokens.ts";

const at = ({ url }: { url: string }) => ({ THUMP_URL: url });
const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);

/** Starts the command, and waits until it has joined its rooms. */
async function tailing(server: TestServer, args: string[], env = {}, sessions = 1) {
  const tail = command(["tail", ...args], { ...at(server), ...env });
  await eventually(() => server.thump.hub.sessions.size === sessions);
  const [room = ""] = args;
  await eventually(() => (server.thump.hub.rooms.get(room)?.members.size ?? 0) > 0);
  return tail;
}

test("one line per message, with time, event and data, and with the room if there are several", async () => {
  const server = startServer();
  const tail = await tailing(server, ["chat:42", "--count", "3"]);
  const before = new Date();
  await server.publish("chat:42", '{"text":"it\'s","n":[1,{"deep":{"er":null}}]}', { event: "said" });
  await server.publish("chat:42", "two\nlines");
  await server.publish("chat:42", Uint8Array.of(1, 255), { "content-type": "application/octet-stream" });
  expect(await tail.ended).toBe(0);
  const time = "[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}";
  const day = before.getDate() === new Date().getDate() ? "" : "([0-9-]+ )?";
  const [first = "", second = "", third = ""] = tail.out.all;
  expect(first).toMatch(
    new RegExp(`^${day}${time}  said  \\{ text: "it's", n: \\[ 1, \\{ deep: \\{ er: null \\} \\} \\] \\}$`),
  );
  expect(second).toMatch(/ {2}message {2}two\\nlines$/);
  expect(third).toMatch(/ {2}2 bytes: 01ff$/);
  const several = await run(["tail", "chat:42", "other", "--last", "1", "--count", "1"], at(server));
  expect(several.out).toMatch(/ {2}chat:42 {2}message {2}2 bytes/);
});

test("--json prints envelopes, --last and --after set the start, --events selects events", async () => {
  const server = startServer();
  const cursors = [];
  for (const n of numbers(6))
    cursors.push(await publishAt(server, "r", String(n), { event: n % 2 ? "odd" : "even" }));
  const ask = async (...args: string[]) => {
    const { code, out } = await run(["tail", "r", "--json", ...args], at(server));
    expect(code).toBe(0);
    return out.split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  const { messages } = await stateOf(server, "r");
  for (const message of messages) delete message["prev"];
  expect(await ask("--last", "6", "--count", "6")).toEqual(messages);
  expect(await ask("--after", String(cursors[3]), "--count", "2")).toEqual(messages.slice(4));
  expect(await ask("--last", "6", "--events", "odd,none", "--count", "3")).toEqual(
    messages.filter(({ event }) => event === "odd"),
  );
});

test("after a disconnect it resumes where it left off, and reports this on stderr only", async () => {
  const server = startServer();
  const proxy = await Proxy.start(server.port);
  const tail = await tailing(server, ["r", "--json", "--count", "30"], at(proxy));
  for (const n of numbers(10)) await server.publish("r", String(n));
  await tail.out.until((lines) => lines.length === 10);
  proxy.refuse(true);
  proxy.cut();
  await tail.err.until((lines) => lines.some((line) => line.includes("connection lost")));
  for (const n of numbers(10, 10)) await server.publish("r", String(n));
  proxy.refuse(false);
  await tail.err.until((lines) => lines.some((line) => line.includes("reconnected")));
  for (const n of numbers(10, 20)) await server.publish("r", String(n));
  expect(await tail.ended).toBe(0);
  expect(tail.out.all.map((line) => (JSON.parse(line) as { data: number }).data)).toEqual(numbers(30));
});

test("messages that are no longer stored are reported, with --json as a line of output", async () => {
  const server = startServer({ rooms: { r: { history: { count: 2 } } } });
  const first = await publishAt(server, "r", "0");
  for (const n of numbers(5, 1)) await server.publish("r", String(n));
  const args = ["tail", "r", "--after", first, "--count", "2"];
  const plain = await run(args, at(server));
  expect(plain.err).toContain("r: gap");
  expect(plain.out.split("\n")).toHaveLength(2);
  const json = await run([...args, "--json"], at(server));
  const [gap, ...rest] = json.out.split("\n").map((line) => JSON.parse(line) as object);
  expect(gap).toEqual({ type: "gap", room: "r", after: first, at: expect.any(String) });
  expect(rest.map((one) => (one as { data: number }).data)).toEqual([4, 5]);
});

test("an interrupt exits with 130, and the server has no session left", async () => {
  const server = startServer();
  const tail = await tailing(server, ["r"]);
  await server.publish("r", "x");
  await tail.out.next();
  tail.process.kill("SIGINT");
  expect(await tail.ended).toBe(130);
  expect(tail.err.all).toEqual([]);
  await eventually(() => server.thump.hub.sessions.size === 0);
});

test("a reader that closes the pipe ends the command without an error", async () => {
  const server = startServer();
  for (const n of numbers(50)) await server.publish("r", `{"n":${n},"pad":"${"x".repeat(5000)}"}`);
  const words = `${THUMP.join(" ")} tail r --json --last 50 | head -1; echo "\${PIPESTATUS[0]}"`;
  const shell = Bun.spawn(["bash", "-c", words], {
    env: environment(at(server)),
    stdout: "pipe",
    stderr: "pipe",
  });
  killAfter(shell);
  const [out, err] = await Promise.all([
    new Response(shell.stdout).text(),
    new Response(shell.stderr).text(),
  ]);
  const [line = "", code] = out.split("\n");
  expect([(JSON.parse(line) as { data: { n: number } }).data.n, code, err]).toEqual([0, "0", ""]);
});

test("a stalled reader uses no server memory, and receives all messages when it continues", async () => {
  const count = 3000;
  const server = startServer({ rooms: { r: { history: { count, bytes: "64MiB" } } } });
  const words = `exec ${THUMP.join(" ")} tail r --json --count ${count} | { read; cat; }`;
  const shell = Bun.spawn(["bash", "-c", words], {
    env: environment(at(server)),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  killAfter(shell);
  const { hub } = server.thump;
  await eventually(() => (hub.rooms.get("r")?.members.size ?? 0) === 1);
  for (const n of numbers(count)) await server.publish("r", `{"n":${n},"pad":"${"x".repeat(2000)}"}`);
  // The test does not read the output, so the pipe fills and the command leaves the room.
  await eventually(() => (hub.rooms.get("r")?.members.size ?? 0) === 0);
  const lines = (await new Response(shell.stdout).text()).trim().split("\n");
  const found = lines.map((line) => (JSON.parse(line) as { data: { n: number } }).data.n);
  expect(found).toEqual(numbers(count - 1, 1));
});

test("colors on a terminal and not in a pipe, unless requested otherwise", async () => {
  const server = startServer();
  await server.publish("r", '{"text":"hi"}');
  const args = ["tail", "r", "--last", "1", "--count", "1"];
  // oxlint-disable-next-line no-control-regex -- the test matches control characters
  const colored = (text: string) => /\u001b\[[0-9;]*m/.test(text);
  const shown = async (more: string[], env = {}) => {
    const terminal = onTerminal([...args, ...more], { ...at(server), ...env });
    expect(await terminal.ended).toBe(0);
    expect(terminal.text()).toContain("text");
    return colored(terminal.text());
  };
  expect(await shown([])).toBe(true);
  expect(await shown([], { NO_COLOR: "1" })).toBe(false);
  expect(await shown(["--color", "never"])).toBe(false);
  expect(await shown(["--color", "always"], { NO_COLOR: "1" })).toBe(true);
  expect(colored((await run(args, at(server))).out)).toBe(false);
  expect(colored((await run([...args, "--color", "always"], at(server))).out)).toBe(true);
});

test("messages cannot move the reader's cursor", async () => {
  const server = startServer();
  const evil = "\u001b[2J\u009b1m\u202e\u0007\r\n";
  await server.publish("r", evil);
  await server.publish("r", JSON.stringify({ text: evil, [evil]: [evil] }));
  const { out } = await run(["tail", "r", "--last", "2", "--count", "2"], at(server));
  // oxlint-disable-next-line no-control-regex -- the test matches control characters
  expect(out.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  expect(out.split("\n")).toHaveLength(2);
});

test("the token comes from the environment or a file; an invalid one exits with 3", async () => {
  const server = startServer({ access: { secrets: SECRET } });
  const good = token(claims());
  await fetch(server.room("r"), { method: "POST", body: "1", headers: bearer(good) });
  const args = ["tail", "r", "--last", "1", "--count", "1"];
  for (const name of ["THUMP_TOKEN", "THUMP_API_KEY"])
    expect((await run(args, { ...at(server), [name]: good })).code).toBe(0);
  const cwd = folder({ token: `${good}\n` });
  expect((await run([...args, "--token-file", `${cwd}/token`], at(server))).code).toBe(0);
  for (const [env, why] of [
    [{}, "unauthorized"],
    [{ THUMP_TOKEN: token(claims({ rooms: {} })) }, "forbidden"],
  ] as const) {
    const { code, err } = await run(args, { ...at(server), ...env });
    expect([code, err.split("\n")]).toEqual([3, [expect.stringContaining(`(${why})`)]]);
  }
});

test("a later removal exits with 3 too", async () => {
  const server = startServer({ access: { secrets: SECRET } });
  const tail = await tailing(server, ["r"], { THUMP_TOKEN: token(claims()) });
  for (const session of server.thump.hub.sessions.values()) session.end(4403, "removed");
  expect(await tail.ended).toBe(3);
  expect(tail.err.all).toEqual([expect.stringContaining("forbidden")]);
});

test("an unreachable server: exit code 4", async () => {
  const proxy = await Proxy.start(1);
  proxy.refuse(true);
  const { code, err } = await run(["tail", "r"], at(proxy));
  expect([code, err]).toEqual([4, `thump: ${proxy.url} cannot be reached.`]);
});

test.each<[args: string[], part: string]>([
  [[], "room"],
  [[""], "name"],
  [["r", "--after", "soon"], "cursor"],
  [["r", "--after", "a-1", "--last", "1"], "not both"],
  [["r", "--last", "all"], "--last"],
  [["r", "--count", "0"], "--count"],
  [["r", "--color", "red"], "auto"],
])("tail %j: exit code 2, and the reason in one line", async (args, part) => {
  const { code, out, err } = await run(["tail", ...args]);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toStartWith("thump: ");
  expect(err).toContain(part);
  expect(err.split("\n")).toHaveLength(1);
});
