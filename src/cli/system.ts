import { systemTimers } from "../runtime/timers.ts";
import { connect } from "./connection.ts";
import type { CommandDependencies } from "./run-command.ts";
import { systemTerminal } from "./terminal.ts";

/** The commands' dependencies as this process has them; `signal` ends a command that waits. */
export function systemDependencies(signal: AbortSignal): CommandDependencies {
  return { connect, terminal: systemTerminal(), clock: { now: () => Date.now() }, timers: systemTimers, signal };
}
