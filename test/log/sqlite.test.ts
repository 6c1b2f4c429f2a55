// The durable log keeps the contract of all logs.
import { SqliteLog } from "../../src/log/sqlite/sqlite.ts";
import { logContract } from "../contract/log.ts";
import { folder } from "../support/process.ts";

logContract("sqlite", (boundsOf) => new SqliteLog({ dir: folder(), durability: "normal", boundsOf }));
