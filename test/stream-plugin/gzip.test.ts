// gzip is used for clients that accept it. Each event can be read when it arrives, and the compressed stream ends
// correctly.
import { expect, test } from "bun:test";
import { gunzipSync } from "node:zlib";
import { Elysia } from "elysia";
import { streaming } from "../../src/stream-plugin/index.ts";
import { listen, open } from "./app.ts";

const app = () =>
  new Elysia()
    .use(streaming())
    .get("/list", ({ stream }) =>
      stream(Array.from({ length: 500 }, (_, i) => ({ i, text: "same words again" }))),
    )
    .get("/none", ({ stream }) => stream([]))
    .get("/off", ({ stream }) => stream(["x"], { gzip: false }))
    .get("/slow", ({ stream }) =>
      stream(async function* ({ wait }) {
        for (let i = 0; ; i++) {
          yield { i, text: "x".repeat(200) };
          await wait(i === 2 ? 60_000 : 5);
        }
      }),
    );

test("curl decompresses the whole stream and accepts its checksum", async () => {
  const url = listen(app());
  for (const path of ["list", "none"]) {
    const plain = await Bun.$`curl -sS --fail ${url}/${path}`.text();
    const { stdout, stderr, exitCode } = await Bun.$`curl -sS --fail --compressed -N ${url}/${path}`.quiet();
    expect([exitCode, String(stderr)]).toEqual([0, ""]);
    expect(String(stdout)).toBe(plain);
    const bytes = await Bun.$`curl -sS -H 'accept-encoding: gzip' ${url}/${path}`.quiet();
    expect(String(gunzipSync(bytes.stdout))).toBe(plain);
    if (path === "list") expect(bytes.stdout.length).toBeLessThan(plain.length / 3);
  }
});

test("each event can be decompressed as soon as it is sent", async () => {
  const stream = await open(`${listen(app())}/slow`, { "accept-encoding": "gzip" });
  expect(stream.response.headers.get("content-encoding")).toBe("gzip");
  await stream.events.until((events) => events.length === 3);
  expect(stream.frames.map(({ i }) => i)).toEqual([0, 1, 2]);
});

test.each([
  ["/list", "identity", null],
  ["/list", "br, deflate", null],
  ["/list", "gzip;q=0", null],
  ["/list", "br, gzip;q=0.5", "gzip"],
  ["/off", "gzip", null],
])("%s with accept-encoding %s has the content coding %p", async (path, accepted, coding) => {
  const { headers } = await app().handle(
    new Request(`http://localhost${path}`, { headers: { "accept-encoding": accepted } }),
  );
  expect(headers.get("content-encoding")).toBe(coding);
});
