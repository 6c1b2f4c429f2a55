// An honest client that connects during an attack.
import { from, handshake } from "./sockets.ts";

const NEWCOMER_TIMEOUT_MS = 5000;

/** Returns the status of a handshake from another address, or "none" after a 5-second timeout. */
export function newClientStatus(port: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const timer = setTimeout(() => resolve("none"), NEWCOMER_TIMEOUT_MS);
  const answer = (text: string) => {
    clearTimeout(timer);
    resolve(text);
  };
  Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (socket) => void socket.write(handshake("/ws", from("192.0.2.44"))),
      data: (socket, data) => {
        answer(data.toString("latin1", 9, 12));
        socket.terminate();
      },
      close: () => answer("closed"),
      error: () => answer("closed"),
    },
  }).catch(() => answer("closed"));
  return promise;
}
