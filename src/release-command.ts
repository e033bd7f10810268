import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { createLeaseStore } from "./adapters/kubernetes/lease-store.ts";
import { CommandError } from "./cli/command-error.ts";
import type { ConnectionOptions } from "./cli/connection.ts";
import { withConnectionOptions } from "./cli/program.ts";
import { tellError } from "./cli/run-command.ts";
import type { Terminal } from "./cli/terminal.ts";
import { configSchema, flagOf, readConfig, variableOf, type Config } from "./config.ts";
import type { connectForRelease, ReleaseConnection } from "./release-connection.ts";
import { letGoFromHere } from "./release-by-force.ts";

/** What the command needs of the process. */
export interface ReleaseDependencies {
  readonly terminal: Terminal;
  /** Aborted when the user ends the command. */
  readonly signal: AbortSignal;
  readonly environment: NodeJS.ProcessEnv;
  readonly connect: typeof connectForRelease;
  /** Asks a person; true for yes. */
  readonly confirm: (question: string) => Promise<boolean>;
}

interface ReleaseFlags extends ConnectionOptions {
  readonly force?: boolean;
  readonly yes?: boolean;
  readonly operatorNamespace: string;
}

/** Members of the operator's configuration that matter for letting go. */
const shared = ["istioNamespace", "clusterDomain", "propagation", "rollbackDeadline"] as const;

/** Adds `serin release`: deletes a Rollout and sees to it that everything is given back, with or without the operator. */
export function addReleaseCommand(program: Command, dependencies: ReleaseDependencies): void {
  const command = program
    .command("release")
    .description("delete a Rollout and give back what it took; the Deployment rolls out by itself again")
    .argument("<rollout>", "name of the Rollout")
    .option("--force", "do the operator's part from here, with your own rights: for a cluster that lost its operator")
    .option("-y, --yes", "do not ask")
    .option("--operator-namespace <name>", "where the operator's Lease is looked for", "serin-system");
  for (const name of shared) {
    const description = configSchema.shape[name].meta()?.["description"];
    command.option(`${flagOf(name)} <value>`, `${String(description)}; as the operator had it [${variableOf(name)}]`);
  }
  withConnectionOptions(command);
  command.action(async (name: string, flags: ReleaseFlags) => {
    try {
      await using connection = hangingUp(dependencies.connect(flags, (line) => dependencies.terminal.warn(line)));
      await release(connection.value, name, flags, dependencies);
    } catch (error) {
      tellError(error, dependencies);
    }
  });
}

function hangingUp(value: ReleaseConnection) {
  return { value, [Symbol.asyncDispose]: () => value.close() };
}

async function release(
  connection: ReleaseConnection,
  name: string,
  flags: ReleaseFlags,
  dependencies: ReleaseDependencies,
): Promise<void> {
  const { terminal, signal } = dependencies;
  const config = configOf(flags, dependencies.environment);
  const rollout = await connection.find(name, signal);
  const holder = await leaseHolder(connection, flags.operatorNamespace, signal);
  if (flags.force !== true) {
    await connection.remove(rollout, signal);
    const who = holder === undefined ? "the operator" : `the operator (${holder})`;
    terminal.print(
      `${name} is being deleted; waiting for ${who} to give back what it took. Should no operator run any more, end this and say serin release ${name} --force.`,
    );
    await connection.untilGone(rollout, (message) => terminal.print(message), signal);
    return terminal.print(await connection.describeRest(rollout, signal));
  }
  if (holder !== undefined) {
    throw new CommandError(
      `an operator is at work: ${holder} keeps renewing Lease ${flags.operatorNamespace}/serin-operator. It lets ${name} go by itself: serin release ${name} without --force`,
    );
  }
  await agree(name, connection.namespace, flags, dependencies);
  await connection.remove(rollout, signal);
  terminal.print(`${name} is being deleted; looking whether an operator answers.`);
  const answer = await connection.listen(rollout, signal);
  if (answer === "answered") {
    terminal.print("An operator is at work and lets it go; waiting for it.");
    await connection.untilGone(rollout, (message) => terminal.print(message), signal);
  }
  if (answer === "silence") {
    terminal.print("No operator answers; doing its part from here.");
    await letGoFromHere({ connection, leaving: rollout, config, terminal, signal });
  }
  terminal.print(await connection.describeRest(rollout, signal));
}

/** The operator's configuration as far as it is told; nothing is measured, so no Prometheus is asked. */
function configOf(flags: object, environment: NodeJS.ProcessEnv): Config {
  const told = Object.fromEntries(Object.entries(flags).filter(([key]) => shared.some((name) => name === key)));
  const config = readConfig({ ...told, prometheusAddress: "http://nowhere.invalid" }, environment);
  if ("mistakes" in config) throw new CommandError(config.mistakes.join("; "), 2);
  return config;
}

/** Who holds the operator's Lease at this moment; undefined when nobody does, or nobody may say. */
async function leaseHolder(
  { objects }: ReleaseConnection,
  namespace: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const lease = await createLeaseStore(objects, { namespace, name: "serin-operator" }).read(signal);
    if (lease?.record.holder === undefined) return undefined;
    const { holder, renewedAt, duration } = lease.record;
    return Date.now() - Date.parse(renewedAt) < duration ? holder : undefined;
  } catch {
    // Whoever may not read Leases is still told, by what happens to the Rollout, whether an operator is there.
    signal.throwIfAborted();
    return undefined;
  }
}

async function agree(
  name: string,
  namespace: string,
  { yes }: ReleaseFlags,
  { terminal, confirm }: ReleaseDependencies,
): Promise<void> {
  if (yes === true) return;
  const what = `This deletes Rollout ${namespace}/${name}, sends its traffic back to stable and removes its canary.`;
  if (!terminal.interactive) throw new CommandError(`${what} Nobody can be asked here: say --yes`, 2);
  if (!(await confirm(`${what} Go on? [y/N] `))) throw new CommandError("nothing was done", 1);
}

/** Asks on this process's terminal. */
export async function confirmHere(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await lines.question(question)).trim());
  } finally {
    lines.close();
  }
}
