// Paths are unambiguous: a request acts on the name written in its raw target, or is rejected with 400 or 404.
import { expect, test } from "bun:test";
import { Elysia } from "elysia";
import { thump } from "../../src/index.ts";
import type { ServerCore } from "../../src/server/server-core.ts";
import { coreOf } from "../../src/server/thump-server.ts";
import { eventually } from "../support/answers.ts";
import { makeCertificate } from "../support/certificate.ts";
import { cleanup } from "../support/cleanup.ts";
import { connect, Multiplexed } from "../support/clients.ts";
import { run } from "../support/command.ts";
import { bareHttp2 } from "../support/http2.ts";
import { startServer } from "../support/server.ts";
import { FORMS, HOSTS, literalName, SEGMENTS } from "../support/targets.ts";
import { tcp } from "../support/tcp.ts";
import { bearer, claims, SECRET, token } from "../support/tokens.ts";

const KEY = `thump_${"k".repeat(43)}`;
const hash = new Bun.CryptoHasher("sha256").update(KEY).digest("hex");
/** Without the console, the server publishes nothing itself. */
const OPTIONS = { access: { secrets: SECRET, apiKeys: [{ name: "backend", hash }] }, console: false };
/** Rooms that a target could name if it were interpreted differently. */
const OTHERS = ["orders", "x", "history", "members", "evil", "rooms", "127.0.0.1", "localhost"];

interface Place {
  thump: ServerCore;
  port: number;
  prefix: string;
}

function inApp(app: ReturnType<typeof withPlugin>, prefix: string): Place {
  app.listen({ port: 0, hostname: "127.0.0.1" });
  cleanup(() => app.stop(true));
  return { thump: coreOf(app.decorator.thump), port: app.server?.port ?? 0, prefix };
}

const withPlugin = (prefix: string) => new Elysia().use(thump({ ...OPTIONS, prefix }));

/** The apps that serve the routes. */
const PLACES: Record<string, () => Place> = {
  "a server": () => ({ ...startServer(OPTIONS), prefix: "" }),
  "an app, with a prefix": () => inApp(withPlugin("/live"), "/live"),
  "an app's group": () => {
    const app: unknown = new Elysia().group("/api", (group) => group.use(thump(OPTIONS)));
    // In Elysia's types, a group loses its decorators.
    return inApp(app as ReturnType<typeof withPlugin>, "/api");
  },
};

interface Outcome {
  status: number;
  /** The names that the request acted on. */
  acted: string[];
}

/**
 * Sends a raw request with an API key. Returns the head of the response, and the body unless it is an endless stream.
 */
async function ask(
  { port }: Place,
  method: string,
  target: string,
  hosts: string[] = ["Host: 127.0.0.1"],
  fields: string[] = [],
): Promise<{ status: number; body: string; leave: () => void }> {
  const connection = await tcp(port);
  const version = hosts.length === 0 ? "1.0" : "1.1";
  const head = [`${method} ${target} HTTP/${version}`, ...hosts, `Authorization: Bearer ${KEY}`, ...fields];
  const body = method === "POST" ? ["Content-Length: 1", "Connection: close", "", "x"] : ["", ""];
  connection.send([...head, ...body].join("\r\n"));
  while (!/\r\n\r\n/.test(connection.received) && !connection.socket.destroyed)
    await connection.more().catch(() => {});
  const length = Number(/^content-length: ([0-9]+)/im.exec(connection.received)?.[1] ?? 0);
  const bodyOf = () => connection.received.split(/\r\n\r\n(.*)/s)[1] ?? "";
  while (bodyOf().length < length) await connection.more();
  const status = Number(/^HTTP\/1\.1 ([0-9]{3})/.exec(connection.received)?.[1] ?? 0);
  const leave = () => connection.socket.destroy();
  if (status !== 101 && length > 0) leave();
  return { status, body: Buffer.from(bodyOf(), "latin1").toString(), leave };
}

const countsOf = ({ hub }: ServerCore) =>
  new Map(Array.from(hub.log.rooms() as Iterable<string>, (room) => [room, hub.log.usageOf?.(room)?.count]));

type Act = (place: Place, target: string, literal: string | undefined, hosts?: string[]) => Promise<Outcome>;

const reads =
  (field: string): Act =>
  async (place, target, _, hosts) => {
    const { status, body } = await ask(place, "GET", target, hosts);
    return {
      status,
      acted: status === 200 ? [(JSON.parse(body) as Record<string, string>)[field] ?? "?"] : [],
    };
  };

