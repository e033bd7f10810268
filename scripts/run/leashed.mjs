// Runs a command in this process's group and ends the whole group when standard input closes: whoever holds the other
// end is gone, however it went.
import { spawn } from "node:child_process";

const [command, ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: ["ignore", 2, 2] });
const end = () => process.kill(-process.pid, "SIGKILL");
process.stdin.on("end", end).on("error", end).resume();
child.on("error", (error) => {
  process.stderr.write(`serin: ${command}: ${error.message}\n`);
  process.exit(127);
});
child.on("exit", (code) => process.exit(code ?? 1));
