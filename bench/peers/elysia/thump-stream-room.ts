// Server-Sent Events with thump/stream, which reads from rooms of a Thump server in the same app.
import { Elysia } from "elysia";
import { thump } from "../../../src/index.ts";
import { room, streaming } from "../../../src/stream-plugin/index.ts";

new Elysia()
  .use(thump({ prefix: "/thump" }))
  .use(streaming({ retry: 2000 }))
  .get("/rooms/:room", ({ stream, thump, params }) => stream(room(thump, params.room)))
  .ws("/publish/:room", {
    message(ws, message) {
      void ws.data.thump.publish(ws.data.params.room, message);
    },
  })
  .listen({ port: Number(process.argv[2]), hostname: "127.0.0.1", reusePort: false });
