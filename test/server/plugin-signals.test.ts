// An app with the plugin, run as a process in a different project: SIGTERM drains it unless `signals` is false.
import { expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Elysia } from "elysia";
import { thump } from "../../src/index.ts";
import { connect } from "../support/clients.ts";
import { folder, type Started, startFile } from "../support/process.ts";
import { openEvents } from "../support/streams.ts";

const ROOT = join(import.meta.dir, "../..");

/** Starts a program in a folder with node_modules, as in a user's project. */
function startApp(code: string): Promise<Started> {
  const cwd = folder({ "package.json": '{"type":"module"}' });
  mkdirSync(join(cwd, "node_modules"));
  symlinkSync(ROOT, join(cwd, "node_modules/thump"));
  symlinkSync(join(ROOT, "node_modules/elysia"), join(cwd, "node_modules/elysia"));
  const file = join(cwd, "app.ts");
  writeFileSync(
    file,
    `import { Elysia } from "elysia";
import { thump } from "thump";
const listen = (options = {}) => {
  const app = new Elysia().use(thump(options)).get("/mine", () => "mine").onStop(() => console.log("stopped"));
  return app.listen({ port: 0, hostname: "127.0.0.1" });
};
const tell = (...apps: { server: unknown }[]) =>
  console.log(apps.map(({ server }) => "app on http://127.0.0.1:" + (server as { port: number }).port).join("\\n"));
${code}`,
  );
  return startFile(file, cwd);
}

const socketAt = (port: number) => connect(`ws://127.0.0.1:${port}/rooms/r`);

test("sockets get a reconnect delay, streams end with a retry time, the app's hooks run, exit code 0", async () => {
  const { process: child, out, port, url } = await startApp("tell(listen());");
  const sockets = await Promise.all(Array.from({ length: 6 }, () => socketAt(port)));
  const stream = await openEvents(`${url}/rooms/r`);
  child.kill("SIGTERM");
  const reasons = await Promise.all(
    sockets.map(async ({ closed }) => {
      const { code, reason } = await closed;
      expect([code, /^[0-9]+$/.test(reason)]).toEqual([1001, true]);
      return reason;
    }),
  );
  expect(new Set(reasons).size).toBeGreaterThan(1);
  await stream.ended;
  expect(stream.lines.all.filter((line) => line.startsWith("retry: ")).length).toBeGreaterThan(1);
  expect(await child.exited).toBe(0);
  await out.until((lines) => lines.includes("stopped"));
});

test("sessions are also drained in a group, although Elysia does not call onStart for groups", async () => {
  const { process: child, port } = await startApp(
    'const app = new Elysia().group("/api", (group) => group.use(thump()));' +
      'tell(app.listen({ port: 0, hostname: "127.0.0.1" }));',
  );
  const socket = await connect(`ws://127.0.0.1:${port}/api/rooms/r`);
  child.kill("SIGTERM");
  expect((await socket.closed).code).toBe(1001);
  expect(await child.exited).toBe(0);
});

test("while a session lags, new sessions are refused, and publications are still accepted and delivered", async () => {
  const rooms = '{ "*": { history: { count: 10000, bytes: "100MiB" } } }';
  const { process: child, port, url } = await startApp(`tell(listen({ rooms: ${rooms} }));`);
  const slow = await socketAt(port);
  const other = await socketAt(port);
  slow.ws.pause();
  const publish = (body: string) => fetch(`${url}/rooms/r`, { method: "POST", body });
  for (let i = 0; i < 300; i++) expect((await publish(`${i} ${"x".repeat(60_000)}`)).status).toBe(201);
  child.kill("SIGTERM");
  expect((await other.closed).code).toBe(1001);
  expect((await fetch(`${url}/rooms/r?last=1`)).status).toBe(503);
  expect(await (await fetch(`${url}/mine`)).text()).toBe("mine");
  expect((await publish("last")).status).toBe(201);
  slow.ws.resume();
  expect((await slow.closed).code).toBe(1001);
  expect(slow.all.map((frame) => String(frame).split(" ", 1)[0])).toEqual([
    ...Array.from({ length: 300 }, (_, i) => String(i)),
    "last",
  ]);
  expect(await child.exited).toBe(0);
});

test("a second signal ends the process at once, even if a session lags", async () => {
  const rooms = '{ "*": { history: { count: 10000, bytes: "100MiB" } } }';
  const { process: child, port, url } = await startApp(`tell(listen({ rooms: ${rooms} }));`);
  const slow = await socketAt(port);
  const other = await socketAt(port);
  slow.ws.pause();
  for (let i = 0; i < 300; i++) await fetch(`${url}/rooms/r`, { method: "POST", body: "x".repeat(60_000) });
  child.kill("SIGTERM");
  await other.closed;
  child.kill("SIGTERM");
  expect(await child.exited).toBe(1);
});

test("with signals: false, the process ends as it would without the plugin", async () => {
  const { process: child, port } = await startApp("tell(listen({ signals: false }));");
  const socket = await socketAt(port);
  child.kill("SIGTERM");
  expect((await socket.closed).code).toBe(1006);
  await child.exited;
  expect(child.signalCode).toBe("SIGTERM");
});

test("all running apps in a process are drained; stopped apps are skipped", async () => {
  const started = await startApp(
    "await listen().stop(true); const [a, b] = [listen(), listen()]; tell(a, b);",
  );
  const listening = () => started.out.all.filter((line) => line.startsWith("app on"));
  await started.out.until(() => listening().length === 2);
  const sockets = [await socketAt(started.port), await socketAt(Number(listening()[1]?.split(":").at(-1)))];
  started.process.kill("SIGTERM");
  for (const { closed } of sockets) expect((await closed).code).toBe(1001);
  expect(await started.process.exited).toBe(0);
});

test("an app with its own SIGTERM handler is drained, and ends the process itself", async () => {
  const { process: child, port } = await startApp(`const app = listen();
process.on("SIGTERM", async () => {
  await app.decorator.thump.drain();
  setTimeout(() => process.exit(7), 100);
});
tell(app);`);
  const socket = await socketAt(port);
  child.kill("SIGTERM");
  expect((await socket.closed).code).toBe(1001);
  expect(await child.exited).toBe(7);
});

test("stopped apps leave no listeners behind", async () => {
  const before = process.listenerCount("SIGTERM");
  const apps = Array.from({ length: 20 }, () => new Elysia().use(thump()));
  expect(process.listenerCount("SIGTERM")).toBe(before);
  for (const app of apps) app.listen({ port: 0, hostname: "127.0.0.1" });
  expect(process.listenerCount("SIGTERM")).toBe(before + 1);
  for (const app of apps) await app.stop(true);
  expect(process.listenerCount("SIGTERM")).toBe(before);
});
