// The session limit, and the time limits for bodies and handshakes, as clients see them.
import { expect, test } from "bun:test";
import { eventually, refusalOf } from "../support/answers.ts";
import { cleanup } from "../support/cleanup.ts";
import { connect } from "../support/clients.ts";
import { startServer } from "../support/server.ts";
import { openEvents, openNdjson } from "../support/streams.ts";
import { tcp } from "../support/tcp.ts";
import { WAYS_IN } from "../support/ways-in.ts";

const SESSIONS = [
  "raw socket",
  "multiplexed socket",
  "event stream",
  "ndjson",
  "event stream of several rooms",
  "long poll",
];

test("at the session limit, no transport accepts a session until one ends", async () => {
  const server = startServer({ limits: { sessions: 3 } });
  const raw = await connect(server.socket("/rooms/r"));
  await openEvents(server.room("r"));
  await openNdjson(server.room("r"));
  for (const way of SESSIONS)
    expect(await WAYS_IN[way]?.(server, {})).toMatchObject({ status: 503, code: "busy" });
  const refused = await fetch(server.room("r"), { headers: { accept: "text/event-stream" } });
  const { status, code, retry } = await refusalOf(refused);
  expect([status, code]).toEqual([503, "busy"]);
  expect(retry).toBeWithin(6000, 15_001);
  // Plain requests are not sessions.
  expect((await server.publish("r", "x")).status).toBe(201);
  expect((await fetch(server.room("r"))).status).toBe(200);
  expect(server.thump.hub.sessions.size).toBe(3);
  raw.ws.close();
  await eventually(() => server.thump.hub.sessions.size === 2);
  expect(await WAYS_IN["raw socket"]?.(server, {})).toEqual({ status: 101 });
});

test("sessions that connect at the same time do not exceed the limit", async () => {
  const server = startServer({ limits: { sessions: 5 } });
  const ways = Array.from({ length: 40 }, (_, i) => WAYS_IN[SESSIONS[i % 2] as string]?.(server, {}));
  const statuses = (await Promise.all(ways)).map((outcome) => outcome?.status);
  expect(statuses.filter((status) => status === 101)).toHaveLength(5);
  expect(statuses.filter((status) => status === 503)).toHaveLength(35);
});

test("a body that exceeds the time limit is aborted with an error", async () => {
  const server = startServer({ limits: { bodyTime: "50ms" } });
  for (const length of ["Content-Length: 100", "Transfer-Encoding: chunked"]) {
    const slow = await tcp(server.port);
    slow.send(`POST /rooms/r HTTP/1.1\r\nHost: 127.0.0.1\r\n${length}\r\n\r\n`);
    slow.send("1\r\nx\r\n");
    expect(await slow.until('"code":"timeout"')).toStartWith("HTTP/1.1 408");
  }
  expect((await server.publish("r", "in time")).status).toBe(201);
});

test("an incomplete handshake is cut off, whether it stalls or trickles in", async () => {
  const server = startServer({ limits: { headTime: "1s" } });
  const head = "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n";
  const [silent, dripping] = [await tcp(server.port), await tcp(server.port)];
  for (const connection of [silent, dripping]) connection.send(head);
  const drops = setInterval(() => dripping.send("X: y\r\n"), 200);
  cleanup(() => clearInterval(drops));
  await Promise.all([silent.closed, dripping.closed]);
  expect(server.thump.hub.sessions.size).toBe(0);
  expect((await server.publish("r", "others go on")).status).toBe(201);
});
