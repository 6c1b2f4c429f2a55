// Clients that disconnect before the response leave no state behind, whatever they requested and at any stage.
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import http2 from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TrustedProxies } from "../../src/limits/trusted-proxies.ts";
import { unavailable } from "../../src/protocol/codes.ts";
import { eventually } from "../support/answers.ts";
import { makeCertificate } from "../support/certificate.ts";
import { cleanup } from "../support/cleanup.ts";
import { connect } from "../support/clients.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { tcp } from "../support/tcp.ts";
import { bearer, claims, ec, tokenBy } from "../support/tokens.ts";

/** Holds all calls while the gate is shut. */
class Gate {
  /** Number of held calls. */
  waiting = 0;
  #shut: PromiseWithResolvers<void> | undefined;

  shut(): void {
    this.#shut = Promise.withResolvers();
  }

  open(): void {
    this.#shut?.resolve();
    this.#shut = undefined;
    this.waiting = 0;
  }

  pass(): Promise<void> | undefined {
    if (!this.#shut) return undefined;
    this.waiting++;
    return this.#shut.promise;
  }
}

interface Kind {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

const UPGRADE = {
  upgrade: "websocket",
  connection: "upgrade",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-version": "13",
};
const get = (path: string, headers: Record<string, string> = {}): Kind => ({ method: "GET", path, headers });
const KINDS: Record<string, Kind> = {
  poll: get("/rooms/r?wait=30"),
  "poll with last": get("/rooms/r?wait=30&last=1"),
  "poll with a cursor": get("/rooms/r?wait=30&after=CURSOR"),
  "event stream": get("/rooms/r?last=1", { accept: "text/event-stream" }),
  ndjson: get("/rooms/r?after=CURSOR", { accept: "application/x-ndjson" }),
  "event stream of several rooms": get("/events?room=r&room=s&last=1"),
  "multiplexed stream": { method: "POST", path: "/events", body: '[{"room":"r","last":1},{"room":"s"}]' },
  "raw socket": get("/rooms/r", UPGRADE),
  "multiplexed socket": get("/ws?room=r&room=s&last=1", UPGRADE),
  publication: { method: "POST", path: "/rooms/r", body: '"x"' },
  batch: { method: "POST", path: "/publish", body: '[{"room":"r","data":1},{"room":"s","data":1}]' },
};

interface World {
  server: TestServer;
  gates: Record<"throttle" | "token" | "hook" | "subscribe" | "read", Gate>;
  cursor: string;
  headers: Record<string, string>;
}

/** Shared by all tests, because creating a certificate starts a process. */
let made: { cert: string; key: string } | undefined;
function certificate(): { cert: string; key: string } {
  made ??= makeCertificate(undefined, directory);
  return { cert: made.cert, key: made.key };
}
const directory = mkdtempSync(join(tmpdir(), "thump-test-"));
afterAll(() => rmSync(directory, { recursive: true }));

async function newWorld(secure: boolean): Promise<World> {
  const [throttle, token, hook, subscribe, read] = Array.from({ length: 5 }, () => new Gate());
  const gates = { throttle, token, hook, subscribe, read } as World["gates"];
  const pair = ec();
  const jwk = { ...pair.publicKey.export({ format: "jwk" }), kid: "k" };
  const keys = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch() {
      await gates.token.pass();
      return Response.json({ keys: [jwk] });
    },
  });
  cleanup(() => keys.stop(true));
  const server = startServer({
    rooms: { "*": { join: "anyone", publish: "anyone", history: { read: "anyone" } } },
    access: { jwks: `http://127.0.0.1:${keys.port}/` },
    ...(secure ? { tls: certificate() } : {}),
    // Every request uses a different room, so that no decision is cached.
    authorize: async () => {
      await gates.hook.pass();
      return true;
    },
  });
  const { thump } = server;
  Object.assign(thump, { trustedProxies: new TrustedProxies(["loopback"], "x-forwarded-for", () => {}) });
  const { log } = thump.hub;
  const { connectionThrottle } = thump;
  const run = connectionThrottle.run.bind(connectionThrottle);
  connectionThrottle.run = (begin, hasLeft, skip) => {
    const begins = () => run(() => (hasLeft() ? skip() : begin()), hasLeft, skip);
    return gates.throttle.pass()?.then(begins) ?? begins();
  };
  const [followRoom, newest] = [log.subscribe.bind(log), log.newest.bind(log)];
  log.subscribe = (...given) => {
    const waits = gates.subscribe.pass();
    const followed = followRoom(...given);
    return waits ? waits.then(() => followed) : followed;
  };
  log.newest = (...given) => gates.read.pass()?.then(() => newest(...given)) ?? newest(...given);
  log.catchUpTo = () => gates.read.pass();
  const { at } = await thump.publish("r", "first");
  // The token must be verified, and the external address is subject to per-address limits.
  const headers = {
    "x-forwarded-for": "203.0.113.9",
    ...bearer(tokenBy(pair, "ES256", claims(), { kid: "k" })),
  };
  return { server, gates, cursor: at, headers };
}

