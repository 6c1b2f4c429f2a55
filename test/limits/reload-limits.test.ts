// When a reload changes limits, the new limits apply at once and sessions stay connected.
import { expect, test } from "bun:test";
import { multiplexed } from "../support/clients.ts";
import { metricsOf } from "../support/metrics.ts";
import { startReloadable } from "../support/reloadable.ts";
import { shakeHands } from "../support/ways-in.ts";

const once = { rate: 1, burst: 1 };

test("a reload changes limits without ending a session", async () => {
  const server = await startReloadable({ limits: { sessions: 5 } });
  const client = await multiplexed(`ws://127.0.0.1:${server.port}/ws?room=r`);
  const limits = { sessions: 1, memory: "2KiB", rates: { session: { publishes: once, joins: once } } };
  const [line] = await server.reload({ limits, proxies: ["loopback"] });
  for (const name of ["maxSessions", "memory", "rates", "proxies"]) expect(line?.changed).toContain(name);
  const publish = { type: "publish", room: "r", data: "x" };
  expect(await client.ask(publish)).toMatchObject({ type: "published" });
  expect(await client.ask(publish)).toMatchObject({ code: "rate" });
  expect((await shakeHands(`ws://127.0.0.1:${server.port}/ws`)).status).toBe(503);
  const metrics = await metricsOf(server);
  expect(metrics.of("thump_kept_limit_bytes")).toBe(2048);
  expect(client.socket.ws.readyState).toBe(client.socket.ws.OPEN);
  const [bad] = await server.reload({ proxies: ["everybody"] });
  expect(bad?.reason).toContain("everybody");
});
