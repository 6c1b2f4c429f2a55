// The Python client, which was written from docs/protocol.md, runs from the command line against a real server.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { collect, Inbox } from "../support/clients.ts";
import { Proxy } from "../support/proxy.ts";
import { until } from "../support/nodes.ts";
import { describeIf, noProgram } from "../support/skip.ts";
import { startServer } from "../support/server.ts";
import { ended, startProgram } from "./support.ts";
import { claims, SECRET, token } from "../support/tokens.ts";

const PYTHON = Bun.which("python3");
const CLIENT = join(import.meta.dir, "../../examples/python");

const python = (url: string, args: string[]) =>
  startProgram([PYTHON as string, "-B", CLIENT, "--url", url, ...args]);

/** The output of `listen`, line by line. */
function listen(url: string, ...args: string[]): Inbox<string> {
  const lines = new Inbox<string>();
  void collect(python(url, ["listen", ...args]).stdout, lines);
  return lines;
}

async function run(url: string, ...args: string[]) {
  const { out, err, code } = await ended(python(url, args));
  return { out: out.trim(), err: err.trim(), code };
}

interface Received {
  type: string;
  room: string;
  data?: unknown;
  at: string;
}
const received = (lines: Inbox<string>): Received[] =>
  lines.all.filter(Boolean).map((line) => JSON.parse(line) as Received);
const data = (lines: Inbox<string>) => received(lines).map((one) => one.data);
const count = (lines: Inbox<string>, n: number) => lines.until((all) => all.filter(Boolean).length >= n);

describeIf(noProgram("python3"))("python3", () => {
  for (const way of [[], ["--socket"]]) {
    const name = way[0] ?? "an event stream";
    test(`messages of several rooms arrive in one order, with unchanged data: ${name}`, async () => {
      const { url, publish } = startServer();
      const values = [{ a: [1, null] }, "two\nlines, höher 🦊", 3, "", "x".repeat(60_000)];
      await publish("a", JSON.stringify(values[0]), { "content-type": "application/json" });
      const lines = listen(url, "a", "b:ü/?", "--last", "9", ...way);
      await count(lines, 1);
      for (const [i, value] of values.slice(1).entries())
        await publish(i % 2 ? "a" : "b:ü/?", JSON.stringify(value), { "content-type": "application/json" });
      await count(lines, values.length);
      expect(data(lines)).toEqual(values);
      expect(received(lines).map(({ room }) => room)).toEqual(["a", "b:ü/?", "a", "b:ü/?", "a"]);
    });

    test(`a gap is reported before the messages that follow it: ${name}`, async () => {
      const { url, publish } = startServer({ rooms: { "*": { history: { count: 2 } } } });
      const { at } = (await (await publish("a", "0")).json()) as { at: string };
      for (const text of ["1", "2", "3"]) await publish("a", text);
      const lines = listen(url, "a", "--after", at, ...way);
      await count(lines, 3);
      expect(received(lines).map(({ type }) => type)).toEqual(["gap", "message", "message"]);
      expect(data(lines).slice(1)).toEqual([2, 3]);
    });
  }

  test("a dropped connection neither loses nor repeats messages published in the meantime", async () => {
    const { port, publish } = startServer();
    const proxy = await Proxy.start(port);
    const lines = listen(proxy.url, "a", "--last", "1000");
    const sent: number[] = [];
    const say = async () => void (await publish("a", String(sent.push(sent.length) - 1)));
    for (let drop = 0; drop < 3; drop++) {
      for (let i = 0; i < 10; i++) await say();
      await count(lines, sent.length);
      proxy.cut();
      for (let i = 0; i < 5; i++) await say();
    }
    await count(lines, sent.length);
    expect(data(lines)).toEqual(sent);
    expect(proxy.connections).toBeGreaterThanOrEqual(3);
  });

  test("a temporarily rejected stream is reopened after the server's delay", async () => {
    const { url, publish, thump } = startServer();
    thump.draining = true;
    let rejections = 0;
    thump.events.add({ ended() {}, lagging() {}, fault() {}, rejected: () => void rejections++ });
    const lines = listen(url, "a", "--last", "9");
    await until(() => rejections > 0);
    await publish("a", "1");
    thump.draining = false;
    await count(lines, 1);
    expect(data(lines)).toEqual([1]);
  });

  test("publishes text and JSON with an event name; a repeated key is stored once", async () => {
    const { url, room } = startServer();
    const first = await run(url, "publish", "a b", '{"n":1}', "--event", "price", "--key", "k1");
    expect(first.code).toBe(0);
    expect((await run(url, "publish", "a b", '{"n":1}', "--event", "price", "--key", "k1")).out).toBe(
      first.out,
    );
    await run(url, "publish", "a b", "not json");
    const { messages } = (await (await fetch(room("a b"))).json()) as { messages: object[] };
    expect(messages).toMatchObject([
      { event: "price", data: { n: 1 }, at: first.out },
      { event: "message", data: "not json" },
    ]);
  });

  test("a token permits its rooms; without a token no room is permitted; errors have the server's codes", async () => {
    const { url } = startServer({ access: { secrets: [SECRET] } });
    const good = ["--token", token(claims({ rooms: { "chat:*": ["join", "publish"] } }))];
    expect((await run(url, ...good, "publish", "chat:1", "1")).code).toBe(0);
    const failures = [
      [[...good, "publish", "news", "1"], "forbidden"],
      [["publish", "chat:1", "1"], "unauthorized"],
      [["--token", "nonsense", "listen", "chat:1"], "unauthorized"],
      [[...good, "listen", "news"], "forbidden"],
      [[...good, "listen", "news", "--socket"], "forbidden"],
      [["--token", "nonsense", "listen", "chat:1", "--socket"], "unauthorized"],
      [[...good, "listen", "chat:1", "--after", "x"], "invalid-cursor"],
    ] as const;
    for (const [args, code] of failures) {
      const { err, code: exit } = await run(url, ...args);
      expect([args, exit, err]).toEqual([args, 1, expect.stringContaining(code)]);
    }
  });
});
