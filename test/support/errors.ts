// Checks thrown errors by their stable codes.
import { ThumpError } from "../../src/index.ts";

/** Returns the ThumpError that `run` throws. Fails if it throws none, or an error without a code. */
export function thrown(run: () => unknown): ThumpError {
  try {
    run();
  } catch (error) {
    if (error instanceof ThumpError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

/** Returns the code of the error that `run` throws. */
export function codeOf(run: () => unknown): string {
  return thrown(run).code;
}

/** Returns the code of the error that a promise rejects with, or undefined if it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    if (error instanceof ThumpError) return error.code;
    throw error;
  }
}
