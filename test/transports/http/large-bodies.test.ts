// Bodies far over the limit are never stored. They are rejected with a problem response that web pages can read.
import { expect, test } from "bun:test";
import { problemOf } from "../../support/answers.ts";
import { metricsOf } from "../../support/metrics.ts";
import { startProcess } from "../../support/process.ts";
import { startServer } from "../../support/server.ts";
import { tcp } from "../../support/tcp.ts";

const ORIGIN = "http://localhost:5173";
const MIB = 1 << 20;
const PATHS = ["/rooms/r", "/publish", "/events"];

test.each(PATHS)(
  "a body of 5 or 40 MiB to %s is rejected with a problem that a page of a different origin can read",
  async (path) => {
    const server = startServer();
    for (const size of [5 * MIB, 40 * MIB]) {
      const response = await fetch(server.url + path, {
        method: "POST",
        headers: { origin: ORIGIN, "content-type": "application/json" },
        body: new Uint8Array(size),
      });
      expect(response.headers.get("access-control-allow-origin")).toBe(ORIGIN);
      expect(await problemOf(response)).toMatchObject({ status: 413, code: "too-large" });
    }
  },
);

/** Sends a body in pieces until the server has accepted all of it or has responded. */
async function send(
  port: number,
  head: string[],
  pieces: number,
  piece: (data: string) => string,
): Promise<string> {
  const connection = await tcp(port);
  const data = piece("x".repeat(MIB));
  connection.send([...head, "", ""].join("\r\n"));
  for (let i = 0; i < pieces && connection.received === ""; i++)
    await new Promise((resolve) => connection.socket.write(data, resolve));
  return connection.until('"too-large"');
}

test("a body without a length is rejected once it exceeds the limit, a body with a length before it is sent", async () => {
  const { port } = startServer();
  const head = ["POST /rooms/r HTTP/1.1", "host: localhost", `origin: ${ORIGIN}`];
  const chunk = (data: string) => `${data.length.toString(16)}\r\n${data}\r\n`;
  const counted = await send(port, [...head, "transfer-encoding: chunked"], 64, chunk);
  const announced = await send(port, [...head, `content-length: ${1000 * MIB}`], 0, (data) => data);
  for (const answer of [counted, announced]) {
    expect(answer).toStartWith("HTTP/1.1 413");
    expect(answer.toLowerCase()).toContain(`access-control-allow-origin: ${ORIGIN}`);
  }
});

test("a body that no route reads uses no memory", async () => {
  const { url, port } = await startProcess(["--port", "0", "--no-demo", "--log", "none"]);
  const memory = async () => (await metricsOf({ url })).of("process_resident_memory_bytes");
  const before = await memory();
  const head = ["POST /rooms/r HTTP/1.1", "host: localhost", `content-length: ${1000 * MIB}`];
  for (let i = 0; i < 4; i++) {
    const connection = await tcp(port);
    connection.send([...head, "", ""].join("\r\n"));
    for (let sent = 0; sent < 64; sent++)
      await new Promise((resolve) => connection.socket.write("x".repeat(MIB), resolve));
    await connection.until('"too-large"');
  }
  // The clients sent 256 MiB.
  expect((await memory()) - before).toBeLessThan(96 * MIB);
}, 60_000);
