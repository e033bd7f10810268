import { z } from "zod";
import { configSchema, flagOf, variableOf } from "../../src/config.ts";
import { code, table } from "./markdown.ts";

/** Every flag of `serin operator`, with its variable and default. */
export function flagsReference(): string {
  const rows = Object.entries(configSchema.shape).map(([name, member]) => {
    const { description = "", default: byDefault, enum: choices } = z.toJSONSchema(member, { io: "input" });
    const stated = typeof byDefault === "object" || byDefault === undefined ? "" : code(JSON.stringify(byDefault));
    const allowed = choices === undefined ? "" : ` (${choices.map(String).join(", ")})`;
    return [code(flagOf(name)), code(variableOf(name)), stated.replaceAll('"', ""), description + allowed];
  });
  return (
    [
      "<!-- Made by `npm run generate` from src/config.ts. Do not edit. -->",
      "# Flags of the operator",
      "`serin operator --help` has the same. Each flag is also an environment variable; a flag that may be given more than once is one variable with commas, headers with line breaks. The chart sets them by `config` ([values](../../charts/serin/README.md)).",
      table(["Flag", "Variable", "Default", "Meaning"], rows),
    ].join("\n\n") + "\n"
  );
}
