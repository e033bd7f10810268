import { describe, expect, test } from "vitest";
import { CommandError } from "../../../src/cli/command-error.ts";
import { runCommandWith, type CommandDependencies } from "../../../src/cli/run-command.ts";
import { systemTimers } from "../../../src/runtime/timers.ts";

function scene(signal = new AbortController().signal) {
  const told = { warnings: [] as string[], code: 0, closed: 0 };
  const close = () => {
    told.closed += 1;
    return Promise.resolve();
  };
  const connection = { namespace: "shop", close };
  const dependencies = {
    connect: () => connection,
    terminal: {
      print: () => undefined,
      warn: (text: string) => void told.warnings.push(text),
      exitWith: (code: number) => (told.code = code),
      interactive: false,
      clear: () => undefined,
    },
    clock: { now: () => 0 },
    timers: systemTimers,
    signal,
  } as unknown as CommandDependencies;
  return { told, run: runCommandWith(dependencies, () => ({})) };
}

describe("a command", () => {
  test("works with a connection, and hangs up at the end", async () => {
    const { told, run } = scene();
    await run<[string]>(({ connection }, name) => {
      expect([connection.namespace, name, told.closed]).toEqual(["shop", "product", 0]);
      return Promise.resolve();
    })("product");
    expect(told).toEqual({ warnings: [], code: 0, closed: 1 });
  });

  test("tells an error as one sentence, and hangs up all the same", async () => {
    const { told, run } = scene();
    await run(({ connection }) =>
      Promise.reject(new Error(`connection to ${connection.namespace} refused\n    at it`)),
    )();
    expect(told).toEqual({ warnings: ["serin: connection to shop refused"], code: 1, closed: 1 });
  });

  test("ends with the exit code that the error asks for", async () => {
    const { told, run } = scene();
    await run(() => Promise.reject(new CommandError("too late", 2)))();
    expect(told).toMatchObject({ warnings: ["serin: too late"], code: 2 });
  });

  test("does not connect before it has to", async () => {
    const { told, run } = scene();
    await run(() => Promise.reject(new CommandError("--rate x: write a number", 2)))();
    expect(told).toEqual({ warnings: ["serin: --rate x: write a number"], code: 2, closed: 0 });
  });

  test("says nothing when the user ended it", async () => {
    const { told, run } = scene(AbortSignal.abort());
    await run(() => Promise.reject(new Error("aborted")))();
    expect(told).toMatchObject({ warnings: [], code: 130 });
  });
});
