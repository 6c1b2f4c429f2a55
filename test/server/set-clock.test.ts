// The machine's clock jumps by an hour while the server runs: intervals and stored messages are unaffected.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { connect } from "../support/clients.ts";
import { folder, killAfter, listening, type Started, environment, SOURCE } from "../support/process.ts";

const PRELOAD = join(import.meta.dir, "../support/set-clock.ts");
const [bun, ...main] = SOURCE as [string, ...string[]];

function start(args: string[], cwd = folder()): Promise<Started> {
  const child = Bun.spawn([bun, "--preload", PRELOAD, ...main, "--port", "0", ...args], {
    cwd,
    env: environment({}),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  killAfter(child);
  return listening(child);
}

/** Moves the process's clock by an hour. */
async function setClock({ process, out }: Started, where: "back" | "forward"): Promise<void> {
  process.kill(where === "back" ? "SIGUSR1" : "SIGUSR2");
  await out.until((lines) => lines.some((line) => line.startsWith("the clock was set")));
}

test.each(["back", "forward"] as const)(
  "clock set %s: sockets and streams still receive heartbeats",
  async (where) => {
    const server = await start(["--heartbeat", "2s"]);
    const socket = await connect(`${server.url.replace("http", "ws")}/rooms/quiet`);
    const pinged = Promise.withResolvers<void>();
    const stream = await fetch(`${server.url}/rooms/quiet`, { headers: { accept: "text/event-stream" } });
    await setClock(server, where);
    socket.ws.on("ping", () => pinged.resolve());
    const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
    const decoder = new TextDecoder();
    for (let text = ""; !text.includes("\n:");) text += decoder.decode((await reader.read()).value);
    await pinged.promise;
  },
);

test.each([
  ["memory", []],
  ["a file", ["--data", "data"]],
] as [string, string[]][])(
  "clock set forward: messages stored in %s and idempotency keys stay",
  async (_, args) => {
    const server = await start(args);
    const publish = () =>
      fetch(`${server.url}/rooms/r`, { method: "POST", body: "x", headers: { "idempotency-key": "k" } }).then(
        (response) => response.json() as Promise<{ at: string; time: number }>,
      );
    const count = async () =>
      ((await (await fetch(`${server.url}/rooms/r?last=10`)).json()) as { messages: unknown[] }).messages
        .length;
    const first = await publish();
    await setClock(server, "forward");
    // Expired messages are removed on reads and once per second.
    for (let i = 0; i < 8; i++) {
      expect(await count()).toBe(1);
      await Bun.sleep(250);
    }
    expect((await publish()).at).toBe(first.at);
    expect(await count()).toBe(1);
  },
);
