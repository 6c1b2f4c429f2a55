// Local requests: one function decides whether a request is local. A request of unknown origin does not count as local.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Elysia } from "elysia";
import { type Options, thump } from "../../src/index.ts";
import { cleanup } from "../support/cleanup.ts";
import { connect } from "../support/clients.ts";
import { startServer } from "../support/server.ts";
import { httpAnswer } from "../support/tcp.ts";
import { attempt, shakeHands } from "../support/ways-in.ts";

const SECRET = "a secret that is long enough to be one";
const STRANGER = { "x-forwarded-for": "203.0.113.9" };

interface Place {
  url: string;
  port: number;
}

/** The standalone server, and the plugin in an app. */
const PLACES: [string, (options: Options) => Place][] = [
  ["the server", (options) => startServer(options)],
  [
    "the plugin",
    (options) => {
      const app = new Elysia().use(thump(options)).listen({ port: 0, hostname: "127.0.0.1" });
      cleanup(() => app.stop(true));
      const port = app.server?.port ?? 0;
      return { port, url: `http://127.0.0.1:${port}` };
    },
  ],
];

/** Requests every operation on a room with these headers. Returns the statuses. */
async function everything({ url, port }: Place, headers: Record<string, string>): Promise<number[]> {
  const get = (path: string, method = "GET", body?: string) =>
    attempt(url + path, { method, headers, ...(body === undefined ? {} : { body }) });
  const outcomes = await Promise.all([
    get("/rooms/r", "POST", "x"),
    get("/publish", "POST", '{"room":"r","data":1}'),
    get("/rooms/r"),
    get("/rooms"),
    get("/events?room=r"),
    get("/events", "POST", '[{"room":"r"}]'),
    get("/rooms/r/members"),
    get("/rooms/r/history", "DELETE"),
    get("/rules"),
    get("/sessions"),
    get("/users/u/sessions", "DELETE"),
    get("/revoke", "POST", '{"user":"u"}'),
    get("/rooms/thump:stats"),
    shakeHands(`ws://127.0.0.1:${port}/ws`, headers),
    shakeHands(`ws://127.0.0.1:${port}/rooms/r`, headers),
  ]);
  return outcomes.map(({ status }) => status);
}

const refused = (status: number) => status === 401 || status === 403;
const all = (status: number) => Array.from({ length: 15 }, () => status);

const PROXIED: Record<string, string>[] = [
  { "x-forwarded-for": "8.8.8.8" },
  { "x-forwarded-for": "127.0.0.1" },
  { forwarded: "for=127.0.0.1" },
  { via: "1.1 proxy" },
  { "x-real-ip": "127.0.0.1" },
  { "x-forwarded-host": "app.example" },
  { "x-forwarded-proto": "https" },
  { "cf-connecting-ip": "8.8.8.8" },
  { "true-client-ip": "8.8.8.8" },
  { "x-client-ip": "127.0.0.1" },
];

test.each(PLACES)("%s without a secret accepts local requests, but not forwarded ones", async (_, start) => {
  const place = start({});
  expect((await everything(place, {})).filter(refused)).toEqual([]);
  for (const headers of PROXIED) expect(await everything(place, headers)).toEqual(all(403));
});

test.each(PLACES)(
  "%s without a secret accepts no external client behind a trusted proxy",
  async (_, start) => {
    expect(await everything(start({ proxies: ["loopback"] }), STRANGER)).toEqual(all(403));
  },
);

test.each(PLACES)(
  "%s without a secret rejects host names that a web page could have chosen",
  async (_, start) => {
    const place = start({ origins: ["https://app.example"] });
    for (const host of [
      "evil.example",
      `evil.example:${place.port}`,
      "127.0.0.1.evil.example",
      "203.0.113.9",
    ])
      expect(await everything(place, { host })).toEqual(all(403));
    for (const host of [
      "LOCALHOST",
      "localhost:1",
      "127.0.0.1",
      "[::1]:3000",
      "App.Example",
      "app.example:443",
    ])
      expect((await everything(place, { host })).filter(refused)).toEqual([]);
    // HTTP/1.0 requires no Host header.
    expect(await httpAnswer(place.port, ["GET /rooms/r HTTP/1.0"])).toStartWith("HTTP/1.1 403");
  },
);

/** Routes that are restricted to operators, even on an open server. */
const OPERATOR = ["/sessions", "/sessions/x", "/rules", "/rooms/thump:stats", "/metrics"];

