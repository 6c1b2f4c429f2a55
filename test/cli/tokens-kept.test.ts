// `thump tail` prints data with its original JSON tokens, over both transports of the client.
import { expect, test } from "bun:test";
import { connect } from "../../src/client/index.ts";
import { run } from "../support/command.ts";
import { startServer } from "../support/server.ts";

const JSON_BODY = { "content-type": "application/json" };
const EXACT =
  '{"id":1285704473650888702,"big":1e400,"zero":-0,"price":1.10,"two":1,"two":2,"2":0,"1":0,"esc":"\\u00e9\\/"}';

test("--json prints the original tokens", async () => {
  const server = startServer();
  const tail = async (room: string) => {
    const args = ["tail", room, "--json", "--last", "1", "--count", "1"];
    const { out, code } = await run(args, { THUMP_URL: server.url });
    expect(code).toBe(0);
    return out;
  };
  await server.publish("r", EXACT, { ...JSON_BODY, event: "data" });
  expect(await tail("r")).toContain(`"event":"data","data":${EXACT},"at":"`);
  // This text is larger than the frames that the server parses as a whole.
  const large = `{"pad":"${"x".repeat(4000)}",${EXACT.slice(1)}`;
  await server.publish("large", large, JSON_BODY);
  expect(await tail("large")).toContain(`"data":${large},"at":"`);
  await server.publish("bytes", Uint8Array.of(1, 255), { "content-type": "application/octet-stream" });
  expect(await tail("bytes")).toContain('"data":"Af8=","encoding":"base64","at":"');
  await server.publish("text", 'say "data":1\n\u0085');
  expect(JSON.parse(await tail("text"))).toMatchObject({ data: 'say "data":1\n\u0085' });
  await server.publish("space", '{\t"a":\r\n1.0,\t"b":\t"\\t\u009b"}', JSON_BODY);
  const spaced = await tail("space");
  expect(JSON.parse(spaced)).toMatchObject({ data: { a: 1, b: "\t\u009b" } });
  expect(spaced).toContain('"a":');
  expect(spaced).toContain("1.0");
});

test("without --json, a number that a double cannot represent is printed with its original digits", async () => {
  const server = startServer();
  await server.publish("r", '{"id":1285704473650888702,"n":[1e400,7],"price":1.10}', JSON_BODY);
  const { out } = await run(["tail", "r", "--last", "1", "--count", "1"], { THUMP_URL: server.url });
  expect(out).toEndWith("{ id: 1285704473650888702, n: [ 1e400, 7 ], price: 1.10 }");
});

test.each(["websocket", "event-stream"] as const)(
  "the client passes on an envelope's source text, over %s",
  async (transport) => {
    const server = startServer();
    await server.publish("r", EXACT, JSON_BODY);
    const thump = connect(server.url, { transport });
    const text = await new Promise<string>((resolve) =>
      thump.room("r", { last: 1 }).on("message", (_data, _meta, envelope) => resolve(envelope)),
    );
    thump.close();
    expect(text).toContain(`"data":${EXACT}`);
  },
);
