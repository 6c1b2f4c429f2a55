// Presence as a client sees it: what it was told, put together; and tokens and clocks for tests of it.
import { expect } from "bun:test";
import { Inbox } from "./clients.ts";
import type { TestServer } from "./server.ts";
import { bearer, claims, token } from "./tokens.ts";

interface Named {
  user: string;
  info?: unknown;
}

/** A presence message, or the snapshot in a `joined`. */
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

/** What `GET /rooms/:room/members` answers. */
export interface Listed {
  room: string;
  users: number;
  guests: number;
  sessions: number;
  members: (Named & { since: number; sessions: number })[];
  more?: true;
}

/** A room as a client has it that applies all that it was told. */
export class Roster {
  /** Info by user; undefined while nobody is named. */
  names: Map<string, unknown> | undefined;
  users = 0;
  guests = 0;
  /** Everything that it was told. */
  readonly told = new Inbox<Told>();

  apply(told: Told): void {
    const { users = 0, guests = 0, members, joined = [], left = [], more } = told;
    Object.assign(this, { users, guests });
    if (members) this.names = new Map(members.map(({ user, info }) => [user, info]));
    else if (more) this.names = undefined;
    for (const { user, info } of joined) {
      // A change is about a snapshot; what changes nothing was told twice.
      if (!this.names) throw new Error(`${user} joined, but there was no snapshot`);
      expect(this.names.has(user) && Bun.deepEquals(this.names.get(user), info)).toBe(false);
      this.names.set(user, info);
    }
    for (const user of left) expect(this.names?.delete(user)).toBe(true);
    if (this.names) expect(this.names.size).toBe(this.users);
    this.told.push(told);
  }

  /** As the answer of the server would be seen. */
  get state(): object {
    return { users: this.users, guests: this.guests, names: this.names && Object.fromEntries(this.names) };
  }
}

/** The server's own answer, in the form of `Roster.state`. Where the list is cut there are no names. */
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

/** A token of a user who may do everything. */
export function userToken(sub: string, more: object = {}): string {
  return token(claims({ sub, ...more }));
}

/** The clock of presence: it stands still until a test moves it, and what is due then is done at once. */
export function presenceClock({ thump }: TestServer): (ms: number) => void {
  const { presence } = thump.hub;
  let now = 1_000_000;
  presence.now = () => now;
  return (ms) => {
    now += ms;
    presence.tick();
  };
}
