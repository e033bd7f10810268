import type { Clock } from "../ports/clock.ts";
import { messageOf } from "../runtime/errors.ts";
import type { Timers } from "../runtime/timers.ts";
import { CommandError } from "./command-error.ts";
import type { Connection, ConnectionOptions } from "./connection.ts";
import { paintFor, type Paint, type Terminal } from "./terminal.ts";

/** What the commands need of the world. */
export interface CommandDependencies {
  readonly connect: (options: ConnectionOptions) => Connection;
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Aborted when the user ends the command. */
  readonly signal: AbortSignal;
}

/** What one command works with. */
export interface CommandContext extends Omit<CommandDependencies, "connect"> {
  /** Opened when it is first asked for: what is wrong with the arguments is told without a cluster. */
  readonly connection: Connection;
  readonly paint: Paint;
}

/** Makes an action of commander: connects, runs the work, tells errors as one sentence, and hangs up. */
export type RunCommand = <Args extends readonly unknown[]>(
  work: (context: CommandContext, ...args: Args) => Promise<void>,
) => (...args: Args) => Promise<void>;

export function runCommandWith(dependencies: CommandDependencies, options: () => ConnectionOptions): RunCommand {
  return (work) =>
    async (...args) => {
      const { connect, ...others } = dependencies;
      try {
        await using open = new AsyncDisposableStack();
        let opened: Connection | undefined;
        const context: CommandContext = {
          ...others,
          get connection() {
            return (opened ??= open.adopt(connect(options()), (connection) => connection.close()));
          },
          paint: paintFor(others.terminal.interactive),
        };
        await work(context, ...args);
      } catch (error) {
        tellError(error, others);
      }
    };
}

/** Tells an error as one sentence and sets the exit code; that the user ended the command is no error. */
export function tellError(
  error: unknown,
  { terminal, signal }: Pick<CommandDependencies, "terminal" | "signal">,
): void {
  if (signal.aborted) return terminal.exitWith(130);
  const message = messageOf(error);
  terminal.warn(`serin: ${message.split("\n", 1)[0] ?? ""}`);
  terminal.exitWith(error instanceof CommandError ? error.exitCode : 1);
}
