// Principals are rechecked after every wait, so that a token or key that becomes invalid during a wait is rejected.
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { Authorize, Options } from "../../src/index.ts";
import { serverSettings } from "../../src/server/app.ts";
import { reload } from "../../src/server/reload.ts";
import { dataOf, eventually } from "../support/answers.ts";
import { connect, Multiplexed } from "../support/clients.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { type Tcp, tcp } from "../support/tcp.ts";
import { bearer, claims, seconds, SECRET, token } from "../support/tokens.ts";

const KEY = "thump_backend";
const apiKeys = [{ name: "backend", hash: createHash("sha256").update(KEY).digest("hex") }];
const secured = (options: Options = {}): TestServer =>
  startServer({ access: { secrets: SECRET, apiKeys, leeway: 0 }, ...options });

interface Late {
  connection: Tcp;
  /** Sends the rest of the body. Resolves with the response. */
  finish(): Promise<string>;
}

/** Starts a request: sends the head and the first part of the body. */
async function late(server: TestServer, path: string, credential: string, body: string): Promise<Late> {
  const connection = await tcp(server.port);
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
  const head = [
    `POST ${path} HTTP/1.1`,
    "Host: localhost",
    `Authorization: Bearer ${credential}`,
    "Transfer-Encoding: chunked",
    "Connection: close",
  ];
  connection.send(`${head.join("\r\n")}\r\n\r\n${chunk(body.slice(0, 3))}`);
  await eventually(() => server.thump.service.bodyMemory.bytes > 0);
  return {
    connection,
    async finish() {
      connection.send(`${chunk(body.slice(3))}0\r\n\r\n`);
      await connection.closed;
      return connection.received;
    },
  };
}

const BODIES: [path: string, body: string][] = [
  ["/rooms/r", "a publication"],
  ["/publish", '[{"room":"r","data":1},{"rooms":["r","s"],"data":2}]'],
  ["/events", '[{"room":"r"}]'],
];

const all = async (server: TestServer) => {
  const response = await fetch(server.room("r"), { headers: bearer(token(claims({ sub: "reader" }))) });
  return dataOf((await response.json()) as { messages: [] });
};

test.each(BODIES)("POST %s: a token that is revoked while the body arrives", async (path, body) => {
  const server = secured();
  const request = await late(server, path, token(), body);
  const revoke = { method: "POST", body: '{"user":"u7"}', headers: bearer(KEY) };
  expect((await fetch(`${server.url}/revoke`, revoke)).status).toBe(200);
  const answer = await request.finish();
  expect(answer).toStartWith("HTTP/1.1 401");
  expect(answer).toContain('"code":"revoked"');
  expect(await all(server)).toEqual([]);
});

test.each(BODIES)("POST %s: a token that expires while the body arrives", async (path, body) => {
  const server = secured();
  const exp = seconds(2);
  const request = await late(server, path, token(claims({ exp })), body);
  // A request without a session is not notified of the expiry.
  while (Date.now() < exp * 1000) await Bun.sleep(20);
  const answer = await request.finish();
  expect(answer).toStartWith("HTTP/1.1 401");
  expect(answer).toContain('"code":"unauthorized"');
  expect(await all(server)).toEqual([]);
});

test.each([...BODIES, ["/revoke", '{"user":"u7"}'] as [string, string]])(
  "POST %s: an API key that a reload removes while the body arrives",
  async (path, body) => {
    const server = secured();
    const request = await late(server, path, KEY, body);
    reload(server.thump, serverSettings({ port: 0, demo: false, access: { secrets: SECRET } }));
    expect(await request.finish()).toStartWith("HTTP/1.1 401");
    expect(await all(server)).toEqual([]);
  },
);

test.each(["publish", "join", "history", "members"])(
  "a token that expires while the hook decides about its %s: the command has no effect",
  async (type) => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<boolean>();
    const authorize: Authorize = ({ session }) => {
      if (session.user !== "u7") return true;
      asked.resolve();
      return answer.promise;
    };
    const server = secured({ authorize });
    const exp = seconds(2);
    const headers = bearer(token(claims({ exp })));
    const client = new Multiplexed(await connect(server.socket("/ws"), { headers }));
    const reply = client.ask({ type, room: "r", data: 1 });
    await asked.promise;
    while (Date.now() < exp * 1000) await Bun.sleep(20);
    answer.resolve(true);
    // The heartbeat may close the session before the reply is sent.
    const outcome = await Promise.race([reply, client.closed]);
    expect("type" in outcome ? outcome.type : "error").toBe("error");
    expect(await all(server)).toEqual([]);
    expect(server.thump.sessionsIn("r")).toBe(0);
  },
);
