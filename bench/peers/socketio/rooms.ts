// The Socket.IO server on either runtime: a socket joins a room, and its messages go to the other sockets in the room.
import type { Server } from "socket.io";

interface Incoming {
  join(room: string, ack: () => void): void;
  message(data: unknown): void;
}

interface Outgoing {
  message(data: unknown): void;
}

export type BroadcastServer = Server<Incoming, Outgoing>;

export function serveRooms(io: BroadcastServer): void {
  io.on("connection", (socket) => {
    let joined: string | undefined;
    socket.on("join", (room, ack) => {
      joined = room;
      void socket.join(room);
      ack();
    });
    socket.on("message", (data) => {
      if (joined !== undefined) socket.to(joined).emit("message", data);
    });
  });
}
