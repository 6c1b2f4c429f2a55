// Elysia's WebSocket route with rooms as in its documentation: subscribe on open, publish on message.
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
