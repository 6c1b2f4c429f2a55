// Request smuggling: a request that a proxy may parse differently gets at most one response and hides no second
// request.
import { expect, test } from "bun:test";
import { dataOf, stateOf } from "../support/answers.ts";
import { startServer } from "../support/server.ts";
import { clientFrame, tcp } from "../support/tcp.ts";
import { SECRET } from "../support/tokens.ts";
import { unharmed } from "../support/unharmed.ts";

const HOST = "Host: 127.0.0.1";
const OPEN = { join: "anyone", publish: "anyone" } as const;
const LAST = `GET /healthz HTTP/1.1\r\n${HOST}\r\nConnection: close\r\n\r\n`;
/** The hidden request. */
const HIDDEN = `POST /rooms/hidden HTTP/1.1\r\n${HOST}\r\nContent-Length: 1\r\n\r\nX`;
const post = (headers: string[], body: string, target = "/rooms/r", version = "HTTP/1.1") =>
  [`POST ${target} ${version}`, HOST, ...headers, "", body].join("\r\n");
const chunked = (body: string) => post(["Transfer-Encoding: chunked"], body);
const CHUNK = "1\r\nA\r\n0\r\n\r\n";

/** The status codes of all responses in a text, in order. */
const statusesOf = (text: string) =>
  [...text.matchAll(/HTTP\/1\.1 ([0-9]{3})/g)].map(([, status]) => Number(status));

/**
 * Sends a request. If the connection stays open, sends a valid request that closes it. Returns the statuses of all
 * responses.
 */
async function statusesFor(port: number, request: string): Promise<number[]> {
  const connection = await tcp(port);
  connection.send(request);
  await Promise.race([connection.closed, connection.until("\r\n\r\n").catch(() => {})]);
  connection.send(LAST);
  await connection.closed;
  return statusesOf(connection.received);
}

