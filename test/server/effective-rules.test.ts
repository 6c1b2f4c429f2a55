// `GET /rules`: the effective rules in order, and the rule for one room, as `thump check` prints them.
import { expect, test } from "bun:test";
import { problemOf } from "../support/answers.ts";
import { runProcess } from "../support/process.ts";
import { startServer } from "../support/server.ts";

const rooms = {
  "chat:{id}": { history: { count: 5, age: "1h" }, schema: { type: "object" } },
  "news:*": { history: false, publish: "server", lag: "latest" },
} as const;

test("all rules are listed in the order in which they are tried, followed by the defaults", async () => {
  const { url } = startServer({ rooms });
  const { rules } = (await (await fetch(`${url}/rules`)).json()) as { rules: object[] };
  expect(rules).toMatchObject([
    {
      pattern: "chat:{id}",
      rule: { history: { count: 5, age: 3600, bytes: 1 << 20, read: "anyone" }, schema: { type: "object" } },
    },
    { pattern: "news:*", rule: { history: false, publish: "server", lag: "latest" } },
    { pattern: null, rule: { history: { count: 1000, age: 600 }, join: "anyone", lag: "catch-up" } },
  ]);
});

test.each(["chat:7", "news:x", "elsewhere", "thump:stats"])(
  "the rule for %s is the same that thump check prints",
  async (room) => {
    const { url } = startServer({ rooms });
    const answer = (await (await fetch(`${url}/rules?room=${encodeURIComponent(room)}`)).json()) as object;
    const env = { THUMP_ROOMS: JSON.stringify(rooms), THUMP_DEMO: "0" };
    const { out } = await runProcess(["check", "--room", room], env);
    expect(answer).toEqual(JSON.parse(out) as object);
  },
);

test("an invalid room name is refused", async () => {
  const { url } = startServer();
  expect(await problemOf(fetch(`${url}/rules?room=`))).toMatchObject({ code: "invalid-room" });
});

test("a pattern for status rooms is refused", async () => {
  const env = { THUMP_ROOMS: '{"thump:stats":{"join":"anyone"}}' };
  const { code, err } = await runProcess(["check"], env);
  expect(code).toBe(2);
  expect(err).toContain("thump:");
});
