// The app's `authorize` hook: its decisions, and frame order while a decision is pending.
import { expect, spyOn, test } from "bun:test";
import type { AuthorizeRequest, Authorize } from "../../src/index.ts";
import { stateOf, dataOf, problemOf } from "../support/answers.ts";
import { cleanup } from "../support/cleanup.ts";
import { connect, multiplexed } from "../support/clients.ts";
import { Authorizer } from "../../src/auth/authorizer.ts";
import { startServer } from "../support/server.ts";
import { bearer, claims, SECRET, token } from "../support/tokens.ts";
import { attempt, shakeHands, WAYS_IN } from "../support/ways-in.ts";

/** A hook whose decision about a publication is pending until the test calls `answer`. */
function slowHook(): { authorize: Authorize; asked: AuthorizeRequest[]; answer(allowed: boolean): void } {
  const waiting: PromiseWithResolvers<boolean>[] = [];
  const asked: AuthorizeRequest[] = [];
  return {
    asked,
    authorize(question) {
      asked.push(question);
      // All other actions are allowed immediately.
      if (question.action !== "publish") return true;
      const answer = Promise.withResolvers<boolean>();
      waiting.push(answer);
      return answer.promise;
    },
    answer(allowed) {
      for (const { resolve } of waiting.splice(0)) resolve(allowed);
    },
  };
}

test.each<[name: string, authorize: Authorize]>([
  ["synchronously", ({ room }) => room !== "closed"],
  ["with a promise", async ({ room }) => Bun.sleep(1).then(() => room !== "closed")],
])("a hook that answers %s can allow and refuse on every route", async (_, authorize) => {
  const server = startServer({ authorize });
  for (const [name, way] of Object.entries(WAYS_IN)) {
    expect([name, (await way(server, {})).status < 300]).toEqual([name, true]);
  }
  expect(await attempt(server.room("closed"))).toMatchObject({ status: 403, code: "forbidden" });
  expect((await shakeHands(server.socket("/ws?room=open&room=closed"))).status).toBe(403);
  expect(await problemOf(server.publish("closed", "x"))).toMatchObject({ code: "forbidden" });
  const client = await multiplexed(server.socket("/ws"));
  for (const type of ["join", "publish", "history", "members"]) {
    expect(await client.ask({ type, room: "closed" })).toMatchObject({ type: "error", code: "forbidden" });
    expect((await client.ask({ type, room: "open" })).type).not.toBe("error");
  }
});

test("the hook receives the client, the action and the room; if it does not decide, rules and tokens do", async () => {
  const asked: AuthorizeRequest[] = [];
  const server = startServer({
    access: { secrets: SECRET },
    rooms: { "ops:*": { join: "server" } },
    authorize: (question) => {
      asked.push(question);
      if (question.room === "vip") return question.session.user === "u7";
      if (question.room === "banned") return false;
      return undefined;
    },
  });
  const headers = bearer(
    token(claims({ info: { n: 1 }, rooms: { chat: ["history"], banned: ["history"] } })),
  );
  const statusOf = async (room: string) => (await attempt(server.room(room), { headers })).status;
  expect([
    await statusOf("vip"),
    await statusOf("chat"),
    await statusOf("banned"),
    await statusOf("x"),
  ]).toEqual([200, 200, 403, 403]);
  expect(asked[0]).toEqual({
    session: { user: "u7", info: { n: 1 } } as AuthorizeRequest["session"],
    action: "history",
    room: "vip",
  });
  asked.length = 0;
  expect(await statusOf("ops:1")).toBe(403);
  expect(asked).toEqual([]);
  const socket = await connect(server.socket("/rooms/vip?echo=1"), { headers });
  socket.send("x");
  await socket.next();
  expect(asked.at(-1)).toMatchObject({ action: "publish", session: { transport: "raw-websocket" } });
});

test("while a decision is pending, the session's frames wait in order, and other sessions continue", async () => {
  const { authorize, answer, asked } = slowHook();
  const server = startServer({ authorize });
  const slow = await multiplexed(server.socket("/ws"));
  const replies = [1, 2, 3].map((data) =>
    slow.ask({ type: "publish", room: `r${data % 2}`, data, echo: true }),
  );
  const joined = slow.ask({ type: "join", room: "r1", last: 10 });
  const pong = slow.ask({ type: "ping" });
  const bystander = await multiplexed(server.socket("/ws"));
  expect(await bystander.ask({ type: "join", room: "r1" })).toMatchObject({ type: "joined" });
  while (asked.filter(({ action }) => action === "publish").length < 1) await Bun.sleep(0);
  answer(true);
  await replies[0];
  // The hook is called again for the second room, because only the decision for the first room is cached.
  while (asked.filter(({ action }) => action === "publish").length < 2) await Bun.sleep(0);
  answer(true);
  const all = await Promise.all([...replies, joined, pong]);
  expect(all.map(({ type }) => type)).toEqual(["published", "published", "published", "joined", "pong"]);
  expect(all[3]).toMatchObject({ replay: 2 });
  expect(dataOf(await stateOf(server, "r1"))).toEqual([1, 3]);
  const order = slow.all
    .filter(({ type }) => ["published", "joined", "pong"].includes(type))
    .map(({ id }) => id);
  expect(order).toEqual([1, 2, 3, 4, 5]);
});