/** Requests a target and returns the rooms that the request joined. */
const listens =
  (fields: string[]): Act =>
  async (place, target, _, hosts) => {
    const { sessions } = place.thump.hub;
    const before = new Set(sessions.keys());
    const { status, leave } = await ask(place, "GET", target, hosts, fields);
    const acted: string[] = [];
    if (status === 101 || status === 200) {
      await eventually(() => sessions.size > before.size);
      for (const [id, { memberships }] of sessions) if (!before.has(id)) acted.push(...memberships.keys());
    }
    leave();
    await eventually(() => sessions.size === before.size);
    return { status, acted };
  };

const HANDSHAKE = [
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
];

/** For each route with a room name: the request, and how to find the rooms that it acted on. */
const ROOM_ROUTES: [method: string, route: string, what: string, act: Act][] = [
  [
    "POST",
    "/rooms/:room",
    "publishes",
    async (place, target, _, hosts) => {
      const before = countsOf(place.thump);
      const { status } = await ask(place, "POST", target, hosts);
      const acted = [...countsOf(place.thump)].filter(([room, count]) => before.get(room) !== count);
      return { status, acted: acted.map(([room]) => room) };
    },
  ],
  ["GET", "/rooms/:room", "reads", reads("room")],
  ["GET", "/rooms/:room", "streams", listens(["Accept: application/x-ndjson"])],
  ["GET", "/rooms/:room", "opens a socket", listens(HANDSHAKE)],
  ["GET", "/rooms/:room/members", "reads", reads("room")],
  [
    "DELETE",
    "/rooms/:room/history",
    "forgets",
    async (place, target, literal, hosts) => {
      const rooms = literal === undefined ? OTHERS : [literal, ...OTHERS];
      for (const room of rooms) await place.thump.publish(room, 1);
      const { status } = await ask(place, "DELETE", target, hosts);
      const after = countsOf(place.thump);
      return { status, acted: [...new Set(rooms)].filter((room) => !after.has(room)) };
    },
  ],
];

/** Requests a target. Returns the errors in the result. */
async function tried(
  place: Place,
  act: Act,
  target: string,
  route: string,
  hosts?: string[],
): Promise<string[]> {
  const literal = literalName(target, place.prefix + route);
  const { status, acted } = await act(place, target, literal, hosts);
  const refused = [400, 404].includes(status) && acted.length === 0;
  const done = (status < 300 || status === 101) && acted.length === 1 && acted[0] === literal;
  // A meaningless query may be rejected.
  const fits = literal === undefined ? refused : done || (refused && /\?./.test(target));
  return fits ? [] : [`${target} → ${status} ${JSON.stringify(acted)}, not ${JSON.stringify(literal)}`];
}

const pathOf = ({ prefix }: Place, route: string, segment: string, name: string) =>
  prefix + route.replace(/:\w+/, () => segment.replaceAll("{}", name));

