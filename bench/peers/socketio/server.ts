// Socket.IO on Node, with the `ws` package that it depends on.
import { createServer } from "node:http";
import { Server } from "socket.io";
import { type BroadcastServer, serveRooms } from "./rooms.ts";

const http = createServer();
const io: BroadcastServer = new Server(http, {
  transports: ["websocket"],
  perMessageDeflate: false,
  serveClient: false,
});
// Drop the handshake request, as Socket.IO's memory guide recommends: only Express sessions need it.
io.engine.on("connection", (connection: { request: unknown }) => {
  connection.request = null;
});
serveRooms(io);
http.listen(Number(process.argv[2]), "127.0.0.1");
