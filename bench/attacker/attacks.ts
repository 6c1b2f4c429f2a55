// The attacks. Each speaks bare TCP, so that what it costs is the server's and not the attacker's own.
import type { Attack, AttackName } from "./attack.ts";
import { FROM, HANDSHAKE, Sockets, textFrame } from "./sockets.ts";

const OPENED = "101";

/** Handshakes: each is closed as soon as it is answered. */
function connects(port: number): Attack {
  const sockets = new Sockets(port, 500, {
    opened: (socket) => void socket.write(HANDSHAKE),
    received: (socket) => void socket.end(),
  });
  return { pace: 1000, act: (count) => sockets.add(count), end: () => sockets.end() };
}

/** One session publishes into a room of its own, and comes back when it is closed for it. */
function publishes(port: number): Attack {
  const frame = textFrame('{"type":"publish","room":"attack","data":"x"}');
  const ready = new WeakSet();
  const sockets = new Sockets(port, 1, {
    opened: (socket) => void socket.write(HANDSHAKE),
    received: (socket, data) => void (data.includes(OPENED) && ready.add(socket)),
  });
  return {
    pace: 10_000,
    act(count) {
      sockets.add(1);
      const bytes = Buffer.concat(Array.from({ length: count }, () => frame));
      for (const socket of sockets.open) if (ready.has(socket)) socket.write(bytes);
    },
    end: () => sockets.end(),
  };
}

/** Sessions that say nonsense until they are closed, or break the protocol at once. */
function frames(port: number): Attack {
  const nonsense = Buffer.concat(Array.from({ length: 40 }, (_, i) => textFrame(`{"type":${i}`)));
  const broken = Uint8Array.of(0xf3, 0x80, 0, 0, 0, 0);
  let turn = 0;
  const sockets = new Sockets(port, 500, {
    opened: (socket) => void socket.write(HANDSHAKE),
    received: (socket, data) => void (data.includes(OPENED) && socket.write(turn++ % 2 ? nonsense : broken)),
  });
  return { pace: 200, act: (count) => sockets.add(count), end: () => sockets.end() };
}

/** Hundreds of requests that never come to their end, half of them in the head and half in the body. */
function slow(port: number): Attack {
  const begins = [
    `GET /rooms/r HTTP/1.1\r\n${FROM}`,
    `POST /rooms/r HTTP/1.1\r\n${FROM}Content-Length: 60000\r\n\r\n`,
  ];
  let turn = 0;
  const sockets = new Sockets(port, 500, {
    opened: (socket) => void socket.write(begins[turn++ % 2] as string),
    received: (socket) => void socket.end(),
  });
  let waiting: Iterator<Bun.Socket> = sockets.open.values();
  return {
    pace: 2000,
    act(count) {
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

/** Bodies of three times what a publication may have: half say so before, half do not. */
function bodies(port: number): Attack {
  const size = 3 * 64 * 1024;
  const body = "x".repeat(size);
  const begin = `POST /rooms/r HTTP/1.1\r\n${FROM}`;
  const known = Buffer.from(`${begin}Content-Length: ${size}\r\n\r\n${body}`);
  const chunked = Buffer.from(
    `${begin}Transfer-Encoding: chunked\r\n\r\n${size.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  );
  let turn = 0;
  const sockets = new Sockets(port, 100, {
    opened: (socket) => void socket.write(turn++ % 2 ? known : chunked),
    received: (socket) => void socket.end(),
  });
  return { pace: 100, act: (count) => sockets.add(count), end: () => sockets.end() };
}

/** Publications by tokens that are each another, and none of them signed by the server's secret. */
function tokens(port: number): Attack {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const head = part({ alg: "HS256", typ: "JWT" });
  const exp = Math.floor(Date.now() / 1000) + 3600;
  let turn = 0;
  const request = () =>
    `POST /rooms/r HTTP/1.1\r\n${FROM}Authorization: Bearer ${head}.${part({ sub: "u", exp, jti: turn++ })}.` +
    `${"A".repeat(43)}\r\nContent-Length: 1\r\n\r\nx`;
  const sockets = new Sockets(port, 8, {});
  return {
    pace: 2000,
    act(count) {
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

export const attacks: Record<AttackName, (port: number) => Attack> = {
  connects,
  publishes,
  frames,
  slow,
  bodies,
  tokens,
};
