// Data keeps its JSON tokens, such as the digits of numbers, on every route for publishing and receiving.
import { expect, test } from "bun:test";
import { connect as connectClient } from "../../src/client/index.ts";
import { rawJson } from "../../src/protocol/json.ts";
import { connect, multiplexed } from "../support/clients.ts";
import { run } from "../support/command.ts";
import { folder } from "../support/process.ts";
import { startServer, type TestServer } from "../support/server.ts";

const SOURCE =
  '{"id":1285704473650888702,"big":1e400,"zero":-0,"price":1.10,"z":1,"a":2,"z":3,"text":"\\u00e9\\/\\ud800","list":[ 1.0 ,2e0]}';
const LARGE = `[${SOURCE},"${"x".repeat(2000)}"]`;

type WayIn = (server: TestServer, source: string) => Promise<unknown>;
const WAYS: Record<string, WayIn> = {
  async "a publish frame"(server, source) {
    const client = await multiplexed(server.socket("/ws"));
    client.socket.send(`{"type":"publish","id":1,"data":${source},"room":"r"}`);
    await client.find(({ type }) => type === "published");
  },
  async "a publish frame with the field twice"(server, source) {
    const client = await multiplexed(server.socket("/ws"));
    client.socket.send(`{"data":{"x":1},"type":"publish","id":1,"d\\u0061ta":${source},"room":"r"}`);
    await client.find(({ type }) => type === "published");
  },
  async "an item of a batch"(server, source) {
    const body = `[{"room":"r", "data": ${source} }]`;
    expect((await fetch(`${server.url}/publish`, { method: "POST", body })).status).toBe(200);
  },
  async "a batch of one"(server, source) {
    const body = `{"rooms":["r"],"data":${source}}`;
    expect((await fetch(`${server.url}/publish`, { method: "POST", body })).status).toBe(200);
  },
  async "a body of JSON"(server, source) {
    expect((await server.publish("r", source, { "content-type": "application/json" })).status).toBe(201);
  },
  async "a raw socket"(server, source) {
    const raw = await connect(server.socket("/rooms/r?echo=1"));
    raw.send(source);
    await raw.next();
  },
  async "the command"(server, source) {
    expect((await run(["publish", "r", "--url", server.url], {}, source)).code).toBe(0);
  },
};

test.each(Object.entries(WAYS))("%s", async (_, publish) => {
  for (const source of [SOURCE, LARGE]) {
    const server = startServer();
    const raw = await connect(server.socket("/rooms/r"));
    const mux = await multiplexed(server.socket("/ws?room=r"));
    await mux.find(({ type }) => type === "joined");
    await publish(server, source);
    await raw.until((frames) => frames.includes(source));
    const answer = await (await fetch(server.room("r"))).text();
    expect(answer).toContain(`"data":${source}`);
    expect(await (await fetch(server.room("r", "?last=1&wait=1"))).text()).toContain(`"data":${source}`);
  }
});

test("tokens are kept in the data folder too", async () => {
  const dir = folder();
  const first = startServer({ store: { kind: "sqlite", dir } });
  await WAYS["a publish frame"]?.(first, SOURCE);
  await first.stop();
  const second = startServer({ store: { kind: "sqlite", dir } });
  expect(await (await fetch(second.room("r"))).text()).toContain(`"data":${SOURCE}`);
});

test("the client sends JSON.rawJSON unchanged", async () => {
  const server = startServer();
  const raw = await connect(server.socket("/rooms/r"));
  const client = connectClient(server.url);
  await client.publish("r", { id: rawJson("1285704473650888702") });
  expect(await raw.next()).toBe('{"id":1285704473650888702}');
  client.close();
});

test("a reply has its command's id with all digits", async () => {
  const client = await multiplexed(startServer().socket("/ws"));
  const answers: string[] = [];
  await client.find(({ type }) => type === "welcome");
  client.socket.ws.on("message", (data: Buffer) => answers.push(String(data)));
  const ids = ["1763786400000000001", "1e400", "0.1000000000000000055", '"\\u0061"', "12"];
  for (const id of ids) client.socket.send(`{"type":"ping","id":${id}}`);
  client.socket.send(`{"type":"ping","id":${"9".repeat(65)}}`);
  client.socket.send('{"type":"ping","id":"last"}');
  await client.find(({ id }) => id === "last");
  expect(answers.map((answer) => /"id":([^,}]*)/.exec(answer)?.[1])).toEqual([
    "1763786400000000001",
    "1e400",
    "0.1000000000000000055",
    '"a"',
    "12",
    undefined,
    '"last"',
  ]);
  expect(JSON.parse(answers[1] as string)).toMatchObject({ type: "error", code: "invalid" });
  expect(JSON.parse(answers[5] as string)).toMatchObject({ type: "error", code: "invalid" });
});
