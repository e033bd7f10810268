// Makes one file of src/, as the container image has it: dist/main.js.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { onLeash } from "./run/leash.ts";
import { root, runStep } from "./run/steps.ts";

await rm(join(root, "dist"), { recursive: true, force: true });
const types = ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"];
const bundle = ["node_modules/rolldown/bin/cli.mjs", "-c", "rolldown.config.mjs"];

await onLeash(async (signal) => {
  for (const [name, command] of Object.entries({ types, bundle }))
    if (!(await runStep({ name, command }, { signal, stdio: "inherit" })).passed) return false;
  return true;
});
