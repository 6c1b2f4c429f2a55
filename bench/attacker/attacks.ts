// The attacks by name. Each speaks bare TCP, so that what it costs is the server's and not the attacker's own.
import type { Attack, AttackName } from "./attack.ts";
import * as costly from "./costly.ts";
import * as floods from "./floods.ts";
import type { Tally } from "./tally.ts";

/** Puts what an attack needs in place, and returns it. */
export type Prepare = (port: number, tally: Tally) => Attack | Promise<Attack>;

export const attacks: Record<AttackName, Prepare> = { ...floods, ...costly };
