import type { KubernetesObject, KubernetesObjects, Resource } from "../../ports/kubernetes-objects.ts";
import type { ObjectKey } from "../../api/object-key.ts";
import { parseInstant } from "../../api/instant.ts";
import { NotFoundError } from "../../runtime/errors.ts";
import type { LeaseRecord, LeaseStore, StoredLease } from "../../runtime/leader-election.ts";

const leases: Resource = { group: "coordination.k8s.io", version: "v1", plural: "leases" };

interface LeaseSpec {
  readonly holderIdentity?: string | null;
  readonly leaseDurationSeconds?: number | null;
  readonly acquireTime?: string | null;
  readonly renewTime?: string | null;
  readonly leaseTransitions?: number | null;
}

/** Keeps a lease in a Lease of coordination.k8s.io, as other Kubernetes controllers do. */
export function createLeaseStore(objects: KubernetesObjects, { namespace, name }: ObjectKey): LeaseStore {
  return {
    async read(signal) {
      const lease = await objects.read(leases, namespace, name, signal);
      return lease === undefined ? undefined : storedLease(lease);
    },
    async create(record, signal) {
      const body = {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata: { namespace, name },
        spec: specOf(record),
      };
      try {
        return storedLease(await objects.create(leases, body, { signal }));
      } catch (error) {
        throw error instanceof NotFoundError ? missingNamespace({ namespace, name }, error) : error;
      }
    },
    async update(version, record, signal) {
      const patch = { metadata: { resourceVersion: version }, spec: specOf(record) };
      return storedLease(await objects.mergePatch(leases, namespace, name, patch, { signal }));
    },
  };
}

/** A Lease can always be created, unless there is no place for it. */
function missingNamespace({ namespace, name }: ObjectKey, cause: NotFoundError): NotFoundError {
  return new NotFoundError(
    `Lease ${namespace}/${name} has no place: there is no namespace ${namespace}. Create it with kubectl create namespace ${namespace}, or name one that is there with --leader-elect-namespace.`,
    { cause },
  );
}

function storedLease(lease: KubernetesObject): StoredLease {
  const spec = (lease.spec ?? {}) as LeaseSpec;
  return {
    version: lease.metadata.resourceVersion ?? "",
    record: {
      holder: spec.holderIdentity ? spec.holderIdentity : undefined,
      duration: (spec.leaseDurationSeconds ?? 0) * 1_000,
      acquiredAt: readTime(spec.acquireTime),
      renewedAt: readTime(spec.renewTime),
      transitions: spec.leaseTransitions ?? 0,
    },
  };
}

function readTime(text: string | null | undefined): string {
  return new Date(text ? parseInstant(text) : 0).toISOString();
}

function specOf({ holder, duration, acquiredAt, renewedAt, transitions }: LeaseRecord): LeaseSpec {
  return {
    // An empty holder is how Kubernetes controllers say that a lease is free; null removes the field.
    holderIdentity: holder ?? "",
    // Rounded up: who waits for less might lead while this one still does.
    leaseDurationSeconds: Math.max(1, Math.ceil(duration / 1_000)),
    acquireTime: microTime(acquiredAt),
    renewTime: microTime(renewedAt),
    leaseTransitions: transitions,
  };
}

/** The API's MicroTime wants exactly six digits after the point. */
function microTime(text: string): string {
  return new Date(parseInstant(text)).toISOString().replace("Z", "000Z");
}