test("an open server shows sessions, rules and metrics only to local requests for its own host names", async () => {
  const server = startServer({
    open: true,
    host: "0.0.0.0",
    origins: ["*", "https://app.example"],
    console: true,
  });
  const statuses = (headers: Record<string, string>) =>
    Promise.all(OPERATOR.map(async (path) => (await fetch(server.url + path, { headers })).status));
  expect(await statuses({})).toEqual([200, 404, 200, 200, 200]);
  expect(await statuses({ host: "app.example" })).toEqual([200, 404, 200, 200, 200]);
  for (const host of ["evil.example", `rebound.example:${server.port}`])
    expect(await statuses({ host })).toEqual([403, 403, 403, 403, 403]);
  for (const headers of PROXIED) expect(await statuses(headers)).toEqual([403, 403, 403, 403, 403]);
  expect((await fetch(server.room("r"), { headers: { host: "evil.example" } })).status).toBe(200);
});

test("with a secret, metrics are available to local requests for the server's own host names", async () => {
  const server = startServer({ access: { secrets: SECRET } });
  const status = async (headers: Record<string, string>) =>
    (await fetch(`${server.url}/metrics`, { headers })).status;
  expect(await status({})).toBe(200);
  for (const headers of [{ host: "evil.example" }, ...PROXIED]) expect(await status(headers)).toBe(401);
  expect(await httpAnswer(server.port, ["GET /metrics HTTP/1.0"])).toStartWith("HTTP/1.1 401");
});

/**
 * Ways to serve an app in which Elysia does not provide the client address. The boolean states whether the plugin can
 * find the address.
 */
const WAYS: [string, boolean, (options: Options) => Place][] = [
  ["Bun.serve({ fetch: app.fetch })", false, (options) => serve(new Elysia().use(thump(options)).fetch)],
  [
    "Bun.serve({ fetch: app.fetch }), handed over by attach()",
    true,
    (options) => {
      const app = new Elysia().use(thump(options));
      const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: app.fetch });
      cleanup(() => server.stop(true));
      app.decorator.thump.attach(server);
      return { port: server.port ?? 0, url: `http://127.0.0.1:${server.port}` };
    },
  ],
  [
    ".mount() in another app",
    false,
    (options) => {
      const app = new Elysia().use(thump(options));
      const outer = new Elysia().mount("/rt", app.fetch).listen({ port: 0, hostname: "127.0.0.1" });
      cleanup(() => outer.stop(true));
      const port = outer.server?.port ?? 0;
      return { port, url: `http://127.0.0.1:${port}/rt` };
    },
  ],
  [
    "new Elysia({ aot: false })",
    true,
    (options) => {
      const app = new Elysia({ aot: false }).use(thump(options)).listen({ port: 0, hostname: "127.0.0.1" });
      cleanup(() => app.stop(true));
      const port = app.server?.port ?? 0;
      return { port, url: `http://127.0.0.1:${port}` };
    },
  ],
];

function serve(answer: (request: Request) => Response | Promise<Response>): Place {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
  cleanup(() => server.stop(true));
  return { port: server.port ?? 0, url: `http://127.0.0.1:${server.port}` };
}

const requests = (status: number) => Array.from({ length: 4 }, () => status);

async function fewRequests({ url }: Place, headers: Record<string, string>): Promise<number[]> {
  const answers = [
    await fetch(`${url}/rooms/r`, { method: "POST", body: "x", headers }),
    await fetch(`${url}/rooms/r`, { headers }),
    await fetch(`${url}/rooms/r/history`, { method: "DELETE", headers }),
    await fetch(`${url}/sessions`, { headers }),
  ];
  return answers.map(({ status }) => status);
}

test.each(WAYS)(
  "served by %s, a client of unknown origin does not count as local",
  async (_, knows, start) => {
    const place = start({ proxies: ["loopback"] });
    expect(await fewRequests(place, STRANGER)).toEqual(requests(403));
    expect(await fewRequests(place, {})).toEqual(knows ? [201, 200, 204, 200] : requests(403));
  },
);

test.each(WAYS)(
  "served by %s, the server is open if configured; operator routes stay closed",
  async (_, knows, start) => {
    const place = start({ open: true });
    expect(await fewRequests(place, {})).toEqual([201, 200, 204, knows ? 200 : 403]);
  },
);

test("sockets work with aot: false", async () => {
  const app = new Elysia({ aot: false }).use(thump()).listen({ port: 0, hostname: "127.0.0.1" });
  cleanup(() => app.stop(true));
  const socket = await connect(`ws://127.0.0.1:${app.server?.port}/rooms/r`);
  await fetch(`http://127.0.0.1:${app.server?.port}/rooms/r`, { method: "POST", body: "hi" });
  expect(await socket.next()).toBe("hi");
});

