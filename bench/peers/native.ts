// The peers that are not written in JavaScript: their adapters and builds.
import type { Adapter, Installable } from "../adapter.ts";
import { centrifugo, centrifugoBuild, centrifugoHistory } from "./centrifugo/adapter.ts";
import { mercure, mercureBuild, mercureHistory } from "./mercure/adapter.ts";
import { nats, natsBuild } from "./nats/adapter.ts";
import { nchan, nchanBuild, nchanHistory } from "./nchan/adapter.ts";
import { salvo, salvoBuild } from "./salvo/adapter.ts";
import { sockudo, sockudoBuild } from "./sockudo/adapter.ts";
import { installable } from "./toolchain.ts";

export const native: Adapter[] = [
  salvo,
  nats,
  centrifugo,
  centrifugoHistory,
  mercure,
  mercureHistory,
  sockudo,
  nchan,
  nchanHistory,
];

/** Slow builds are last. */
export const installables: Installable[] = [
  nchanBuild,
  mercureBuild,
  natsBuild,
  centrifugoBuild,
  salvoBuild,
  sockudoBuild,
].map(installable);
