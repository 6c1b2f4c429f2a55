// Volume attacks: large numbers of connections, frames, bytes, bodies or tokens, each cheap to handle.
import type { Attack } from "./attack.ts";
import { ask, OPENED_STATUS } from "./senders.ts";
import { FROM, HANDSHAKE, Sockets, textFrame } from "./sockets.ts";
import type { Tally } from "./tally.ts";

/** Opens connections and closes each one after the handshake response. */
export function connects(port: number, tally: Tally): Attack {
  const sockets = new Sockets(
    port,
    500,
    {
      opened: (socket) => void socket.write(HANDSHAKE),
      received: (socket) => void socket.end(),
    },
    tally,
  );
  return { rate: 1000, send: (count) => sockets.add(count), end: () => sockets.end() };
}

/** One session that publishes to one room, and reconnects when the server closes the session. */
export function publishes(port: number, tally: Tally): Attack {
  return ask(port, tally, 10_000, textFrame('{"type":"publish","room":"attack","data":"x"}'));
}

/** Sessions that either send malformed frames until the server closes them, or violate the protocol immediately. */
export function frames(port: number, tally: Tally): Attack {
  const nonsense = Buffer.concat(Array.from({ length: 40 }, (_, i) => textFrame(`{"type":${i}`)));
  const broken = Uint8Array.of(0xf3, 0x80, 0, 0, 0, 0);
  let index = 0;
  const sockets = new Sockets(
    port,
    500,
    {
      opened: (socket) => void socket.write(HANDSHAKE),
      received: (socket, data) =>
        void (data.includes(OPENED_STATUS) && socket.write(index++ % 2 ? nonsense : broken)),
    },
    tally,
  );
  return { rate: 200, send: (count) => sockets.add(count), end: () => sockets.end() };
}

/** Hundreds of incomplete requests: half stop in the head, half in the body. */
export function slow(port: number, tally: Tally): Attack {
  const begins = [
    `GET /rooms/r HTTP/1.1\r\n${FROM}`,
    `POST /rooms/r HTTP/1.1\r\n${FROM}Content-Length: 60000\r\n\r\n`,
  ];
  let index = 0;
  const sockets = new Sockets(
    port,
    500,
    {
      opened: (socket) => void socket.write(begins[index++ % 2] as string),
      received: (socket) => void socket.end(),
    },
    tally,
  );
  let waiting: Iterator<Bun.Socket> = sockets.open.values();
  return {
    rate: 2000,
    send(count) {
      sockets.add(5);
      for (let i = 0; i < Math.min(count, sockets.open.size); i++) {
        let next = waiting.next();
        if (next.done) {
          waiting = sockets.open.values();
          next = waiting.next();
        }
        (next.value as Bun.Socket | undefined)?.write("x");
      }
    },
    end: () => sockets.end(),
  };
}

/** Bodies three times the size limit for a publish: half with a Content-Length, half without. */
export function bodies(port: number, tally: Tally): Attack {
  const size = 3 * 64 * 1024;
  const body = "x".repeat(size);
  const begin = `POST /rooms/r HTTP/1.1\r\n${FROM}`;
  const known = Buffer.from(`${begin}Content-Length: ${size}\r\n\r\n${body}`);
  const chunked = Buffer.from(
    `${begin}Transfer-Encoding: chunked\r\n\r\n${size.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  );
  let index = 0;
  const sockets = new Sockets(
    port,
    100,
    {
      opened: (socket) => void socket.write(index++ % 2 ? known : chunked),
      received: (socket) => void socket.end(),
    },
    tally,
  );
  return { rate: 100, send: (count) => sockets.add(count), end: () => sockets.end() };
}

/** Publishes with a different token each time, none of them signed with the server's secret. */
export function tokens(port: number, tally: Tally): Attack {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const head = part({ alg: "HS256", typ: "JWT" });
  const exp = Math.floor(Date.now() / 1000) + 3600;
  let index = 0;
  const request = () =>
    `POST /rooms/r HTTP/1.1\r\n${FROM}Authorization: Bearer ${head}.${part({ sub: "u", exp, jti: index++ })}.` +
    `${"A".repeat(43)}\r\nContent-Length: 1\r\n\r\nx`;
  const sockets = new Sockets(port, 8, {}, tally);
  return {
    rate: 2000,
    send(count) {
      sockets.add(8);
      const all = [...sockets.open];
      for (const [i, socket] of all.entries()) {
        const share = Math.floor((count + i) / all.length);
        if (share > 0) socket.write(Array.from({ length: share }, request).join(""));
      }
    },
    end: () => sockets.end(),
  };
}
