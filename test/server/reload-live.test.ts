// Reload and live sessions: after any change, live sessions have the same permissions as new ones.
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { connect, Multiplexed } from "../support/clients.ts";
import { type Reloadable, startReloadable } from "../support/reloadable.ts";
import { openEvents, openMultiplexed, openNdjson, type OpenStream } from "../support/streams.ts";
import {
  bearer,
  claims,
  ec,
  OTHER_SECRET,
  rsa as newRsa,
  SECRET,
  token,
  tokenBy,
} from "../support/tokens.ts";

type Headers = Record<string, string>;

const KEY = "thump_backend";
const OTHER = "thump_other";
const hash = (key: string) => createHash("sha256").update(key).digest("hex");
const keys = (rooms: Record<string, string[]>) => [
  { name: "backend", hash: hash(KEY), rooms },
  { name: "other", hash: hash(OTHER) },
];
const ALL = ["join", "publish", "history", "members"];
const ways = [
  "raw socket",
  "socket",
  "event stream",
  "NDJSON",
  "several rooms",
  "multiplexed stream",
] as const;

/** A session in the room `gone` and, if its transport allows several rooms, in `kept`. */
interface Live {
  /** Resolves when the session has received this publication. */
  receives(data: string): Promise<unknown>;
  /** Resolves with the notification that the session was removed from `gone`. */
  out(): Promise<unknown>;
  received(): string;
}

async function live(way: (typeof ways)[number], { url }: Reloadable, headers: Headers): Promise<Live> {
  const socketUrl = url.replace("http", "ws");
  const ofStream = (stream: OpenStream): Live => ({
    receives: (data) => stream.lines.until((lines) => lines.some((line) => line.includes(data))),
    out: () => stream.ended.then(() => ({ ended: true })),
    received: () => stream.text,
  });
  switch (way) {
    case "raw socket": {
      const socket = await connect(`${socketUrl}/rooms/gone`, { headers });
      return {
        receives: (data) => socket.until((frames) => frames.includes(data)),
        out: () => socket.closed,
        received: () => socket.all.join("\n"),
      };
    }
    case "socket": {
      const client = new Multiplexed(await connect(`${socketUrl}/ws?room=gone&room=kept`, { headers }));
      await client.until((frames) => frames.filter(({ type }) => type === "joined").length === 2);
      return {
        receives: (data) => client.until((frames) => frames.some((frame) => frame["data"] === data)),
        out: () => client.find(({ type }) => type === "left"),
        received: () => JSON.stringify(client.all),
      };
    }
    case "event stream":
      return ofStream(await openEvents(`${url}/rooms/gone`, headers));
    case "NDJSON":
      return ofStream(await openNdjson(`${url}/rooms/gone`, headers));
    case "several rooms":
      return ofStream(await openEvents(`${url}/events?room=kept&room=gone`, headers));
    case "multiplexed stream": {
      const stream = await openMultiplexed(url, [{ room: "gone" }, { room: "kept" }], headers);
      return {
        receives: (data) => stream.events.until(() => stream.frames.some((frame) => frame["data"] === data)),
        out: async () => {
          const left = () => stream.frames.find(({ type }) => type === "left");
          await stream.events.until(() => left() !== undefined);
          return left();
        },
        received: () => stream.text,
      };
    }
  }
}

const publish = async ({ url }: Reloadable, room: string, body: string, headers: Headers) =>
  expect((await fetch(`${url}/rooms/${room}`, { method: "POST", body, headers })).status).toBe(201);

const LEFT = { type: "left", room: "gone", code: "forbidden", message: expect.any(String) as string };
/** The notification that each kind of session gets when it must leave a room. */
const NOTIFICATIONS: Record<(typeof ways)[number], object> = {
  "raw socket": { code: 4403, reason: expect.stringContaining("gone") as string },
  socket: LEFT,
  "event stream": { ended: true },
  NDJSON: { ended: true },
  "several rooms": { ended: true },
  "multiplexed stream": LEFT,
};

/** Changes after which the client may still join `kept`, but not `gone`. */
const CHANGES: [what: string, before: object, after: object, headers: () => Headers][] = [
  [
    "the API key's rooms are narrowed",
    { access: { secrets: SECRET, apiKeys: keys({ "*": ALL }) } },
    { access: { secrets: SECRET, apiKeys: keys({ kept: ALL, gone: ["publish"] }) } },
    () => bearer(KEY),
  ],
  [
    "the room's rule changes",
    { access: { secrets: SECRET, apiKeys: keys({}) } },
    { access: { secrets: SECRET, apiKeys: keys({}) }, rooms: { gone: { join: "server" } } },
    () => bearer(token()),
  ],
  [
    "the first secret closes what was open",
    {},
    { access: { secrets: SECRET, apiKeys: keys({}) }, rooms: { kept: { join: "anyone" } } },
    () => ({}),
  ],
];

const cases = CHANGES.flatMap(([what, before, after, headers]) =>
  ways.map((way) => [what, way, before, after, headers] as const),
);

test.each(cases)(
  "when %s, a live %s is removed from that room and notified",
  async (_, way, before, after, headers) => {
    const server = await startReloadable(before);
    const [session, raw] = [await live(way, server, headers()), await live("raw socket", server, headers())];
    await publish(server, "gone", "before", headers());
    await Promise.all([session.receives("before"), raw.receives("before")]);
    await server.reload(after);
    expect(await session.out()).toMatchObject(NOTIFICATIONS[way]);
    await raw.out();
    await publish(server, "gone", "secret", bearer(OTHER));
    if (way === "socket" || way === "multiplexed stream") {
      await publish(server, "kept", "after", bearer(OTHER));
      await session.receives("after");
    }
    expect(session.received()).not.toContain("secret");
  },
);

