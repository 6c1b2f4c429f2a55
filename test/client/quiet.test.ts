// A quiet room alongside busy ones: no false gap is reported after a reconnect.
import { expect, test } from "bun:test";
import { Proxy } from "../support/proxy.ts";
import { startServer } from "../support/server.ts";
import { client, joinRoom, inState, storage } from "./support.ts";

const seqOf = (at: string | undefined) => Number(at?.split("-")[1]);

test("a quiet room follows the server's position, and resumes from there", async () => {
  // With this config, the server stores nothing about empty rooms, so it could not tell whether a client with an old
  // cursor missed messages.
  const server = startServer({ heartbeat: 0.1, rooms: { "*": { history: false } } });
  const proxy = await Proxy.start(server.port);
  const resume = storage();
  const thump = client(proxy.url, { transport: "websocket", resume });
  const received = await joinRoom(thump, "quiet");
  const busy = await joinRoom(thump, "busy");
  await server.publish("quiet", "0");
  await received.next();
  const last = seqOf(received.room.at);
  let newest = "";
  // The WebSocket receives frames throughout.
  for (let n = 0; seqOf(received.room.at) <= last + 10; n++) {
    newest = (await server.thump.publish(n % 2 ? "busy" : `other:${n}`, n)).at;
    await busy.until(({ length }) => length >= Math.floor(n / 2));
  }
  while (received.room.at !== newest) await Bun.sleep(1);
  expect(resume.getItem(`thump ${proxy.url} quiet`)).toBe(newest);

  proxy.refuse(true);
  proxy.cut();
  await inState(thump, "offline");
  while (server.thump.hub.rooms.size > 0) await Bun.sleep(1);
  proxy.refuse(false);
  await inState(thump, "live");
  await server.publish("quiet", "1");
  await received.until(({ length }) => length === 2);
  expect(received.all).toEqual([0, 1]);
  expect(received.gaps.all).toEqual([]);
});
