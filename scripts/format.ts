// Writes every file the way that `npm run check` wants it.
import { leash } from "./run/leash.ts";
import { runStep } from "./run/steps.ts";

const command = ["node_modules/prettier/bin/prettier.cjs", "--write", "--list-different", "."];
const { passed } = await runStep({ name: "format", command }, { signal: leash(), stdio: "inherit" });
if (!passed) process.exitCode = 1;
