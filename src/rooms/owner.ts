// Whose room it is: the part of a room's name that stands where its pattern says {id}.

const OWNER = "{id}";

/** Which part of a name, between colons, the owner is; undefined where the pattern does not settle it. */
export function ownerPart(pattern: string): number | undefined {
  const parts = pattern.split(":");
  const at = parts.indexOf(OWNER);
  // A * may swallow colons: behind one nobody can say which part is which.
  return at < 0 || parts.slice(0, at).some((part) => part.includes("*")) ? undefined : at;
}

/** Reads the owner from the names of a pattern's rooms. */
export function readOwner(pattern: string): (room: string) => string | undefined {
  const part = ownerPart(pattern);
  return part === undefined ? () => undefined : (room) => room.split(":", part + 1)[part];
}
