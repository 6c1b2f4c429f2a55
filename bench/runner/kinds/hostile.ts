// Somebody attacks, in one way after the other: what the honest sessions notice of each.
import { ATTACKS, type AttackName } from "../../attacker/attack.ts";
import { residentBytes } from "../../generator/usage.ts";
import type { Assault, HostileResult } from "../../results.ts";
import { Attacker } from "../attacker.ts";
import type { Pace } from "../pace.ts";
import type { Rig } from "../rig.ts";

/** Times a window's length: a p99 at a low rate takes many messages. */
const LONGER = 2;

export async function hostile(rig: Rig, pace: Pace): Promise<HostileResult> {
  const { rate = 200 } = rig.scenario;
  const { warmup, grace } = pace;
  const plan = { rate, warmup, seconds: pace.seconds * LONGER, grace };
  await rig.connectAll();
  rig.say("warming up");
  await rig.window({ ...plan, seconds: pace.seconds });
  const attacker = new Attacker(rig.server.port);
  const assaults: Assault[] = [];
  try {
    rig.say("in peace");
    const { window: before } = await rig.window(plan);
    const rssBefore = residentBytes(rig.server.pid);
    for (const name of Object.keys(ATTACKS) as AttackName[]) {
      rig.say(ATTACKS[name]);
      const { deeds, done } = await attacker.during(name, () => rig.window(plan));
      const { window } = done;
      // What the attacker uses of the machine is meant to be used.
      const others = Math.max(0, window.others - deeds.cpu);
      assaults.push({
        name,
        perSecond: deeds.acts / deeds.seconds,
        cpu: deeds.cpu,
        answers: deeds.answers,
        newcomer: deeds.newcomer,
        window: { ...window, others },
      });
      // Its last connections go, and what they have left behind.
      await rig.window({ ...plan, seconds: pace.step });
    }
    rig.say("in peace again");
    const { window: after } = await rig.window(plan);
    return {
      kind: "hostile",
      before,
      assaults,
      after,
      rss: { before: rssBefore, after: residentBytes(rig.server.pid) },
    };
  } finally {
    await attacker.end();
  }
}
