// The resume storm: many sessions disconnect, miss messages, and reconnect at once with their cursors.
import { residentBytes } from "../../generator/usage.ts";
import type { ResumeResult } from "../../results.ts";
import { addFaults, mergeJoined } from "../merge.ts";
import type { Pace } from "../pace.ts";
import type { Rig } from "../rig.ts";

const PARTY = "returning";
const MAX_CONCURRENT_HANDSHAKES = 256;
const RESUME_TIMEOUT_MS = 30_000;

export async function resume(rig: Rig, pace: Pace): Promise<ResumeResult> {
  const { missed = 100 } = rig.scenario;
  const { grace, gentle } = pace;
  await rig.connectAll();
  rig.say("messages before the disconnect");
  await rig.window({ rate: 40, warmup: 0, seconds: gentle, grace });
  await rig.perform({ do: "drop", party: PARTY });
  rig.say("messages that the sessions miss");
  await rig.window({ rate: missed * 10, warmup: 0, seconds: 0.1, grace });
  // Wait for the old sessions to end, so that only the resume is measured.
  await rig.perform({ do: "wait", ms: 1_000 });
  rig.say("all sessions resume");
  const parts = (
    await rig.perform({
      do: "return",
      party: PARTY,
      missed,
      atOnce: MAX_CONCURRENT_HANDSHAKES,
      within: RESUME_TIMEOUT_MS,
    })
  ).flatMap((done) => done.returned ?? []);
  const { count, seconds, merged } = mergeJoined(parts);
  return {
    kind: "resume",
    sessions: count,
    missed,
    seconds,
    latency: merged,
    recovered: parts.reduce((sum, { recovered }) => sum + recovered, 0) / parts.length,
    rss: residentBytes(rig.server.pid),
    faults: addFaults(parts.map(({ faults }) => faults)),
  };
}
