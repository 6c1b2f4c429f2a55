// The generator's system calls, made directly through libc so that the generator uses less CPU time than the server.
import { dlopen, ptr, type Pointer } from "bun:ffi";

const AF_INET = 2;
const SOCK_STREAM = 1;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const TCP_QUICKACK = 12;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLLIN = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** EPOLLERR or EPOLLHUP. */
const BROKEN = 0x18;

function load() {
  const names =
    process.platform === "linux"
      ? ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`]
      : [];
  for (const name of names) {
    try {
      return dlopen(name, {
        socket: { args: ["i32", "i32", "i32"], returns: "i32" },
        bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
        connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
        close: { args: ["i32"], returns: "i32" },
        send: { args: ["i32", "ptr", "usize", "i32"], returns: "i32" },
        recv: { args: ["i32", "ptr", "usize", "i32"], returns: "i32" },
        setsockopt: {
          args: ["i32", "i32", "i32", "ptr", "u32"],
          returns: "i32",
        },
        epoll_create1: { args: ["i32"], returns: "i32" },
        epoll_ctl: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
        epoll_wait: { args: ["i32", "ptr", "i32", "i32"], returns: "i32" },
        usleep: { args: ["u32"], returns: "i32" },
        clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
      }).symbols;
    } catch {
      // Try the next name.
    }
  }
  throw new Error("the generator requires Linux: it reads its sockets with epoll");
}

const libc = load();

/**
 * Memory that holds a value for a system call to read. Each value has its own memory and is never rewritten. Bun's JIT
 * compiler cannot see that the call reads the memory, so it may drop or delay a write just before the call.
 */
const values = new Map<number, Pointer>();
const kept: Int32Array[] = [];

function pointerTo(value: number): Pointer {
  let pointer = values.get(value);
  if (pointer === undefined) {
    const array = new Int32Array([value]);
    kept.push(array);
    values.set(value, (pointer = ptr(array)));
  }
  return pointer;
}

function setOption(fd: number, name: number, value: number, level = IPPROTO_TCP): void {
  if (libc.setsockopt(fd, level, name, pointerTo(value), 4) !== 0)
    throw new Error(`setsockopt ${level}/${name} failed`);
}

function address(ip: readonly number[], port: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, port);
  bytes.set(ip, 4);
  return bytes;
}

/** Opens a connection to 127.0.0.1 from the given loopback address. */
export function openSocket(source: readonly number[], port: number, receiveBuffer?: number): number {
  const fd = libc.socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) throw new Error("cannot open a socket: check the limit of open files");
  if (receiveBuffer !== undefined) setOption(fd, SO_RCVBUF, receiveBuffer, SOL_SOCKET);
  if (libc.bind(fd, ptr(address(source, 0)), 16) !== 0) throw new Error(`cannot bind to ${source.join(".")}`);
  if (libc.connect(fd, ptr(address([127, 0, 0, 1], port)), 16) !== 0)
    throw new Error(`cannot connect to 127.0.0.1:${port}`);
  setOption(fd, TCP_NODELAY, 1);
  return fd;
}

export function closeSocket(fd: number): void {
  libc.close(fd);
}

/** Lets the kernel delay this socket's TCP acknowledgements, as it does for a client that also sends. */
export function delayAcks(fd: number): void {
  setOption(fd, TCP_QUICKACK, 0);
}

/** Sends without blocking. Returns the number of accepted bytes, or -1. */
export function sendNow(fd: number, bytes: Uint8Array, length: number): number {
  return libc.send(fd, ptr(bytes), length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/** The buffer for reads from all sockets. */
export const inbox = Buffer.alloc(256 * 1024);
const inboxPointer = ptr(inbox);

/** Reads available bytes into `inbox`. Returns 0 at the end of the stream, and -1 if the read fails or would block. */
export function receiveNow(fd: number): number {
  return libc.recv(fd, inboxPointer, inbox.length, MSG_DONTWAIT);
}

/** The longest sleep that every libc supports, in ms. */
const MAX_SLEEP_MS = 999;

export function sleep(milliseconds: number): void {
  libc.usleep(Math.round(Math.min(milliseconds, MAX_SLEEP_MS) * 1000));
}

const CLOCK_MONOTONIC = 1;

/** The machine's monotonic clock, in ms. */
export function monotonicNow(): number {
  const reading = new BigInt64Array(2);
  libc.clock_gettime(CLOCK_MONOTONIC, ptr(reading));
  return Number(reading[0]) * 1000 + Number(reading[1]) / 1e6;
}

/** Reports which of the watched sockets are readable. */
export class Epoll {
  readonly #fd = libc.epoll_create1(0);
  readonly #events: Int32Array;
  readonly #pointer: Pointer;
  // struct epoll_event is packed on x86-64 only.
  readonly #stride = process.arch === "x64" ? 3 : 4;
  readonly #data = process.arch === "x64" ? 1 : 2;

  constructor(readonly size = 2048) {
    this.#events = new Int32Array(size * this.#stride);
    this.#pointer = ptr(this.#events);
  }

  add(fd: number): void {
    const event = new Int32Array(this.#stride);
    event[0] = EPOLLIN;
    event[this.#data] = fd;
    if (libc.epoll_ctl(this.#fd, EPOLL_CTL_ADD, fd, ptr(event)) !== 0) throw new Error("epoll_ctl failed");
  }

  remove(fd: number): void {
    libc.epoll_ctl(this.#fd, EPOLL_CTL_DEL, fd, this.#pointer);
  }

  poll(): number {
    return libc.epoll_wait(this.#fd, this.#pointer, this.size, 0);
  }

  fd(index: number): number {
    return this.#events[index * this.#stride + this.#data] ?? -1;
  }

  broken(index: number): boolean {
    return ((this.#events[index * this.#stride] ?? 0) & BROKEN) !== 0;
  }
}
