// The ten-line config of the docs, as a process of its own: who gets in where, and that a missing secret stops it.
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { connect, Multiplexed } from "../support/clients.ts";
import { folder, runProcess, startProcess } from "../support/process.ts";
import { bearer, claims, SECRET, token } from "../support/tokens.ts";
import { attempt } from "../support/ways-in.ts";

const KEY = "thump_backend";
const HASH = createHash("sha256").update(KEY).digest("hex");
const CONFIG = `import { defineConfig } from "thump";
export default defineConfig({
  host: "0.0.0.0",
  origins: ["https://app.example"],
  access: { secrets: [process.env["APP_SECRET"]!], apiKeys: [{ name: "backend", hash: "${HASH}" }] },
  rooms: {
    "news:*": { join: "anyone", publish: "server" },
    "user:{id}": { join: "owner", publish: "server" },
  },
});`;

test("it is the one that the docs show", async () => {
  const docs = await Bun.file(new URL("../../docs/access.md", import.meta.url)).text();
  const [, body = ""] = CONFIG.replace(HASH, "…").split("export default");
  expect(docs).toContain(body);
});

test("it lets in whom it says, and nobody else", async () => {
  const cwd = folder({ "thump.config.ts": CONFIG });
  const { url, out } = await startProcess(["--port", "0"], { APP_SECRET: SECRET }, cwd);
  const u7 = bearer(token(claims({ rooms: { "chat:*": ["join", "publish"] } })));
  const statusOf = async (room: string, headers = {}, init: RequestInit = {}) =>
    (await attempt(`${url}/rooms/${room}`, { ...init, headers })).status;
  const post = { method: "POST", body: '"x"' };
  expect([
    await statusOf("news:1"),
    await statusOf("news:1", {}, post),
    await statusOf("news:1", u7, post),
  ]).toEqual([200, 401, 403]);
  expect([await statusOf("user:u7", u7), await statusOf("user:u8", u7), await statusOf("user:u7")]).toEqual([
    200, 403, 401,
  ]);
  for (const room of ["news:1", "user:u7"]) expect(await statusOf(room, bearer(KEY), post)).toBe(201);
  expect([await statusOf("chat:1", u7, post), await statusOf("other", u7, post)]).toEqual([201, 403]);
  const evil = { ...u7, origin: "https://evil.example" };
  expect([await statusOf("chat:1", evil, post), (await attempt(url)).status]).toEqual([403, 404]);
  const client = new Multiplexed(
    await connect(`${url.replace("http", "ws")}/ws?room=user:u7&last=1`, { headers: u7 }),
  );
  expect(await client.find(({ type }) => type === "message")).toMatchObject({ data: "x" });
  for (const secret of [SECRET, KEY, HASH]) expect(out.all.join("\n")).not.toContain(secret);
});

test("without the secret in the environment it does not start", async () => {
  const { code, err } = await runProcess([], {}, folder({ "thump.config.ts": CONFIG }));
  expect([code, err.trim().split("\n").length]).toEqual([2, 1]);
  expect(err).toContain("access › secrets");
});
