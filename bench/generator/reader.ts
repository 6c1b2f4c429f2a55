// Interfaces of the parsers that read frames, events or responses from the bytes of a connection.

export interface Reader {
  /** True unless a frame, event or response has been read only partially. */
  readonly clean: boolean;
  read(bytes: Buffer, from: number, to: number): void;
}

export interface Listener {
  /** Receives a frame's payload, an event's data, or a response body. */
  payload(bytes: Buffer, from: number, to: number): void;
  /** Sends a reply that the protocol requires. */
  reply(bytes: Uint8Array): void;
  /** Called for data that the protocol does not allow. */
  foreign(): void;
}
