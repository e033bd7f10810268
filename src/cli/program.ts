import { Command } from "commander";
import { addCheckCommand } from "./commands/check.ts";
import { addPlanCommand } from "./commands/plan.ts";
import { addRequestCommands } from "./commands/request.ts";
import { addShowCommands } from "./commands/show.ts";
import { addStatusCommand } from "./commands/status.ts";
import { addUninstallCommand } from "./commands/uninstall.ts";
import type { ConnectionOptions } from "./connection.ts";
import { runCommandWith, type CommandDependencies } from "./run-command.ts";

/** The `serin` command with everything that is for people; src/main.ts adds `operator`. */
export function buildProgram(dependencies: CommandDependencies, version: string): Command {
  const program = new Command("serin")
    .description("Canary releases of Deployments, judged by their own requests.")
    .version(version)
    .showHelpAfterError("(serin --help lists the commands)");
  let current: Command = program;
  const run = runCommandWith(dependencies, () => current.optsWithGlobals<ConnectionOptions>());
  program.hook("preAction", (_program, command) => {
    current = command;
  });
  addStatusCommand(program, run);
  addShowCommands(program, run);
  addCheckCommand(program, run);
  addPlanCommand(program, run);
  addRequestCommands(program, run);
  addUninstallCommand(program, run);
  for (const command of program.commands) withConnectionOptions(command);
  return program;
}

/** Adds the options by which every command finds its cluster. */
export function withConnectionOptions(command: Command): Command {
  return command
    .option("-n, --namespace <name>", "namespace of the Rollout; default: that of the context")
    .option("--kubeconfig <path>", "path of the kubeconfig; default: KUBECONFIG, else that of kubectl")
    .option("--context <name>", "context of the kubeconfig");
}