test("frames on a raw socket keep their order too, and rejected frames get an error", async () => {
  const { authorize, answer, asked } = slowHook();
  const server = startServer({ authorize });
  const socket = await connect(server.socket("/rooms/r"));
  for (let i = 0; i < 50; i++) socket.send(String(i));
  while (!asked.some(({ action }) => action === "publish")) await Bun.sleep(0);
  answer(true);
  const other = await connect(server.socket("/rooms/r?last=100"));
  const received = await other.until((all) => all.length === 50);
  expect(received.map(Number)).toEqual(Array.from({ length: 50 }, (_, i) => i));
});

test("a client that sends too many frames while a decision is pending is closed", async () => {
  const { authorize } = slowHook();
  const server = startServer({ authorize });
  const socket = await connect(server.socket("/rooms/r"));
  for (let i = 0; i < 1100; i++) socket.send("x");
  expect((await socket.closed).code).toBe(4429);
});

test("a batch keeps its order, and the hook is called once per room", async () => {
  const asked: string[] = [];
  const server = startServer({
    authorize: async ({ action, room }) => {
      if (action === "publish") asked.push(room);
      await Bun.sleep(room === "a" ? 5 : 0);
      return room !== "c";
    },
  });
  const body = JSON.stringify(["a", "b", "c", "a", "b"].map((room, i) => ({ room, data: i })));
  const { results } = (await (await fetch(`${server.url}/publish`, { method: "POST", body })).json()) as {
    results: { at?: string; error?: { code: string } }[];
  };
  expect(asked).toEqual(["a", "b", "c"]);
  const seqs = results.flatMap(({ at }) => (at === undefined ? [] : [Number(at.split("-")[1])]));
  expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
  expect(results[2]?.error?.code).toBe("forbidden");
});

test("a hook that throws rejects the request, and its error is not disclosed", async () => {
  const log = spyOn(console, "error").mockImplementation(() => {});
  cleanup(() => log.mockRestore());
  const server = startServer({
    authorize: () => {
      throw new Error("the database's password is wrong");
    },
  });
  const { detail, ...rest } = await problemOf(fetch(server.room("r")));
  expect(rest).toMatchObject({ status: 500, code: "internal" });
  expect(detail).not.toContain("password");
  expect(String(log.mock.calls)).toContain("password");
});

test("a join is authorized once", async () => {
  let asked = 0;
  const server = startServer({ authorize: ({ action }) => (asked += action === "join" ? 1 : 0) >= 0 });
  // The clock advances by 15 s on each reading, so cached decisions have always expired.
  let now = 0;
  server.thump.service.authorizer.now = () => (now += 15_000);
  const socket = await connect(server.socket("/rooms/r"));
  await server.publish("r", "x");
  await socket.until((frames) => frames.length === 1);
  expect(asked).toBe(1);
  const multiplexed = await connect(server.socket("/ws?room=r"));
  await multiplexed.until((frames) => frames.some((frame) => String(frame).includes('"joined"')));
  expect(asked).toBe(2);
  const stream = await fetch(server.room("r"), { headers: { accept: "text/event-stream" } });
  await stream.body?.cancel();
  expect(asked).toBe(3);
});

test("an authorizer that is replaced during a join does not decide about the join", async () => {
  const server = startServer({ authorize: () => true });
  const { service, hub } = server.thump;
  const allowing = async () => {
    service.authorizer = new Authorizer(hub, false, () => false);
    return true;
  };
  service.authorizer = new Authorizer(hub, false, allowing);
  const socket = await connect(server.socket("/rooms/r"));
  expect((await socket.closed).code).toBe(4403);
  service.authorizer = new Authorizer(hub, false, allowing);
  const stream = await fetch(server.room("r"), { headers: { accept: "text/event-stream" } });
  expect(await stream.text()).toMatch(/^retry: [0-9]+\n\n$/);
  expect(server.thump.sessionsIn("r")).toBe(0);
});

test("with a hook, local clients are not operators", async () => {
  const server = startServer({ authorize: () => true });
  await server.publish("r", "kept");
  for (const [method, path] of [
    ["GET", "/rooms"],
    ["DELETE", "/rooms/r/history"],
    ["DELETE", "/sessions/x"],
    ["DELETE", "/users/x/sessions"],
  ] as const)
    expect(await attempt(server.url + path, { method })).toMatchObject({ status: 403, code: "forbidden" });
  expect(dataOf(await stateOf(server, "r"))).toEqual(["kept"]);
});

test("an authorize option that is not a function is rejected at startup", () => {
  expect(() => startServer({ authorize: "yes" as never })).toThrow("authorize");
});
