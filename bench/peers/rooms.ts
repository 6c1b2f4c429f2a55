// Rooms for servers that have none of their own: sets of members by name.

export class Rooms<Member> {
  readonly #rooms = new Map<string, Set<Member>>();

  /** Adds a member; what it returns removes it again. */
  join(name: string, member: Member): () => void {
    let members = this.#rooms.get(name);
    if (!members) {
      members = new Set();
      this.#rooms.set(name, members);
    }
    const joined = members.add(member);
    return () => {
      joined.delete(member);
      // A room that was left and entered again is another set.
      if (joined.size === 0 && this.#rooms.get(name) === joined) this.#rooms.delete(name);
    };
  }

  of(name: string): Iterable<Member> {
    return this.#rooms.get(name) ?? [];
  }
}
