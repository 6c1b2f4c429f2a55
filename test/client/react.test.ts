// The React hooks, mounted in a light DOM: messages and members arrive, and components share a room and leave it.
import { afterAll, expect, test } from "bun:test";
import { Window } from "happy-dom";
import { createElement, StrictMode } from "react";
import type { Container, Root } from "react-dom/client";
import { type RoomHook, useMembers, useRoom } from "../../src/client/react.ts";
import type { Presence, Thump } from "../../src/client/index.ts";
import { eventually } from "../support/answers.ts";
import { startServer } from "../support/server.ts";
import { client } from "./support.ts";

// react-dom needs these globals. They are removed afterwards, because other test files must run without them.
const window = new Window();
const { document } = window;
const page = { window, document };
Object.assign(globalThis, page);
const { createRoot } = await import("react-dom/client");
afterAll(async () => {
  for (const name of Object.keys(page)) Reflect.deleteProperty(globalThis, name);
  await window.happyDOM.close();
});

let shown: RoomHook<unknown>;
let present: Presence;

function Chat({ thump, room }: { thump: Thump; room: string }) {
  shown = useRoom(thump, room, { last: 10, keep: 3 });
  return createElement("p", null, shown.messages.map(({ data }) => String(data)).join(" "));
}

function Members({ thump, room }: { thump: Thump; room: string }) {
  present = useMembers(thump, room);
  return null;
}

async function mount(thump: Thump, room: string): Promise<Root> {
  const element = document.body.appendChild(document.createElement("div"));
  const root = createRoot(element as unknown as Container);
  root.render(tree(thump, room));
  await eventually(() => element.firstChild !== null);
  return root;
}

const tree = (thump: Thump, room: string) =>
  createElement(
    StrictMode,
    null,
    createElement(Chat, { thump, room }),
    createElement(Members, { thump, room }),
  );

test("a component shows a room's newest messages and its state, publishes, and leaves when it unmounts", async () => {
  const server = startServer();
  for (const n of [0, 1]) await server.publish("a", String(n));
  const thump = client(server.url);
  const root = await mount(thump, "a");
  await eventually(() => shown.messages.length === 2 && shown.state === "live");
  await shown.publish(2);
  await server.publish("a", "3");
  await eventually(() => shown.messages.at(-1)?.data === 3);
  expect(shown.messages.map(({ data }) => data)).toEqual([1, 2, 3]);
  expect(document.body.textContent).toBe("1 2 3");
  expect(present).toEqual({ users: 0, guests: 0, list: [] });

  // When the room changes, the first room's messages disappear.
  root.render(tree(thump, "b"));
  await eventually(() => document.body.textContent === "" && server.thump.hub.rooms.has("b"));
  await eventually(() => shown.state === "live");
  expect(shown.messages).toEqual([]);
  await eventually(() => !server.thump.hub.rooms.has("a"));
  root.unmount();
  await eventually(() => server.thump.hub.rooms.size === 0);
});

test("a component shows the members and their changes", async () => {
  const server = startServer();
  const thump = client(server.url);
  const root = await mount(thump, "a");
  await eventually(() => shown.state === "live");
  const { members } = thump.room("a");
  const told = { users: 1, guests: 2, members: [{ user: "u1" }] };
  (members as unknown as { apply(frame: object): void }).apply(told);
  await eventually(() => present.users === 1);
  expect(present).toEqual({ users: 1, guests: 2, list: [{ user: "u1" }] });
  root.unmount();
  // React finishes its work after the current task.
  await eventually(() => server.thump.hub.rooms.size === 0);
});
