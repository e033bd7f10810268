import { expect, test } from "vitest";
import { buildProgram } from "../../../src/cli/program.ts";
import { systemDependencies } from "../../../src/cli/system.ts";

const program = buildProgram(systemDependencies(new AbortController().signal), "1.2.3");

test("there is a command for each thing that people ask", () => {
  expect(program.commands.map((command) => command.name())).toEqual([
    "status",
    "explain",
    "history",
    "check",
    "plan",
    "promote",
    "abort",
    "retry",
    "pause",
    "resume",
    "restart",
    "uninstall",
  ]);
  expect(program.version()).toBe("1.2.3");
});

test.each(program.commands.map((command) => [command.name(), command] as const))(
  "%s takes what kubectl takes",
  (_, command) => {
    const flags = command.options.map(({ long }) => long);
    expect(flags).toEqual(expect.arrayContaining(["--namespace", "--kubeconfig", "--context"]));
    expect(command.description()).not.toBe("");
  },
);
