// The client's tokens are sent on both transports, renewed before they expire, and fetched again if they are invalid.
import { describe, expect, test } from "bun:test";
import { createApiKey, hashApiKey } from "../../src/auth/api-keys.ts";
import { startServer } from "../support/server.ts";
import { bearer, claims, OTHER_SECRET, SECRET, seconds, token } from "../support/tokens.ts";
import { client, type RoomRecorder, joinRoom, inState, upTo } from "./support.ts";

const secured = (more: object = {}) =>
  startServer({ access: { secrets: [SECRET], leeway: 0, ...more }, rooms: { "open:*": { join: "anyone" } } });

/** Supplies tokens with this lifetime, and counts them. */
function supply(lasting: number, more: object = {}) {
  const supplied: string[] = [];
  return {
    supplied,
    token: async () => {
      const fresh = token(claims({ exp: seconds(lasting), jti: String(supplied.length), ...more }));
      supplied.push(fresh);
      return fresh;
    },
  };
}

describe.each(["websocket", "event-stream"] as const)("over %s", (transport) => {
  test("a token authenticates the client, and names the publisher", async () => {
    const server = secured();
    const thump = client(server.url, { transport, token: token() });
    const received = await joinRoom(thump, "r");
    const from = new Promise((resolve) => received.room.on("message", (_, meta) => resolve(meta.from)));
    await received.room.publish(1);
    expect(await from).toBe("u7");
  });

  test("a session outlives its tokens, and misses no message", async () => {
    const server = secured();
    const { token: fetchToken, supplied } = supply(2);
    const thump = client(server.url, { transport, token: fetchToken });
    const received = await joinRoom(thump, "r");
    for (let n = 0; supplied.length < 3; n++) {
      await server.thump.publish("r", { n });
      await Bun.sleep(20);
    }
    await inState(received.room, "live");
    const { at } = await server.thump.publish("r", "last");
    await received.until((all) => all.at(-1) === "last");
    expect(received.all.slice(0, -1)).toEqual(upTo(received.all.length - 1).map((n) => ({ n })));
    expect(received.room.at as string).toBe(at);
    expect([...received.gaps.all, ...thump.errors.all]).toEqual([]);
    // A WebSocket client sends the new token on its connection. A stream is reopened with the new token before the old
    // one expires.
    expect(thump.states.all.filter((state) => state === "offline")).toEqual([]);
  }, 15_000);

  test("an invalid token is reported, and a new token is fetched", async () => {
    const server = secured();
    let calls = 0;
    const thump = client(server.url, {
      transport,
      token: () => (++calls < 3 ? token(claims(), OTHER_SECRET) : token()),
    });
    const received = await joinRoom(thump, "r");
    expect([received.room.state, calls]).toEqual(["live", 3]);
  });

  test("a removed client stays closed and reports the reason; so does a client that has only an invalid token", async () => {
    const key = createApiKey();
    const server = secured({ apiKeys: [{ name: "master", hash: hashApiKey(key) }], leeway: 60 });
    // The token function ignores the revocation. The next token is issued in a later second, so it is valid.
    let calls = 0;
    const fetchToken = () => token(claims({ iat: seconds(30 * calls++) }));
    const thump = client(server.url, { transport, token: fetchToken });
    const received = await joinRoom(thump, "r");
    const [session] = server.thump.hub.sessions.values();
    const body = JSON.stringify({ user: "u7", until: Date.now() + 3_600_000 });
    await fetch(`${server.url}/revoke`, { method: "POST", body, headers: bearer(key) });
    await received.states.until((states) => states.includes("closed"));
    expect(thump.state).toBe("closed");
    expect(session?.ended).toBe(true);
    const codes = thump.errors.all.map(({ code }) => code);
    expect(codes).toEqual(["forbidden"]);
    if (transport === "websocket") return;
    const bad = client(server.url, { transport, token: token(claims(), OTHER_SECRET) });
    await inState(bad, "closed");
    expect(bad.errors.all.map(({ code }) => code)).toEqual(["unauthorized"]);
  });

  test("a room that the token does not grant fails without affecting others", async () => {
    const server = secured();
    const mine = token(claims({ rooms: { "mine:*": ["join", "publish"] } }));
    const thump = client(server.url, { transport, token: mine });
    const rooms = [thump.room("mine:1"), thump.room("other"), thump.room("mine:2")];
    const refused = joinRoom(thump, "other");
    const received = await joinRoom(thump, "mine:1");
    expect([(await refused).room.state, rooms[1]?.error?.code as string]).toEqual(["closed", "forbidden"]);
    await rooms[2]?.publish("for 2");
    await received.room.publish("for 1");
    await received.next();
    await expect(thump.publish("other", 1)).rejects.toMatchObject({ code: "forbidden" });
  });
});

