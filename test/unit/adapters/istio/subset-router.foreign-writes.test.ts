import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KubernetesObject } from "../../../../src/ports/kubernetes-objects.ts";
import type { TrafficAction } from "../../../../src/ports/traffic-router.ts";
import { ConflictError } from "../../../../src/runtime/errors.ts";
import { duringRelease } from "../../../contract/traffic-router.contract.ts";
import type { ObjectStore } from "./object-store.ts";
import { to, virtualServiceOf } from "./samples.ts";
import { subsetMesh, subsetRollout, subsetRouter } from "./subset-mesh.ts";

const { signal } = new AbortController();

interface Entry {
  readonly destination: { readonly host: string; readonly subset?: string };
  readonly weight?: number;
}

interface Rule {
  readonly match?: readonly { readonly headers?: unknown }[];
  readonly route?: readonly Entry[];
}

const more = fc.dictionary(
  fc.constantFrom("retries", "timeout", "mirror", "fault", "zFuture"),
  fc.oneof(fc.string({ maxLength: 6 }), fc.integer(), fc.constant({ a: [1] })),
  { maxKeys: 3 },
);
const hosts = fc.constantFrom("product", "product.shop.svc.cluster.local");
const foreign = fc
  .record({ weight: fc.nat(100), host: fc.constantFrom("other", "product"), more })
  .map(({ weight, host, more: fields }) => ({ ...fields, ...to(host === "other" ? undefined : "v3", weight, host) }));
/** All of the share at v1: alone, or beside a v2 that gets nothing. */
const mine = fc
  .record({ host: hosts, weight: fc.integer({ min: 2, max: 200 }), isPair: fc.boolean(), isFirst: fc.boolean() })
  .map(({ host, weight, isPair, isFirst }) => {
    const pair = [to("v1", weight, host), to("v2", 0, host)];
    if (!isPair) return pair.slice(0, 1);
    return isFirst ? pair : pair.toReversed();
  });
const split = fc
  .record({ mine, before: fc.array(foreign, { maxLength: 2 }), after: fc.array(foreign, { maxLength: 2 }), more })
  .map(({ mine: ours, before, after, more: fields }) => ({ ...fields, route: [...before, ...ours, ...after] }));
const pinned = fc.record({ more, subset: fc.constantFrom("v1", "v2", "v3") }).map(({ more: fields, subset }) => ({
  ...fields,
  match: [{ headers: { "x-version": { exact: subset } } }],
  route: [to(subset)],
}));
const http = fc
  .tuple(fc.array(pinned, { maxLength: 2 }), fc.array(split, { minLength: 1, maxLength: 3 }))
  .map((parts) => parts.flat());

type Happening =
  | { readonly kind: "routeTraffic"; readonly weight: number }
  | { readonly kind: "restoreRoute" }
  /** Git is applied again, with another value in a field that is not ours where `timeout` is given. */
  | { readonly kind: "git"; readonly timeout?: string }
  /** Somebody moves the weights by hand. */
  | { readonly kind: "hand"; readonly share: number };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.integer({ min: 0, max: 100 }).map((weight) => ({ kind: "routeTraffic", weight }) as const),
  fc.constantFrom<Happening>({ kind: "restoreRoute" }, { kind: "git" }, { kind: "git", timeout: "3s" }),
  fc.integer({ min: 0, max: 100 }).map((share) => ({ kind: "hand", share }) as const),
);
/** Whether the operator stops before or after its write, or git is faster than it. */
const fate = fc.constantFrom("written", "written twice", "lost", "overtaken");

const rulesOf = (object: KubernetesObject) => (object.spec?.["http"] ?? []) as readonly Rule[];
const isSplit = ({ match }: Rule) => match === undefined;
const isOurs = ({ destination }: Entry) =>
  destination.host.startsWith("product") && ["v1", "v2"].includes(destination.subset ?? "");
const notOurs = (object: KubernetesObject) =>
  JSON.stringify({
    ...object.spec,
    http: rulesOf(object).map((rule) =>
      isSplit(rule) ? { ...rule, route: (rule.route ?? []).filter((entry) => !isOurs(entry)) } : rule,
    ),
  });
const sums = (object: KubernetesObject) =>
  rulesOf(object)
    .filter(isSplit)
    .map(({ route = [] }) => route.filter(isOurs).reduce((sum, { weight = 0 }) => sum + weight, 0));
