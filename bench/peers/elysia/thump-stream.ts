// Server-Sent Events with thump/stream: one source per client. The second argument selects the kind of source.
import { Elysia } from "elysia";
import { Stream, streaming } from "../../../src/stream-plugin/index.ts";
import { Rooms } from "../rooms.ts";
import { Queue } from "./queue.ts";

interface Member {
  push(message: string): void;
}

const [, , port, kind] = process.argv;
const rooms = new Rooms<Member>();

const app = new Elysia().use(streaming({ retry: 2000 })).ws("/publish/:room", {
  message(ws, message) {
    const text = JSON.stringify(message);
    for (const member of rooms.of(ws.data.params.room)) member.push(text);
  },
});

const routes = {
  callback: () =>
    app.get("/rooms/:room", ({ stream, params }) =>
      stream<string>(({ send }) => rooms.join(params.room, { push: (text) => void send(text) })),
    ),
  generator: () =>
    app.get("/rooms/:room", ({ stream, params }) =>
      stream(async function* ({ signal }) {
        const queue = new Queue();
        signal.addEventListener("abort", rooms.join(params.room, queue));
        for (;;) yield* await queue.next();
      }),
    ),
  class: () =>
    app.get("/rooms/:room", ({ params, request, server }) => {
      server?.timeout(request, 0);
      let leave = () => {};
      return new Stream<string>(
        (stream) => {
          leave = rooms.join(params.room, { push: (text) => void stream.send(text) });
          void stream.send(new TextEncoder().encode("retry: 2000\n\n"));
        },
        { onClose: () => leave() },
      );
    }),
};

routes[kind as keyof typeof routes]();
app.listen({ port: Number(port), hostname: "127.0.0.1", reusePort: false });
