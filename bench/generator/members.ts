// Assigns the members of a party to rooms and to generator processes.
import type { Party } from "../commands.ts";
import type { Connection } from "./connection.ts";
import { senderOf, type Sender } from "./senders.ts";
import type { Streams } from "./streams.ts";
import type { SocketLoop } from "./socket-loop.ts";
import { Receiver } from "./tally.ts";

export const roomName = (room: number) => `bench-${room}`;

/** Returns the room of each member. With Zipf's law, the k-th room's share is proportional to 1 / k^exponent. */
export function roomsOf({ count, rooms, zipf }: Pick<Party, "count" | "rooms" | "zipf">): number[] {
  if (zipf === undefined) return Array.from({ length: count }, (_, member) => member % rooms);
  const weights = Array.from({ length: rooms }, (_, room) => 1 / (room + 1) ** zipf);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const result: number[] = [];
  let [room, upTo] = [0, weights[0]!];
  for (let member = 0; member < count; member++) {
    const share = ((member + 0.5) / count) * total;
    while (share > upTo && room < rooms - 1) upTo += weights[++room]!;
    result.push(room);
  }
  return result;
}

export interface Member {
  room: number;
  /** The stream that the member publishes, or -1. */
  stream: number;
  receiver: Receiver | undefined;
  connection: Connection | undefined;
  sender: Sender | undefined;
  /** True if the member has stopped reading. */
  paused: boolean;
}

/** Returns the members that this process opens. All processes number the streams in the same order. */
export function membersOf(party: Party, streams: Streams, process: number, processes: number): Member[] {
  const members: Member[] = [];
  for (const [index, room] of roomsOf(party).entries()) {
    const stream = party.publishes ? streams.add(room) : -1;
    const isLocal = party.publishes ? process === 0 : index % processes === process;
    if (!isLocal) continue;
    const receiver = party.listens ? new Receiver(room) : undefined;
    if (receiver && !party.dialect.echo) receiver.own = stream;
    members.push({ room, stream, receiver, connection: undefined, sender: undefined, paused: false });
  }
  return members;
}

/** Connects a member. With a cursor, the member resumes. */
export function connect(
  member: Member,
  party: Party,
  loop: SocketLoop,
  size: number,
  cursor?: string,
): Connection {
  const { dialect } = party;
  const { room, stream, receiver } = member;
  const connection = loop.open({
    dialect,
    room: roomName(room),
    port: dialect.port ?? loop.port,
    size,
    tally: loop.tally,
    ...(receiver ? { receiver } : {}),
    ...(party.receiveBuffer === undefined ? {} : { receiveBuffer: party.receiveBuffer }),
    ...(party.returns ? { remembers: true } : {}),
    ...(cursor === undefined ? {} : { cursor }),
  });
  member.connection = connection;
  if (stream >= 0) {
    const first = loop.tally.streams.next[stream]!;
    const port = dialect.port ?? loop.port;
    member.sender = senderOf({ connection, dialect, room: roomName(room), stream, size, port, first });
  }
  return connection;
}
