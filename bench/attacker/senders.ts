// Attacks that repeat one request on a few connections, or one frame on one session.
import type { Attack } from "./attack.ts";
import { HANDSHAKE, Sockets } from "./sockets.ts";
import type { Tally } from "./tally.ts";

/** The status of an accepted handshake. */
export const OPENED_STATUS = "101";

/** Repeats a request on a few connections. Each connection waits for the response before it sends the next request. */
export function requests(port: number, tally: Tally, rate: number, request: () => Buffer): Attack {
  const free = new Set<Bun.Socket>();
  const sockets = new Sockets(
    port,
    8,
    { opened: (socket) => void free.add(socket), received: (socket) => void free.add(socket) },
    tally,
  );
  return {
    rate,
    send(count) {
      sockets.add(8);
      for (const socket of [...free].slice(0, count)) {
        if (sockets.open.has(socket)) sockets.write(socket, request());
        free.delete(socket);
      }
    },
    end: () => sockets.end(),
  };
}

/** One session that sends a frame repeatedly, and reconnects when the server closes the session. */
export function ask(port: number, tally: Tally, rate: number, frame: Uint8Array): Attack {
  const ready = new WeakSet();
  const sockets = new Sockets(
    port,
    1,
    {
      opened: (socket) => void socket.write(HANDSHAKE),
      received: (socket, data) => void (data.includes(OPENED_STATUS) && ready.add(socket)),
    },
    tally,
  );
  return {
    rate,
    send(count) {
      sockets.add(1);
      const bytes = Buffer.concat(Array.from({ length: count }, () => frame));
      for (const socket of sockets.open) if (ready.has(socket)) sockets.write(socket, bytes);
    },
    end: () => sockets.end(),
  };
}
