// Starts a server configured for the public internet, with a probe in its process, and prepares rooms and sessions.
import { SignJWT } from "jose";
import { join } from "node:path";
import { fill } from "../attacker/fill.ts";
import { from, handshake } from "../attacker/sockets.ts";
import { bun, root } from "../peers/javascript.ts";
import { main } from "../peers/thump.ts";
import { pinning, SERVER_CORE } from "../runner/children.ts";
import { freePort } from "../runner/server.ts";
import type { RequestFixture, Probed } from "./expensive-request.ts";

const SECRET = "a secret of the benchmark, long enough";
const SESSION_COUNT = 3000;
const READY_TIMEOUT_MS = 15_000;
const ROOMS = {
  crowd: { join: "anyone", presence: { list: 1000 } },
  zip: { join: "anyone", publish: "anyone", compress: "streams" },
  typed: {
    join: "anyone",
    publish: "anyone",
    schema: { type: "array", items: { type: "object", required: ["text"] } },
  },
  "mine*": { publish: "granted", join: "granted" },
  "*": { join: "anyone", publish: "anyone" },
};

function sign(user: string, rooms: Record<string, string[]>): Promise<string> {
  return new SignJWT({ rooms })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(user)
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode(SECRET));
}

export interface Probe extends RequestFixture {
  /** Returns the server process's usage since the previous call. */
  ask(): Promise<Probed>;
  stop(): Promise<void>;
}

/** Starts the server and adds rooms, messages and sessions. */
export async function prepare(log: (text: string) => void): Promise<Probe> {
  const port = freePort();
  let answer: ((probed: Probed) => void) | undefined;
  const probe = join(import.meta.dir, "probe.ts");
  const command = [bun, "--preload", probe, main, "--port", String(port), "--host", "127.0.0.1"];
  const child = Bun.spawn(
    pinning === undefined ? ["taskset", "-c", String(SERVER_CORE), ...command] : command,
    {
      cwd: root,
      env: {
        ...process.env,
        THUMP_SECRET: SECRET,
        THUMP_PROXIES: "loopback",
        THUMP_ROOMS: JSON.stringify(ROOMS),
        THUMP_LOG_LEVEL: "error",
      },
      stdout: "ignore",
      stderr: "inherit",
      serialization: "json",
      ipc: (message: Probed) => answer?.(message),
    },
  );
  const ask = () =>
    new Promise<Probed>((resolve) => {
      answer = resolve;
      child.send("probe");
    });
  const until = performance.now() + READY_TIMEOUT_MS;
  while (
    !(await fetch(`http://127.0.0.1:${port}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (performance.now() > until || child.exitCode !== null)
      throw new Error("the server did not become ready");
    await Bun.sleep(20);
  }
  log("filling 1,000 rooms");
  const { before, rooms } = await fill(port, "c", 1000, 200);
  await fill(port, "full", 1, 1000);
  for (const room of ["full", "zip"]) await publish(port, room, 1000);
  log("opening 3,000 sessions");
  await openSessions(port);
  const token = await sign("granted", { "mine*": ["join", "publish", "history", "members"] });
  return {
    port,
    before,
    rooms,
    token,
    ask,
    stop: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

/** Fills a room's history to both of its limits, messages and bytes. */
async function publish(port: number, room: string, count: number): Promise<void> {
  const data = "x".repeat(700);
  const body = JSON.stringify(Array.from({ length: count }, () => ({ room, data })));
  const headers = { "content-type": "application/json", "x-forwarded-for": "198.51.100.99" };
  const answer = await fetch(`http://127.0.0.1:${port}/publish`, { method: "POST", headers, body });
  await answer.arrayBuffer();
}

/** Adds users to the room "crowd": one session each, from many addresses. */
async function openSessions(port: number): Promise<void> {
  let joined = 0;
  const all = Promise.withResolvers<void>();
  for (let i = 0; i < SESSION_COUNT; i++) {
    const token = await sign(`user-${i}`, {});
    const headers = `${from(`198.18.${i >> 8}.${i & 255}`)}Authorization: Bearer ${token}\r\n`;
    await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open: (socket) => void socket.write(handshake("/ws?room=crowd", headers)),
        data(_, data) {
          if (data.includes('"joined"') && ++joined === SESSION_COUNT) all.resolve();
        },
      },
    });
  }
  await Promise.race([all.promise, Bun.sleep(READY_TIMEOUT_MS)]);
}
