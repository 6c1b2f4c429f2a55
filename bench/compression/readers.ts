// The readers of the compression benchmark, in a separate process: many connections that each send one request
// and count the bytes they receive.
import type { Socket } from "bun";

/** Requests from the measuring process, and their responses. */
export type Request =
  | { open: number; port: number; head: string }
  /** Requests the number of bytes received since the previous request. */
  | { tally: true };
export type Answer = { opened: number } | { bytes: number };

/** Maximum number of concurrent handshakes. */
const MAX_CONCURRENT_HANDSHAKES = 100;

let bytes = 0;

/** Resolves once the server has responded. */
function open(port: number, head: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let begun = false;
  const data = (_: Socket, chunk: Uint8Array) => {
    bytes += chunk.length;
    if (begun) return;
    begun = true;
    const line = new TextDecoder().decode(chunk.subarray(0, 12));
    if (/ (101|200)$/.test(line)) resolve();
    else reject(new Error(`the server responded with ${line}`));
  };
  const opened = (socket: Socket) => void socket.write(head);
  Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: { data, open: opened, error: (_, error) => reject(error) },
  }).catch(reject);
  return promise;
}

process.on("message", async (request: Request) => {
  if ("tally" in request) {
    process.send?.({ bytes } satisfies Answer);
    bytes = 0;
    return;
  }
  for (let opened = 0; opened < request.open; opened += MAX_CONCURRENT_HANDSHAKES) {
    const some = Math.min(MAX_CONCURRENT_HANDSHAKES, request.open - opened);
    await Promise.all(Array.from({ length: some }, () => open(request.port, request.head)));
  }
  process.send?.({ opened: request.open } satisfies Answer);
});
