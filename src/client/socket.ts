// The first way: the multiplexed socket (docs/protocol.md). Commands have ids, replies carry them back.
import type { Gap } from "./api.ts";
import { type ToldError, ThumpError, toError, toldError } from "./errors.ts";
import { type Ended, type Host, Link, type SocketLike } from "./link.ts";
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

export class SocketLink extends Link {
  readonly kind = "websocket";
  readonly #socket: SocketLike;
  readonly #replies = new Map<number, Reply>();
  #id = 0;
  #frames = 0;
  #maxFrame = 0;
  #window = WINDOW;

  constructor(host: Host, token: string | undefined) {
    super(host);
    const url = `${host.base.replace(/^http/, "ws")}/ws`;
    const Socket = host.options.WebSocket ?? WebSocket;
    // A browser's socket has no headers: the token travels as a subprotocol.
    const socket = new Socket(url, token === undefined ? [] : ["thump", `bearer.${token}`]) as SocketLike;
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      this.#frames++;
      this.#receive(JSON.parse(String(data)) as Frame);
    };
    socket.onclose = ({ code, reason }) => this.end(endOf(code, reason));
    // A close follows.
    socket.onerror = () => {};
  }

  join(seat: Seat): void {
    if (!this.opened) return;
    const { name: room, last, at: after, presence } = seat;
    const start = after === undefined ? { last } : { after };
    this.#ask({ type: "join", room, ...start, presence }, (reply) => {
      // It may have been left meanwhile.
      if (this.host.seats.get(room) !== seat) return;
      if (reply.type === "joined") return seat.enter(reply);
      const error = toldError(reply);
      if (error.retry !== undefined || error.code === "unavailable")
        this.after(error.retry ?? 1000, () => this.host.seats.get(room) === seat && this.join(seat));
      else if (seat.refused(error)) this.join(seat);
    });
  }

  leave({ name: room }: Seat): void {
    // That it was not in it, or not yet, makes no difference now.
    if (this.opened) this.#ask({ type: "leave", room }, () => {});
  }

  rejoin(seat: Seat): void {
    seat.become(false);
    this.leave(seat);
    this.join(seat);
  }

  flush(): void {
    const { outbox } = this.host;
    while (this.opened && !this.paused) {
      const entry = outbox.next(this.#window);
      if (!entry) return;
      this.#publish(entry);
    }
  }

  /** What is dead, on whichever network, does not answer. */
  check(): void {
    if (this.opened) this.#probe(ANSWER);
  }

  protected release(dead: boolean): void {
    const socket = this.#socket;
    socket.onmessage = socket.onclose = null;
    // A dead peer answers no close either.
    if (dead && socket.terminate) socket.terminate();
    else socket.close();
  }

  #publish(entry: Entry): void {
    const { outbox } = this.host;
    const id = ++this.#id;
    // Our own comes back too: in its place, and without it `prev` would tell of gaps that are none.
    const frame = `{"type":"publish","id":${id},"echo":true,${entry.body.slice(1)}`;
    const max = this.#maxFrame;
    if (byteLength(frame) > max)
      return outbox.settle(entry, new ThumpError("too-large", `The server takes ${max} bytes at most.`));
    this.#replies.set(id, (reply) => {
      if (reply.type === "published") {
        outbox.settle(entry, reply.at);
        this.#window = Math.min(WINDOW, this.#window + 1);
      } else if (reply.retry) {
        if (!this.paused) this.#window = Math.ceil(this.#window / 4);
        this.pause([entry], reply.retry);
      } else outbox.settle(entry, toldError(reply));
      this.flush();
    });
    this.#socket.send(frame);
  }

  #receive(frame: Frame): void {
    const { type, id, room } = frame;
    if (type === "welcome") return this.#welcome(frame);
    const reply = this.#replies.get(id as number);
    if (reply) {
      this.#replies.delete(id as number);
      return reply(frame);
    }
    if (type === "error") return this.host.report(toldError(frame));
    if (type === "pong") return this.#covered(parsePosition(frame.at));
    const seat = this.host.seats.get(room);
    if (!seat?.joined) return;
    if (type === "message") {
      if (!seat.message(frame)) this.rejoin(seat);
    } else if (type === "gap") seat.gap(frame);
    else if (type === "presence") seat.present(frame as unknown as PresenceFrame);
    else if (type === "left") {
      const told = toldError({ message: "You may not be here any more.", ...frame });
      if (seat.refused(told)) this.join(seat);
    }
  }

  #welcome({ ping, limits, expires }: Frame): void {
    const { host } = this;
    host.heartbeat = ping * 1000;
    this.#maxFrame = limits.message;
    this.opened = true;
    host.opened(this);
    for (const seat of host.seats.values()) this.join(seat);
    this.flush();
    this.#beat();
    this.#renewBefore(expires);
  }

  /** All of this connection's rooms are at least there: a quiet one need not resume from its last message. */
  #covered(at: Position | undefined): void {
    if (at) for (const seat of this.host.seats.values()) if (seat.joined) seat.covered(at);
  }

  /** The server's own pings are hidden from a page: we ask, and learn where it is. */
  #beat(): void {
    const { heartbeat } = this.host;
    this.watch(heartbeat, () => this.#probe(Math.min(heartbeat, ANSWER)));
  }

  #probe(ms: number): void {
    const frames = this.#frames;
    this.#socket.send('{"type":"ping"}');
    this.watch(ms, () => (frames === this.#frames ? this.end({}, true) : this.#beat()));
  }

  /** Shows a new token a while before the old one ends (`expires`, in ms since 1970). */
  #renewBefore(expires: number | undefined): void {
    if (expires === undefined || !this.host.renewable) return;
    const left = expires - Date.now();
    // A token that seems to be over is, or the clock here is wrong: then there is no hurry.
    this.after(left > 0 ? Math.max(left - 60_000, left * 0.75) : 30_000, () => this.#renew());
  }

  #renew(): void {
    this.host.token().then(
      (token) =>
        this.over ||
        this.#ask({ type: "auth", token }, (reply) => {
          if (reply.type === "authorized") this.#renewBefore(reply.expires);
          // The old one is good until it ends; then the server closes with 4401.
          else this.host.report(toldError(reply));
        }),
      // Then it ends with the old one, and the next connection asks again.
      (error: unknown) => this.host.report(toError(error)),
    );
  }

  #ask(command: object, reply: Reply): void {
    const id = ++this.#id;
    this.#replies.set(id, reply);
    this.#socket.send(JSON.stringify({ id, ...command }));
  }
}

function endOf(code: number, reason: string): Ended {
  if (code === 1001) return { delay: /^\d+$/.test(reason) ? Number(reason) : undefined };
  const name = CLOSE_CODES[code];
  if (!name) return {};
  const error = new ThumpError(name, `The server closed the connection (${code} ${reason}).`);
  return {
    error,
    unauthorized: code === 4401,
    final: code === 4403,
    delay: code === 4429 ? ANSWER : undefined,
  };
}
