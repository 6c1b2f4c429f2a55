// The JSON of presence messages, built once for all receivers.

/**
 * The presence of a room. With `members`: a snapshot, which replaces everything sent before. With `joined` and
 * `left`: a change to the previous state. With `more`: counts only, because there are too many users to list.
 */
export interface PresenceChanges {
  readonly users: number;
  /** Sessions without a user. */
  readonly guests: number;
  /** Texts from `memberText`. */
  readonly members?: readonly string[];
  /** Texts from `memberText`: users who joined, and users whose `info` changed. */
  readonly joined?: readonly string[];
  /** Names of users who left. */
  readonly left?: readonly string[];
  readonly more?: true;
}

/** Returns a user as JSON: `{"user":"u7","info":…}`, without `info` if undefined. */
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

/** Returns the message that ends presence of a room: its last state is no longer updated. */
export function presenceOff(room: string): string {
  return presenceMessage(room, '"off":true');
}
