// Cursors work across transports: every transport resumes from the cursor of any other.
import { expect, test } from "bun:test";
import { dataOf, publishAt, stateOf } from "../support/answers.ts";
import { connect, eventSource, multiplexed } from "../support/clients.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { openEvents, openNdjson } from "../support/streams.ts";

/** Every source of a cursor that covers "1" in room r and nothing later. */
const SOURCES: Record<string, (server: TestServer) => Promise<string>> = {
  "the response to a POST": (server) => publishAt(server, "r", "1"),
  "publish() in the server": async (server) => (await server.thump.publish("r", 1)).at,
  "a batch's result": async (server) => {
    const body = JSON.stringify({ room: "r", data: 1 });
    const response = await fetch(`${server.url}/publish`, { method: "POST", body });
    return ((await response.json()) as { results: { at: string }[] }).results[0]!.at;
  },
  "an EventSource id": async (server) => {
    const source = await eventSource(server.room("r"));
    await publishAt(server, "r", "1");
    return (await source.next()).id;
  },
  "an id of /events": async (server) => {
    const stream = await openEvents(`${server.url}/events?room=r&room=other`);
    await publishAt(server, "r", "1");
    return (await stream.events.next()).id ?? "";
  },
  "a stream's first position": async (server) => {
    await publishAt(server, "r", "1");
    const stream = await openEvents(server.room("r"));
    return stream.lines.all.find((line) => line.startsWith("id: "))!.slice(4);
  },
  "an NDJSON envelope": async (server) => {
    const stream = await openNdjson(server.room("r"));
    await publishAt(server, "r", "1");
    await stream.lines.until(() => stream.objects.length === 2);
    return String(stream.objects[1]!["at"]);
  },
  "a message on the multiplexed socket": async (server) => {
    const mux = await multiplexed(server.socket("/ws?room=r"));
    await publishAt(server, "r", "1");
    return String((await mux.find(({ type }) => type === "message"))["at"]);
  },
  "a published ack": async (server) => {
    const mux = await multiplexed(server.socket("/ws"));
    return String((await mux.ask({ type: "publish", room: "r", data: 1 }))["at"]);
  },
  "a joined reply": async (server) => {
    await publishAt(server, "r", "1");
    const mux = await multiplexed(server.socket("/ws"));
    return String((await mux.ask({ type: "join", room: "r" }))["at"]);
  },
  "a history reply": async (server) => {
    await publishAt(server, "r", "1");
    const mux = await multiplexed(server.socket("/ws"));
    return String((await mux.ask({ type: "history", room: "r" }))["at"]);
  },
  "the room's state": async (server) => {
    await publishAt(server, "r", "1");
    return (await stateOf(server, "r")).at;
  },
};

/** Every way to resume in room r. Each returns the data of the next two publications. */
const TARGETS: Record<string, (server: TestServer, after: string) => Promise<unknown[]>> = {
  "raw socket": async (server, after) => {
    const socket = await connect(server.socket(`/rooms/r?after=${after}`));
    return [Number(await socket.next()), Number(await socket.next())];
  },
  "raw socket, by header": async (server, after) => {
    const socket = await connect(server.socket("/rooms/r"), { headers: { "last-event-id": after } });
    return [Number(await socket.next()), Number(await socket.next())];
  },
  "multiplexed socket": async (server, after) => {
    const mux = await multiplexed(server.socket("/ws"));
    await mux.ask({ type: "join", room: "r", after });
    await mux.until(() => mux.messages().length === 2);
    return mux.messages().map((frame) => frame["data"]);
  },
  "multiplexed socket, by URL": async (server, after) => {
    const mux = await multiplexed(server.socket(`/ws?room=r&after=${after}`));
    await mux.until(() => mux.messages().length === 2);
    return mux.messages().map((frame) => frame["data"]);
  },
  "Last-Event-ID": async (server, after) => {
    const { events } = await openEvents(server.room("r"), { "last-event-id": after });
    return [Number((await events.next()).data), Number((await events.next()).data)];
  },
  "/events": async (server, after) => {
    const { events } = await openEvents(`${server.url}/events?room=x&room=r`, { "last-event-id": after });
    await events.until((all) => all.length === 2);
    return events.all.map(({ data }) => (JSON.parse(data) as { data: unknown }).data);
  },
  NDJSON: async (server, after) => {
    const stream = await openNdjson(server.room("r", `?after=${after}`));
    await stream.lines.until(() => stream.objects.length === 3);
    return stream.objects.slice(1).map((object) => object["data"]);
  },
  "long poll": async (server, after) => dataOf(await stateOf(server, "r", `?after=${after}&wait=60`)),
  history: async (server, after) => {
    const mux = await multiplexed(server.socket("/ws"));
    const { messages } = await mux.ask({ type: "history", room: "r", after });
    return dataOf({ messages: messages as [] });
  },
};

for (const [source, cursorOf] of Object.entries(SOURCES)) {
  test(`${source} resumes every transport, with no message missing or repeated`, async () => {
    const server = startServer();
    await publishAt(server, "r", "0");
    const after = await cursorOf(server);
    await publishAt(server, "r", "2");
    await publishAt(server, "other", "x");
    await publishAt(server, "r", "3");
    for (const [target, resume] of Object.entries(TARGETS)) {
      expect([target, await resume(server, after)]).toEqual([target, [2, 3]]);
    }
  });
}
