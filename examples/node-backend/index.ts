// Server with one API key, and a backend on Node that publishes with it: `bun examples/node-backend`.
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { Elysia } from "elysia";
import { thump } from "thump";

const key = `thump_${randomBytes(32).toString("base64url")}`; // `thump key` creates a key and its hash
const hash = createHash("sha256").update(key).digest("hex");

const app = new Elysia()
  .use(
    thump({
      access: { apiKeys: [{ name: "backend", hash, rooms: { "orders*": ["publish"] } }] },
      rooms: { orders: { join: "anyone", publish: "server", history: { count: 10_000 } } },
    }),
  )
  .listen({ hostname: "127.0.0.1", port: Number(process.env["PORT"] ?? 3000) });
const url = `http://127.0.0.1:${app.server?.port}`;
console.log(`Orders on ${url}/rooms/orders`);

const node = Bun.which("node") ?? process.execPath;
const backend = Bun.spawn([node, join(import.meta.dir, "backend.mjs"), process.argv[2] ?? "1000"], {
  env: { ...process.env, THUMP_URL: url, THUMP_KEY: key },
  stdout: "inherit",
  stderr: "inherit",
});
await backend.exited;
console.log(`Read the last three: curl '${url}/rooms/orders?last=3'`);
