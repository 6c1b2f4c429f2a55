// WebSocket transport: the multiplexed socket (docs/protocol.md). Each command has an id, which the reply repeats.
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

/** Maximum number of unanswered publications. A rate limit lowers this number temporarily. */
const MAX_IN_FLIGHT = 32;
/** A connection is dead if no frame arrives within this time after a ping. */
const ANSWER_TIMEOUT_MS = 5000;
/** Maximum size of a publication's frame without its body: `{"id":…,"type":"publish","echo":true,"ordered":true,`. */
const MAX_FRAME_HEAD_BYTES = 67;

export function webSocketTransport(context: ConnectionContext, token: string | undefined): Connection {
  const { handles, outbox, options } = context;
  let frames = 0;
  let maxFrame = 0;
  let window = MAX_IN_FLIGHT;
  const Socket = options.WebSocket ?? WebSocket;
  // Browsers cannot set headers on a WebSocket: the token is passed as a subprotocol.
  const protocols = token === undefined ? [] : ["thump", `bearer.${token}`];
  const socket = new Socket(`${context.base.replace(/^http/, "ws")}/ws`, protocols) as SocketLike;
  const transport = { join, leave, rejoin, flush, check, welcome, renew };
  const connection = newConnection(context, "websocket", transport, (dead) => {
    socket.onmessage = socket.onclose = null;
    // A dead peer does not complete a close handshake.
    if (dead && socket.terminate) socket.terminate();
    else socket.close();
  });
  socket.onmessage = ({ data }) => {
    frames++;
    connection.receive(String(data));
  };
  socket.onclose = ({ code, reason }) => connection.end(closeReasonOf(code, reason));
  // Nothing to do: a close event follows.
  socket.onerror = () => {};
  return connection;

  /** Does nothing before the welcome, because the welcome handler joins all rooms. */
  function join(handle: RoomHandle): void {
    if (connection.opened) socket.send(connection.joinCommand(handle));
  }

  function leave({ name: room }: RoomHandle): void {
    // An error can be ignored: it means that the room was not joined.
    sendCommand({ type: "leave", room }, () => {});
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

  /** Pings the server, whether or not the network changed: a dead connection does not reply. */
  function check(): void {
    if (connection.opened) probe(ANSWER_TIMEOUT_MS);
  }

  function publish(entry: OutboxEntry): void {
    if (entry.bytes + MAX_FRAME_HEAD_BYTES > maxFrame)
      return outbox.settle(entry, new ThumpError("too-large", `The limit is ${maxFrame} bytes.`));
    // With `echo`, our own messages arrive in order with the others. Without them, `prev` would indicate false gaps.
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
    scheduleProbe();
  }

  /** Pages do not see the server's WebSocket pings, so the client sends its own. The reply carries the server's position. */
  function scheduleProbe(): void {
    const { heartbeat } = context;
    connection.watch(heartbeat, () => probe(Math.min(heartbeat, ANSWER_TIMEOUT_MS)));
  }

  function probe(ms: number): void {
    const framesBefore = frames;
    socket.send('{"type":"ping"}');
    connection.watch(ms, () => (framesBefore === frames ? connection.end({}, true) : scheduleProbe()));
  }

  function renew(fresh: string | undefined): void {
    sendCommand({ type: "auth", token: fresh }, (reply) => {
      if (reply.type === "authorized") connection.renewBefore(reply.expires);
      // The old token stays valid until it expires. When it expires, the server closes the connection with 4401.
      else context.report(errorFromFrame(reply));
    });
  }

  function sendCommand(command: object, reply: ReplyHandler): void {
    if (connection.opened) socket.send(connection.command(command, reply));
  }
}
