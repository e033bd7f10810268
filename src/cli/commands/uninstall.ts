import { Option, type Command } from "commander";
import { holdName } from "../../adapters/kubernetes/hold-rule.ts";
import { holdWebhooks } from "../../adapters/kubernetes/hold-webhook.ts";
import { keptFor, rolloutFrom } from "../../adapters/kubernetes/rollout-reading.ts";
import { rollouts } from "../../adapters/kubernetes/workload-resources.ts";
import { renderDuration } from "../../api/instant.ts";
import { renderKey } from "../../api/object-key.ts";
import type { KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { NotFoundError } from "../../runtime/errors.ts";
import { pause } from "../../runtime/timers.ts";
import { CommandError } from "../command-error.ts";
import { readDuration } from "../read-duration.ts";
import type { CommandContext, RunCommand } from "../run-command.ts";

interface UninstallOptions {
  readonly namespaces?: string;
  readonly timeout: string;
  readonly webhook?: true;
  readonly yes?: true;
}

const help = `
Deployments, Services and routes stay and work without Serin. Say it before the operator is removed: the operator gives
back what each Rollout took. In a cluster that has lost its operator serin release NAME --force does that part.

Exit codes: 0 no Rollout holds anything any more; 1 --timeout was over first.`;

/** How often it is looked what is left. Milliseconds. */
const period = 1_000;

/** Adds `uninstall`: what the chart runs before it takes the operator away, and after. */
export function addUninstallCommand(program: Command, run: RunCommand): void {
  program
    .command("uninstall")
    .description("delete all Rollouts and wait until the operator has given back what they took")
    .option("--namespaces <names>", "only in these, separated by commas (default: all, or that of --namespace)")
    .option("--timeout <duration>", "give up after this long", "10m")
    .option("-y, --yes", "do it: without this only what would be deleted is told")
    .addOption(new Option("--webhook", "instead remove the webhook that an operator which is gone has left").hideHelp())
    .addHelpText("after", help)
    .action(
      run<[UninstallOptions, Command]>(async (context, options, command) => {
        if (options.webhook) return removeWebhook(context);
        const { namespace } = command.optsWithGlobals<{ namespace?: string }>();
        const chosen =
          options.namespaces?.split(",").map((name) => name.trim()) ?? (namespace ? [namespace] : undefined);
        await uninstall(context, options, chosen);
      }),
    );
}

async function uninstall(
  context: CommandContext,
  { timeout, yes }: UninstallOptions,
  namespaces: readonly string[] | undefined,
): Promise<void> {
  const { terminal, connection, signal, clock } = context;
  const deadline = clock.now() + readDuration(timeout);
  const all = await readAll(context, namespaces);
  if (all.length === 0) return terminal.print("There are no Rollouts.");
  if (yes !== true) {
    const list = all.map(nameOf).join(", ");
    throw new CommandError(`nothing was done: say --yes to delete ${counted(all.length)}: ${list}`, 2);
  }
  terminal.print(`Deleting ${counted(all.length)}; the operator gives back what they took.`);
  for (const object of all)
    if (object.metadata.deletionTimestamp === undefined) await connection.objects.remove(rollouts, object, { signal });
  await untilGone(context, namespaces, deadline, timeout);
}

async function untilGone(
  context: CommandContext,
  namespaces: readonly string[] | undefined,
  deadline: number,
  timeout: string,
): Promise<void> {
  const { terminal, timers, signal, clock } = context;
  const told = new Map<string, string>();
  for (;;) {
    const found = await readAll(context, namespaces);
    const left = found.filter((object) => keptFor(object).length === 0);
    for (const line of newlyDone(told, left, found)) terminal.print(line);
    if (left.length === 0)
      return terminal.print(found.length === 0 ? "No Rollout is left." : "No Rollout holds anything any more.");
    for (const object of left) {
      const message = messageOf(object);
      if (told.get(nameOf(object)) !== message) terminal.print(`${nameOf(object)}: ${message}`);
      told.set(nameOf(object), message);
    }
    if (clock.now() >= deadline) {
      const waited = renderDuration(readDuration(timeout));
      const rest = left.map((object) => `${nameOf(object)} (${messageOf(object)})`).join(", ");
      throw new CommandError(
        `after ${waited} ${counted(left.length)} still there: ${rest}. Does the operator run? serin release NAME --force does its part from here`,
      );
    }
    await pause(timers, period, signal);
    signal.throwIfAborted();
  }
}

/** What is said of each that was told of before and has nothing more to give back. */
function newlyDone(
  told: Map<string, string>,
  left: readonly KubernetesObject[],
  found: readonly KubernetesObject[],
): readonly string[] {
  const waiting = new Set(left.map(nameOf));
  const done = [...told.keys()].filter((name) => !waiting.has(name));
  for (const name of done) told.delete(name);
  return done.map((name) => {
    const stays = found.find((object) => nameOf(object) === name);
    if (stays === undefined) return `${name} is gone.`;
    return `${name}: everything is given back; it stays for the finalizers of others: ${keptFor(stays).join(", ")}`;
  });
}

async function readAll(
  { connection, signal }: CommandContext,
  namespaces: readonly (string | undefined)[] = [undefined],
): Promise<readonly KubernetesObject[]> {
  try {
    const lists = namespaces.map((namespace) => connection.objects.list(rollouts, namespace, "", signal));
    return (await Promise.all(lists)).flat();
  } catch (error) {
    // Without the definition there are none.
    if (error instanceof NotFoundError) return [];
    throw error;
  }
}

async function removeWebhook({ connection, terminal, signal }: CommandContext): Promise<void> {
  const found = await connection.objects.read(holdWebhooks, undefined, holdName, signal);
  if (found !== undefined) await connection.objects.remove(holdWebhooks, found, { signal });
  terminal.print(found === undefined ? "There is no webhook." : `The webhook ${holdName} is removed.`);
}

function messageOf(object: KubernetesObject): string {
  return rolloutFrom(object).status.message ?? "waiting for the operator";
}

function nameOf({ metadata: { namespace = "", name } }: KubernetesObject): string {
  return renderKey({ namespace, name });
}

function counted(count: number): string {
  return count === 1 ? "1 Rollout" : `${count} Rollouts`;
}
