// A broadcast server with deliberate faults that a benchmark must detect.
import type { ServerWebSocket } from "bun";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    /** `none`, or `drop`, `repeat`, `corrupt` or `swap` on every n-th delivery, or `stall`. */
    fault: { type: "string", default: "none" },
    every: { type: "string", default: "10000" },
    /** For `stall`: duration of each stall in ms; `every` is then the interval in ms. */
    ms: { type: "string", default: "100" },
  },
});

const { fault } = values;
const every = Number(values.every);
const sockets = new Set<ServerWebSocket<undefined>>();
const late = new Map<ServerWebSocket<undefined>, string>();
let deliveries = 0;

function corrupted(message: string): string {
  const middle = message.length - 8;
  const other = message[middle] === "A" ? "B" : "A";
  return message.slice(0, middle) + other + message.slice(middle + 1);
}

function deliver(socket: ServerWebSocket<undefined>, message: string): void {
  const held = late.get(socket);
  const breaks = ++deliveries % every === 0;
  if (breaks && fault === "swap" && held === undefined) {
    late.set(socket, message);
    return;
  }
  if (breaks && fault === "drop") return;
  socket.send(breaks && fault === "corrupt" ? corrupted(message) : message);
  if (breaks && fault === "repeat") socket.send(message);
  if (held === undefined) return;
  late.delete(socket);
  socket.send(held);
}

const server = Bun.serve({
  port: Number(values.port),
  hostname: "127.0.0.1",
  fetch(request, server) {
    return server.upgrade(request) ? undefined : new Response("ok");
  },
  websocket: {
    data: undefined,
    open: (socket) => void sockets.add(socket),
    close: (socket) => void sockets.delete(socket),
    message(from, message) {
      const text = String(message);
      for (const socket of sockets) if (socket !== from) deliver(socket, text);
    },
  },
});

if (fault === "stall") setInterval(() => Bun.sleepSync(Number(values.ms)), every);
console.log(JSON.stringify({ port: server.port }));