for (const [where, start] of Object.entries(PLACES)) {
  for (const [method, route, what, act] of ROOM_ROUTES) {
    test(`in ${where}, ${method} ${route} ${what} with the literal name or is rejected (${SEGMENTS.length} names)`, async () => {
      const place = start();
      const wrong: string[] = [];
      for (const segment of SEGMENTS) {
        // If the segment contains a question mark, the target belongs to a different route, which has its own test.
        if (segment.includes("?") && !route.endsWith(":room")) continue;
        wrong.push(...(await tried(place, act, pathOf(place, route, segment, "orders"), route)));
      }
      expect(wrong).toEqual([]);
    });
  }

  test(`in ${where}, unusual targets and hosts lead to the same room or are rejected`, async () => {
    const place = start();
    const wrong: string[] = [];
    for (const [, route, , act] of ROOM_ROUTES) {
      const path = pathOf(place, route, "orders", "");
      for (const form of Object.values(FORMS)) wrong.push(...(await tried(place, act, form(path), route)));
      for (const hosts of Object.values(HOSTS))
        for (const target of [path, `/0123456789${path}`, pathOf(place, route, "x\\orders", "")])
          wrong.push(...(await tried(place, act, target, route, hosts ?? [])));
    }
    expect(wrong).toEqual([]);
  });

  test(`in ${where}, a request ends the session or user with the literal name, or none`, async () => {
    const place = start();
    const { hub } = place.thump;
    const wrong: string[] = [];
    const url = `ws://127.0.0.1:${place.port}${place.prefix}/ws`;
    const headers = bearer(token(claims()));
    for (const [method, route] of [
      ["GET", "/sessions/:id"],
      ["DELETE", "/sessions/:id"],
      ["DELETE", "/users/:user/sessions"],
    ] as const) {
      const forms = Object.values(FORMS).map((form) => (id: string) => form(pathOf(place, route, id, "")));
      const segments = SEGMENTS.map((segment) => (id: string) => pathOf(place, route, segment, id));
      for (const targetOf of [...segments, ...forms]) {
        if (hub.sessions.size === 0) {
          await connect(url, { headers });
          await eventually(() => hub.sessions.size === 1);
        }
        const [id = ""] = hub.sessions.keys();
        const target = targetOf(route.includes(":user") ? "u7" : id);
        const { status } = await ask(place, method, target);
        const literal = literalName(target, place.prefix + route);
        const meant = literal === id || literal === "u7";
        const refused = [400, 404, 422].includes(status) || (status === 200 && literal !== undefined);
        const ended = hub.sessions.size === 0;
        const done = meant && status < 300 && ended === (method === "DELETE");
        // A meaningless query may be rejected.
        const fits = done || ((!meant || /\?./.test(target)) && refused && !ended);
        if (!fits) wrong.push(`${method} ${target} → ${status}${ended ? ", ended" : ""}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test(`in ${where}, no route is reached through dot segments or with a trailing slash`, async () => {
    const place = start();
    const statuses: unknown[] = [];
    for (const path of ["/rooms", "/events?room=orders", "/ws", "/rules", "/sessions", "/publish"]) {
      const [bare = "", query] = (place.prefix + path).split(/(?=\?)/);
      const method = path === "/publish" ? "POST" : "GET";
      for (const target of [
        `/x/..${bare}`,
        `/x\\..${bare}`,
        `/.${bare}`,
        `${bare}/`,
        `${bare}\\`,
        `/${bare}`,
      ])
        statuses.push((await ask(place, method, target + (query ?? ""))).status);
    }
    for (const path of [
      "/rooms/r",
      "/rooms/r/members",
      "/sessions/s",
      "/users/u7/sessions",
      "/users//sessions",
    ])
      for (const target of [`${place.prefix}${path}/`, `${place.prefix}${path}\\`])
        statuses.push((await ask(place, "OPTIONS", target)).status);
    expect(statuses.filter((status) => status !== 404 && status !== 400)).toEqual([]);
  });
}

/** The path as Bun normalizes it, without backslashes and dot segments. Some apps do not route by the raw target. */
function normalized(target: string): string {
  const [path = "", ...query] = target.replace(/^https?:\/\/[^/?#]*/, "").split("?");
  if (path.includes("#")) return target;
  return [new URL(`http://host${Buffer.from(path, "latin1").toString()}`).pathname, ...query].join("?");
}

const UNROUTED: Record<string, () => Place> = {
  "Bun.serve with the app's fetch": () => served(withPlugin("/live").compile(), "/live"),
  "an app that mounts it": () => {
    const inner = withPlugin("/live");
    const outer = new Elysia().mount("/outer", inner.fetch).listen({ port: 0, hostname: "127.0.0.1" });
    cleanup(() => outer.stop(true));
    return { thump: coreOf(inner.decorator.thump), port: outer.server?.port ?? 0, prefix: "/outer/live" };
  },
  "an app that is not compiled": () =>
    inApp(new Elysia({ aot: false }).use(thump({ ...OPTIONS, prefix: "/live" })), "/live"),
};

function served(app: ReturnType<typeof withPlugin>, prefix: string): Place {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: app.fetch });
  cleanup(() => server.stop(true));
  return { thump: coreOf(app.decorator.thump), port: server.port ?? 0, prefix };
}

test.each(Object.keys(UNROUTED))(
  "in %s, paths are unambiguous too: the URL that Bun parses decides",
  async (where) => {
    const place = (UNROUTED[where] as () => Place)();
    const wrong: string[] = [];
    for (const [method, route, what, act] of ROOM_ROUTES) {
      if (what !== "publishes" && what !== "reads" && what !== "forgets") continue;
      const paths = SEGMENTS.map((segment) => pathOf(place, route, segment, "orders"));
      const forms = Object.values(FORMS).map((form) => form(pathOf(place, route, "orders", "")));
      for (const target of [...paths, ...forms]) {
        const read = (by: string) => literalName(normalized(target), place.prefix + by);
        // The normalized target may belong to the other route.
        const literal = read(route) ?? (method === "GET" ? read("/rooms/:room") : undefined);
        const { status, acted } = await act(place, target, literal);
        const fits = acted.every((name) => name === literal) && (status < 300 || [400, 404].includes(status));
        if (!fits)
          wrong.push(
            `${method} ${target} → ${status} ${JSON.stringify(acted)}, not ${JSON.stringify(literal)}`,
          );
      }
    }
    for (const hosts of Object.values(HOSTS)) {
      const { status } = await ask(
        place,
        "DELETE",
        `/0123456789${place.prefix}/rooms/orders/history`,
        hosts ?? [],
      );
      if (status !== 404 && status !== 400) wrong.push(`${String(hosts)} → ${status}`);
    }
    expect(wrong).toEqual([]);
  },
);

test("paths are unambiguous over HTTP/2", async () => {
  const { cert, key } = makeCertificate();
  const server = startServer({ ...OPTIONS, tls: { cert, key } });
  const place = { ...server, prefix: "" };
  const connection = await bareHttp2(server.port);
  const wrong: string[] = [];
  const publishes: Act = async (_, target) => {
    const before = countsOf(server.thump);
    const stream = connection.open(target, {
      ":method": "POST",
      authorization: `Bearer ${KEY}`,
      accept: "*/*",
    });
    await stream.until(() => false);
    const acted = [...countsOf(server.thump)].filter(([room, count]) => before.get(room) !== count);
    // The server resets the stream of an invalid target.
    const status = acted.length > 0 ? 201 : 400;
    return { status, acted: acted.map(([room]) => room) };
  };
  const targets = SEGMENTS.map((segment) => pathOf(place, "/rooms/:room", segment, "orders"));
  for (const target of [...targets, ...Object.values(FORMS).map((form) => form("/rooms/orders"))]) {
    // Only HTTP/1.1 has an absolute form (RFC 9113 §8.3.1), and bytes outside ASCII end the connection.
    // oxlint-disable-next-line no-control-regex -- all of ASCII
    if (target.startsWith("http") || !/^[\x00-\x7f]*$/.test(target)) continue;
    wrong.push(...(await tried(place, publishes, target, "/rooms/:room")));
  }
  expect(wrong).toEqual([]);
});

test.each([".", "..", "a/../b", "../a", "a/..", "./a", "a\\..\\b", "a\ufffd"])(
  "%p is rejected as a room name and as a user on every route",
  async (name) => {
    const server = startServer(OPTIONS);
    const headers = bearer(KEY);
    const query = `room=${encodeURIComponent(name)}`;
    const codeOf = async (path: string, init: RequestInit = {}) =>
      ((await (await fetch(server.url + path, { ...init, headers })).json()) as { code?: string }).code;
    expect(await codeOf(`/events?${query}`)).toBe("invalid-room");
    expect(await codeOf(`/rules?${query}`)).toBe("invalid-room");
    const ws = await connect(server.socket("/ws"), { headers });
    const mux = new Multiplexed(ws);
    for (const type of ["join", "publish", "history", "members"])
      expect(await mux.ask({ type, room: name, data: 1 })).toMatchObject({ code: "invalid-room" });
    const stream = { method: "POST", body: JSON.stringify([{ room: name }]), headers };
    const posted = await fetch(`${server.url}/events`, stream);
    const reader = posted.body?.getReader();
    let said = "";
    while (!said.includes("thump:error")) said += new TextDecoder().decode((await reader?.read())?.value);
    expect(said).toContain('"code":"invalid-room"');
    await reader?.cancel();
    const batch = await fetch(`${server.url}/publish`, {
      method: "POST",
      headers,
      body: JSON.stringify([{ room: name, data: 1 }]),
    });
    expect(await batch.json()).toMatchObject({ results: [{ error: { code: "invalid-room" } }] });
    await expect(server.thump.publish(name, 1)).rejects.toThrow("room name");
    await expect(server.thump.publish("r", 1, { from: name })).rejects.toThrow("user name");
    const revoked = await codeOf("/revoke", { method: "POST", body: JSON.stringify({ user: name }) });
    expect(revoked).toBe("invalid");
    const shown = await fetch(`${server.url}/rooms/r`, { headers: bearer(token(claims({ sub: name }))) });
    expect(shown.status).toBe(401);
    expect([...countsOf(server.thump).keys()]).toEqual([]);
  },
);

test.each(["tail ..", "bench a/../b", "token --sub ."])("thump %s is rejected", async (line) => {
  const { code, err } = await run(line.split(" "), { THUMP_URL: "http://127.0.0.1:1", THUMP_SECRET: SECRET });
  expect(code).toBe(2);
  expect(err).toContain("or contains one of them as a path segment");
});
