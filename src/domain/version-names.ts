import type { Revision } from "../api/rollout-status.ts";
import type { Observation } from "./observation.ts";

type Seen = Pick<Observation, "rollout">;
type Version = "stable" | "canary";

/** How sentences call a version: by its images; by its part in the release where a status has lost them. */
export function imageOf({ rollout }: Seen, version: Version): string {
  return rollout.status[version]?.image ?? `the ${version} version`;
}

/** The name of its ReplicaSet, or of its subset; empty where a status has lost it. */
export function replicaSetNameOf({ rollout }: Seen, version: Version): string {
  return fieldOf(rollout.status[version], "replicaSet");
}

/** What its subset selects; empty where a status has lost it. */
export function hashOf({ rollout }: Seen, version: Version): string {
  return fieldOf(rollout.status[version], "podTemplateHash");
}

/** Any field of a revision; empty where there is none. */
export function fieldOf(revision: Revision | undefined, field: keyof Revision): string {
  return revision?.[field] ?? "";
}
