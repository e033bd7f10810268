import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { addUninstallCommand } from "../../../../src/cli/commands/uninstall.ts";
import type { Connection } from "../../../../src/cli/connection.ts";
import { runCommandWith } from "../../../../src/cli/run-command.ts";
import { withConnectionOptions } from "../../../../src/cli/program.ts";
import type { KubernetesObject } from "../../../../src/ports/kubernetes-objects.ts";
import { NotFoundError } from "../../../../src/runtime/errors.ts";

const rollout = (namespace: string, name: string, message?: string): KubernetesObject => ({
  metadata: { namespace, name, uid: `uid-${name}`, resourceVersion: "1", generation: 1 },
  spec: { targetRef: { name } },
  status: { observedGeneration: 1, ...(message !== undefined && { message }) },
});

interface Situation {
  /** What is there at each look. */
  readonly looks: readonly (readonly KubernetesObject[])[];
  readonly webhook?: boolean;
  readonly isUndefined?: boolean;
}

/** Runs the command; each wait takes a second, and the last look is what stays. */
async function run(words: readonly string[], { looks, webhook = false, isUndefined = false }: Situation) {
  const said: string[] = [];
  const removed: string[] = [];
  const asked: (string | undefined)[] = [];
  let [code, now, look] = [undefined as number | undefined, 0, 0];
  const connection = {
    namespace: "default",
    objects: {
      list: (_resource: unknown, namespace: string | undefined) => {
        asked.push(namespace);
        if (isUndefined) return Promise.reject(new NotFoundError("the server has no resource rollouts"));
        const all = looks[Math.min(look, looks.length - 1)] ?? [];
        look += 1;
        return Promise.resolve(
          all.filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace),
        );
      },
      read: () => Promise.resolve(webhook ? { metadata: { name: "serin-hold" } } : undefined),
      remove: ({ plural }: { plural: string }, { metadata }: KubernetesObject) => {
        removed.push(`${plural} ${metadata.namespace ?? ""}/${metadata.name}`);
        return Promise.resolve();
      },
    },
    close: () => Promise.resolve(),
  } as unknown as Connection;
  const program = new Command("serin").exitOverride();
  let current = program;
  program.hook("preAction", (_program, command) => void (current = command));
  const terminal = {
    print: (text: string) => said.push(text),
    warn: (text: string) => said.push(text),
    exitWith: (given: number) => (code = given),
    interactive: false,
    clear: () => undefined,
  };
  const timers = {
    now: () => now,
    after: (delay: number, callback: () => void) => {
      now += delay;
      queueMicrotask(callback);
      return () => undefined;
    },
  };
  const dependencies = { connect: () => connection, terminal, clock: { now: () => now }, timers };
  const signal = new AbortController().signal;
  addUninstallCommand(
    program,
    runCommandWith({ ...dependencies, signal }, () => current.optsWithGlobals()),
  );
  for (const command of program.commands) withConnectionOptions(command);
  await program.parseAsync(["uninstall", ...words], { from: "user" });
  return { said, removed, asked, code };
}

describe("serin uninstall", () => {
  const product = rollout("shop", "product", "product:v1 serves all traffic.");
  const leaving = rollout("shop", "product", "Putting the routes back.");
  const cart = rollout("other", "cart");

  test("deletes every Rollout, tells what becomes of each, and ends when none is left", async () => {
    const { said, removed, asked, code } = await run(["--yes"], {
      looks: [[product, cart], [leaving, cart], [leaving], []],
    });
    expect(removed).toEqual(["rollouts shop/product", "rollouts other/cart"]);
    expect(said).toEqual([
      "Deleting 2 Rollouts; the operator gives back what they took.",
      "shop/product: Putting the routes back.",
      "other/cart: waiting for the operator",
      "other/cart is gone.",
      "shop/product is gone.",
      "No Rollout is left.",
    ]);
    expect(new Set(asked)).toEqual(new Set([undefined]));
    expect(code).toBeUndefined();
  });

  test("without --yes only tells what it would delete", async () => {
    const { said, removed, code } = await run([], { looks: [[product]] });
    expect([removed, code]).toEqual([[], 2]);
    expect(said).toEqual(["serin: nothing was done: say --yes to delete 1 Rollout: shop/product"]);
  });

  test("does not delete what is being deleted, and gives up after --timeout with what is left and what to do", async () => {
    const stuck = { ...leaving, metadata: { ...leaving.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
    const { said, removed, code } = await run(["--yes", "--timeout", "5s"], { looks: [[stuck]] });
    expect([removed, code]).toEqual([[], 1]);
    expect(said.at(-1)).toBe(
      "serin: after 5s 1 Rollout still there: shop/product (Putting the routes back.). Does the operator run? serin release NAME --force does its part from here",
    );
  });

  test.each([
    [
      ["--namespaces", "shop, team"],
      ["shop", "team"],
    ],
    [["--namespace", "shop"], ["shop"]],
  ])("%s: only there", async (words, namespaces) => {
    const { asked, removed } = await run([...words, "--yes"], { looks: [[product], [product], []] });
    expect(new Set(asked)).toEqual(new Set(namespaces));
    expect(removed).toEqual(["rollouts shop/product"]);
  });

  test("does not wait for the finalizers of others, and says who has them", async () => {
    const leaving = (finalizers: readonly string[]): KubernetesObject => {
      const object = rollout("a", "one", "giving back");
      return { ...object, metadata: { ...object.metadata, deletionTimestamp: "2026-01-01T00:00:00Z", finalizers } };
    };
    const looks = [
      [leaving(["serin.dev/let-go", "x.example/y"])],
      [leaving(["serin.dev/let-go", "x.example/y"])],
      [leaving(["x.example/y"])],
    ];
    const { said, code } = await run(["--yes", "--timeout", "10s"], { looks });
    expect(said).toEqual([
      "Deleting 1 Rollout; the operator gives back what they took.",
      "a/one: giving back",
      "a/one: everything is given back; it stays for the finalizers of others: x.example/y",
      "No Rollout holds anything any more.",
    ]);
    expect(code).toBeUndefined();
  });

  test("has nothing to do without Rollouts, or without their definition", async () => {
    expect((await run(["--yes"], { looks: [[]] })).said).toEqual(["There are no Rollouts."]);
    expect((await run(["--yes"], { looks: [], isUndefined: true })).said).toEqual(["There are no Rollouts."]);
  });

  test("--webhook removes what an operator that is gone has left, and nothing else", async () => {
    const there = await run(["--webhook"], { looks: [[product]], webhook: true });
    expect(there.removed).toEqual(["mutatingwebhookconfigurations /serin-hold"]);
    expect(there.said).toEqual(["The webhook serin-hold is removed."]);
    expect((await run(["--webhook"], { looks: [[product]] })).said).toEqual(["There is no webhook."]);
  });

  test("says how to write a duration, and does nothing, for a --timeout that is none", async () => {
    const { said, removed, code } = await run(["--yes", "--timeout", "soon"], { looks: [[product]] });
    expect([removed, code]).toEqual([[], 1]);
    expect(said).toEqual(["serin: soon is no duration: write one such as 30s, 10m or 1m30s"]);
  });
});
