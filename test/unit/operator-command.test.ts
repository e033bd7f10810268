import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { configSchema, flagOf, variableOf } from "../../src/config.ts";
import { addOperatorCommand } from "../../src/operator-command.ts";

function operatorCommand(environment: NodeJS.ProcessEnv = {}) {
  const program = new Command("serin");
  addOperatorCommand(program, environment);
  const command = program.commands[0]!;
  const written: string[] = [];
  for (const each of [program, command]) {
    each.exitOverride();
    each.configureOutput({ writeOut: (text) => written.push(text), writeErr: (text) => written.push(text) });
  }
  const run = (...words: string[]) => program.parseAsync(["operator", ...words], { from: "user" });
  return { command, written, run };
}

describe("serin operator", () => {
  test("has a flag for every member of the configuration, with its variable and its default", async () => {
    const { command, written, run } = operatorCommand();
    const names = Object.keys(configSchema.shape);
    expect(command.options.map(({ long }) => long)).toEqual(names.map(flagOf));
    await expect(run("--help")).rejects.toMatchObject({ exitCode: 0 });
    const help = written.join("").replaceAll(/\s+/g, " ");
    for (const name of names) expect(help).toContain(`[${variableOf(name)}]`);
    expect(help).toContain("[SERIN_PROPAGATION] (default: 2s)");
    expect(help).toContain("[SERIN_WORKERS] (default: 16)");
    expect(help).toContain("--namespace <value...>");
    expect(help).toMatch(/--leader-elect work only/);
  });

  test("reads flags and environment together before it starts, and ends with 2 and a sentence for each mistake", async () => {
    const { written, run } = operatorCommand({ SERIN_WORKERS: "none" });
    await expect(run("--prometheus-address", "nowhere")).rejects.toMatchObject({ exitCode: 2 });
    const said = written.join("");
    expect(said).toContain("serin operator: --prometheus-address (or SERIN_PROMETHEUS_ADDRESS) is wrong: ");
    expect(said).toContain("; --workers (or SERIN_WORKERS) is wrong: ");
  });

  test("refuses a flag that it does not know", async () => {
    const { written, run } = operatorCommand();
    await expect(run("--loglevel", "debug")).rejects.toMatchObject({ exitCode: 1 });
    expect(written.join("")).toContain("unknown option '--loglevel'");
  });
});
