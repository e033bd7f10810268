import { imageOf, REPLICAS, type PlannedRelease } from "./plan.ts";
import type { Observed, PodView } from "./observed.ts";

/** What is written down about one release while it goes on. */
export interface Ledger {
  note(observed: Observed): void;
  /** Undefined until the history has an entry for this version. */
  ending(): { readonly outcome: "Promoted" | "RolledBack"; readonly reason: string | undefined } | undefined;
  /** Above 0, each once, in the order in which they were first stored. */
  weights(): readonly number[];
  /** Pods of the version that are new or have restarted since all of its pods were ready for the first time. */
  podsRestarted(): number;
}

/** Begins at the apply: weights of earlier releases are not in it. */
export function createLedger({ version }: Pick<PlannedRelease, "version">): Ledger {
  const image = imageOf(version);
  const weights: number[] = [];
  let fullSize: ReadonlyMap<string, PodView> | undefined;
  let last: Observed | undefined;

  const own = (observed: Observed | undefined) => observed?.pods.filter((pod) => pod.image === image) ?? [];

  return {
    note(observed) {
      last = observed;
      const { weight } = observed;
      if (weight > 0 && weights.at(-1) !== weight) weights.push(weight);
      const pods = own(observed);
      if (fullSize === undefined && pods.filter(({ ready }) => ready).length >= REPLICAS) {
        fullSize = new Map(pods.map((pod) => [pod.name, pod]));
      }
    },
    ending() {
      const [entry] = last?.status?.history ?? [];
      return entry?.image === image ? { outcome: entry.outcome, reason: entry.reason } : undefined;
    },
    weights: () => weights,
    podsRestarted() {
      if (fullSize === undefined) return 0;
      return own(last).filter((pod) => {
        const before = fullSize?.get(pod.name);
        return before?.createdAt !== pod.createdAt || before.restarts < pod.restarts;
      }).length;
    },
  };
}
