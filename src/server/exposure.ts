// Exposure check: without credentials, a server accepts only requests from this machine, unless `open` is set.
import type { Server } from "bun";
import { isLocal, isLoopback } from "../limits/local-request.ts";
import { hasCredentials } from "../auth/auth-options.ts";
import { ThumpError } from "../protocol/codes.ts";
import type { ServerCore } from "./server-core.ts";
import { OptionsError } from "./config/options.ts";
import type { Settings } from "./config/settings.ts";

/** Whether the operator has made an access decision by configuring credentials, an `authorize` hook, or `open`. */
export function isExposureDecided({ access, open, authorize }: Settings): boolean {
  return open || authorize !== undefined || hasCredentials(access);
}

/** @throws OptionsError if other machines can reach `host` but the operator has made no access decision */
export function checkExposure(settings: Settings): void {
  if (isLoopback(settings.host) || isExposureDecided(settings)) return;
  throw new OptionsError(
    `every client that can reach ${settings.host} could subscribe and publish: set a secret ` +
      "(THUMP_SECRET, or access in thump.config.ts), or pass --open to allow it",
  );
}

/** Network source of a request, as far as known. */
export interface RequestSource {
  /** Bun's server that received the request; null if neither Elysia nor the app has passed one. */
  server: Server<unknown> | null;
  /** The client's address; undefined if it is unknown. */
  address: string | undefined;
  /** Whether Bun received this request from the network. If not, app code created it. */
  fromBun: boolean;
  /** Whether the request was made on this machine. */
  local: boolean;
}

/** @param server from Elysia's context; null unless the app itself listens */
export function sourceOf(core: ServerCore, request: Request, server: Server<unknown> | null): RequestSource {
  const receiver = server ?? core.server;
  const peer = receiver?.requestIP(request)?.address;
  const address = core.trustedProxies.addressOf(request, peer);
  const local = isLocal(request, address, (host) => core.origins.isNamed(host));
  return {
    server: receiver,
    address,
    fromBun: peer !== undefined || receiver?.url.protocol === "unix:",
    local,
  };
}

/** Rejects remote requests unless the operator has made an access decision. @throws ThumpError `forbidden` */
export function checkLocal({ settings }: ServerCore, { local }: RequestSource): void {
  if (local || isExposureDecided(settings)) return;
  throw new ThumpError(
    "forbidden",
    "Without a secret, the server accepts only requests from this machine: over loopback, without a proxy, to a local host name. " +
      "Set a secret (access.secrets, THUMP_SECRET), or open: true (--open) to accept all clients.",
  );
}
