// The JSON of presence messages, built once for all receivers.

/**
 * The presence of a room, in one of three forms. `members`: a snapshot, which replaces everything sent before. `joined`
 * and `left`: changes to the previous state. `more`: only counts, because there are too many users to list.
 */
export interface PresenceChanges {
  readonly users: number;
  /** The number of sessions without a user. */
  readonly guests: number;
  /** Texts from `memberText`. */
  readonly members?: readonly string[];
  /** Texts from `memberText`: users who joined, and users whose `info` changed. */
  readonly joined?: readonly string[];
  /** Names of users who left. */
  readonly left?: readonly string[];
  readonly more?: true;
}

/** Returns a user as JSON: `{"user":"u7","info":…}`. Omits `info` if it is undefined. */
export function memberText(user: string, info: unknown): string {
  return JSON.stringify({ user, info });
}

/** Returns the changes as JSON fields, without the braces around them. */
export function presenceFields({ users, guests, members, joined, left, more }: PresenceChanges): string {
  const named =
    members !== undefined
      ? `,"members":[${members.join(",")}]`
      : joined !== undefined
        ? `,"joined":[${joined.join(",")}],"left":${JSON.stringify(left ?? [])}`
        : "";
  return `"users":${users},"guests":${guests}${named}${more ? ',"more":true' : ""}`;
}

/**
 * Returns a presence message.
 * @param fields from `presenceFields`
 */
export function presenceMessage(room: string, fields: string): string {
  return `{"type":"presence","room":${JSON.stringify(room)},${fields}}`;
}

/** Returns the message that ends presence in a room. The state that was last sent is no longer updated. */
export function presenceOff(room: string): string {
  return presenceMessage(room, '"off":true');
}
