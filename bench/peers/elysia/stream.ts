// Server-Sent Events with @elysiajs/stream: one Stream per client, and `send` on each.
import { Stream } from "@elysiajs/stream";
import { Elysia } from "elysia";
import { Rooms } from "../rooms.ts";

const rooms = new Rooms<Stream<string>>();
/** The first chunk makes Bun send the headers but triggers no event in the client. `Stream` sends bytes unchanged. */
const first = new TextEncoder().encode("retry: 2000\n\n");

new Elysia()
  .get("/rooms/:room", ({ params, request, server, set }) => {
    server?.timeout(request, 0);
    // Without this header the package sends plain text, which EventSource rejects.
    set.headers["content-type"] = "text/event-stream";
    set.headers["cache-control"] = "no-cache";
    return new Stream<string>((stream) => {
      request.signal.addEventListener("abort", rooms.join(params.room, stream));
      stream.send(first);
    });
  })
  .ws("/publish/:room", {
    message(ws, message) {
      const text = JSON.stringify(message);
      for (const stream of rooms.of(ws.data.params.room)) stream.send(text);
    },
  })
  .listen({ port: Number(process.argv[2]), hostname: "127.0.0.1", reusePort: false });
