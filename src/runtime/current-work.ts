import { AsyncLocalStorage } from "node:async_hooks";

const current = new AsyncLocalStorage<string>();

/** Runs something, and all that follows from it, as the work on a key. */
export function workOn<Result>(key: string, run: () => Result): Result {
  return current.run(key, run);
}

/** What the code that asks is part of; also in the process's handler of a rejection that nobody caught. */
export function currentWork(): string | undefined {
  return current.getStore();
}
