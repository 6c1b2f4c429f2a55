// `thump rooms`: prints the rooms as a table or as JSON lines, once or on every change.
import { HttpApi } from "./http-api.ts";
import { type ConnectionFlags, readCredential } from "./connection-flags.ts";
import { CommandError, EXIT } from "./exit-codes.ts";
import { printableText, jsonLine, lineOf, type Printable, spaced, concat } from "../protocol/printable.ts";
import { type ColorWhen, type Paint, painter, wantsColor } from "./colors.ts";
import { CLEAR_SCREEN, Output } from "./terminal.ts";

export interface RoomsFlags extends ConnectionFlags {
  color: ColorWhen;
  /** Refresh interval in ms. */
  watch?: number;
}

/** A room in the server's list. JSON lines contain all fields. */
interface RoomState {
  room: string;
  sessions: number;
  /** The number of stored messages, if it is readily available. */
  kept?: { count: number };
}

interface RoomPage {
  rooms: RoomState[];
  cursor?: string;
}

const ROOMS_PER_PAGE = 1000;

/** Prints the rooms; with `watch`, until interrupted. @throws CommandError */
export async function runRooms(match: string, flags: RoomsFlags): Promise<void> {
  const api = new HttpApi(flags.url, await readCredential(flags, process.env));
  const output = new Output();
  const paint = painter(wantsColor(flags.color, process.env));
  if (flags.watch === undefined) {
    await printAll(pages(api, match), flags, output, paint);
    return output.drained();
  }
  process.on("SIGINT", () => process.exit(EXIT.interrupted));
  const show = process.stdout.isTTY && !flags.json ? screen(match, paint) : changes(flags, paint);
  for (;;) {
    output.write(show((await Array.fromAsync(pages(api, match))).flat()));
    await output.drained();
    await Bun.sleep(flags.watch);
  }
}

/** All matching rooms, one page at a time. */
async function* pages(api: HttpApi, match: string): AsyncGenerator<RoomState[], void> {
  let cursor: string | undefined;
  do {
    const query = new URLSearchParams({
      match,
      limit: String(ROOMS_PER_PAGE),
      ...(cursor === undefined ? {} : { cursor }),
    });
    const page = (await api.request(`/rooms?${query}`)) as Partial<RoomPage>;
    if (!Array.isArray(page.rooms))
      throw new CommandError(`The response of ${api.base}/rooms has no rooms. Check --url.`);
    yield page.rooms;
    ({ cursor } = page);
  } while (cursor !== undefined);
}

/** Prints each page as it arrives, because the list may be long. */
async function printAll(
  found: AsyncGenerator<RoomState[], void>,
  { json }: RoomsFlags,
  output: Output,
  paint: Paint,
): Promise<void> {
  let headed = json === true;
  for await (const page of found) {
    if (!headed && page.length > 0) output.write(heading(paint));
    headed ||= page.length > 0;
    output.write(concat(page.map((room) => line(room, json, paint))));
    await output.drained();
  }
}

function heading(paint: Paint): Printable {
  return lineOf(paint("bold", "sessions     kept  room"));
}

function line(room: RoomState, json: true | undefined, paint: Paint): Printable {
  if (json) return jsonLine(room);
  const cells = [cell(room.sessions, 8, paint), cell(room.kept?.count, 7, paint), paint("cyan", room.room)];
  return lineOf(spaced(...cells));
}

function cell(value: number | undefined, width: number, paint: Paint): Printable {
  const text = String(value ?? "-").padStart(width);
  return value ? printableText(text) : paint("dim", text);
}

/** Redraws the list on a terminal, with as many rooms as fit. */
function screen(match: string, paint: Paint): (found: RoomState[]) => Printable {
  return (found) => {
    const sessions = found.reduce((sum, room) => sum + room.sessions, 0);
    const space = Math.max(1, (process.stdout.rows ?? 24) - 4);
    // Rooms with the most sessions first, because others may not fit.
    const shown = found.toSorted((a, b) => b.sessions - a.sessions).slice(0, space);
    const more =
      found.length > shown.length
        ? lineOf(paint("dim", `… and ${found.length - shown.length} more`))
        : concat([]);
    const total = `${match}: ${found.length} rooms, ${sessions} sessions, ${new Date().toLocaleTimeString()}`;
    const lines = shown.map((room) => line(room, undefined, paint));
    return concat([CLEAR_SCREEN, lineOf(printableText(total)), heading(paint), ...lines, more]);
  };
}

/** Prints new and changed rooms to a pipe. A room that has disappeared is printed with 0 sessions. */
function changes({ json }: RoomsFlags, paint: Paint): (found: RoomState[]) => Printable {
  let before = new Map<string, string>();
  return (found) => {
    const now = new Map(found.map((room) => [room.room, JSON.stringify(room)]));
    const gone = [...before.keys()].filter((name) => !now.has(name));
    const changed = found.filter((room) => before.get(room.room) !== now.get(room.room));
    before = now;
    const all = [...changed, ...gone.map((room) => ({ room, sessions: 0 }))];
    return concat(all.map((room) => line(room, json, paint)));
  };
}
