import type { Answered } from "../node-agent/pod-server.ts";

/** Requests that pods have answered, by workload and status; 0 is a caller that went away. */
export type ServedCounts = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface ServedCounter {
  count(workload: string, answered: Answered): void;
  snapshot(): ServedCounts;
}

export function createServedCounts(): ServedCounter {
  const counts = new Map<string, Map<number, number>>();
  return {
    count(workload, { status }) {
      const own = counts.get(workload) ?? new Map<number, number>();
      own.set(status, (own.get(status) ?? 0) + 1);
      counts.set(workload, own);
    },
    snapshot: () => Object.fromEntries([...counts].map(([workload, own]) => [workload, Object.fromEntries(own)])),
  };
}
