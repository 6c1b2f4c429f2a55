// The first way: the multiplexed socket (docs/protocol.md). Commands have ids, replies carry them back.
import type { Gap } from "./api.ts";
import { type ToldError, ThumpError, toError, toldError } from "./errors.ts";
import { type Ended, type Host, type Link, newLink, type SocketLike } from "./link.ts";
import { byteLength, type Entry } from "./outbox.ts";
import type { PresenceFrame } from "./presence.ts";
import type { Envelope, Seat } from "./seat.ts";
import { parsePosition, type Position } from "./track.ts";

/** So many publications are on their way at a time: fewer once the server says to slow down. */
const WINDOW = 32;
/** Within this many ms an answer comes, or the connection is dead. */
const ANSWER = 5000;
/** Close codes that say what was wrong. */
const CLOSE_CODES: Record<number, ThumpError["code"]> = {
  4400: "malformed",
  4401: "unauthorized",
  4403: "forbidden",
  4413: "too-large",
  4429: "rate",
};

interface Frame extends Envelope, Gap, ToldError {
  type: string;
  id?: number;
  ping: number;
  limits: { message: number };
  expires?: number;
  resumed: boolean;
  replay: number;
  presence?: PresenceFrame;
}

type Reply = (frame: Frame) => void;

export function socketLink(host: Host, token: string | undefined): Link {
  const { seats, outbox, options } = host;
  const replies = new Map<number, Reply>();
  let lastId = 0;
  let frames = 0;
  let maxFrame = 0;
  let window = WINDOW;
  const Socket = options.WebSocket ?? WebSocket;
  // A browser's socket has no headers: the token travels as a subprotocol.
  const protocols = token === undefined ? [] : ["thump", `bearer.${token}`];
  const socket = new Socket(`${host.base.replace(/^http/, "ws")}/ws`, protocols) as SocketLike;
  const link = newLink(host, "websocket", { join, leave, rejoin, flush, check }, (dead) => {
    socket.onmessage = socket.onclose = null;
    // A dead peer answers no close either.
    if (dead && socket.terminate) socket.terminate();
    else socket.close();
  });
  socket.onmessage = ({ data }) => {
    frames++;
    receive(JSON.parse(String(data)) as Frame);
  };
  socket.onclose = ({ code, reason }) => link.end(endOf(code, reason));
  // A close follows.
  socket.onerror = () => {};
  return link;

  function join(seat: Seat): void {
    const { name: room, last, at: after, presence } = seat;
    // It may be left meanwhile.
    const wanted = () => seats.get(room) === seat;
    ask({ type: "join", room, ...(after ? { after } : { last }), presence }, (reply) => {
      if (!wanted()) return;
      if (reply.type === "joined") return seat.enter(reply);
      const error = toldError(reply);
      if (error.retry !== undefined || error.code === "unavailable")
        link.after(error.retry ?? 1000, () => wanted() && join(seat));
      else if (seat.refused(error)) join(seat);
    });
  }

  function leave({ name: room }: Seat): void {
    // That it was not in it, or not yet, makes no difference now.
    ask({ type: "leave", room }, () => {});
  }

  function rejoin(seat: Seat): void {
    seat.become(false);
    leave(seat);
    join(seat);
  }

  function flush(): void {
    while (link.opened && !link.paused) {
      const entry = outbox.next(window);
      if (!entry) return;
      publish(entry);
    }
  }

  /** What is dead, on whichever network, does not answer. */
  function check(): void {
    if (link.opened) probe(ANSWER);
  }

  function publish(entry: Entry): void {
    const id = ++lastId;
    // Our own comes back too: in its place, and without it `prev` would tell of gaps that are none.
    const frame = `{"type":"publish","id":${id},"echo":true,${entry.body.slice(1)}`;
    if (byteLength(frame) > maxFrame)
      return outbox.settle(entry, new ThumpError("too-large", `The server takes ${maxFrame} bytes.`));
    replies.set(id, (reply) => {
      if (!reply.retry) window = Math.min(WINDOW, window + 1);
      else if (!link.paused) window = Math.ceil(window / 4);
      link.answer(entry, reply.at, reply);
      flush();
    });
    socket.send(frame);
  }

  function receive(frame: Frame): void {
    const { type, id, room } = frame;
    if (type === "welcome") return welcome(frame);
    const reply = replies.get(id as number);
    if (reply) {
      replies.delete(id as number);
      return reply(frame);
    }
    if (type === "error") return host.report(toldError(frame));
    if (type === "pong") return covered(parsePosition(frame.at));
    const seat = seats.get(room);
    if (!seat?.joined) return;
    if (type === "left") {
      const told = { message: "You may not be here any more.", ...frame };
      if (seat.refused(toldError(told))) join(seat);
    } else if (!seat.take(type, frame)) rejoin(seat);
  }

  function welcome({ ping, limits, expires }: Frame): void {
    host.heartbeat = ping * 1000;
    maxFrame = limits.message;
    link.opened = true;
    host.opened(link);
    seats.forEach(join);
    flush();
    beat();
    renewBefore(expires);
  }

  /** All of this connection's rooms are at least there: a quiet one need not resume from its last message. */
  function covered(at: Position | undefined): void {
    if (at) for (const seat of seats.values()) if (seat.joined) seat.covered(at);
  }

  /** The server's own pings are hidden from a page: we ask, and learn where it is. */
  function beat(): void {
    const { heartbeat } = host;
    link.watch(heartbeat, () => probe(Math.min(heartbeat, ANSWER)));
  }

  function probe(ms: number): void {
    const before = frames;
    socket.send('{"type":"ping"}');
    link.watch(ms, () => (before === frames ? link.end({}, true) : beat()));
  }

  /** Shows a new token a while before the old one ends (`expires`, in ms since 1970). */
  function renewBefore(expires: number | undefined): void {
    if (expires === undefined || !host.renewable) return;
    const left = expires - Date.now();
    // A token that seems to be over is, or the clock here is wrong: then there is no hurry.
    link.after(left > 0 ? Math.max(left - 60_000, left * 0.75) : 30_000, () => {
      host.token().then(
        (fresh) =>
          ask({ type: "auth", token: fresh }, (reply) => {
            if (reply.type === "authorized") renewBefore(reply.expires);
            // The old one is good until it ends; then the server closes with 4401.
            else host.report(toldError(reply));
          }),
        // Then it ends with the old one, and the next connection asks again.
        (error: unknown) => host.report(toError(error)),
      );
    });
  }

  /** Before the welcome there is nothing to ask: then all is said. */
  function ask(command: object, reply: Reply): void {
    if (!link.opened) return;
    replies.set(++lastId, reply);
    socket.send(JSON.stringify({ id: lastId, ...command }));
  }
}

function endOf(code: number, reason: string): Ended {
  if (code === 1001) return { delay: /^\d+$/.test(reason) ? Number(reason) : undefined };
  const name = CLOSE_CODES[code];
  if (!name) return {};
  const error = new ThumpError(name, `The server closed the connection (${code} ${reason}).`);
  return { error, delay: name === "rate" ? ANSWER : undefined };
}
