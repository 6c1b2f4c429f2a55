// What turns the bytes of one connection into frames, events or answers.

export interface Reader {
  /** Nothing of a frame, event or answer is waiting for its end. */
  readonly clean: boolean;
  read(bytes: Buffer, from: number, to: number): void;
}

export interface Listener {
  /** A frame's payload, an event's data, an answer's body. */
  payload(bytes: Buffer, from: number, to: number): void;
  /** Bytes the protocol wants to be sent back. */
  reply(bytes: Uint8Array): void;
  /** Something that the protocol does not allow. */
  foreign(): void;
}
