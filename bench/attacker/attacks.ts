// Maps each attack's name to the function that prepares it. Plain TCP keeps the attacker's CPU time low.
import type { Attack, AttackName } from "./attack.ts";
import * as costly from "./costly.ts";
import * as floods from "./floods.ts";
import type { Tally } from "./tally.ts";

/** Prepares an attack and returns it. */
export type Prepare = (port: number, tally: Tally) => Attack | Promise<Attack>;

export const attacks: Record<AttackName, Prepare> = { ...floods, ...costly };
