// Checks how the current server handles a data folder or a Redis database that an earlier version wrote.
import { expect } from "bun:test";
import { join } from "node:path";
import { multiplexed } from "../support/clients.ts";
import { openEvents } from "../support/streams.ts";
import { bearer, claims, seconds, token } from "../support/tokens.ts";
import { KEY } from "./config.ts";
import type { Keyed, RoomState, Written } from "./fixtures/write.ts";

/** The folders of `fixtures`. */
export const FIXTURES = ["0.1-2026-11-23", "0.1-2026-11-28"];

const backend = bearer(KEY);
const CREDENTIALS = {
  user: () => bearer(token(claims())),
  nobody: () => ({}),
  guest: () => bearer(token(claims({ sub: undefined }))),
  "api key": () => backend,
};

export const fixture = (name: string, file: string): string => join(import.meta.dir, "fixtures", name, file);

export async function readWritten(name: string, file: string): Promise<Written> {
  return (await Bun.file(fixture(name, file)).json()) as Written;
}

async function read(url: string, room: string, query: string): Promise<RoomState> {
  const response = await fetch(`${url}/rooms/${encodeURIComponent(room)}${query}`, { headers: backend });
  expect(response.status).toBe(200);
  return (await response.json()) as RoomState;
}

/** Checks that every stored message is unchanged, in the same epoch, and that removed messages are reported as gaps. */
export async function checkHistory(url: string, { rooms, old }: Written): Promise<void> {
  for (const { room, messages } of rooms) {
    const now = await read(url, room, "?last=1000");
    expect({ room, messages: now.messages }).toEqual({ room, messages });
    // These rooms have lost their oldest messages.
    expect({ room, short: now.gap !== undefined }).toEqual({ room, short: room in old });
  }
  for (const [room, after] of Object.entries(old)) {
    const { gap } = await read(url, room, `?after=${after}`);
    expect({ room, after: gap?.after }).toEqual({ room, after });
  }
}

/**
 * Checks that old cursors resume exactly on every transport: every later message arrives once, without a gap notice.
 */
export async function checkResume(url: string, { rooms, old }: Written): Promise<void> {
  for (const { room, messages } of rooms)
    for (const [i, { at }] of messages.entries()) {
      const now = await read(url, room, `?after=${at}`);
      expect(now.messages).toEqual(messages.slice(i + 1));
      expect(now).not.toHaveProperty("gap");
    }
  const whole = rooms.filter(({ room }) => !(room in old));
  const [first, ...all] = whole
    .flatMap((room) => room.messages)
    .toSorted((a, b) => seqOf(a.at) - seqOf(b.at));
  const names = whole.map(({ room }) => `room=${encodeURIComponent(room)}`).join("&");
  const stream = await openEvents(`${url}/events?${names}&after=${first?.at}`, backend);
  await stream.events.until((events) => events.length >= all.length);
  expect(stream.frames as unknown[]).toEqual(all);
  stream.abort();
  const { room = "", messages = [] } = rooms[0] ?? {};
  const rest = messages.slice(1);
  const socket = await multiplexed(`${url.replace("http", "ws")}/ws`, { headers: backend });
  expect(await socket.ask({ type: "join", room, after: messages[0]?.at })).toMatchObject({
    resumed: true,
    replay: rest.length,
  });
  await socket.until(() => socket.messages(room).length === rest.length);
  expect(socket.messages(room) as unknown[]).toEqual(rest);
}

/** Checks that new messages continue the sequence of the stored ones. */
export async function checkContinuation(url: string, { rooms }: Written): Promise<void> {
  for (const { room, messages } of rooms) {
    const last = messages.at(-1)?.at ?? "";
    const { at } = await publish(url, room, { body: '"new"' });
    expect(seqOf(at)).toBeGreaterThan(seqOf(last));
    const now = await read(url, room, `?after=${last}`);
    expect(now).not.toHaveProperty("gap");
    expect(now.messages).toEqual([expect.objectContaining({ at, prev: seqOf(last), data: "new" })]);
  }
}

/** Checks that a repeated key returns the first publication's cursor. */
export async function checkKey(url: string, { room, key, by, body, at }: Keyed): Promise<void> {
  const repeated = await publish(url, room, { body, key, headers: CREDENTIALS[by]() });
  expect({ by, ...repeated }).toEqual({ by, status: 201, at });
}

/** Publishes again with the same key. */
export async function repeat(url: string, { room, key, by }: Keyed, body: string) {
  return publish(url, room, { body, key, headers: CREDENTIALS[by]() });
}

/** Checks that the stopped server's users are no longer present. */
export async function checkPresence(url: string): Promise<void> {
  for (;;) {
    const response = await fetch(`${url}/rooms/who:a/members`, { headers: backend });
    const { users } = (await response.json()) as { users: number };
    if (users === 0) return;
    await Bun.sleep(100);
  }
}

/** Checks that revoked tokens stay revoked. */
export async function checkRevoked(url: string, { revokedUser, time }: Written): Promise<void> {
  const iat = Math.floor(time / 1000) - 10;
  const old = token(claims({ sub: revokedUser, iat, exp: seconds(600) }));
  const response = await fetch(`${url}/rooms/long:a`, { headers: bearer(old) });
  expect(await response.json()).toMatchObject({ status: 401, code: "revoked" });
}

async function publish(
  url: string,
  room: string,
  { body, key, headers = backend }: { body: string; key?: string; headers?: Record<string, string> },
): Promise<{ status: number; at: string; code?: string }> {
  const response = await fetch(`${url}/rooms/${encodeURIComponent(room)}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...headers,
      ...(key === undefined ? {} : { "idempotency-key": key }),
    },
    body,
  });
  const { at, code } = (await response.json()) as { at: string; code?: string };
  return { status: response.status, at, ...(code === undefined ? {} : { code }) };
}

const seqOf = (cursor: string) => Number(cursor.slice(cursor.lastIndexOf("-") + 1));

/**
 * True if the current server finds an idempotency key stored on 2026-11-23. Since 2026-11-28, the names of other keys
 * include a scope.
 */
export const isCarriedOver = ({ by }: Keyed): boolean => by === "user" || by === "nobody";
