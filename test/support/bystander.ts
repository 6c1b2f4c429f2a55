// A healthy session that must keep working while a test disturbs the server.
import { expect } from "bun:test";
import { multiplexed } from "./clients.ts";
import type { TestServer } from "./server.ts";

export interface Bystander {
  /** Publishes and receives a message. Fails if the session was closed or cannot do either. */
  isWell(): Promise<void>;
}

/** Opens a multiplexed session in the room. */
export async function bystander(server: TestServer, room: string): Promise<Bystander> {
  const client = await multiplexed(server.socket(`/ws?room=${encodeURIComponent(room)}`));
  await client.find((frame) => frame.type === "joined");
  let round = 0;
  return {
    async isWell() {
      const data = `bystander ${++round}`;
      const [published, response] = await Promise.all([
        client.ask({ type: "publish", room, data: `${data} publishes` }),
        server.publish(room, `${data} receives`),
      ]);
      expect(published.type).toBe("published");
      expect(response.status).toBe(201);
      await client.until((frames) => frames.some((frame) => frame["data"] === `${data} receives`));
      expect(client.socket.ws.readyState).toBe(client.socket.ws.OPEN);
    },
  };
}
