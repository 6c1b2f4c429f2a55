// The members of a room, as reported by the client on both transports.
import { expect, test } from "bun:test";
import type { Presence } from "../../src/client/index.ts";
import { Inbox } from "../support/clients.ts";
import { startServer } from "../support/server.ts";
import { claims, SECRET, token } from "../support/tokens.ts";
import { client, joinRoom } from "./support.ts";

const as = (sub: string) => ({ token: token(claims({ sub })) });
const names = ({ list }: Presence) =>
  list
    .map(({ user }) => user)
    .sort()
    .join();

test.each(["websocket", "event-stream"] as const)("over %s", async (transport) => {
  const server = startServer({
    access: { secrets: [SECRET] },
    rooms: { "p:*": { presence: { grace: "50ms", list: 3 } }, "q:*": { members: "server", presence: true } },
  });
  const thump = client(server.url, { transport, ...as("a") });
  const room = thump.room("p:1");
  const told = new Inbox<Presence>();
  room.members.on("change", (presence) => told.push(presence));
  // Presence is requested only after the room is joined. The rejoin causes no gap.
  const late = await joinRoom(thump, "p:2");
  const seen = new Inbox<Presence>();
  late.room.members.on("change", (presence) => seen.push(presence));
  const others = ["b", "c"].map((sub) => client(server.url, as(sub)));
  for (const other of others) for (const name of ["p:1", "p:2"]) await joinRoom(other, name);
  for (const inbox of [told, seen]) await inbox.until((all) => names(all.at(-1) as Presence) === "a,b,c");
  others[0]?.close();
  for (const inbox of [told, seen]) await inbox.until((all) => names(all.at(-1) as Presence) === "a,c");
  expect([room.members.count, room.members.users, room.members.guests]).toEqual([2, 2, 0]);

  // A large room lists no users.
  for (const sub of ["d", "e", "f"]) await joinRoom(client(server.url, as(sub)), "p:1");
  await told.until((all) => all.at(-1)?.users === 5);
  expect(room.members.list).toEqual([]);

  // A client without permission to see the members stays in the room.
  const closed = await joinRoom(thump, "q:1");
  void closed.room.members;
  await closed.errors.until(({ length }) => length === 1);
  await closed.room.publish("still here");
  await closed.next();
  expect([closed.errors.all[0]?.code as string, closed.room.state]).toEqual(["forbidden", "live"]);
  expect([...late.gaps.all, ...thump.errors.all]).toEqual([]);
});
