// Members who leave, and others who join, at a steady pace while messages flow.
import { connect } from "./members.ts";
import type { Clock, Swarm } from "./swarm.ts";
import { Receiver } from "./tally.ts";
import type { Guests } from "./window.ts";

export class Churn implements Clock {
  next: number;
  #turn = 0;

  constructor(
    readonly swarm: Swarm,
    readonly guests: Guests,
    readonly perSecond: number,
    readonly size: number,
    start: number,
  ) {
    this.next = guests.members.length === 0 ? Infinity : start;
  }

  tick(): void {
    const { party, members } = this.guests;
    const member = members[this.#turn++ % members.length]!;
    this.next += 1000 / this.perSecond;
    // Whose handshake is still under way stays.
    if (!member.connection?.open) return;
    this.swarm.close(member.connection);
    member.receiver = newcomer(member.room);
    connect(member, party, this.swarm, this.size);
  }
}

/** Checked for order, gaps and repeats like everybody, but it is not known what it is to receive. */
export function newcomer(room: number): Receiver {
  const receiver = new Receiver(room);
  receiver.late = true;
  receiver.counts = false;
  return receiver;
}
