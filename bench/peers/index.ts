// All compared servers, in the order in which the tables list them.
import type { Adapter } from "../adapter.ts";
import { control, controlEach } from "./control/adapter.ts";
import { elysiaSse, elysiaStream, elysiaWs, streamPlugins } from "./elysia/adapter.ts";
import { native } from "./native.ts";
import { socketio, socketioBun, socketioPlain } from "./socketio/adapter.ts";
import {
  thump,
  thumpBinary,
  thumpDeep,
  thumpDurable,
  thumpFsync,
  thumpNoHistory,
  thumpPresence,
  thumpPublic,
} from "./thump.ts";
import { ws } from "./ws/adapter.ts";

export const adapters: Adapter[] = [
  control,
  controlEach,
  thump,
  thumpNoHistory,
  thumpDeep,
  thumpPresence,
  thumpPublic,
  thumpDurable,
  thumpFsync,
  thumpBinary,
  elysiaWs,
  elysiaSse,
  elysiaStream,
  ...streamPlugins,
  ws,
  socketio,
  socketioPlain,
  socketioBun,
  ...native,
];
