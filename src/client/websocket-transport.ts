// The first way: the multiplexed socket (docs/protocol.md). Commands have ids, replies carry them back.
import { endOf } from "./close-reason.ts";
import { ThumpError, toldError } from "./client-errors.ts";
import { type Frame, type Host, type Link, newLink, type Reply, type SocketLike } from "./connection.ts";
import type { Entry } from "./outbox.ts";
import type { Seat } from "./room-handle.ts";

/** So many publications are on their way at a time: fewer once the server says to slow down. */
const WINDOW = 32;
/** Within this many ms an answer comes, or the connection is dead. */
const ANSWER = 5000;
/** What a publication's frame has beside its body, at most: `{"id":…,"type":"publish","echo":true,"ordered":true,`. */
const HEAD = 67;

export function socketLink(host: Host, token: string | undefined): Link {
  const { seats, outbox, options } = host;
  let frames = 0;
  let maxFrame = 0;
  let window = WINDOW;
  const Socket = options.WebSocket ?? WebSocket;
  // A browser's socket has no headers: the token travels as a subprotocol.
  const protocols = token === undefined ? [] : ["thump", `bearer.${token}`];
  const socket = new Socket(`${host.base.replace(/^http/, "ws")}/ws`, protocols) as SocketLike;
  const way = { join, leave, rejoin, flush, check, welcome, renew };
  const link = newLink(host, "websocket", way, (dead) => {
    socket.onmessage = socket.onclose = null;
    // A dead peer answers no close either.
    if (dead && socket.terminate) socket.terminate();
    else socket.close();
  });
  socket.onmessage = ({ data }) => {
    frames++;
    link.receive(String(data));
  };
  socket.onclose = ({ code, reason }) => link.end(endOf(code, reason));
  // A close follows.
  socket.onerror = () => {};
  return link;

  /** Before the welcome there is nothing to ask: then all is said. */
  function join(seat: Seat): void {
    if (link.opened) socket.send(link.joining(seat));
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
    if (entry.bytes + HEAD > maxFrame)
      return outbox.settle(entry, new ThumpError("too-large", `The server takes ${maxFrame} bytes.`));
    // Our own comes back too: in its place, and without it `prev` would tell of gaps that are none.
    const head = link.command({ type: "publish", echo: true, ordered: true }, (reply) => {
      if (!reply.retry) window = Math.min(WINDOW, window + 1);
      else if (!link.paused) window = Math.ceil(window / 4);
      link.answer(entry, reply.at, reply);
      flush();
    });
    socket.send(`${head.slice(0, -1)},${entry.body.slice(1)}`);
  }

  function welcome({ limits }: Frame): void {
    maxFrame = limits.message;
    seats.forEach(join);
    beat();
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

  function renew(fresh: string | undefined): void {
    ask({ type: "auth", token: fresh }, (reply) => {
      if (reply.type === "authorized") link.renewBefore(reply.expires);
      // The old one is good until it ends; then the server closes with 4401.
      else host.report(toldError(reply));
    });
  }

  function ask(command: object, reply: Reply): void {
    if (link.opened) socket.send(link.command(command, reply));
  }
}
