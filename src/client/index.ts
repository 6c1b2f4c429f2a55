// What `import … from "thump/client"` gives.
export type { Gap, Message, Meta, PublishOptions, Room, RoomOptions, State, Thump } from "./api.ts";
export { connect, type ConnectOptions } from "./client.ts";
export { ThumpError, type ClientCode } from "./errors.ts";
export type { Member, Members, Presence } from "./presence.ts";
export type { RoomData, RoomName, RoomRules } from "./types.ts";
