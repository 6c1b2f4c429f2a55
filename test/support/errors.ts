// What was thrown, by its stable code.
import { ThumpError } from "../../src/index.ts";

/** Runs and returns the error that it throws; fails when there is none, or when it has no code. */
export function thrown(run: () => unknown): ThumpError {
  try {
    run();
  } catch (error) {
    if (error instanceof ThumpError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

/** The code of the error that it throws. */
export function codeOf(run: () => unknown): string {
  return thrown(run).code;
}

/** The code of the error that a promise rejects with; nothing when it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    if (error instanceof ThumpError) return error.code;
    throw error;
  }
}
