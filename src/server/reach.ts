// How far a server may reach: without anybody to believe it is for this machine, unless it is said to be open.
import { isLoopback } from "../access/origin.ts";
import { knowsAnyone } from "../access/settings.ts";
import { ThumpError } from "../protocol/codes.ts";
import { OptionsError, type Settings } from "./options.ts";

/** Whether it was settled who may come: by secrets or keys, by the app's own code, or because all may. */
export function isSettled({ access, open, authorize }: Settings): boolean {
  return open || authorize !== undefined || knowsAnyone(access);
}

/** @throws OptionsError when others than this machine would be let in, and nobody said that this is meant */
export function checkReach(settings: Settings): void {
  if (isLoopback(settings.host) || isSettled(settings)) return;
  throw new OptionsError(
    `on ${settings.host} everyone who reaches this machine could listen and publish: give it a secret ` +
      "(THUMP_SECRET, or access in thump.config.ts), or say --open if that is meant",
  );
}

/** Without a secret there is nobody to be let in but this machine. @throws ThumpError `forbidden` */
export function checkLocal(address: string | undefined): void {
  if (address === undefined || isLocalAddress(address)) return;
  throw new ThumpError(
    "forbidden",
    "Without a secret only this machine is answered. Give thump() access.secrets, or open: true if all may come.",
  );
}

/** What a proxy adds: who comes through one does not come from this machine, whatever the connection says. */
const FORWARDED = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/** Whether a request was made on this machine, and not passed on by a proxy. */
export function isLocal({ headers }: Request, address = ""): boolean {
  return isLocalAddress(address) && !FORWARDED.some((name) => headers.has(name));
}

/** Whether a connection came from this machine. Through a proxy, others do too. */
export function isLocalAddress(address: string): boolean {
  return isLoopback(address.replace(/^::ffff:/, ""));
}
