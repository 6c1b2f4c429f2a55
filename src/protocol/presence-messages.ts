// What clients are told about who is in a room: the JSON of presence, put together once however many receive it.

/**
 * What is said of a room at a time. With `members` it is a snapshot: all who are there, in place of all that was said
 * before. With `joined` and `left` it is a change to that. With `more` nobody is named: there are too many.
 */
export interface PresenceChanges {
  readonly users: number;
  /** Sessions without a user. */
  readonly guests: number;
  /** JSON texts of `memberText`. */
  readonly members?: readonly string[];
  /** The same: users who came, and users of whom something else is said now. */
  readonly joined?: readonly string[];
  /** Names of users. */
  readonly left?: readonly string[];
  readonly more?: true;
}

/** A user as JSON: `{"user":"u7","info":…}`, without `info` where there is none. */
export function memberText(user: string, info: unknown): string {
  return JSON.stringify({ user, info });
}

/** The fields of an object that says it: JSON without the braces around it. */
export function presenceFields({ users, guests, members, joined, left, more }: PresenceChanges): string {
  const named =
    members !== undefined
      ? `,"members":[${members.join(",")}]`
      : joined !== undefined
        ? `,"joined":[${joined.join(",")}],"left":${JSON.stringify(left ?? [])}`
        : "";
  return `"users":${users},"guests":${guests}${named}${more ? ',"more":true' : ""}`;
}

/** A message of its own. @param fields what `presenceFields` made */
export function presenceMessage(room: string, fields: string): string {
  return `{"type":"presence","room":${JSON.stringify(room)},${fields}}`;
}

/** Nothing will be told of the room any more: what was told before grows old. */
export function presenceOff(room: string): string {
  return presenceMessage(room, '"off":true');
}
