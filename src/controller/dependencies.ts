import type { Rollout } from "../api/rollout.ts";
import type { Settings } from "../domain/observation.ts";
import type { Announcer } from "../ports/announcer.ts";
import type { Clock } from "../ports/clock.ts";
import type { Cluster } from "../ports/cluster.ts";
import type { MetricProvider } from "../ports/metric-provider.ts";
import type { TrafficRouter } from "../ports/traffic-router.ts";
import type { Logger } from "../runtime/logger.ts";
import type { Obstacles } from "./obstacles.ts";
import type { ReleaseMetrics } from "./release-metrics.ts";
import type { Sightings } from "./sightings.ts";

/** Everything that a reconcile reaches. Handed in once; nothing is global. */
export interface Dependencies {
  readonly cluster: Cluster;
  /** The router of the Rollout's form, which a release that is under way tells where the spec cannot be read. */
  readonly routerFor: (rollout: Rollout) => TrafficRouter;
  readonly metrics: MetricProvider;
  readonly announcer: Announcer;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly releaseMetrics: ReleaseMetrics;
  readonly obstacles: Obstacles;
  readonly sightings: Sightings;
  readonly log: Logger;
}
