// Attacks whose requests each cost the server far more than they cost the attacker.
import type { Attack } from "./attack.ts";
import { fill } from "./fill.ts";
import { ask, OPENED_STATUS, requests } from "./senders.ts";
import { FROM, from, handshake, post, Sockets, textFrame } from "./sockets.ts";
import type { Tally } from "./tally.ts";

const MIB = 1 << 20;

/** Publishes the largest allowed body, filled with invalid items. */
export function items(port: number, tally: Tally): Attack {
  const body = post("/publish", `[${"0,".repeat(MIB / 2 - 2)}0]`);
  return requests(port, tally, 5, () => body);
}

/** Publishes one large item that lists the same room 1,000 times. */
export function copies(port: number, tally: Tally): Attack {
  const rooms = Array.from({ length: 1000 }, () => "mine");
  const data = ["x".repeat(MIB - 20_000)];
  const body = post("/publish", JSON.stringify({ rooms, data }));
  return requests(port, tally, 5, () => body);
}

/** Streams that resume in 1,000 rooms with a cursor older than every stored message. Each reads for a second. */
export async function cursors(port: number, tally: Tally): Promise<Attack> {
  const { before, rooms } = await fill(port, "c", 1000, 200);
  const body = post("/events", JSON.stringify(rooms.map((room) => ({ room, after: before }))));
  const sockets = new Sockets(port, 4, { opened: (socket) => void sockets.write(socket, body) }, tally);
  return {
    rate: 2,
    send(count) {
      if (sockets.open.size > 1) for (const socket of [...sockets.open].slice(0, count)) socket.terminate();
      sockets.add(count);
    },
    end: () => sockets.end(),
  };
}

/** Long polls whose clients disconnect before the response. */
export function polls(port: number, tally: Tally): Attack {
  const request = `GET /rooms/quiet?wait=50 HTTP/1.1\r\n${FROM}\r\n`;
  const opened = (socket: Bun.Socket) => {
    socket.write(request);
    socket.end();
  };
  const sockets = new Sockets(port, 500, { opened }, tally);
  return { rate: 1000, send: (count) => sockets.add(count), end: () => sockets.end() };
}

/** Connections that send one poll and then stay open without sending another request. */
export function held(port: number, tally: Tally): Attack {
  const request = `GET /rooms/quiet?wait=0.1 HTTP/1.1\r\n${FROM}\r\n`;
  const sockets = new Sockets(port, 3000, { opened: (socket) => void socket.write(request) }, tally);
  return { rate: 200, send: (count) => sockets.add(count), end: () => sockets.end() };
}

/** A room with 3,000 sessions, and one session that continuously requests the room's member list. */
export async function members(port: number, tally: Tally): Promise<Attack> {
  const memberCount = 3000;
  let joined = 0;
  let index = 0;
  const memberSockets = new Sockets(port, memberCount, {
    opened: (socket) => {
      const address = `198.18.${(index >> 8) & 255}.${index++ & 255}`;
      socket.write(handshake("/ws?room=crowd", from(address)));
    },
    received: (_, data) => void (data.includes(OPENED_STATUS) && joined++),
  });
  for (let tries = 0; joined < memberCount && tries < 300; tries++) {
    memberSockets.add(100);
    await Bun.sleep(20);
  }
  const asking = ask(port, tally, 500, textFrame('{"type":"members","id":1,"room":"crowd"}'));
  const end = () => {
    asking.end();
    memberSockets.end();
  };
  return { ...asking, end };
}

/** Streams that stay open in rooms without messages. */
export function sampled(port: number, tally: Tally): Attack {
  const query = Array.from({ length: 1000 }, (_, i) => `room=m${i}`).join("&");
  const request = `GET /events?${query}&max=100 HTTP/1.1\r\n${FROM}Accept: text/event-stream\r\n\r\n`;
  const sockets = new Sockets(port, 20, { opened: (socket) => void socket.write(request) }, tally);
  return { rate: 20, send: (count) => sockets.add(count), end: () => sockets.end() };
}

export async function history(port: number, tally: Tally): Promise<Attack> {
  await fill(port, "full", 1, 1000);
  const request = Buffer.from(`GET /rooms/full0?last=1000 HTTP/1.1\r\n${FROM}\r\n`);
  return requests(port, tally, 100, () => request);
}

/** Streams that stay open, each in 1,000 otherwise empty rooms. */
export function rooms(port: number, tally: Tally): Attack {
  let index = 0;
  const opened = (socket: Bun.Socket) => {
    const query = Array.from({ length: 1000 }, (_, i) => `room=n${index}-${i}`).join("&");
    index++;
    socket.write(`GET /events?${query} HTTP/1.1\r\n${FROM}Accept: text/event-stream\r\n\r\n`);
  };
  const sockets = new Sockets(port, 45, { opened }, tally);
  return { rate: 10, send: (count) => sockets.add(count), end: () => sockets.end() };
}

/** Batches of tiny publishes, each to a new room. */
export function scattered(port: number, tally: Tally): Attack {
  let index = 0;
  const body = () => {
    const batch = Array.from({ length: 100 }, () => ({ room: `s${index++}`, data: 1 }));
    return post("/publish", JSON.stringify(batch));
  };
  return requests(port, tally, 50, body);
}

/** Sockets that request the entire history of 100 rooms but never read. */
export async function deaf(port: number, tally: Tally): Promise<Attack> {
  const { rooms: filled } = await fill(port, "d", 100, 200);
  const query = filled.map((room) => `room=${room}`).join("&");
  const sockets = new Sockets(
    port,
    100,
    {
      opened: (socket) => {
        socket.write(handshake(`/ws?${query}&last=200`));
        socket.pause();
      },
    },
    tally,
  );
  return { rate: 20, send: (count) => sockets.add(count), end: () => sockets.end() };
}

/** Publishes that are always rejected, because their event name is reserved for the server. */
export function refused(port: number, tally: Tally): Attack {
  const frame = '{"type":"publish","room":"attack","event":"thump:x","data":"x"}';
  return ask(port, tally, 5000, textFrame(frame));
}
