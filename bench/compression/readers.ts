// The other side of the measurement: many connections that ask once, and then count bytes. A process of its own.
import type { Socket } from "bun";

/** What the measuring process asks for, and is told. */
export type Request =
  | { open: number; port: number; head: string }
  /** How much has arrived since the last time. */
  | { tally: true };
export type Answer = { opened: number } | { bytes: number };

/** Handshakes that may be under way at once. */
const AT_ONCE = 100;

let bytes = 0;

/** Resolves once the server has answered. */
function open(port: number, head: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let begun = false;
  const data = (_: Socket, chunk: Uint8Array) => {
    bytes += chunk.length;
    if (begun) return;
    begun = true;
    const line = new TextDecoder().decode(chunk.subarray(0, 12));
    if (/ (101|200)$/.test(line)) resolve();
    else reject(new Error(`the server answered ${line}`));
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
  for (let opened = 0; opened < request.open; opened += AT_ONCE) {
    const some = Math.min(AT_ONCE, request.open - opened);
    await Promise.all(Array.from({ length: some }, () => open(request.port, request.head)));
  }
  process.send?.({ opened: request.open } satisfies Answer);
});
