// Public exports of `thump/react`: hooks for rooms. A room stays joined while a component uses it.
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import type { Gap, Message, Room, RoomOptions, State, Thump } from "./public-types.ts";
import type { ThumpError } from "./client-errors.ts";
import type { Presence } from "./room-members.ts";
import type { RoomData, RoomName, RoomRules } from "./rule-types.ts";

const EMPTY_PRESENCE: Presence = { users: 0, guests: 0, list: [] };

/** For each client, the number of components that use each room. */
const joinCounts = new WeakMap<object, Map<string, number>>();

/** Joins a room on behalf of a component. `release` leaves the room once no component uses it. */
function acquire(
  thump: Thump,
  name: string,
  options: RoomOptions | undefined,
): { room: Room; release(): void } {
  const counts = joinCounts.get(thump) ?? new Map<string, number>();
  joinCounts.set(thump, counts.set(name, (counts.get(name) ?? 0) + 1));
  const room = thump.room(name, options);
  return {
    room,
    release() {
      const left = (counts.get(name) ?? 1) - 1;
      counts.set(name, left);
      // Leave after the current task, because React may immediately mount a component that uses the room.
      if (left === 0) setTimeout(() => counts.get(name) === 0 && room.leave(), 0);
    },
  };
}

/** Options of `useRoom`. */
export interface UseRoomOptions extends RoomOptions {
  /** Maximum number of messages in `messages`; older ones are dropped. Default: 200. */
  keep?: number;
}

/** Result of `useRoom`. */
export interface RoomHook<T> {
  /** The newest messages, oldest first. */
  messages: readonly Message<T>[];
  /** The state of the room. */
  state: State;
  /** The most recent gap: its messages are missing from `messages`. */
  gap: Gap | undefined;
  /** The error that closed the room, if any. */
  error: ThumpError | undefined;
  /** Publishes to the room. */
  publish: Room<T>["publish"];
}

/** Joins a room, and returns its messages and state. Changes to the options after the first render have no effect. */
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
    const { room, release } = acquire(thump as unknown as Thump, name, start);
    show({ messages: [], state: room.state, gap: undefined, error: room.error });
    const offs = [
      room.on("message", (data, meta) => {
        const message = { data, ...meta } as Message<Data>;
        show((before) => ({ ...before, messages: [...before.messages, message].slice(-keep) }));
      }),
      room.on("gap", (gap) => show((before) => ({ ...before, gap }))),
      room.on("state", (state) => show((before) => ({ ...before, state, error: room.error }))),
      // The state event that follows reports the error. This listener only keeps the client from logging the error to
      // the console.
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

/** Joins a room, and returns the members who are present. */
export function useMembers<Rules extends RoomRules, const Name extends string>(
  thump: Thump<Rules>,
  name: Name & RoomName<Rules, Name>,
): Presence {
  const presence = useRef(EMPTY_PRESENCE);
  const subscribe = useCallback(
    (changed: () => void) => {
      const { room, release } = acquire(thump as unknown as Thump, name, undefined);
      const update = ({ users, guests, list }: Presence) => {
        presence.current = { users, guests, list };
        changed();
      };
      update(room.members);
      const off = room.members.on("change", update);
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
