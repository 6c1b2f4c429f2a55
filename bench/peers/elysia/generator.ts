// Server-Sent Events as Elysia's documentation recommends: an async generator a client that yields `sse(…)`.
import { Elysia, sse } from "elysia";
import { Rooms } from "../rooms.ts";
import { Queue } from "./queue.ts";

const rooms = new Rooms<Queue>();

new Elysia()
  .get("/rooms/:room", async function* ({ params, request, server }) {
    server?.timeout(request, 0);
    const queue = new Queue();
    const leave = rooms.join(params.room, queue);
    // A generator that waits is never told that its client has left.
    request.signal.addEventListener("abort", leave);
    // Elysia answers when the first thing is yielded; this one fires no event at the client.
    yield sse({ retry: 2000 });
    for (;;) for (const message of await queue.next()) yield sse(message);
  })
  .ws("/publish/:room", {
    message(ws, message) {
      const text = JSON.stringify(message);
      for (const queue of rooms.of(ws.data.params.room)) queue.push(text);
    },
  })
  .listen({ port: Number(process.argv[2]), hostname: "127.0.0.1", reusePort: false });
