// Public exports of `thump/client`.
export type { Gap, Message, Meta, PublishOptions, Room, RoomOptions, State, Thump } from "./public-types.ts";
export { connect, type ConnectOptions } from "./client.ts";
export { ThumpError, type ClientCode } from "./client-errors.ts";
export type { Member, Members, Presence } from "./room-members.ts";
export type { RoomData, RoomName, RoomRules } from "./rule-types.ts";