test.each([
  ["the app", (plugin: ReturnType<typeof thump>) => new Elysia({ aot: false }).use(plugin)],
  [
    "a plugin of the app",
    (plugin: ReturnType<typeof thump>) => new Elysia({ aot: false }).use(new Elysia().use(plugin)),
  ],
])("with aot: false, in %s, bodies of every type are published unchanged", async (_, create) => {
  const app = create(thump()).listen({ port: 0, hostname: "127.0.0.1" });
  cleanup(() => app.stop(true));
  const url = `http://127.0.0.1:${app.server?.port}`;
  const post = async (path: string, type: string, body: string) => {
    const response = await fetch(url + path, { method: "POST", body, headers: { "content-type": type } });
    return [response.status, (await response.text()).includes('"at"')];
  };
  for (const type of ["application/json", "text/plain", "application/x-www-form-urlencoded"]) {
    expect(await post("/rooms/r", type, '{"a":1}')).toEqual([201, true]);
    expect(await post("/publish", type, '{"room":"r","data":{"a":1}}')).toEqual([200, true]);
  }
  for (const type of ["application/octet-stream", "multipart/form-data; boundary=x"])
    expect(await post("/rooms/bytes", type, "no form")).toEqual([201, true]);
  const { messages } = (await (await fetch(`${url}/rooms/r?last=9`)).json()) as {
    messages: { data: unknown }[];
  };
  expect(messages.map(({ data }) => data)).toEqual(Array.from({ length: 6 }, () => ({ a: 1 })));
});

test.each(WAYS.filter(([, , start]) => start !== WAYS.at(-1)?.[2]))(
  "served by %s, a socket is rejected with an error that names the requirement",
  async (_, __, start) => {
    const { url } = start({ open: true });
    const headers = {
      upgrade: "websocket",
      connection: "upgrade",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-version": "13",
    };
    const response = await fetch(`${url}/rooms/r`, { headers });
    expect(response.status).toBe(500);
    expect(await response.text()).toContain("listen()");
  },
);

test("before Bun's idle timeout, a stream sends a keep-alive and a poll is answered", async () => {
  const { url } = serve(new Elysia().use(thump({ open: true })).fetch);
  const poll = fetch(`${url}/rooms/r?wait=30`);
  const stream = await fetch(`${url}/rooms/r`, { headers: { accept: "text/event-stream" } });
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    // Stops after two ids: the stream's first position and a keep-alive's position.
    if ((text.match(/^id:/gm) ?? []).length >= 2) break;
  }
  expect((await poll).status).toBe(200);
});

const SRC = join(import.meta.dir, "../../src");
/** The files that may mention loopback, with the reason. Only the first two examine requests. */
const KNOW_LOOPBACK: Record<string, string> = {
  "limits/local-request.ts": "decides whether a request is local",
  "server/exposure.ts": "calls local-request.ts, once per request",
  "auth/origins.ts": "pages from a different port of this machine; the Host header, for local-request.ts",
  "limits/client-address.ts": "private networks, where a peer may be a proxy",
  "limits/trusted-proxies.ts": "the name of a network in an option",
  "auth/jwks.ts": "hosts from which keys may be fetched without TLS",
  "cli/flag-values.ts": "help",
  "cli/connection-flags.ts": "the address that commands call",
  "cli/server-commands.ts": "help",
  "server/server-core.ts": "whether other machines can reach the address that the server listens on",
  "server/config/flag-table.ts": "defaults and help",
  "server/operator-routes.ts": "the value of an option",
  "server/config/options.ts": "the values of an option",
  "server/config/options-schema.ts": "the values of an option",
  "server/config/settings.ts": "defaults",
  "server/start.ts": "the banner: the address that the server listens on",
};

test("no other file compares a client address or host with loopback", async () => {
  const found: string[] = [];
  const asking: string[] = [];
  for await (const path of new Bun.Glob("**/*.{ts,tsx}").scan(SRC)) {
    const text = await Bun.file(join(SRC, path)).text();
    const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|\s)\/\/.*$/gm, "");
    if (/loopback|localhost|127\.0|::1|\b0\.0\.0\.0/i.test(code)) found.push(path);
    if (/\brequestIP\b|\bisLocal\(/.test(code)) asking.push(path);
  }
  expect(found.filter((path) => !(path in KNOW_LOOPBACK))).toEqual([]);
  expect(asking.toSorted()).toEqual(["limits/local-request.ts", "server/exposure.ts"]);
});