const sharesOf = (object: KubernetesObject, subset: string) =>
  rulesOf(object)
    .filter(isSplit)
    .map(({ route = [] }) =>
      route
        .filter((entry) => isOurs(entry) && entry.destination.subset === subset)
        .reduce((sum, { weight = 0 }) => sum + weight, 0),
    );

/** A mesh that git, people and the operator write to. */
class SharedMesh {
  readonly store: ObjectStore;
  git: KubernetesObject;

  constructor(rules: readonly object[]) {
    this.store = subsetMesh(...rules);
    this.git = this.current();
  }

  current(): KubernetesObject {
    const found = this.store.get("virtualservices", "shop", "product");
    if (found === undefined) throw new Error("the VirtualService is gone");
    return found;
  }

  applyGit(timeout?: string): void {
    if (timeout !== undefined) this.git = virtualServiceOf("product", { ...this.git.spec, zTimeout: timeout });
    this.store.put("virtualservices", this.git);
  }

  /** Moves the weights of the routes that name both subsets at the moment, and leaves their sums. */
  moveByHand(share: number): void {
    const moved = rulesOf(this.current()).map((rule) => {
      const ours = (rule.route ?? []).filter(isOurs);
      if (!isSplit(rule) || ours.length < 2) return rule;
      const sum = ours.reduce((total, { weight = 0 }) => total + weight, 0);
      const part = Math.round((sum * share) / 100);
      const weighted = rule.route?.map((entry) =>
        isOurs(entry) ? { ...entry, weight: entry.destination.subset === "v2" ? part : sum - part } : entry,
      );
      return { ...rule, route: weighted };
    });
    this.store.put("virtualservices", virtualServiceOf("product", { ...this.current().spec, http: moved }));
  }

  /** The store, in which git is applied between the operator's next reading and its write. */
  overtaking(): ObjectStore {
    let isDone = false;
    return {
      ...this.store,
      read: async (...asked) => {
        const found = await this.store.read(...asked);
        if (!isDone) this.applyGit();
        isDone = true;
        return found;
      },
    };
  }
}

describe("whoever else writes to the routes of a release between subsets, at whatever moment", () => {
  test("what is not ours is as they wrote it, sums stay, and the end is git's or all of the share at one subset", async () => {
    await fc.assert(
      fc.asyncProperty(
        http,
        fc.array(fc.tuple(happening, fate), { maxLength: 10 }),
        fc.constantFrom("RolledBack", "Promoted"),
        async (rules, life, outcome) => {
          const mesh = new SharedMesh(rules);
          const { store } = mesh;
          const original = subsetRouter(store).describeOriginal(subsetRollout());
          const rollout = duringRelease(subsetRollout(), original, "Split", 50);
          const sumsInGit = sums(mesh.git);
          const act = async (action: TrafficAction) => {
            const before = mesh.current();
            const count = store.versions.length;
            await subsetRouter(store).perform(action, rollout, signal);
            for (const { plural, object } of store.versions.slice(count)) {
              expect(plural).toBe("virtualservices");
              expect(notOurs(object)).toBe(notOurs(before));
              expect(sums(object)).toEqual(sumsInGit);
            }
          };
          for (const [asked, end] of life) {
            if (asked.kind === "git") mesh.applyGit(asked.timeout);
            else if (asked.kind === "hand") mesh.moveByHand(asked.share);
            else if (end === "overtaken")
              await subsetRouter(mesh.overtaking())
                .perform({ ...asked, original }, rollout, signal)
                .catch((error: unknown) => expect(error).toBeInstanceOf(ConflictError));
            else if (end !== "lost") {
              await act({ ...asked, original });
              const count = store.versions.length;
              if (end === "written twice") await act({ ...asked, original });
              expect(store.versions).toHaveLength(count);
            }
          }
          if (outcome === "RolledBack") {
            await act({ kind: "restoreRoute", original });
            expect(mesh.current().spec).toEqual(mesh.git.spec);
            return;
          }
          await act({ kind: "routeTraffic", weight: 100, original });
          await act({ kind: "serveSubset", subset: "v2" });
          expect(sharesOf(mesh.current(), "v2")).toEqual(sumsInGit);
        },
      ),
      { numRuns: 500 },
    );
  });
});
