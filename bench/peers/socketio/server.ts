// Socket.IO on Node, on the `ws` package that it comes with.
import { createServer } from "node:http";
import { Server } from "socket.io";
import { type BroadcastServer, serveRooms } from "./rooms.ts";

const http = createServer();
const io: BroadcastServer = new Server(http, {
  transports: ["websocket"],
  perMessageDeflate: false,
  serveClient: false,
});
// Its guide to memory: the request of each handshake is kept only for those who use sessions of Express.
io.engine.on("connection", (connection: { request: unknown }) => {
  connection.request = null;
});
serveRooms(io);
http.listen(Number(process.argv[2]), "127.0.0.1");
