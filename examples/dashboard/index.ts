// Live dashboard over server-sent events. A shell script publishes the values: `bun examples/dashboard`.
import { join } from "node:path";
import { Elysia } from "elysia";
import { thump } from "thump";

const page = Bun.file(join(import.meta.dir, "index.html"));
const app = new Elysia()
  .use(thump({ rooms: { dashboard: { history: { count: 60 } } } }))
  .get("/", () => new Response(page))
  .listen({ hostname: "127.0.0.1", port: Number(process.env["PORT"] ?? 3000) });
const url = `http://127.0.0.1:${app.server?.port}`;

const feed = Bun.spawn(["sh", join(import.meta.dir, "feed.sh"), url], {
  stdout: "ignore",
  stderr: "inherit",
});
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    feed.kill();
    process.exit(0);
  });
}
console.log(`A dashboard on ${url}. Publisher: sh examples/dashboard/feed.sh ${url}`);
