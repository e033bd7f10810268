import type { Counts } from "../../src/api/rollout-status.ts";
import type { Gone } from "../../src/domain/analysis/blocks.ts";
import type { Counted } from "../../src/domain/observation.ts";
import { noon } from "./observation.ts";

/** Nobody went away. */
export const nobody: Gone = { stable: 0, canary: 0 };

export type { Counted };

/** Requests of one version. */
export function counts(requests: number, errors = 0, slow = 0, slowOrClose = slow): Counts {
  return { requests, errors, slow, slowOrClose };
}

/** What was counted up to noon: the same in each of `scrapes` scrapes, 5 s apart, the last of them at noon. */
export function counted(
  canary: Counts,
  stable: Counts = counts(0),
  more: Partial<Counted> & { scrapes?: number; gone?: Gone; lost?: number } = {},
): Counted {
  const { scrapes = 1, gone = nobody, lost = 0, ...others } = more;
  const part = ({ requests, errors, slow, slowOrClose }: Counts): Counts =>
    counts(requests / scrapes, errors / scrapes, slow / scrapes, slowOrClose / scrapes);
  return {
    kind: "Counts",
    since: noon - scrapes * 5_000,
    until: noon,
    interval: 5_000,
    ticks: Array.from({ length: scrapes }, (_, index) => ({
      at: noon - (scrapes - 1 - index) * 5_000,
      stable: part(stable),
      canary: part(canary),
      gone: { stable: gone.stable / scrapes, canary: gone.canary / scrapes },
      lost: lost / scrapes,
    })),
    sinceShift: undefined,
    ...others,
  };
}
