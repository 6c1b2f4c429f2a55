// Server-Sent Events as Elysia's documentation recommends: one async generator per client that yields `sse(…)`.
import { Elysia, sse } from "elysia";
import { Rooms } from "../rooms.ts";
import { Queue } from "./queue.ts";

const rooms = new Rooms<Queue>();

new Elysia()
  .get("/rooms/:room", async function* ({ params, request, server }) {
    server?.timeout(request, 0);
    const queue = new Queue();
    const leave = rooms.join(params.room, queue);
    // A waiting generator is not notified when its client disconnects.
    request.signal.addEventListener("abort", leave);
    // Elysia sends the response head with the first yielded value. This value triggers no event in the client.
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
