// Presence state as a client derives it from the messages it receives, and tokens and a clock for presence tests.
import { expect } from "bun:test";
import { Inbox } from "./clients.ts";
import type { TestServer } from "./server.ts";
import { bearer, claims, token } from "./tokens.ts";

interface Named {
  user: string;
  info?: unknown;
}

/** A presence message, or the snapshot in `joined`. */
export interface Told {
  type?: string;
  room?: string;
  users?: number;
  guests?: number;
  members?: Named[];
  joined?: Named[];
  left?: string[];
  more?: true;
  off?: true;
}

/** The body of `GET /rooms/:room/members`. */
export interface Listed {
  room: string;
  users: number;
  guests: number;
  sessions: number;
  members: (Named & { since: number; sessions: number })[];
  more?: true;
}

/** A room's presence, as seen by a client that applies all presence messages. */
export class Roster {
  /** Each user's info; undefined if the client receives only counts. */
  names: Map<string, unknown> | undefined;
  users = 0;
  guests = 0;
  /** All received presence messages. */
  readonly told = new Inbox<Told>();

  apply(told: Told): void {
    const { users = 0, guests = 0, members, joined = [], left = [], more } = told;
    Object.assign(this, { users, guests });
    if (members) this.names = new Map(members.map(({ user, info }) => [user, info]));
    else if (more) this.names = undefined;
    for (const { user, info } of joined) {
      // A change must follow a snapshot. A change without effect would be a duplicate.
      if (!this.names) throw new Error(`${user} joined, but there was no snapshot`);
      expect(this.names.has(user) && Bun.deepEquals(this.names.get(user), info)).toBe(false);
      this.names.set(user, info);
    }
    for (const user of left) expect(this.names?.delete(user)).toBe(true);
    if (this.names) expect(this.names.size).toBe(this.users);
    this.told.push(told);
  }

  /** The presence state, in the form that `truth` returns. */
  get state(): object {
    return { users: this.users, guests: this.guests, names: this.names && Object.fromEntries(this.names) };
  }
}

/** The presence according to the server, in the form of `Roster.state`. Omits names if the list is truncated. */
export async function truth(server: TestServer, room: string, headers = bearer(userToken("watcher"))) {
  const { users, guests, members, more } = await membersOf(server, room, headers);
  const names = more ? undefined : Object.fromEntries(members.map(({ user, info }) => [user, info]));
  return { users, guests, names };
}

export async function membersOf(
  server: TestServer,
  room: string,
  headers: Record<string, string> = bearer(userToken("watcher")),
): Promise<Listed> {
  const response = await fetch(`${server.room(room)}/members`, { headers });
  expect(response.status).toBe(200);
  return (await response.json()) as Listed;
}

/** A token for a user with all permissions. */
export function userToken(sub: string, more: object = {}): string {
  return token(claims({ sub, ...more }));
}

/** Stops the presence clock. Returns a function that advances the clock by a number of ms and runs due tasks. */
export function presenceClock({ thump }: TestServer): (ms: number) => void {
  const { presence } = thump.hub;
  let now = 1_000_000;
  presence.now = () => now;
  return (ms) => {
    now += ms;
    presence.tick();
  };
}