test("a stream that was reopened for more rooms fetches one token before the old one expires, not one per room", async () => {
  const server = secured();
  const expires = seconds(2);
  let supplied = 0;
  const fetchToken = () => token(claims({ exp: supplied++ === 0 ? expires : seconds(3600) }));
  const thump = client(server.url, { transport: "event-stream", token: fetchToken });
  const rooms = [];
  for (const n of upTo(6)) rooms.push(await joinRoom(thump, `r${n}`));
  const [received] = rooms as [RoomRecorder];
  // Waits past the time at which any renewals scheduled by earlier streams would run.
  for (let n = 0; Date.now() < expires * 1000; n++) {
    await received.room.publish(n);
    await received.until(({ length }) => length > n);
  }
  expect(supplied).toBe(2);
}, 15_000);

test.each(["websocket", "event-stream"] as const)(
  "a %s session that was closed because it was too slow reconnects",
  async (transport) => {
    const server = secured();
    const thump = client(server.url, { transport, token: supply(3600).token });
    const received = await joinRoom(thump, "r");
    for (const session of server.thump.hub.sessions.values()) session.end(4503, "too slow");
    await inState(received.room, "offline");
    await inState(received.room, "live");
    expect(thump.errors.all).toEqual([]);
  },
);

test.each(["websocket", "event-stream"] as const)(
  "over %s a new token with fewer grants closes the rooms that it does not grant",
  async (transport) => {
    const server = secured();
    const grants = [["mine:*", "other"], ["mine:*"]];
    const thump = client(server.url, {
      transport,
      token: () => {
        const rooms = Object.fromEntries(
          (grants.shift() ?? ["mine:*"]).map((room) => [room, ["join", "publish"]]),
        );
        return token(claims({ exp: seconds(2), rooms }));
      },
    });
    const mine = await joinRoom(thump, "mine:1");
    const other = await joinRoom(thump, "other");
    expect(other.room.state).toBe("live");
    await other.states.until((states) => states.includes("closed"));
    expect(other.room.error?.code as string).toBe("forbidden");
    await mine.room.publish(1);
    await mine.next();
    expect(thump.states.all.filter((state) => state === "offline")).toEqual([]);
  },
  15_000,
);

test("a stream that is rejected for one room still reports the gap in another", async () => {
  const server = secured();
  const { at } = await server.thump.publish("mine:1", 0);
  await server.thump.publish("mine:1", 1);
  await server.thump.hub.forget("mine:1");
  const mine = token(claims({ rooms: { "mine:*": ["join", "publish", "history"] } }));
  const thump = client(server.url, { transport: "event-stream", token: mine });
  const other = joinRoom(thump, "other", { after: at });
  const received = await joinRoom(thump, "mine:1", { after: at });
  expect((await other).room.error?.code as string).toBe("forbidden");
  await server.thump.publish("mine:1", 2);
  await received.next();
  expect(received.all).toEqual([2]);
  expect(received.gaps.all.map(({ after }) => after)).toEqual([at]);
});

test("an invalid token is recognized although the WebSocket handshake hides the reason", async () => {
  const server = secured();
  const thump = client(server.url, { token: token(claims(), OTHER_SECRET) });
  await inState(thump, "closed");
  expect(thump.errors.all.map(({ code }) => code)).toEqual(["unauthorized"]);
});

test("a token function that fails is reported, and called again", async () => {
  const server = secured();
  let calls = 0;
  const thump = client(server.url, {
    token: () => {
      if (++calls < 3) throw new Error("no network");
      return token();
    },
  });
  await joinRoom(thump, "r");
  expect(thump.errors.all.every(({ code }) => code === "unavailable")).toBe(true);
});

describe("after a sign-out on all devices", () => {
  const signedOut = async () => {
    const key = createApiKey();
    const server = secured({ apiKeys: [{ name: "backend", hash: hashApiKey(key) }] });
    const issued = seconds();
    const body = JSON.stringify({ user: "u7", until: Date.now() + 3_600_000 });
    await fetch(`${server.url}/revoke`, { method: "POST", body, headers: bearer(key) });
    return { server, old: token(claims({ iat: issued })) };
  };

  test("a token from the same second is rejected, and a token fetched a second later is accepted", async () => {
    const { server, old } = await signedOut();
    let calls = 0;
    // Signs tokens like the app's own server. The first call is in the same second as the sign-out.
    const thump = client(server.url, {
      transport: "event-stream",
      token: () => (++calls === 1 ? old : token(claims({ iat: seconds() }))),
    });
    const received = await joinRoom(thump, "r");
    expect([received.room.state, calls]).toEqual(["live", 2]);
    await received.room.publish("back");
    await received.until(([first]) => first === "back");
    expect(thump.errors.all).toEqual([]);
  });

  test("a token that is rejected twice is reported, and closes the client", async () => {
    const { server, old } = await signedOut();
    let calls = 0;
    const thump = client(server.url, { transport: "event-stream", token: () => (calls++, old) });
    await inState(thump, "closed");
    expect(calls).toBe(2);
    expect(thump.errors.all.map(({ code }) => code)).toEqual(["revoked"]);
  });
});
