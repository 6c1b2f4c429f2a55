// Nchan, an nginx module, with and without a message buffer.
import { join } from "node:path";
import type { Adapter } from "../../adapter.ts";
import type { Dialect } from "../../dialect.ts";
import { notDebian, unpack } from "../debian.ts";
import { type Build, missingBuild, peersFolder, programOf, versionOf } from "../toolchain.ts";
import { type Buffering, configuration } from "./configuration.ts";

const VERSION = "1.3.6 in nginx 1.22.1";
const NGINX = "1.22.1-9+deb12u11";
const NCHAN = "1:1.3.6+dfsg-2";
const MODULE = "usr/lib/nginx/modules/ngx_nchan_module.so";

export const nchanBuild: Build = {
  name: "nchan",
  version: VERSION,
  program: "usr/sbin/nginx",
  blocked: notDebian,
  async build(folder, log) {
    await unpack([`nginx=${NGINX}`, `libnginx-mod-nchan=${NCHAN}`], folder, log);
    await makeRelative(join(folder, MODULE));
  },
};

/**
 * Regardless of its configuration, Nchan creates a temporary folder at a compiled-in path that belongs to root. In our
 * copy of the module, this function replaces that path with one of the same length, relative to nginx's folder.
 */
async function makeRelative(file: string): Promise<void> {
  const bytes = Buffer.from(await Bun.file(file).arrayBuffer());
  const [compiled, relative] = ["/var/lib/nginx/body", "temporary-body-file"];
  const at = bytes.indexOf(compiled);
  if (at < 0 || bytes.includes(compiled, at + 1))
    throw new Error(`${file} does not contain ${compiled} exactly once`);
  bytes.write(relative, at, "latin1");
  await Bun.write(file, bytes);
}

const loadable = join(peersFolder, "nchan", MODULE);

const eventStream: Dialect = {
  transport: "event-stream",
  path: "/sub/{room}",
  headers: { accept: "text/event-stream" },
  verbatim: true,
};

const dialects: Record<string, Dialect> = {
  websocket: {
    transport: "websocket",
    path: "/both/{room}",
    publish: "{message}",
    verbatim: true,
    echo: true,
  },
  "event-stream": eventStream,
  publish: { transport: "websocket", path: "/pub/{room}", publish: "{message}" },
  http: {
    transport: "http",
    path: "/pub/{room}",
    headers: { "content-type": "application/json" },
    publish: "{message}",
  },
};

function adapter(buffering: Buffering) {
  return {
    version: () => versionOf(nchanBuild),
    missing: () => missingBuild(nchanBuild),
    async command(port: number, folder: string) {
      const file = join(folder, "nginx.conf");
      await Bun.write(file, configuration(port, folder, loadable, buffering));
      return [programOf(nchanBuild), "-p", folder, "-e", "stderr", "-c", file];
    },
  };
}

const common =
  "One process, no access log, 65,536 connections, 256 MiB of shared memory for channels and messages";

export const nchan: Adapter = {
  ...adapter({ messages: 0 }),
  name: "nchan",
  title: `Nchan ${VERSION} (C), without a buffer`,
  tier: "live",
  settings: `${common}; buffer length 0, so only connected clients receive a message.`,
  dialects,
};

export const nchanHistory: Adapter = {
  ...adapter({ messages: 1000, seconds: 600 }),
  name: "nchan-history",
  title: `Nchan ${VERSION} (C), with a buffer`,
  tier: "history",
  settings: `${common}; 1,000 messages per channel for 600 s, and an event stream can resume after its last message.`,
  dialects: {
    ...dialects,
    "event-stream": {
      ...eventStream,
      resume: { before: "id: ", path: "/sub/{room}?last_event_id={cursor}" },
    },
  },
};
