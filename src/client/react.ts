// What `import … from "thump/react"` gives: hooks over rooms. A room is joined while somebody uses it, and then left.
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import type { Gap, Message, Room, RoomOptions, State, Thump } from "./public-types.ts";
import type { ThumpError } from "./client-errors.ts";
import type { Presence } from "./room-members.ts";
import type { RoomData, RoomName, RoomRules } from "./rule-types.ts";

const EMPTY_PRESENCE: Presence = { users: 0, guests: 0, list: [] };

/** How many components use each room of a client. */
const joinCounts = new WeakMap<object, Map<string, number>>();

/** Joins the room for one more user. Returns what gives it up. */
function use(thump: Thump, name: string, options: RoomOptions | undefined): { room: Room; release(): void } {
  const counts = joinCounts.get(thump) ?? new Map<string, number>();
  joinCounts.set(thump, counts.set(name, (counts.get(name) ?? 0) + 1));
  const room = thump.room(name, options);
  return {
    room,
    release() {
      const left = (counts.get(name) ?? 1) - 1;
      counts.set(name, left);
      // In a moment: React unmounts and mounts again, and another component may take it over.
      if (left === 0) setTimeout(() => counts.get(name) === 0 && room.leave(), 0);
    },
  };
}

export interface UseRoomOptions extends RoomOptions {
  /** How many messages are held, the newest ones (200). */
  keep?: number;
}

export interface RoomHook<T> {
  /** The newest messages, oldest first. */
  messages: readonly Message<T>[];
  state: State;
  /** The last gap: what lies between is not among the messages. */
  gap: Gap | undefined;
  /** Why the room is closed. */
  error: ThumpError | undefined;
  publish: Room<T>["publish"];
}

/** The messages of a room, and a way to publish to it. Options count when the room is joined. */
export function useRoom<Rules extends RoomRules, const Name extends string>(
  thump: Thump<Rules>,
  name: Name & RoomName<Rules, Name>,
  options: UseRoomOptions = {},
): RoomHook<RoomData<Rules, Name>> {
  type Data = RoomData<Rules, Name>;
  const first = useRef(options);
  const [shown, show] = useState<Omit<RoomHook<Data>, "publish">>({
    messages: [],
    state: "connecting",
    gap: undefined,
    error: undefined,
  });
  useEffect(() => {
    const { keep = 200, ...start } = first.current;
    const { room, release } = use(thump as unknown as Thump, name, start);
    show({ messages: [], state: room.state, gap: undefined, error: room.error });
    const offs = [
      room.on("message", (data, meta) => {
        const message = { data, ...meta } as Message<Data>;
        show((before) => ({ ...before, messages: [...before.messages, message].slice(-keep) }));
      }),
      room.on("gap", (gap) => show((before) => ({ ...before, gap }))),
      room.on("state", (state) => show((before) => ({ ...before, state, error: room.error }))),
      // It is in the state that follows.
      room.on("error", () => {}),
    ];
    return () => {
      for (const off of offs) off();
      release();
    };
  }, [thump, name]);
  const publish = useCallback<Room<Data>["publish"]>(
    (data, how) => thump.publish(name, data, how),
    [thump, name],
  );
  return { ...shown, publish };
}

/** Who is in a room. The room is joined, as by `useRoom`. */
export function useMembers<Rules extends RoomRules, const Name extends string>(
  thump: Thump<Rules>,
  name: Name & RoomName<Rules, Name>,
): Presence {
  const presence = useRef(EMPTY_PRESENCE);
  const subscribe = useCallback(
    (changed: () => void) => {
      const { room, release } = use(thump as unknown as Thump, name, undefined);
      const take = ({ users, guests, list }: Presence) => {
        presence.current = { users, guests, list };
        changed();
      };
      take(room.members);
      const off = room.members.on("change", take);
      return () => {
        off();
        release();
      };
    },
    [thump, name],
  );
  return useSyncExternalStore(
    subscribe,
    () => presence.current,
    () => EMPTY_PRESENCE,
  );
}
