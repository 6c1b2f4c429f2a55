// The owner of a room: the part of the room's name that matches `{id}` in the rule's pattern.

const OWNER = "{id}";

/**
 * Returns the index of the owner among the colon-separated parts of a name; undefined if the pattern does not determine
 * the index.
 */
export function ownerPart(pattern: string): number | undefined {
  const parts = pattern.split(":");
  const at = parts.indexOf(OWNER);
  // A `*` also matches colons, so the index of any later part is unknown.
  return at < 0 || parts.slice(0, at).some((part) => part.includes("*")) ? undefined : at;
}

/** Returns a function that extracts the owner from the name of a room that matches the pattern. */
export function readOwner(pattern: string): (room: string) => string | undefined {
  const part = ownerPart(pattern);
  return part === undefined ? () => undefined : (room) => room.split(":", part + 1)[part];
}
