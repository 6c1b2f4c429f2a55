// The built client: one small file without imports, which runs in Bun, Node and browsers.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { buildClient } from "../../scripts/build-client.ts";
import { folder } from "../support/process.ts";
import { startServer } from "../support/server.ts";
import { testIf } from "../support/skip.ts";

/** Maximum size of the client that a page loads, gzipped, in bytes. */
const LIMIT = 7 * 1024;

test("the bundle is one file, imports nothing and is small", async () => {
  const text = await buildClient();
  expect(text).not.toMatch(/\b(import|require)\s*[("'{*]/);
  expect(Bun.gzipSync(Buffer.from(text), { level: 9 }).length).toBeLessThanOrEqual(LIMIT);
  const hooks = await buildClient("react.ts");
  expect([...hooks.matchAll(/from\s*"([^"]*)"/g)].map(([, name]) => name)).toEqual(["react"]);
});

/** A version of Node with a global WebSocket, if npx can provide it. */
const NODE = ["npx", "-y", "--prefer-offline", "node@22"];
const probe = Bun.spawnSync([...NODE, "--version"], { stderr: "ignore", env: process.env });
const noNode = /^v(2[2-9]|[3-9]\d)\./.test(String(probe.stdout))
  ? undefined
  : "no Node of 22 or more (npx -y node@22)";

testIf(noNode)(
  "the bundle runs under Node, on both transports, and lets the process exit",
  async () => {
    const server = startServer();
    const script = `
    import { connect } from "./client.js";
    for (const transport of ["websocket", "event-stream"]) {
      const thump = connect("${server.url}", { transport });
      const room = thump.room(transport);
      const loop = (async () => { for await (const { data } of room) return data; })();
      await new Promise((resolve) => room.on("state", (state) => state === "live" && resolve()));
      const at = await room.publish({ by: transport });
      console.log(JSON.stringify([thump.transport, at.includes("-"), await loop]));
      thump.close();
    }
  `;
    const cwd = folder({
      "client.js": await buildClient(),
      "main.mjs": script,
      "package.json": '{"type":"module"}',
    });
    const child = Bun.spawn([...NODE, join(cwd, "main.mjs")], { cwd, stderr: "inherit", env: process.env });
    const lines = (await new Response(child.stdout).text()).trim().split("\n");
    expect(await child.exited).toBe(0);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      ["websocket", true, { by: "websocket" }],
      ["event-stream", true, { by: "event-stream" }],
    ]);
  },
  60_000,
);
