// Compiles src/ to dist/ for the container image.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { onLeash } from "./run/leash.ts";
import { root, runStep } from "./run/steps.ts";

await rm(join(root, "dist"), { recursive: true, force: true });
const command = ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"];
await onLeash(async (signal) => (await runStep({ name: "build", command }, { signal, stdio: "inherit" })).passed);
