// Chat with named users and presence: `bun examples/chat`.
import { Elysia, t } from "elysia";
import { SignJWT } from "jose";
import { thump } from "thump";
import page from "./page/index.html";
import { rooms } from "./rooms.ts";

const secret = process.env["THUMP_SECRET"] ?? crypto.getRandomValues(new Uint8Array(32)).toBase64();
const key = new TextEncoder().encode(secret);

/** Signs a token. Your app would do this for logged-in users only; here a name is enough. */
const sign = (name: string) =>
  new SignJWT({ rooms: { "chat:*": ["join", "publish", "history", "members"] } })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(name)
    .setExpirationTime("1h")
    .sign(key);

const app = new Elysia({ serve: { development: false } })
  .use(thump({ access: { secrets: secret }, rooms }))
  .get("/", page)
  .get("/token", ({ query }) => sign(query.name), {
    query: t.Object({ name: t.String({ pattern: "^[^\\s<>:][^<>:]{0,23}$" }) }),
  })
  .listen({ hostname: "127.0.0.1", port: Number(process.env["PORT"] ?? 3000) });

console.log(`A chat on http://127.0.0.1:${app.server?.port}: open it in two windows.`);
