import type { Command } from "commander";
import { rolloutFrom } from "../../adapters/kubernetes/rollout-reading.ts";
import type { Rollout } from "../../api/rollout.ts";
import type { KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { CommandError } from "../command-error.ts";
import { readDuration } from "../read-duration.ts";
import { renderStatus } from "../render-status.ts";
import { findRollout, type FoundRollout } from "../rollout-lookup.ts";
import { holdsUnseenChange, readEvents } from "../rollout-view.ts";
import type { CommandContext, RunCommand } from "../run-command.ts";

interface StatusOptions {
  readonly watch?: true;
  readonly timeout?: string;
  readonly output?: string;
}

const exitCodes = { promoted: 0, rolledBack: 1, timedOut: 2 } as const;

const help = `
Exit codes: 0 the revision in git serves all traffic (or, without --watch, nothing is wrong);
            1 it was rolled back or cannot be released; 2 --timeout was over first.`;

/** Adds `status`. */
export function addStatusCommand(program: Command, run: RunCommand): void {
  program
    .command("status")
    .description("show where a Rollout stands")
    .argument("[rollout]", "name of the Rollout; may be left out when there is one")
    .option("-w, --watch", "follow it until it is promoted or rolled back")
    .option("--timeout <duration>", "with --watch: give up after this long, such as 10m")
    .option("-o, --output <format>", "json: the object as the API server has it, one line for each change with --watch")
    .addHelpText("after", help)
    .action(
      run<[string | undefined, StatusOptions]>(async (context, name, options) => {
        if (options.output !== undefined && options.output !== "json") {
          throw new CommandError(`there is no output format ${options.output}: write json`);
        }
        const found = await findRollout(context.connection, name, context.signal);
        context.terminal.exitWith(
          options.watch ? await follow(context, found, options) : await showOnce(context, found, options),
        );
      }),
    );
}

async function showOnce(context: CommandContext, { rollout, object }: FoundRollout, { output }: StatusOptions) {
  if (output === "json") context.terminal.print(JSON.stringify(object, undefined, 2));
  else context.terminal.print(await view(context, rollout));
  return verdictOf(rollout) ?? exitCodes.promoted;
}

async function view({ connection, clock, paint, signal }: CommandContext, rollout: Rollout): Promise<string> {
  const events = await readEvents(connection, rollout.key.name, 8, signal);
  return renderStatus({ rollout, events, now: clock.now() }, paint);
}

/** The exit code once a Rollout has come to rest; undefined while it has not, or has not looked at its own spec. */
function verdictOf({ status, generation }: Rollout): number | undefined {
  if (status.observedGeneration !== generation) return undefined;
  const holds = (wanted: string) => status.conditions?.some(({ type, status: is }) => type === wanted && is === "True");
  if (holds("Stalled")) return exitCodes.rolledBack;
  return holds("Ready") ? exitCodes.promoted : undefined;
}

/** Shows every change until the Rollout comes to rest or the time is over; answers with the exit code. */
async function follow(
  context: CommandContext,
  { rollout: first }: FoundRollout,
  options: StatusOptions,
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  context.signal.addEventListener("abort", () => reject(new CommandError("ended", 130)), { once: true });
  const cancel =
    options.timeout === undefined
      ? undefined
      : context.timers.after(readDuration(options.timeout), () => resolve(exitCodes.timedOut));
  const { name } = first.key;
  let shown: Promise<void> = Promise.resolve();

  context.connection.watchRollouts((changed, object) => {
    if (changed !== name) return;
    // One after the other, so that a slow look at the events does not show an old state last.
    shown = shown.then(() => showChange({ ...context, signal }, object, options.output, resolve)).catch(reject);
  }, signal);

  try {
    const code = await promise;
    if (code === exitCodes.timedOut)
      context.terminal.warn(`serin: ${name} was not done after ${options.timeout ?? ""}`);
    return code;
  } finally {
    cancel?.();
    stop.abort();
  }
}

async function showChange(
  context: CommandContext,
  object: KubernetesObject | undefined,
  output: string | undefined,
  finish: (code: number) => void,
): Promise<void> {
  if (context.signal.aborted) return;
  if (object === undefined) throw new CommandError("the Rollout was deleted");
  const rollout = rolloutFrom(object);
  const code = verdictOf(rollout);
  const isOver = code !== undefined && !(await mayStillBegin(context, rollout, code));
  await show(context, { rollout, object }, output);
  if (isOver) finish(code);
}

async function mayStillBegin({ connection, signal }: CommandContext, rollout: Rollout, code: number): Promise<boolean> {
  // What else ends with 1 stands in the way of any change.
  const isBetweenReleases = code === exitCodes.promoted || rollout.status.phase === "RolledBack";
  return isBetweenReleases && (await holdsUnseenChange(connection, rollout, signal));
}

async function show(context: CommandContext, { rollout, object }: FoundRollout, output: string | undefined) {
  const { terminal } = context;
  if (output === "json") return terminal.print(JSON.stringify(object));
  if (terminal.interactive) {
    const screen = await view(context, rollout);
    terminal.clear();
    return terminal.print(screen);
  }
  // A log wants one line for each change, not a screen.
  const { status, key } = rollout;
  const position = status.release === undefined ? "" : ` step ${status.step ?? "?"}, ${status.weight ?? 0} %:`;
  terminal.print(`${key.name} ${status.phase ?? "New"}:${position} ${status.message ?? ""}`.trimEnd());
}
