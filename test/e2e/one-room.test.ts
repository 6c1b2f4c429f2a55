// One room on all transports at once: all clients receive all publications in the same order.
import { expect, test } from "bun:test";
import { connect, eventSource, lines, multiplexed } from "../support/clients.ts";
import { startServer } from "../support/server.ts";

test("clients of every transport receive each other's publications, in the same order", async () => {
  const server = startServer();
  const raw = await connect(server.socket("/rooms/r"));
  const mux = await multiplexed(server.socket("/ws?room=r"));
  await mux.find((frame) => frame.type === "joined");
  const sse = await eventSource(server.room("r"));
  const ndjson = await lines(server.room("r"), { accept: "application/x-ndjson" });
  const poll = fetch(server.room("r", "?wait=10")).then((response) => response.json());
  await ndjson.next();

  await server.publish("r", "from curl");
  raw.send("from raw");
  await raw.until((frames) => frames.length === 1);
  const published = await mux.ask({ type: "publish", room: "r", data: { from: "mux" } });
  expect(published["type"]).toBe("published");
  await server.thump.publish("r", "from code");

  const expected = ["from curl", "from raw", { from: "mux" }, "from code"];
  await sse.until((events) => events.length === 4);
  expect(sse.all.map(({ data }) => (data.startsWith("{") ? JSON.parse(data) : data))).toEqual(expected);
  const message = (line: string) => line.includes('"message"');
  await ndjson.until((all) => all.filter(message).length === 4);
  expect(ndjson.all.filter(message).map((line) => JSON.parse(line).data)).toEqual(expected);
  // Senders do not receive their own messages.
  await raw.until((frames) => frames.length === 3);
  expect(raw.all).toEqual(["from curl", '{"from":"mux"}', "from code"]);
  await mux.until(() => mux.messages().length === 3);
  expect(mux.messages().map((frame) => frame["data"])).toEqual(["from curl", "from raw", "from code"]);
  expect((await poll) as object).toMatchObject({ room: "r", messages: [{ data: "from curl" }] });
});
