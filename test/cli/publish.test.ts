// `thump publish` as a command: which messages arrive, how often and in which order, and its exit code.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { dataOf, type State, stateOf } from "../support/answers.ts";
import { connect } from "../support/clients.ts";
import { command, onTerminal, run } from "../support/command.ts";
import { folder, runProcess } from "../support/process.ts";
import { Proxy } from "../support/proxy.ts";
import { randomTest } from "../support/random.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { bearer } from "../support/tokens.ts";

const at = ({ url }: { url: string }) => ({ THUMP_URL: url });
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
const published = async (server: TestServer, room: string) =>
  dataOf(await stateOf(server, room, "?last=1000"));

test.each<[args: string[], event: string, data: unknown, encoding?: string]>([
  [["hello"], "message", "hello"],
  [['{"a":[1]}'], "message", { a: [1] }],
  [['{"a":[1]}', "--text"], "message", '{"a":[1]}'],
  [["3", "--json", "--event", "price"], "price", 3],
])("%j is published, and its cursor printed", async (args, event, data) => {
  const server = startServer();
  const { code, out, err } = await run(["publish", "chat:42", ...args], at(server));
  expect([code, err]).toEqual([0, ""]);
  const { messages } = await stateOf(server, "chat:42");
  expect(messages).toEqual([expect.objectContaining({ event, data })]);
  const cursor = messages[0]?.["at"];
  if (args.includes("--json")) expect(JSON.parse(out)).toEqual({ at: cursor, published: 1 });
  else expect(out).toBe(String(cursor));
});

test("a whole file is one publication, as text or as bytes", async () => {
  const server = startServer();
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  const cwd = folder({ "a.txt": "two\nlines\n" });
  await Bun.write(join(cwd, "a.bin"), bytes);
  for (const file of ["a.txt", "a.bin"])
    expect((await runProcess(["publish", "r", "--file", file], at(server), cwd)).code).toBe(0);
  expect((await run(["publish", "r", "--file", "-"], at(server), "all\nof it")).code).toBe(0);
  const { messages } = await stateOf(server, "r");
  expect(dataOf({ messages })).toEqual(["two\nlines\n", bytes.toBase64(), "all\nof it"]);
  expect(messages[1]).toHaveProperty("encoding", "base64");
});

test("each line is a publication, with any line end, in order", async () => {
  const server = startServer();
  const { code } = await run(["publish", "r", "--event", "line"], at(server), 'a\r\n\n{"n":1}\nlast');
  expect(code).toBe(0);
  const { messages } = await stateOf(server, "r");
  expect(dataOf({ messages })).toEqual(["a", "", { n: 1 }, "last"]);
  expect(new Set(messages.map(({ event }) => event))).toEqual(new Set(["line"]));
});

test("lines are sent as they arrive, without waiting for the next", async () => {
  const server = startServer();
  const listener = await connect(server.socket("/rooms/r"));
  const publishing = command(["publish", "r"], at(server));
  for (const line of ["one", "two"]) {
    await publishing.write(`${line}\n`);
    expect(await listener.next()).toBe(line);
  }
  expect(await publishing.end()).toBe(0);
});

test("with --json lines must be JSON; an error reports the earlier publications; --keep-going skips invalid lines", async () => {
  const server = startServer();
  const input = '1\n\n{\n"2"\n';
  const first = await run(["publish", "a", "--json"], at(server), input);
  expect(first.code).toBe(1);
  expect(first.err).toStartWith("thump: Line 3 is not JSON");
  expect(first.err).toContain("1 published before");
  expect(await published(server, "a")).toEqual([1]);
  const second = await run(["publish", "b", "--json", "--keep-going"], at(server), input);
  expect(second.code).toBe(1);
  expect(second.err).toContain("Line 3");
  expect(await published(server, "b")).toEqual([1, "2"]);
});

test("a line that the server rejects stops the command, or is skipped", async () => {
  const server = startServer({ limits: { message: 10 } });
  const input = `a\n${"x".repeat(11)}\nb\n`;
  const first = await run(["publish", "a"], at(server), input);
  expect([first.code, first.err]).toEqual([1, expect.stringContaining("Line 2: ")]);
  expect(first.err).toContain("too-large");
  expect(await published(server, "a")).toEqual(["a"]);
  expect((await run(["publish", "b", "--keep-going"], at(server), input)).code).toBe(1);
  expect(await published(server, "b")).toEqual(["a", "b"]);
});

test("with --key, lines of an earlier run are not published again", async () => {
  const server = startServer();
  const args = ["publish", "r", "--key", "job-7"];
  const first = await run(args, at(server), "1\n2\n");
  const second = await run(args, at(server), "1\n2\n3\n");
  expect([first.code, second.code]).toEqual([0, 0]);
  expect(await published(server, "r")).toEqual([1, 2, 3]);
});

test("large lines take several requests, each within the server's limits", async () => {
  const server = startServer({ limits: { body: "40KiB" }, rooms: { r: { history: { bytes: "4MiB" } } } });
  const lines = numbers(60).map((n) => `${n}${"x".repeat(9000)}`);
  expect((await run(["publish", "r"], at(server), `${lines.join("\n")}\n`)).code).toBe(0);
  // A response holds at most 256 KiB, so this loop reads several responses.
  const found: unknown[] = [];
  let after = (await stateOf(server, "r", "?last=1")).at.replace(/[0-9]+$/, "0");
  while (found.length < lines.length) {
    const state = await stateOf(server, "r", `?after=${after}`);
    found.push(...dataOf(state));
    after = state.at;
  }
  expect(found).toEqual(lines);
});

