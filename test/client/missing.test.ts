// The client uses `prev` to detect that a message was lost in transit, and requests the message again.
import { expect, test } from "bun:test";
import { startServer } from "../support/server.ts";
import { client, joinRoom, upTo } from "./support.ts";

/** A WebSocket that drops the first frame that contains this text. */
function losing(text: string) {
  let lost = false;
  return class {
    onmessage: ((event: { data: unknown }) => void) | null = null;
    onclose: ((event: { code: number; reason: string }) => void) | null = null;
    onerror: (() => void) | null = null;
    readonly #socket: WebSocket;

    constructor(url: string, protocols?: string[]) {
      this.#socket = new WebSocket(url, protocols);
      this.#socket.onclose = (event) => this.onclose?.(event);
      this.#socket.onmessage = ({ data }) => {
        if (!lost && String(data).includes(text)) lost = true;
        else this.onmessage?.({ data });
      };
    }

    send(data: string): void {
      this.#socket.send(data);
    }

    close(): void {
      this.#socket.close();
    }
  };
}

/** A `fetch` whose streams drop the first event that contains this text. */
function losingEvents(text: string) {
  let lost = false;
  return async (url: string, init: RequestInit): Promise<Response> => {
    const response = await fetch(url, init);
    if (!url.includes("/events")) return response;
    const decoder = new TextDecoder();
    const filter = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, out) {
        const blocks = decoder.decode(chunk, { stream: true }).split(/(?<=\n\n)/);
        const kept = blocks.filter((block) => lost || !(lost = block.includes(text)));
        out.enqueue(new TextEncoder().encode(kept.join("")));
      },
    });
    return new Response(response.body?.pipeThrough(filter) ?? null, response);
  };
}

test.each([
  ["websocket", { WebSocket: losing('"data":{"n":3}') }],
  ["event-stream", { fetch: losingEvents('"data":{"n":3}') }],
] as const)("by %s", async (transport, options) => {
  const server = startServer();
  const thump = client(server.url, { transport, ...options });
  const received = await joinRoom(thump, "r");
  const other = await joinRoom(thump, "other");
  for (const n of upTo(10)) {
    await server.publish("r", JSON.stringify({ n }));
    await server.publish("other", String(n));
  }
  await Promise.all([received, other].map((each) => each.until(({ length }) => length === 10)));
  expect(received.all).toEqual(upTo(10).map((n) => ({ n })));
  expect(other.all).toEqual(upTo(10));
  expect([...received.gaps.all, ...other.gaps.all, ...thump.errors.all]).toEqual([]);
});
