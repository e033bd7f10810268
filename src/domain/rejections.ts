import type { RolloutStatus } from "../api/rollout-status.ts";
import type { Observation, Workload } from "./observation.ts";

type Rejected = NonNullable<RolloutStatus["rejected"]>;

/** What is known of a rejection: of its time and reason nothing where it was an earlier Rollout that rejected the revision. */
export type Rejection = (
  { readonly at: string; readonly reason: string } | { readonly at?: undefined; readonly reason?: undefined }
) & {
  /** The commit that brought the revision. */
  readonly commit?: string | undefined;
};

/** Why the template that the Deployment has now was rejected; undefined when it was not. */
export function rejectionOf({ rollout }: Observation, workload: Workload): Rejection | undefined {
  const { revision, rejectedRevisions } = workload;
  const entry = rollout.status.rejected?.find((candidate) => candidate.revision === revision);
  if (entry !== undefined) return entry;
  return rejectedRevisions.includes(revision) ? {} : undefined;
}

/** Whether a person asked to release a rejected revision again. */
export function askedToRetry({ rollout }: Observation): boolean {
  const asked = rollout.requests.retry;
  return asked !== undefined && asked !== rollout.status.handled?.retry;
}

/**
 * The rejections with the one that the Deployment has now named as its template is read now: a newer Kubernetes may give
 * the same template other defaults, and with them another name.
 */
export function currentRejections(rejected: Rejected | undefined, workload: Workload): Rejected | undefined {
  const { uid, generation, revision } = workload;
  return rejected?.map((entry) => {
    const isSame = entry.deployment?.uid === uid && entry.deployment.generation === generation;
    return isSame ? { ...entry, revision } : entry;
  });
}

/** The rejections, with the Deployment noted in the one that it asks for now. */
export function seenRejections(rejected: Rejected | undefined, workload: Workload): Rejected | undefined {
  const { uid, generation, revision } = workload;
  return rejected?.map((entry) =>
    entry.revision === revision ? { ...entry, deployment: { uid, generation } } : entry,
  );
}

const remembered = 20;

/** The revisions that the Deployment's annotation should list, the newest first; the proven one is not among them. */
export function rejectedRevisions({ rollout }: Observation, workload: Workload): readonly string[] {
  const own = (rollout.status.rejected ?? []).map(({ revision }) => revision);
  const all = [...new Set([...own, ...workload.rejectedRevisions])];
  return all.filter((revision) => revision !== rollout.status.stable?.revision).slice(0, remembered);
}
