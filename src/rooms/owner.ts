// The owner of a room: the part of its name that `{id}` in the rule's pattern matches.

const OWNER = "{id}";

/**
 * Returns the index of the owner among the parts of a name between colons; undefined if the pattern does not
 * determine it.
 */
export function ownerPart(pattern: string): number | undefined {
  const parts = pattern.split(":");
  const at = parts.indexOf(OWNER);
  // A * also matches colons, so the index of every later part is unknown.
  return at < 0 || parts.slice(0, at).some((part) => part.includes("*")) ? undefined : at;
}

/** Returns a function that reads the owner from the names of rooms that match the pattern. */
export function readOwner(pattern: string): (room: string) => string | undefined {
  const part = ownerPart(pattern);
  return part === undefined ? () => undefined : (room) => room.split(":", part + 1)[part];
}
