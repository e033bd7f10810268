/**
 * A signal that aborts when this task should end: on SIGINT, SIGTERM or SIGHUP, and when scripts/launch.mjs, which
 * holds the other end of the channel, is gone.
 */
export function leash(): AbortSignal {
  const controller = new AbortController();
  const end = () => controller.abort();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, end);
  if (process.channel) {
    process.once("disconnect", end);
    // Listening must not keep a task alive that has nothing left to do.
    process.channel.unref();
  }
  return controller.signal;
}
