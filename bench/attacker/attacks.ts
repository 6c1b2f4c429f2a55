// The attacks by name. Each uses plain TCP, so the measured cost is the server's, not the attacker's.
import type { Attack, AttackName } from "./attack.ts";
import * as costly from "./costly.ts";
import * as floods from "./floods.ts";
import type { Tally } from "./tally.ts";

/** Puts what an attack needs in place, and returns it. */
export type Prepare = (port: number, tally: Tally) => Attack | Promise<Attack>;

export const attacks: Record<AttackName, Prepare> = { ...floods, ...costly };
