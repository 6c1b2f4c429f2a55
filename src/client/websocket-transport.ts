// The first way: the multiplexed socket (docs/protocol.md). Commands have ids, replies carry them back.
import { closeReasonOf } from "./close-reason.ts";
import { ThumpError, errorFromFrame } from "./client-errors.ts";
import {
  type Frame,
  type ConnectionContext,
  type Connection,
  newConnection,
  type ReplyHandler,
  type SocketLike,
} from "./connection.ts";
import type { OutboxEntry } from "./outbox.ts";
import type { RoomHandle } from "./room-handle.ts";

/** So many publications are on their way at a time: fewer once the server says to slow down. */
const MAX_IN_FLIGHT = 32;
/** Within this many ms an answer comes, or the connection is dead. */
const ANSWER_TIMEOUT_MS = 5000;
/** What a publication's frame has beside its body, at most: `{"id":…,"type":"publish","echo":true,"ordered":true,`. */
const MAX_FRAME_HEAD_BYTES = 67;

export function webSocketTransport(context: ConnectionContext, token: string | undefined): Connection {
  const { handles, outbox, options } = context;
  let frames = 0;
  let maxFrame = 0;
  let window = MAX_IN_FLIGHT;
  const Socket = options.WebSocket ?? WebSocket;
  // A browser's socket has no headers: the token travels as a subprotocol.
  const protocols = token === undefined ? [] : ["thump", `bearer.${token}`];
  const socket = new Socket(`${context.base.replace(/^http/, "ws")}/ws`, protocols) as SocketLike;
  const way = { join, leave, rejoin, flush, check, welcome, renew };
  const connection = newConnection(context, "websocket", way, (dead) => {
    socket.onmessage = socket.onclose = null;
    // A dead peer answers no close either.
    if (dead && socket.terminate) socket.terminate();
    else socket.close();
  });
  socket.onmessage = ({ data }) => {
    frames++;
    connection.receive(String(data));
  };
  socket.onclose = ({ code, reason }) => connection.end(closeReasonOf(code, reason));
  // A close follows.
  socket.onerror = () => {};
  return connection;

  /** Before the welcome there is nothing to ask: then all is said. */
  function join(handle: RoomHandle): void {
    if (connection.opened) socket.send(connection.joining(handle));
  }

  function leave({ name: room }: RoomHandle): void {
    // That it was not in it, or not yet, makes no difference now.
    ask({ type: "leave", room }, () => {});
  }

  function rejoin(handle: RoomHandle): void {
    handle.setJoined(false);
    leave(handle);
    join(handle);
  }

  function flush(): void {
    while (connection.opened && !connection.paused) {
      const entry = outbox.next(window);
      if (!entry) return;
      publish(entry);
    }
  }

  /** What is dead, on whichever network, does not answer. */
  function check(): void {
    if (connection.opened) probe(ANSWER_TIMEOUT_MS);
  }

  function publish(entry: OutboxEntry): void {
    if (entry.bytes + MAX_FRAME_HEAD_BYTES > maxFrame)
      return outbox.settle(entry, new ThumpError("too-large", `The server takes ${maxFrame} bytes.`));
    // Our own comes back too: in its place, and without it `prev` would tell of gaps that are none.
    const head = connection.command({ type: "publish", echo: true, ordered: true }, (reply) => {
      if (!reply.retry) window = Math.min(MAX_IN_FLIGHT, window + 1);
      else if (!connection.paused) window = Math.ceil(window / 4);
      connection.answer(entry, reply.at, reply);
      flush();
    });
    socket.send(`${head.slice(0, -1)},${entry.body.slice(1)}`);
  }

  function welcome({ limits }: Frame): void {
    maxFrame = limits.message;
    handles.forEach(join);
    beat();
  }

  /** The server's own pings are hidden from a page: we ask, and learn where it is. */
  function beat(): void {
    const { heartbeat } = context;
    connection.watch(heartbeat, () => probe(Math.min(heartbeat, ANSWER_TIMEOUT_MS)));
  }

  function probe(ms: number): void {
    const before = frames;
    socket.send('{"type":"ping"}');
    connection.watch(ms, () => (before === frames ? connection.end({}, true) : beat()));
  }

  function renew(fresh: string | undefined): void {
    ask({ type: "auth", token: fresh }, (reply) => {
      if (reply.type === "authorized") connection.renewBefore(reply.expires);
      // The old one is good until it ends; then the server closes with 4401.
      else context.report(errorFromFrame(reply));
    });
  }

  function ask(command: object, reply: ReplyHandler): void {
    if (connection.opened) socket.send(connection.command(command, reply));
  }
}
