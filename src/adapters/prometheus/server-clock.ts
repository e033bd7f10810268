import type { Instant, Milliseconds } from "../../api/instant.ts";
import type { Clock } from "../../ports/clock.ts";
import type { QueryApi } from "./query-api.ts";

/** How much Prometheus's clock is ahead of ours, or why that is not known. */
export type Offset =
  { readonly kind: "Known"; readonly ahead: Milliseconds } | { readonly kind: "Problem"; readonly problem: string };

/** Knows Prometheus's clock. */
export interface ServerClock {
  /** Asks Prometheus at most once a minute, and always after our own clock went back. */
  offset(signal: AbortSignal): Promise<Offset>;
}

const asksEvery: Milliseconds = 60_000;

/**
 * The answer is dated by the moment of its arrival, so the offset is at most the true one and less by no more than the
 * round trip: a moment that is taken to be past on Prometheus's clock is past there.
 */
export function createServerClock(api: QueryApi, clock: Clock): ServerClock {
  let known: { readonly ahead: Milliseconds; readonly askedAt: Instant } | undefined;
  return {
    async offset(signal) {
      const asked = clock.now();
      if (known !== undefined && asked >= known.askedAt && asked - known.askedAt < asksEvery) {
        return { kind: "Known", ahead: known.ahead };
      }
      const answer = await api.query("time()", undefined, signal);
      if (answer.kind === "Problem") return answer;
      if (answer.kind !== "Scalar" || !Number.isFinite(answer.value)) {
        return { kind: "Problem", problem: "Prometheus does not tell its time" };
      }
      known = { ahead: Math.floor(answer.value * 1_000) - clock.now(), askedAt: asked };
      return { kind: "Known", ahead: known.ahead };
    },
  };
}
