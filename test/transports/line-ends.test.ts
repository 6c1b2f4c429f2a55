// JSON in line-based formats contains no character that a reader, such as Python's splitlines, may treat as a line end.
import { expect, test } from "bun:test";
import { multiplexed } from "../support/clients.ts";
import { publishAt, stateOf, dataOf } from "../support/answers.ts";
import { startServer } from "../support/server.ts";
import { bearer, claims, SECRET, token } from "../support/tokens.ts";

/** The line ends of Python's `str.splitlines`, except CR and LF. */
const SPLITS = "\u000b\u000c\u001c\u001d\u001e\u0085\u2028\u2029";
// oxlint-disable-next-line no-control-regex -- searches for control characters
const SPLIT = /[\u000b\u000c\u001c-\u001e\u0085\u2028\u2029]/;
const JSON_TYPE = { "content-type": "application/json" };
const ODD = `a${SPLITS}b`;
/** JSON text that contains these characters, unescaped where JSON permits it. */
const RAW = '{"\u2028":\n["\u0085\u2029 é",\r\n1.10]}';

/** Returns the first `count` lines of a stream that contain JSON. */
async function linesOf(response: Response, count: number): Promise<string[]> {
  let text = "";
  const lines = () =>
    text
      .split("\n")
      .map((line) => line.replace(/^data: /, ""))
      .filter((line) => line.startsWith("{"));
  const reader = (response.body as ReadableStream<Uint8Array<ArrayBuffer>>)
    .pipeThrough(new TextDecoderStream())
    .getReader();
  while (lines().length < count) text += (await reader.read()).value ?? "";
  await reader.cancel();
  expect(text).not.toMatch(SPLIT);
  return lines();
}

const sse = { accept: "text/event-stream" };
const STREAMS: Record<string, (url: string) => Promise<Response>> = {
  NDJSON: (url) => fetch(`${url}/rooms/r?last=9`, { headers: { accept: "application/x-ndjson" } }),
  "an event stream of several rooms": (url) => fetch(`${url}/events?room=r&last=9`, { headers: sse }),
  "the multiplexed stream": (url) =>
    fetch(`${url}/events`, { method: "POST", body: '[{"room":"r","last":9}]' }),
};

test.each(Object.keys(STREAMS))("publications in %s contain no line ends", async (kind) => {
  const server = startServer();
  await publishAt(server, "r", RAW, JSON_TYPE);
  await publishAt(server, "r", ODD);
  await server.thump.publish("r", { [ODD]: ODD });
  const before = kind === "NDJSON" ? 1 : kind.startsWith("the") ? 2 : 0;
  const lines = await linesOf(
    await (STREAMS[kind] as (url: string) => Promise<Response>)(server.url),
    before + 3,
  );
  const envelopes = lines.slice(before).map((line) => JSON.parse(line) as { data: unknown });
  expect(envelopes.map(({ data }) => data)).toEqual([JSON.parse(RAW), ODD, { [ODD]: ODD }]);
  // Numbers keep their digits.
  expect(lines[before]).toContain('"\\u0085\\u2029 é", 1.10]');
  expect(dataOf(await stateOf(server, "r"))).toEqual([JSON.parse(RAW), ODD, { [ODD]: ODD }]);
});

test("JSON in an event stream of one room contains no line ends", async () => {
  const server = startServer();
  await publishAt(server, "r", RAW.replaceAll(/[\r\n]/g, ""), JSON_TYPE);
  const [line = ""] = await linesOf(await fetch(server.room("r", "?last=1"), { headers: sse }), 1);
  expect(line).toBe('{"\\u2028":["\\u0085\\u2029 é",1.10]}');
});

test("members' info in every kind of stream", async () => {
  const server = startServer({ access: { secrets: SECRET }, rooms: { r: { presence: true } } });
  const headers = bearer(token(claims({ info: { name: ODD } })));
  await (
    await multiplexed(`${server.socket("/ws")}?room=r&token=${headers.authorization.slice(7)}`)
  ).find(({ type }) => type === "joined");
  const ask = (path: string, accept: string) => fetch(server.url + path, { headers: { ...headers, accept } });
  const streams = await Promise.all([
    ask("/rooms/r?presence=1", "application/x-ndjson"),
    ask("/rooms/r?presence=1", "text/event-stream"),
    ask("/events?room=r&presence=1", "text/event-stream"),
  ]);
  for (const [i, stream] of streams.entries()) {
    const lines = await linesOf(stream, i === 0 ? 2 : 1);
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({
      type: "presence",
      members: [{ info: { name: ODD } }],
    });
  }
});
