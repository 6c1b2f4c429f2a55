// Presence under random schedules: a snapshot and the later changes add up to the server's member list.
import { expect } from "bun:test";
import { eventually } from "../support/answers.ts";
import { connect, multiplexed } from "../support/clients.ts";
import { presenceClock, truth, userToken } from "../support/presence.ts";
import { listen, type Listener, ROOMS } from "../support/presence-listeners.ts";
import { type Random, randomTest } from "../support/random.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { openNdjson } from "../support/streams.ts";
import { bearer, SECRET } from "../support/tokens.ts";

const KINDS = ["websocket", "event-stream", "ndjson"];
const USERS = 9;
/** More messages than a socket may buffer, so that a client that does not read lags. */
const FLOOD = 120;
const LARGE = "x".repeat(50_000);

interface Actor {
  user: string;
  /** Renews the token with different info, if the transport supports renewal. */
  act(info: number): Promise<unknown> | undefined;
  close(): Promise<unknown>;
}

/** Makes a user present in a room over a random transport. */
async function appear(server: TestServer, random: Random): Promise<Actor> {
  const user = `u${random.below(USERS)}`;
  const tokenOf = (info: number) => userToken(user, { info });
  const room = random.pick(ROOMS);
  const kind = random.below(3);
  if (kind === 0) {
    const stream = await openNdjson(server.room(room), bearer(tokenOf(random.below(2))));
    const close = () => (stream.abort(), stream.ended);
    return { user, act: () => undefined, close };
  }
  const info = random.below(2);
  const path = kind === 1 ? `/rooms/${room}?` : `/ws?room=${room}&`;
  if (kind === 1) {
    const socket = await connect(server.socket(`${path}token=${tokenOf(info)}`));
    return { user, act: () => undefined, close: () => (socket.ws.close(), socket.closed) };
  }
  const mux = await multiplexed(server.socket(`${path}token=${tokenOf(info)}`));
  return {
    user,
    act: (other) => mux.ask({ type: "auth", token: tokenOf(other) }),
    close: () => (mux.socket.ws.close(), mux.closed),
  };
}

/** Resolves when no presence message is pending and all sent ones have arrived. */
async function settle(
  server: TestServer,
  listeners: Listener[],
  actors: Actor[],
  pass: (ms: number) => void,
): Promise<void> {
  const { hub } = server.thump;
  for (const listener of listeners) listener.resume();
  // The server detects a closed stream with a short delay.
  await eventually(() => hub.sessions.size === listeners.length + actors.length);
  pass(10_000);
  pass(10_000);
  await eventually(() =>
    hub.sessions.values().every(({ catchingUp, uninformed }) => !catchingUp && !uninformed),
  );
  for (const room of ROOMS) await server.thump.publish(room, "end");
  for (const { data, kind } of listeners) {
    const expected = kind === "ndjson" ? 1 : ROOMS.length;
    await data.until((all) => all.slice(-expected).every((each) => each === "end"));
  }
}

async function step(server: TestServer, random: Random, listeners: Listener[], actors: Actor[]) {
  const act = random.below(13);
  const at = random.below(listeners.length);
  const listener = listeners[at] as Listener;
  if (act < 4) actors.push(await appear(server, random));
  else if (act < 6) await actors.splice(random.below(actors.length + 1), 1)[0]?.close();
  else if (act === 6) await actors[random.below(actors.length + 1)]?.act(random.below(3));
  else if (act === 7 || act > 9) {
    await listener.close();
    listeners[at] = await listen(server, listener.kind, `l${at}`);
  } else if (act === 8) {
    if (random.chance(2)) listener.pause();
    for (let i = 0; i < FLOOD; i++) await server.thump.publish("r", LARGE);
  } else if (random.chance(2)) listener.resume();
}

randomTest(
  "on every transport, a snapshot plus the later changes equals the members on the server",
  async (random) => {
    const rooms = {
      "*": { history: { count: 500, bytes: "64MiB" }, presence: { grace: 1, list: 8 } },
    } as const;
    const server = startServer({ access: { secrets: SECRET }, rooms });
    const pass = presenceClock(server);
    const listeners = await Promise.all(
      KINDS.flatMap((kind) => [kind, kind]).map((kind, i) => listen(server, kind, `l${i % 2}`)),
    );
    const actors: Actor[] = [];
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 12; i++) {
        await step(server, random, listeners, actors);
        if (random.chance(3)) pass(random.pick([50, 500, 1000]));
      }
      await settle(server, listeners, actors, pass);
      for (const room of ROOMS) {
        const { names, ...counts } = await truth(server, room);
        for (const { rosters, kind } of listeners) {
          if (kind === "ndjson" && room !== "r") continue;
          const state = rosters.get(room)?.state;
          expect(state).toMatchObject(counts);
          // A client receives names again only when the number of members is well below the limit.
          if (names && Object.hasOwn(state ?? {}, "names") && (state as { names?: object }).names)
            expect(state).toEqual({ ...counts, names });
        }
      }
    }
    expect(server.thump.hub.stats.lost).toBe(0);
  },
);
