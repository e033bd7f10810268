import type { ProcessSpec, SupervisedProcess } from "../processes/supervised.ts";

/** What the data plane needs from whoever composes the cluster; `Supervisor.start` is such a function. */
export type StartProcess = (spec: ProcessSpec) => Promise<SupervisedProcess>;

/** Asks the cluster's Prometheus to scrape `http://<address><path>` from now on. */
export interface ScrapeTarget {
  readonly job: string;
  readonly address: string;
  readonly path: string;
  readonly labels: Readonly<Record<string, string>>;
}

export type RegisterScrapeTarget = (target: ScrapeTarget) => Promise<void>;