const REFUSED: Record<string, string> = {
  "a length and chunks": post(["Content-Length: 5", "Transfer-Encoding: chunked"], `0\r\n\r\n${HIDDEN}`),
  "chunks and a length": post(["Transfer-Encoding: chunked", "Content-Length: 4"], CHUNK + HIDDEN),
  "two lengths": post(["Content-Length: 1", `Content-Length: ${HIDDEN.length + 1}`], `A${HIDDEN}`),
  "a list of lengths": post([`Content-Length: 1, ${HIDDEN.length + 1}`], `A${HIDDEN}`),
  "a negative length": post(["Content-Length: -1"], `A${HIDDEN}`),
  "a length with a sign": post(["Content-Length: +1"], `A${HIDDEN}`),
  "a length in hexadecimal": post(["Content-Length: 0x1"], `A${HIDDEN}`),
  "a length of two words": post(["Content-Length: 1 1"], `A${HIDDEN}`),
  "a length beyond 64 bits": post(["Content-Length: 18446744073709551617"], `A${HIDDEN}`),
  "an empty length": post(["Content-Length: "], HIDDEN),
  "a blank before the colon": post([`Content-Length : ${HIDDEN.length}`], HIDDEN),
  "a blank before the colon of an encoding": post(["Transfer-Encoding : chunked"], `0\r\n\r\n${HIDDEN}`),
  "a folded header": post(["X: y", " Transfer-Encoding: chunked", "Content-Length: 1"], `A${HIDDEN}`),
  "a folded encoding": post(["Transfer-Encoding:", " chunked"], `0\r\n\r\n${HIDDEN}`),
  "an unknown encoding": post(["Transfer-Encoding: xchunked"], `0\r\n\r\n${HIDDEN}`),
  "chunks within another encoding": post(["Transfer-Encoding: chunked, identity"], `0\r\n\r\n${HIDDEN}`),
  "two encodings": post(["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], `0\r\n\r\n${HIDDEN}`),
  "an encoding behind a vertical tab": post(["Transfer-Encoding: \x0bchunked"], `0\r\n\r\n${HIDDEN}`),
  "chunks in HTTP/1.0": post(["Transfer-Encoding: chunked"], CHUNK + HIDDEN, "/rooms/r", "HTTP/1.0"),
  "a chunk of negative size": chunked(`-1\r\nA\r\n0\r\n\r\n${HIDDEN}`),
  "a chunk's size with a sign": chunked(`+1\r\nA\r\n0\r\n\r\n${HIDDEN}`),
  "a chunk's size with a prefix": chunked(`0x1\r\nA\r\n0\r\n\r\n${HIDDEN}`),
  "a chunk's size beyond 64 bits": chunked(`10000000000000001\r\nA\r\n0\r\n\r\n${HIDDEN}`),
  "a chunk without a size": chunked(`\r\nA\r\n0\r\n\r\n${HIDDEN}`),
  "a chunk that is longer than its stated size": chunked(`1\r\nAxx0\r\n\r\n${HIDDEN}`),
  "chunks separated by bare line feeds": chunked(`1\nA\n0\n\n${HIDDEN}`),
  "an extension that ends in a bare line feed": chunked(`1;a\nA\r\n0\r\n\r\n${HIDDEN}`),
  "an endless extension": chunked(`1;${"a".repeat(100_000)}\r\nA\r\n0\r\n\r\n${HIDDEN}`),
  "lines that end in bare line feeds": `POST /rooms/r HTTP/1.1\n${HOST}\nContent-Length: 1\n\nA${HIDDEN}`,
  "a bare line feed in a header": post([`X: y\nContent-Length: ${HIDDEN.length}`], HIDDEN),
  "a bare carriage return in a header": post([`X: y\rContent-Length: ${HIDDEN.length}`], HIDDEN),
  "a null byte in a header": post(["X: y\0z", "Content-Length: 1"], `A${HIDDEN}`),
  "a header without a colon": post(["X", "Content-Length: 1"], `A${HIDDEN}`),
  "a header without a name": post([": x", "Content-Length: 1"], `A${HIDDEN}`),
  "no Host header": `POST /rooms/r HTTP/1.1\r\nContent-Length: 1\r\n\r\nA${HIDDEN}`,
  "a blank in the path": post(["Content-Length: 1"], `A${HIDDEN}`, "/rooms/r x"),
  "a future version": post(["Content-Length: 1"], `A${HIDDEN}`, "/rooms/r", "HTTP/1.9"),
  "no version": `POST /rooms/r\r\n\r\n${HIDDEN}`,
  "the preface of HTTP/2": `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${HIDDEN}`,
  "very many headers": post(
    [...Array.from({ length: 300 }, (_, i) => `X-${i}: y`), "Content-Length: 1"],
    `A${HIDDEN}`,
  ),
  "very long headers": post([`X: ${"y".repeat(20_000)}`, "Content-Length: 1"], `A${HIDDEN}`),
  "a very long URL": post(["Content-Length: 1"], `A${HIDDEN}`, `/rooms/r?${"x".repeat(20_000)}`),
};

test.each(Object.entries(REFUSED))("%s is rejected and ends the connection", async (_, request) => {
  const server = startServer();
  await unharmed(server, async () => {
    const statuses = await statusesFor(server.port, request);
    expect(statuses).toHaveLength(1);
    expect([400, 413, 431, 505]).toContain(statuses[0] as number);
  });
  for (const room of ["r", "hidden"]) expect(dataOf(await stateOf(server, room))).toEqual([]);
});

/** Requests whose bodies look like requests, although every parser treats them as bodies. */
const BODIES: [what: string, request: string, status: number][] = [
  ["of a GET", `GET /rooms/r HTTP/1.1\r\n${HOST}\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`, 200],
  [
    "of a DELETE",
    `DELETE /rooms/r/history HTTP/1.1\r\n${HOST}\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
    204,
  ],
  ["of a rejected request", post([`Content-Length: ${HIDDEN.length}`], HIDDEN, "/rooms/%0a"), 400],
  ["of a request to an unknown path", post([`Content-Length: ${HIDDEN.length}`], HIDDEN, "/nothing"), 404],
  ["that is too large", post(["Content-Length: 100000"], HIDDEN.repeat(2000).slice(0, 100_000)), 413],
  ["in chunks", chunked(`${HIDDEN.length.toString(16)};ext="a"\r\n${HIDDEN}\r\n0\r\n\r\n`), 201],
];

test.each(BODIES)("a request in the body %s is not executed", async (_, request, status) => {
  const server = startServer();
  await unharmed(server, async () => {
    const [first, ...rest] = await statusesFor(server.port, request);
    expect(first).toBe(status);
    expect([[], [200]]).toContainEqual(rest);
  });
  expect(dataOf(await stateOf(server, "hidden"))).toEqual([]);
});

test("a request with two Host headers is rejected, whichever is correct", async () => {
  for (const options of [{}, { access: { secrets: SECRET }, rooms: { r: OPEN } }]) {
    const server = startServer(options);
    for (const other of ["evil.example", "127.0.0.1"]) {
      const [first] = await statusesFor(server.port, post([`Host: ${other}`, "Content-Length: 1"], "A"));
      expect(first).toBe(400);
    }
    expect(server.thump.hub.stats.publications).toBe(0);
  }
});

test("trailers are treated neither as headers nor as a request", async () => {
  const server = startServer();
  const connection = await tcp(server.port);
  connection.send(chunked(`1\r\nA\r\n0\r\nEvent: smuggled\r\n\r\n${HIDDEN}`));
  // Bun accepts the body, then closes the connection because of the trailers.
  await connection.closed;
  expect(statusesOf(connection.received)[0]).toBe(201);
  expect((await stateOf(server, "r")).messages).toMatchObject([{ event: "message", data: "A" }]);
  expect(dataOf(await stateOf(server, "hidden"))).toEqual([]);
});

test("thousands of pipelined requests are answered in order", async () => {
  const server = startServer();
  const count = 3000;
  await unharmed(server, async () => {
    const connection = await tcp(server.port);
    const request = (_: unknown, i: number) => post([`Content-Length: ${String(i).length}`], String(i));
    connection.send(Array.from({ length: count }, request).join("") + LAST);
    await connection.closed;
    expect(statusesOf(connection.received)).toEqual([...Array.from({ length: count }, () => 201), 200]);
  });
  expect(dataOf(await stateOf(server, "r", "?last=1000"))).toEqual(
    Array.from({ length: 1000 }, (_, i) => count - 1000 + i),
  );
});

const HANDSHAKE = [
  "Upgrade: websocket",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
];
const FRAME = Buffer.from(clientFrame(1, "smuggled")).toString("latin1");

test.each<[what: string, headers: string[], body: string]>([
  ["without `Connection: Upgrade`", HANDSHAKE, FRAME],
  [
    "with a similar token in the Connection header",
    [...HANDSHAKE, "Connection: keep-alive, no-upgrade"],
    FRAME,
  ],
  ["with a body", [...HANDSHAKE, "Connection: Upgrade", `Content-Length: ${FRAME.length}`], FRAME],
  [
    "with a body in chunks",
    [...HANDSHAKE, "Connection: Upgrade", "Transfer-Encoding: chunked"],
    `e\r\n${FRAME}\r\n0\r\n\r\n`,
  ],
  [
    "of a different version",
    [...HANDSHAKE.slice(0, 2), "Connection: Upgrade", "Sec-WebSocket-Version: 8"],
    FRAME,
  ],
  [
    "with an invalid key",
    ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: x", "Sec-WebSocket-Version: 13"],
    "",
  ],
])("a handshake %s opens no socket, because a proxy would not recognize it", async (_, headers, body) => {
  const server = startServer();
  for (const path of ["/rooms/r", "/ws?room=r"]) {
    await unharmed(server, async () => {
      const statuses = await statusesFor(
        server.port,
        [`GET ${path} HTTP/1.1`, HOST, ...headers, "", body].join("\r\n"),
      );
      expect([400, 426]).toContain(statuses[0] as number);
    });
  }
  expect(dataOf(await stateOf(server, "r"))).toEqual([]);
});

test("`upgrade` is recognized among other tokens of the Connection header", async () => {
  const server = startServer();
  const connection = await tcp(server.port);
  const head = [
    "GET /rooms/r HTTP/1.1",
    HOST,
    ...HANDSHAKE,
    "Connection: keep-alive, UPGRADE",
    "Content-Length: 0",
  ];
  connection.send([...head, "", ""].join("\r\n"));
  expect(await connection.until("\r\n\r\n")).toStartWith("HTTP/1.1 101");
});