randomTest("a bad network neither repeats, loses nor reorders lines", async (random) => {
  const server = startServer();
  const proxy = await Proxy.start(server.port);
  const count = 4000;
  const listener = await connect(server.socket("/rooms/r"));
  let next = 0;
  // Cuts the connection after the server has stored the items, when the response is in transit, stalled or lost.
  listener.ws.on("message", () => {
    if (listener.all.length < next) return;
    next = listener.all.length + random.below(400) + 1;
    proxy.cut();
    proxy.refuse(random.below(2) === 0);
    setImmediate(() => proxy.refuse(false));
  });
  const { code, out, err } = await run(
    ["publish", "r", "--batch", "50"],
    at(proxy),
    `${numbers(count).join("\n")}\n`,
  );
  expect([code, err.split("\n").every((line) => line === "" || line.startsWith("thump: "))]).toEqual([
    0,
    true,
  ]);
  await listener.until((all) => all.length >= count);
  expect(listener.all.map(Number)).toEqual(numbers(count));
  expect(proxy.connections).toBeGreaterThan(5);
  const { at: cursor } = await stateOf(server, "r");
  expect(out.trim()).toBe(String(cursor));
});

test("a rate-limited command slows down, and keeps the order", async () => {
  const hash = JSON.parse((await run(["key", "--json"])).out) as { key: string; hash: string };
  const server = startServer({
    access: { apiKeys: [{ name: "k", hash: hash.hash }] },
    limits: { rates: { key: { publishes: { rate: 400, burst: 40 } } } },
  });
  const env = { ...at(server), THUMP_API_KEY: hash.key };
  const { code, err } = await run(["publish", "r"], env, `${numbers(300).join("\n")}\n`);
  expect([code, err]).toEqual([0, ""]);
  const response = await fetch(server.room("r", "?last=300"), { headers: bearer(hash.key) });
  expect(dataOf((await response.json()) as State)).toEqual(numbers(300));
});

test("rejections and an unreachable server have their own exit codes", async () => {
  const server = startServer({ access: { secrets: "a secret for tests, long enough to be one" } });
  const { code, err } = await run(["publish", "r", "x"], at(server));
  expect([code, err]).toEqual([3, expect.stringContaining("unauthorized")]);
  expect(err).toContain("THUMP_TOKEN");
  const away = await Proxy.start(server.port);
  away.refuse(true);
  const gone = await run(["publish", "r", "x"], at(away));
  expect([gone.code, gone.err]).toEqual([4, expect.stringContaining(away.url)]);
  const elsewhere = Bun.serve({ port: 0, fetch: () => new Response("<html>") });
  const other = await run(["publish", "r", "x", "--url", String(elsewhere.url)]);
  expect([other.code, other.err]).toEqual([1, expect.stringContaining("--url")]);
  await elsewhere.stop(true);
});

test("the wait for an unavailable server is limited", async () => {
  const server = startServer();
  const proxy = await Proxy.start(server.port);
  const listener = await connect(server.socket("/rooms/r"));
  const publishing = command(["publish", "r", "--retry", "300ms"], at(proxy));
  await publishing.write("one\n");
  await listener.next();
  proxy.refuse(true);
  proxy.cut();
  await publishing.write("two\n");
  expect(await publishing.end()).toBe(4);
  expect(publishing.err.all.join("\n")).toContain("1 published before");
});

test("an interrupt exits with 130, after the lines already read are published", async () => {
  const server = startServer();
  const listener = await connect(server.socket("/rooms/r"));
  const publishing = command(["publish", "r"], at(server));
  await publishing.write("one\n");
  await listener.next();
  publishing.process.kill("SIGINT");
  expect(await publishing.ended).toBe(130);
  expect(publishing.out.all).toHaveLength(1);
});

test("a terminal shows progress, a pipe does not", async () => {
  const server = startServer();
  const terminal = onTerminal(["publish", "r"], at(server));
  await terminal.until((text) => text.includes("Ctrl-D"));
  terminal.type("hello\n");
  await terminal.until((text) => text.includes("1 published"));
  terminal.type("\u0004");
  expect(await terminal.ended).toBe(0);
  expect(await published(server, "r")).toEqual(["hello"]);
  expect((await run(["publish", "r"], at(server), "x\n")).err).toBe("");
});

test.each<[args: string[], part: string]>([
  [["r", "text", "--file", "f"], "not both"],
  [["r", "--file", "none"], "none"],
  [["r", "x", "--token-file", "none"], "--token-file"],
  [["r", "x", "--text", "--json"], "--text"],
  [["r", "x", "--url", "localhost"], "http://"],
  [["r", "x", "--token", "secret"], "--token"],
  [[], "room"],
])("publish %j: the error is one line", async (args, part) => {
  const { code, out, err } = await run(["publish", ...args]);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toStartWith("thump: ");
  expect(err).toContain(part);
  expect(err.trim().split("\n")).toHaveLength(1);
});
