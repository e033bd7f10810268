import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KubernetesObject } from "../../../../src/ports/kubernetes-objects.ts";
import type { TrafficAction } from "../../../../src/ports/traffic-router.ts";
import { ConflictError } from "../../../../src/runtime/errors.ts";
import { arbitraryMesh, notOurs, sums } from "./arbitrary-mesh.ts";
import { meshOf, referenced, routerOn } from "./mesh.ts";
import type { ObjectStore } from "./object-store.ts";
import { destinationRuleOf, rolloutOf, virtualServiceOf } from "./samples.ts";

const { signal } = new AbortController();

/** What happens to the objects of a release, by us and by others. */
type Happening =
  | { readonly kind: "routeTraffic"; readonly weight: number }
  | { readonly kind: "narrow" | "widen" | "restoreRoute" | "restoreSubsets" }
  /** Git is applied again, with another value in a field that is not ours where `timeout` is given. */
  | { readonly kind: "git"; readonly timeout?: string }
  /** Somebody moves the weights by hand. */
  | { readonly kind: "hand"; readonly share: number };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.integer({ min: 0, max: 100 }).map((weight) => ({ kind: "routeTraffic", weight }) as const),
  fc.constantFrom<Happening>(
    { kind: "narrow" },
    { kind: "widen" },
    { kind: "restoreRoute" },
    { kind: "restoreSubsets" },
  ),
  fc.constantFrom<Happening>({ kind: "git" }, { kind: "git", timeout: "3s" }, { kind: "git", timeout: "7s" }),
  fc.integer({ min: 0, max: 100 }).map((share) => ({ kind: "hand", share }) as const),
);

/** Whether the operator stops before or after its write, or somebody else is faster. */
const fate = fc.constantFrom("written", "written twice", "lost", "overtaken");

function actionOf(asked: Happening, original: string): TrafficAction | undefined {
  switch (asked.kind) {
    case "narrow":
      return { kind: "narrowSubsets", stable: "aaa", canary: "bbb" };
    case "widen":
      return { kind: "widenStable", original, canary: "bbb" };
    case "routeTraffic":
      return { kind: "routeTraffic", weight: asked.weight, original };
    case "restoreRoute":
    case "restoreSubsets":
      return { kind: asked.kind, original };
    case "git":
    case "hand":
      return undefined;
  }
}

interface Rule {
  readonly route?: readonly { readonly destination?: { readonly host?: string; readonly subset?: string } }[];
}

/** A mesh that git, people and the operator write to, and what git says of it. */
class SharedMesh {
  readonly store: ObjectStore;
  virtualService: KubernetesObject;
  readonly destinationRule: KubernetesObject;

  constructor(virtualService: object, destinationRule: object) {
    this.store = meshOf(virtualService, destinationRule);
    this.virtualService = virtualServiceOf("product", virtualService);
    this.destinationRule = destinationRuleOf("product", destinationRule);
  }

  current(plural: "virtualservices" | "destinationrules"): KubernetesObject {
    const found = this.store.get(plural, "shop", "product");
    if (found === undefined) throw new Error(`${plural}/product is gone`);
    return found;
  }

  applyGit(timeout: string | undefined): void {
    if (timeout !== undefined)
      this.virtualService = virtualServiceOf("product", { ...this.virtualService.spec, zTimeout: timeout });
    this.store.put("virtualservices", this.virtualService);
    this.store.put("destinationrules", this.destinationRule);
  }

  /** Moves the weights of the routes that are split at the moment. */
  moveByHand(share: number): void {
    const { spec } = this.current("virtualservices");
    const weights: Readonly<Record<string, number>> = { stable: 100 - share, canary: share };
    const http = ((spec?.["http"] ?? []) as Rule[]).map((rule) => {
      const names = rule.route?.map(({ destination }) => destination?.subset);
      if (names?.includes("stable") !== true || !names.includes("canary")) return rule;
      const route = rule.route?.map((entry) => {
        const weight = weights[entry.destination?.subset ?? ""];
        return weight === undefined ? entry : { ...entry, weight };
      });
      return { ...rule, route };
    });
    this.store.put("virtualservices", virtualServiceOf("product", { ...spec, http }));
  }
}

/** The store, in which somebody else writes between the operator's next reading and its write. */
function overtaking(store: ObjectStore, others: () => void): ObjectStore {
  let isDone = false;
  return {
    ...store,
    read: async (...asked) => {
      const found = await store.read(...asked);
      if (!isDone) others();
      isDone = true;
      return found;
    },
  };
}

describe("whoever else writes to the objects of a release, at whatever moment", () => {
  test("what is not ours is as they wrote it, sums stay, and at rest the objects are git's", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryMesh,
        fc.array(fc.tuple(happening, fate), { maxLength: 10 }),
        async ({ virtualService, destinationRule }, life) => {
          const mesh = new SharedMesh(virtualService, destinationRule);
          const { store } = mesh;
          const rollout = rolloutOf(referenced);
          const original = routerOn(store).describeOriginal(rollout);
          const sumsInGit = sums(mesh.virtualService);
          const act = async (action: TrafficAction) => {
            const before = {
              virtualservices: mesh.current("virtualservices"),
              destinationrules: mesh.current("destinationrules"),
            };
            const count = store.versions.length;
            await routerOn(store).perform(action, rollout, signal);
            for (const { plural, object } of store.versions.slice(count)) {
              expect(notOurs(object)).toBe(notOurs(before[plural as keyof typeof before]));
              if (plural === "virtualservices") expect(sums(object)).toEqual(sumsInGit);
            }
          };
          for (const [asked, outcome] of life) {
            const action = actionOf(asked, original);
            if (asked.kind === "git") mesh.applyGit(asked.timeout);
            else if (asked.kind === "hand") mesh.moveByHand(asked.share);
            else if (action !== undefined && outcome === "overtaken") {
              const overtaken = overtaking(store, () => mesh.applyGit(undefined));
              await routerOn(overtaken)
                .perform(action, rollout, signal)
                .catch((error: unknown) => expect(error).toBeInstanceOf(ConflictError));
            } else if (action !== undefined && outcome !== "lost") {
              await act(action);
              if (outcome === "written twice") {
                const count = store.versions.length;
                await act(action);
                expect(store.versions).toHaveLength(count);
              }
            }
          }
          await act({ kind: "restoreRoute", original });
          await act({ kind: "restoreSubsets", original });
          expect(JSON.stringify(mesh.current("virtualservices").spec)).toBe(JSON.stringify(mesh.virtualService.spec));
          expect(JSON.stringify(mesh.current("destinationrules").spec)).toBe(JSON.stringify(mesh.destinationRule.spec));
        },
      ),
      { numRuns: 500 },
    );
  });
});
