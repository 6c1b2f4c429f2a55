// The attacks by name. Each uses plain TCP, so that the attacker itself needs little CPU time.
import type { Attack, AttackName } from "./attack.ts";
import * as costly from "./costly.ts";
import * as floods from "./floods.ts";
import type { Tally } from "./tally.ts";

/** Prepares an attack and returns it. */
export type Prepare = (port: number, tally: Tally) => Attack | Promise<Attack>;

export const attacks: Record<AttackName, Prepare> = { ...floods, ...costly };
