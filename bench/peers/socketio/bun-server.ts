// Socket.IO on Bun, using the Bun server from Socket.IO's authors.
import { Server as Engine } from "@socket.io/bun-engine";
import { Server } from "socket.io";
import { type BroadcastServer, serveRooms } from "./rooms.ts";

const io: BroadcastServer = new Server();
const engine = new Engine({ path: "/socket.io/" });
io.bind(engine);
serveRooms(io);
Bun.serve({ port: Number(process.argv[2]), hostname: "127.0.0.1", ...engine.handler() });
