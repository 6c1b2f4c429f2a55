// Rooms for servers without built-in rooms: named sets of members.

export class Rooms<Member> {
  readonly #rooms = new Map<string, Set<Member>>();

  /** Adds a member. Returns a function that removes it. */
  join(name: string, member: Member): () => void {
    let members = this.#rooms.get(name);
    if (!members) {
      members = new Set();
      this.#rooms.set(name, members);
    }
    const joined = members.add(member);
    return () => {
      joined.delete(member);
      // A room that was emptied and then joined again has a new set, which must not be deleted.
      if (joined.size === 0 && this.#rooms.get(name) === joined) this.#rooms.delete(name);
    };
  }

  of(name: string): Iterable<Member> {
    return this.#rooms.get(name) ?? [];
  }
}
