import type { Step } from "./steps.ts";

/** What needs no cluster, the longest first, because two run at a time. Unit tests are added by the caller. */
export const staticSteps: readonly Step[] = [
  { name: "lint", command: ["node_modules/eslint/bin/eslint.js", "."] },
  { name: "types", command: ["node_modules/typescript/bin/tsc", "--noEmit", "-p", "."] },
  {
    name: "format",
    command: ["node_modules/prettier/bin/prettier.cjs", "--check", "--log-level=warn", "."],
    remedy: "npm run format",
  },
  {
    name: "layers",
    command: [
      "node_modules/dependency-cruiser/bin/dependency-cruiser.mjs",
      "src",
      "--config",
      ".dependency-cruiser.cjs",
    ],
  },
  { name: "site", command: ["scripts/site.ts", "--check"] },
  { name: "generated", command: ["scripts/generate.ts", "--check"], remedy: "npm run generate" },
];