/** Starts a request and returns a function that aborts it. @param cut sends only a part of the body */
type Begin = (world: World, kind: Kind, cut?: boolean) => Promise<() => void>;

const overHttp1: Begin = async (
  { server, headers, cursor },
  { method, path, headers: own = {}, body },
  cut,
) => {
  const connection = await tcp(server.port);
  const length = body === undefined ? {} : { "content-length": String(body.length) };
  const fields = Object.entries({ host: "127.0.0.1", ...headers, ...own, ...length });
  const head = [
    `${method} ${path.replace("CURSOR", cursor)} HTTP/1.1`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
  ];
  connection.send(`${head.join("\r\n")}\r\n\r\n${(body ?? "").slice(0, cut ? 2 : undefined)}`);
  return () => connection.socket.resetAndDestroy();
};

/** If `all` is true, closes the connection. Otherwise, resets only the stream. */
const overHttp2 =
  (all: boolean): Begin =>
  async ({ server, headers, cursor }, { method, path, headers: own = {}, body }, cut) => {
    const connection = http2.connect(server.url, { rejectUnauthorized: false });
    cleanup(() => connection.destroy());
    connection.on("error", () => {});
    const stream = connection.request({
      ":method": method,
      ":path": path.replace("CURSOR", cursor),
      ...headers,
      ...own,
    });
    stream.on("error", () => {});
    // The head has no content-length, so it does not reveal that a part of the body is missing.
    if (body !== undefined && cut) stream.write(body.slice(0, 2));
    else stream.end(body);
    return () => (all ? connection.destroy() : stream.close(http2.constants.NGHTTP2_CANCEL));
  };

const PROTOCOLS: [name: string, begin: Begin, secure: boolean][] = [
  ["HTTP/1.1", overHttp1, false],
  ["HTTP/2, reset", overHttp2(false), true],
  ["HTTP/2, connection lost", overHttp2(true), true],
];

/** Resolves when the server has processed everything sent so far. */
async function settled({ server }: World): Promise<void> {
  for (let i = 0; i < 3; i++)
    await fetch(`${server.url}/healthz`, { keepalive: false, tls: { rejectUnauthorized: false } });
}

function left({ server }: World): object {
  const { hub, service } = server.thump;
  return {
    sessions: hub.sessions.size,
    networks: hub.sessionsByAddress.size,
    rooms: [...hub.rooms.keys()],
    bodies: service.bodyMemory.bytes,
  };
}
const NOTHING = { sessions: 0, networks: 0, rooms: [], bodies: 0 };

const sessionKinds = Object.entries(KINDS).filter(([name]) => name !== "publication" && name !== "batch");
const reaches = (stage: keyof World["gates"], name: string): boolean => {
  if (stage === "throttle") return name !== "publication" && name !== "batch";
  // A poll with `last` is answered before it joins the room.
  if (stage === "subscribe") return name !== "poll with last" && sessionKinds.some(([kind]) => kind === name);
  if (stage === "read") return /last|cursor|stream|ndjson|multiplexed/.test(name);
  return true;
};

