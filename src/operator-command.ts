import { Option, type Command } from "commander";
import { configSchema, flagOf, readConfig, variableOf, type ConfigInput } from "./config.ts";
import { runOperator } from "./operator.ts";

/** Adds `serin operator`: a flag for each member of the configuration, named as it is, with its environment variable. */
export function addOperatorCommand(program: Command, environment: NodeJS.ProcessEnv): void {
  const command: Command = program.command("operator").description("run the controller until it is told to stop");
  for (const name of Object.keys(configSchema.shape)) command.addOption(optionFor(name as keyof ConfigInput));
  command.action(async (flags: Record<string, unknown>) => {
    const config = readConfig(flags, environment);
    if ("mistakes" in config) command.error(`serin operator: ${config.mistakes.join("; ")}`, { exitCode: 2 });
    process.exitCode = await runOperator(config, environment["KUBECONFIG"]);
  });
}

const repeatable: ReadonlySet<string> = new Set(["namespace", "prometheusHeader"]);

function optionFor(name: keyof ConfigInput): Option {
  const placeholder = name === "leaderElect" ? "" : repeatable.has(name) ? " <value...>" : " <value>";
  const byDefault = defaultOf(name);
  const description = configSchema.shape[name].meta()?.["description"];
  const origin = `[${variableOf(name)}]${byDefault === undefined ? "" : ` (default: ${byDefault})`}`;
  return new Option(`${flagOf(name)}${placeholder}`, `${description ?? name} ${origin}`);
}

/** What holds when nothing is said, as people would write it. */
function defaultOf(name: keyof ConfigInput): string | undefined {
  const byDefault: unknown = configSchema.shape[name].def;
  const { type, defaultValue } = byDefault as { type: string; defaultValue?: unknown };
  if (type !== "default" && type !== "prefault") return undefined;
  if (Array.isArray(defaultValue) || typeof defaultValue === "boolean") return undefined;
  return String(defaultValue);
}
