// Elysia's WebSocket route, as its documentation writes a room: subscribe when opened, publish what comes.
import { Elysia } from "elysia";

new Elysia()
  .ws("/rooms/:room", {
    open(ws) {
      ws.subscribe(ws.data.params.room);
    },
    message(ws, message) {
      ws.publish(ws.data.params.room, message);
    },
  })
  .listen({ port: Number(process.argv[2]), hostname: "127.0.0.1", reusePort: false });