test("a waiting poll is refused when its API key loses access to the room", async () => {
  const server = await startReloadable({ access: { apiKeys: keys({ gone: ALL }) } });
  const poll = fetch(`${server.url}/rooms/gone?wait=20`, { headers: bearer(KEY) });
  const inIt = async () =>
    (
      (await (await fetch(`${server.url}/rooms/gone`, { headers: bearer(OTHER) })).json()) as {
        sessions: number;
      }
    ).sessions === 1;
  while (!(await inIt())) await Bun.sleep(5);
  await server.reload({ access: { apiKeys: keys({ gone: ["publish"] }) } });
  const response = await poll;
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([403, "forbidden"]);
});

test("a session that loses the `members` permission stays, and receives no more presence", async () => {
  const rooms = { r: { presence: true } };
  const server = await startReloadable({ rooms, access: { apiKeys: keys({ r: ALL }) } });
  const socketUrl = `${server.url.replace("http", "ws")}/ws`;
  const client = new Multiplexed(await connect(socketUrl, { headers: bearer(KEY) }));
  expect(await client.ask({ type: "join", room: "r", presence: true })).toMatchObject({ type: "joined" });
  await server.reload({ rooms, access: { apiKeys: keys({ r: ["join"] }) } });
  expect(await client.find(({ type, off }) => type === "presence" && off === true)).toMatchObject({
    room: "r",
  });
  await publish(server, "r", "still here", bearer(OTHER));
  await client.until(() => client.messages("r").length === 1);
});

const pair = ec();
const rsa = newRsa();
const rsaKey = () => ({ key: rsa.pem });
const access = (more: object) => ({ access: { secrets: SECRET, apiKeys: keys({}), ...more } });

test.each<[what: string, before: object, after: object, credential: () => string]>([
  ["its secret is removed", access({}), access({ secrets: OTHER_SECRET }), () => token()],
  ["its public key is removed", access({ keys: [pair.pem] }), access({}), () => tokenBy(pair, "ES256")],
  [
    "its algorithm is no longer accepted",
    access({ keys: [rsaKey()] }),
    access({ keys: [{ ...rsaKey(), algorithms: ["PS256"] }] }),
    () => tokenBy(rsa, "RS256"),
  ],
  ["the required issuer changes", access({}), access({ issuer: "https://a.example" }), () => token()],
  [
    "the required audience changes",
    access({ audience: ["a"] }),
    access({ audience: ["b"] }),
    () => token(claims({ aud: ["a", "c"] })),
  ],
  ["the maximum lifetime is shortened", access({}), access({ lifetime: "1m" }), () => token()],
])(
  "a session ends when %s, but a session with a different token stays",
  async (_, before, after, credential) => {
    const server = await startReloadable(before);
    const url = `${server.url.replace("http", "ws")}/rooms/r`;
    const client = await connect(url, { headers: bearer(credential()) });
    const stream = await openEvents(`${server.url}/rooms/r`, bearer(credential()));
    const stays = await connect(url, { headers: bearer(OTHER) });
    await server.reload(after);
    expect((await client.closed).code).toBe(4401);
    await stream.ended;
    expect((await fetch(`${server.url}/rooms/r`, { headers: bearer(credential()) })).status).toBe(401);
    expect(stays.ws.readyState).toBe(stays.ws.OPEN);
  },
);

test("a session stays while its secret, key, issuer and audience are still accepted", async () => {
  const server = await startReloadable(access({ audience: ["a"] }));
  const client = await connect(`${server.url.replace("http", "ws")}/rooms/r`, {
    headers: bearer(token(claims({ aud: "a", iss: "b" }))),
  });
  const more = {
    secrets: [OTHER_SECRET, SECRET],
    audience: ["b", "a"],
    issuer: ["b", "c"],
    keys: [pair.pem],
  };
  await server.reload(access(more));
  await publish(server, "r", "x", bearer(OTHER));
  await client.until((frames) => frames.includes("x"));
});

test("a new hook, even if asynchronous, decides about live sessions, and the old hook no longer does", async () => {
  const hook = (room: string) =>
    `export default { authorize: async ({ room, action }) => action === "publish" || room !== "${room}" };`;
  const server = await startReloadable(hook("none"), "thump.config.ts");
  const client = new Multiplexed(await connect(`${server.url.replace("http", "ws")}/ws?room=a&room=b`));
  await client.until((frames) => frames.filter(({ type }) => type === "joined").length === 2);
  await server.reload(hook("a"));
  expect(await client.find(({ type }) => type === "left")).toMatchObject({ room: "a" });
  expect(await client.ask({ type: "join", room: "a" })).toMatchObject({ code: "forbidden" });
  await publish(server, "b", "still", {});
  await client.until(() => client.messages("b").length === 1);
});

test("sessions of pages end when their origin is no longer allowed; others stay", async () => {
  const origins = ["https://a.example", "https://b.example"];
  const server = await startReloadable({ origins });
  const socketUrl = `${server.url.replace("http", "ws")}/rooms/r`;
  const from = (origin: string) => connect(socketUrl, { headers: { origin } });
  const gone = await from("https://a.example");
  const stream = await openEvents(`${server.url}/rooms/r`, { origin: "https://a.example" });
  const stay = [await from("https://b.example"), await from("http://localhost:1"), await connect(socketUrl)];
  await server.reload({ origins: origins.slice(1) });
  expect((await gone.closed).code).toBe(4403);
  await stream.ended;
  await publish(server, "r", "x", {});
  for (const socket of stay) await socket.until((frames) => frames.includes("x"));
});
