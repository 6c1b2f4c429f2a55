// Joins the cluster: registers the operations that other nodes may request from this one.
import { endSessions, revokeAll } from "../service/end-sessions.ts";
import type { Hub } from "../hub/hub.ts";
import type { RoomService } from "../service/room-service.ts";

/** Does nothing unless several nodes share the log. */
export function joinCluster(hub: Hub, service: RoomService): void {
  const { peers } = hub.log;
  peers?.join({
    remove(removal) {
      const { ended, revoked } = endSessions(hub, service.authenticator, removal);
      // Only this node stores the tokens of its sessions, so it passes their revocations on to the other nodes.
      for (const revocation of revoked)
        if (revocation.token !== undefined && revocation.token !== removal.token)
          peers
            .remember(revocation)
            .catch((error: unknown) => hub.events.fault("passing a revocation to other nodes failed", error));
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
