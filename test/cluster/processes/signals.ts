// How a command that runs a cluster ends: by request, orderly, and with the code that a shell expects.
import { constants } from "node:os";

/** A terminal sends Ctrl-C to the launcher as well, which passes it on: the same wish heard twice. */
const SAME_WISH_MS = 1000;

/**
 * On SIGINT, SIGTERM, SIGHUP or when the launcher is gone: `stop`, then exit with 128 + the signal's number. Asked a
 * second time, it exits at once and leaves the rest to the guard.
 */
export function stopOnSignals(stop: () => Promise<void>): void {
  let first: number | undefined;
  const end = (signal: "SIGINT" | "SIGTERM" | "SIGHUP"): void => {
    const code = 128 + constants.signals[signal];
    const now = performance.now();
    if (first !== undefined) {
      if (now - first > SAME_WISH_MS) process.exit(code);
      return;
    }
    first = now;
    stop().then(
      () => process.exit(code),
      () => process.exit(code),
    );
  };
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
  process.on("SIGHUP", end);
  process.on("disconnect", () => end("SIGTERM"));
}