describe.each(PROTOCOLS)("%s", (_, begin, secure) => {
  const kinds = Object.entries(KINDS).filter(([name]) => !secure || !name.includes("socket"));

  for (const stage of ["throttle", "token", "hook", "subscribe", "read"] as const) {
    test.each(kinds.filter(([name]) => reaches(stage, name)))(
      `%s, aborted at: ${stage}`,
      async (_name, kind) => {
        const world = await newWorld(secure);
        const gate = world.gates[stage];
        // In the stages "token" and "subscribe", several requests may wait for the same call: a JWKS fetch or a
        // subscription.
        gate.shut();
        const aborts = await Promise.all(Array.from({ length: 3 }, () => begin(world, kind)));
        await eventually(() => gate.waiting >= (stage === "token" || stage === "subscribe" ? 1 : 3));
        await settled(world);
        for (const abort of aborts) abort();
        await settled(world);
        gate.open();
        await settled(world);
        await eventually(() => Bun.deepEquals(left(world), NOTHING));
        await settled(world);
        expect(left(world)).toEqual(NOTHING);
        expect(world.server.thump.service.sessionLimit.refused).toEqual({ all: 0, address: 0 });
      },
    );
  }

  test.each(kinds.filter(([, { body }]) => body !== undefined))(
    "%s, aborted in its body",
    async (_name, kind) => {
      const world = await newWorld(secure);
      const abort = await begin(world, kind, true);
      await settled(world);
      abort();
      await settled(world);
      expect(left(world)).toEqual(NOTHING);
      const kept = await world.server.thump.hub.log.newest("r", 10);
      expect(kept.publications).toHaveLength(1);
    },
  );

  test.each(kinds.filter(([name]) => sessionKinds.some(([kind]) => kind === name)))(
    "%s, aborted after it was opened",
    async (_name, kind) => {
      const world = await newWorld(secure);
      // Without these parameters the poll waits, because there are no stored messages to return.
      const path = kind.path.replace(/&(last|after)=[^&]*/, "");
      const aborts = await Promise.all(Array.from({ length: 3 }, () => begin(world, { ...kind, path })));
      await eventually(() => world.server.thump.hub.sessions.size === 3);
      for (const abort of aborts) abort();
      await eventually(() => Bun.deepEquals(left(world), NOTHING));
    },
  );
});

test("a session that ends while its room opens does not close the room for later sessions", async () => {
  const server = startServer();
  const { log } = server.thump.hub;
  const gate = new Gate();
  gate.shut();
  const followRoom = log.subscribe.bind(log);
  log.subscribe = (...given) => {
    const waits = gate.pass();
    const followed = followRoom(...given);
    return waits
      ? waits.then(() => {
          throw unavailable("It is away.");
        })
      : followed;
  };
  const first = await tcp(server.port);
  first.send("GET /rooms/r HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n");
  await eventually(() => gate.waiting === 1);
  first.socket.resetAndDestroy();
  await eventually(() => server.thump.hub.rooms.size === 0);
  log.subscribe = followRoom;
  const second = await connect(server.socket("/rooms/r"));
  await eventually(() => server.thump.sessionsIn("r") === 1);
  gate.open();
  await server.publish("r", "still here");
  expect(await second.next()).toBe("still here");
  expect(server.thump.hub.rooms.size).toBe(1);
});

test("polls that are aborted immediately do not use up the session limit", async () => {
  const server = startServer({ limits: { sessions: 10 } });
  for (let i = 0; i < 300; i++) {
    const poll = await tcp(server.port);
    poll.send(`GET /rooms/r?wait=50&after=${server.thump.hub.at} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    poll.socket.resetAndDestroy();
  }
  await eventually(() => server.thump.hub.sessions.size === 0);
  const others = await Promise.all(Array.from({ length: 10 }, () => connect(server.socket("/ws"))));
  expect(others).toHaveLength(10);
});

test("many sessions released from the same wait do not exceed the session limit", async () => {
  const gate = new Gate();
  const server = startServer({
    limits: { sessions: 5 },
    authorize: async () => {
      await gate.pass();
      return true;
    },
  });
  gate.shut();
  const polls = Array.from({ length: 40 }, () => fetch(server.room("r", "?wait=50")));
  await eventually(() => gate.waiting === 40);
  gate.open();
  await eventually(() => server.thump.service.sessionLimit.refused.all === 35);
  expect(server.thump.hub.sessions.size).toBe(5);
  await server.thump.publish("r", "x");
  const statuses = (await Promise.all(polls)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(5);
});

/** Socket commands that may still be waiting when the client disconnects. */
const COMMANDS = ["join", "history", "members", "publish"] as const;

test.each(
  COMMANDS.flatMap((type) => (["hook", "subscribe", "read"] as const).map((stage) => [type, stage] as const)),
)("a socket that sends %s, closed at: %s", async (type, stage) => {
  const world = await newWorld(false);
  const { server, gates, cursor } = world;
  const sockets = await Promise.all(Array.from({ length: 3 }, () => connect(server.socket("/ws?room=s"))));
  await eventually(() => server.thump.sessionsIn("s") === 3);
  gates[stage].shut();
  for (const socket of sockets) {
    for (const more of [{ last: 1 }, { after: cursor }])
      socket.send(JSON.stringify({ type, room: more.last ? "r" : "t", data: 1, ...more }));
    socket.send('{"type":"ping","id":"sent"}');
  }
  await settled(world);
  for (const socket of sockets) socket.ws.terminate();
  await eventually(() => server.thump.hub.sessions.size === 0);
  gates[stage].open();
  await settled(world);
  await eventually(() => Bun.deepEquals(left(world), NOTHING));
  await settled(world);
  expect(left(world)).toEqual(NOTHING);
});
