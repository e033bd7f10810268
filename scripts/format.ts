// Writes every file the way that `npm run check` wants it.
import { onLeash } from "./run/leash.ts";
import { runStep } from "./run/steps.ts";

const command = ["node_modules/prettier/bin/prettier.cjs", "--write", "--list-different", "."];
await onLeash(async (signal) => (await runStep({ name: "format", command }, { signal, stdio: "inherit" })).passed);
