// Makes the kernel close connections whose client does not acknowledge data (TCP_USER_TIMEOUT, tcp(7)). Linux only.
import { dlopen, ptr } from "bun:ffi";
import { readdirSync, readlinkSync } from "node:fs";

const SOL_SOCKET = 1;
const SO_ACCEPTCONN = 30;
const IPPROTO_TCP = 6;
const TCP_USER_TIMEOUT = 18;
/** Names of the C library: glibc, then musl. */
const LIBC = ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`];
/** Size of `sockaddr_storage`, which holds an address of any family. */
const ADDRESS_BYTES = 128;

const SYMBOLS = {
  getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
} as const;
type Libc = ReturnType<typeof dlopen<typeof SYMBOLS>>["symbols"];

/**
 * Sets the timeout on this process's listening sockets for a port. Connections accepted afterwards inherit the timeout.
 * Without the timeout, the kernel retransmits for 15 minutes to a client whose network has vanished. A stream's
 * keep-alives never fill a buffer, so no other check detects such a client.
 * @returns whether the timeout was set, which requires Linux, /proc and a loadable C library
 */
export function setUserTimeout(port: number, ms: number): boolean {
  if (process.platform !== "linux") return false;
  try {
    const libc = openLibc();
    const sockets = openSockets().filter((fd) => listensOn(libc.symbols, fd, port));
    const value = Int32Array.of(ms);
    const set = sockets.filter(
      (fd) => libc.symbols.setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, ptr(value), value.byteLength) === 0,
    );
    libc.close();
    return set.length > 0;
  } catch {
    // This fails, for example, in a restricted container. Vanished clients are then detected later (docs/operating.md).
    return false;
  }
}

function openLibc() {
  for (const name of LIBC) {
    try {
      return dlopen(name, SYMBOLS);
    } catch {
      // Try the next name.
    }
  }
  throw new Error("no C library could be loaded");
}

function openSockets(): number[] {
  const isSocket = (fd: string) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
    } catch {
      // The descriptor was closed in the meantime.
      return false;
    }
  };
  return readdirSync("/proc/self/fd").filter(isSocket).map(Number);
}

function listensOn(libc: Libc, fd: number, port: number): boolean {
  const accepts = new Int32Array(1);
  const size = Uint32Array.of(accepts.byteLength);
  if (libc.getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, ptr(accepts), ptr(size)) !== 0 || accepts[0] !== 1)
    return false;
  const address = new Uint8Array(ADDRESS_BYTES);
  const length = Uint32Array.of(ADDRESS_BYTES);
  if (libc.getsockname(fd, ptr(address), ptr(length)) !== 0) return false;
  // In both IPv4 and IPv6 addresses, the port follows the two-byte family, in network byte order.
  return new DataView(address.buffer).getUint16(2) === port;
}
