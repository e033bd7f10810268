/**
 * Runs a task and sets the exit code to 1 when its answer is false. The signal aborts when the task should end: on
 * SIGINT, SIGTERM or SIGHUP, and when scripts/launch.mjs, which holds the other end of the channel, is gone. A task
 * that was ended this way says so in one line and ends with 130.
 */
export async function onLeash(task: (signal: AbortSignal) => Promise<boolean>): Promise<void> {
  const controller = new AbortController();
  const end = () => controller.abort();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, end);
  if (process.channel) {
    process.once("disconnect", end);
    // Listening must not keep a task alive that has nothing left to do.
    process.channel.unref();
  }
  try {
    if (!(await task(controller.signal))) process.exitCode = 1;
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    console.error("ended before it was done");
    process.exitCode = 130;
  }
}
