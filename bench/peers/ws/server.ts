// A broadcast by the `ws` package, as its documentation writes one: for each other client, send.
import { WebSocket, WebSocketServer } from "ws";
import { Rooms } from "../rooms.ts";

const rooms = new Rooms<WebSocket>();
const server = new WebSocketServer({
  port: Number(process.argv[2]),
  host: "127.0.0.1",
  perMessageDeflate: false,
});

server.on("connection", (ws, request) => {
  const room = request.url ?? "/";
  const leave = rooms.join(room, ws);
  ws.on("error", console.error);
  ws.on("close", leave);
  // What arrived is bytes and is sent as they are: a string would be encoded anew for each client.
  ws.on("message", (data, isBinary) => {
    for (const client of rooms.of(room))
      if (client !== ws && client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary });
  });
});
