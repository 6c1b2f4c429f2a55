// Receives publishes as WebSocket frames and forwards them to Sockudo's HTTP API, signed and in order.
//
//   bridge.ts PORT PORT_OF_SOCKUDO
import { createHmac } from "node:crypto";
import { app } from "./configuration.ts";

const [port, target] = process.argv.slice(2).map(Number);
if (!port || !target) throw new Error("usage: bridge.ts PORT PORT_OF_SOCKUDO");
const path = `/apps/${app.id}/batch_events`;
/** Sockudo's default limit. */
const MAX_BATCH = 10;

const waiting: string[] = [];
let sending = false;

/** Sends one request at a time. Frames that arrive in the meantime share the next request. */
async function sendAll(): Promise<void> {
  if (sending) return;
  sending = true;
  while (waiting.length > 0) await send(`{"batch":[${waiting.splice(0, MAX_BATCH).join(",")}]}`);
  sending = false;
}

async function send(body: string): Promise<void> {
  const seconds = Math.floor(Date.now() / 1000);
  const digest = new Bun.CryptoHasher("md5").update(body).digest("hex");
  const query = `auth_key=${app.key}&auth_timestamp=${seconds}&auth_version=1.0&body_md5=${digest}`;
  const signature = createHmac("sha256", app.secret).update(`POST\n${path}\n${query}`).digest("hex");
  const response = await fetch(`http://127.0.0.1:${target}${path}?${query}&auth_signature=${signature}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  const answer = await response.text();
  if (!response.ok) fail(`${response.status} ${answer}`);
}

/** A rejected request ends the bridge: the benchmark must not continue without the publishes in that request. */
function fail(reason: string): never {
  console.error(`bridge: ${reason}`);
  process.exit(1);
}

Bun.serve({
  hostname: "127.0.0.1",
  port,
  fetch: (incoming, server) =>
    server.upgrade(incoming) ? undefined : new Response("WebSocket only", { status: 426 }),
  websocket: {
    message(_, frame) {
      waiting.push(String(frame));
      sendAll().catch((error: Error) => fail(error.message));
    },
  },
});

console.log("ready");
// Sockudo holds the other end of the pipe, so the bridge ends when Sockudo does.
for await (const _ of Bun.stdin.stream()) continue;
process.exit(0);
