// Progress of long jobs, published with `curl` and followed with `curl -N` or a page: `bun examples/progress`.
import { join } from "node:path";
import { Elysia } from "elysia";
import { thump } from "thump";
import { Type } from "typebox";

const step = Type.Object({
  done: Type.Integer({ minimum: 0 }),
  of: Type.Integer({ minimum: 1 }),
  what: Type.String(),
});
const page = Bun.file(join(import.meta.dir, "index.html"));
const app = new Elysia()
  .use(thump({ rooms: { "job:*": { history: { count: 100, age: "1h" }, schema: step } } }))
  .get("/", () => new Response(page))
  .listen({ hostname: "127.0.0.1", port: Number(process.env["PORT"] ?? 3000) });
const url = `http://127.0.0.1:${app.server?.port}`;

console.log(`Progress on ${url}/?job=1
run a job   sh examples/progress/job.sh ${url}/rooms/job:1
follow it   curl -N -H 'accept: text/event-stream' '${url}/rooms/job:1?last=1'`);
