import { buildProgram } from "./cli/program.ts";
import { systemDependencies } from "./cli/system.ts";
import { addOperatorCommand } from "./operator-command.ts";
import { addReleaseCommand, confirmHere } from "./release-command.ts";
import { connectForRelease } from "./release-connection.ts";
import { version } from "./version.ts";

const interrupted = new AbortController();
const dependencies = systemDependencies(interrupted.signal);
const program = buildProgram(dependencies, version);
addReleaseCommand(program, {
  ...dependencies,
  connect: connectForRelease,
  environment: process.env,
  confirm: confirmHere,
});
addOperatorCommand(program, process.env);
program.hook("preAction", (_program, command) => {
  // The operator listens for signals itself: it has work to finish.
  if (command.name() !== "operator") process.once("SIGINT", () => interrupted.abort());
});
await program.parseAsync(process.argv);
