// How far a server may reach: without anybody to believe it is for this machine, unless it is said to be open.
import type { Server } from "bun";
import { isLocal, isLoopback } from "../limits/local-request.ts";
import { hasCredentials } from "../auth/auth-options.ts";
import { ThumpError } from "../protocol/codes.ts";
import type { ServerCore } from "./server-core.ts";
import { OptionsError } from "./config/options.ts";
import type { Settings } from "./config/settings.ts";

/** Whether it was settled who may come: by secrets or keys, by the app's own code, or because all may. */
export function isExposureDecided({ access, open, authorize }: Settings): boolean {
  return open || authorize !== undefined || hasCredentials(access);
}

/** @throws OptionsError when others than this machine would be let in, and nobody said that this is meant */
export function checkExposure(settings: Settings): void {
  if (isLoopback(settings.host) || isExposureDecided(settings)) return;
  throw new OptionsError(
    `on ${settings.host} everyone who reaches this machine could listen and publish: give it a secret ` +
      "(THUMP_SECRET, or access in thump.config.ts), or say --open if that is meant",
  );
}

/** Where a request came from, as far as that is known. */
export interface RequestSource {
  /** The server that took it in; null where neither Elysia nor the app has handed it over. */
  server: Server<unknown> | null;
  /** The client's address; undefined where it is not known. */
  address: string | undefined;
  /** The server knows it: nobody made it of another request on the way. */
  fromBun: boolean;
  /** It was made on this machine. */
  local: boolean;
}

/** @param server what Elysia says it is: null unless the app itself listens */
export function sourceOf(core: ServerCore, request: Request, server: Server<unknown> | null): RequestSource {
  const taker = server ?? core.server;
  const peer = taker?.requestIP(request)?.address;
  const address = core.trustedProxies.addressOf(request, peer);
  const local = isLocal(request, address, (host) => core.origins.isNamed(host));
  return {
    server: taker,
    address,
    fromBun: peer !== undefined || taker?.url.protocol === "unix:",
    local,
  };
}

/** Without a secret there is nobody to be let in but this machine. @throws ThumpError `forbidden` */
export function checkLocal({ settings }: ServerCore, { local }: RequestSource): void {
  if (local || isExposureDecided(settings)) return;
  throw new ThumpError(
    "forbidden",
    "Without a secret only this machine is answered: over loopback, not through a proxy, by a name of its own. " +
      "Give Thump a secret (access.secrets, THUMP_SECRET), or open: true (--open) if all may come.",
  );
}
