// This server as one of several nodes: what the others may want of it.
import { endSessions, revokeAll } from "../service/end-sessions.ts";
import type { Hub } from "../hub/hub.ts";
import type { RoomService } from "../service/room-service.ts";

/** Takes part, where the log is shared. */
export function joinCluster(hub: Hub, service: RoomService): void {
  const { peers } = hub.log;
  peers?.join({
    remove(removal) {
      const { ended, revoked } = endSessions(hub, service.authenticator, removal);
      // Which tokens sessions came with is known here alone: the others are to refuse them too.
      for (const one of revoked)
        if (one.token !== undefined && one.token !== removal.token)
          peers
            .remember(one)
            .catch((error: unknown) => hub.events.fault("a revocation was not passed on", error));
      return ended;
    },
    revoked: (all) => revokeAll(hub, service.authenticator.revocations, all),
    revocations: () => service.authenticator.revocations.all(),
    count: (name) => hub.rooms.get(name)?.members.size ?? 0,
    *counts() {
      for (const [name, { members }] of hub.rooms) yield [name, members.size];
    },
  });
}
