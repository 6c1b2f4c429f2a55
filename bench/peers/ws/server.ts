// A broadcast with the `ws` package, as in its documentation: a loop over the other clients.
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
  // Received bytes are sent unchanged. A string would be encoded again for each client.
  ws.on("message", (data, isBinary) => {
    for (const client of rooms.of(room))
      if (client !== ws && client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary });
  });
});
