import type { KubernetesObject } from "../../../src/ports/kubernetes-objects.ts";
import { stableHash } from "../../../src/domain/stable-hash.ts";
import { canonicalJson } from "../../../src/domain/canonical-json.ts";
import { copyOf, type Json } from "./json.ts";
import { metadataOf, type MemoryStore } from "./memory-store.ts";

export interface ControllersOptions {
  readonly store: MemoryStore;
  readonly now: () => number;
  /** What pods take to get ready. */
  readonly startSeconds: number;
}

const manager = "kube-controller-manager";
const hashLabel = "pod-template-hash";
const desiredReplicas = "deployment.kubernetes.io/desired-replicas";
const maxReplicas = "deployment.kubernetes.io/max-replicas";
const revision = "deployment.kubernetes.io/revision";

interface DeploymentSpec {
  readonly replicas: number;
  readonly paused?: boolean;
  readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly template: Json;
  readonly strategy?: { readonly rollingUpdate?: { readonly maxSurge?: string | number } };
}

interface Sizes {
  readonly replicas?: number;
  readonly readyReplicas?: number;
  readonly availableReplicas?: number;
}

/**
 * What kube-controller-manager does with Deployments, ReplicaSets and what owns them, and a kubelet with pods: the parts
 * of it that a release meets. One call to `sync` does all that is to be done now.
 */
export class Controllers {
  readonly #options: ControllersOptions;
  readonly #startedAt = new Map<string, number>();
  #pods = 0;

  constructor(options: ControllersOptions) {
    this.#options = options;
  }

  sync(): void {
    const { store } = this.#options;
    this.#collectGarbage();
    for (const deployment of store.list("deployments")) this.#syncDeployment(deployment);
    for (const replicaSet of store.list("replicasets")) this.#syncReplicaSet(replicaSet);
    for (const deployment of store.list("deployments")) this.#tellDeployment(deployment);
  }

  /** What an owner left goes; what a Rollout let go of stays only where nobody owns it. */
  #collectGarbage(): void {
    const { store } = this.#options;
    for (const plural of ["replicasets", "pods", "virtualservices", "destinationrules"]) {
      for (const object of store.list(plural)) {
        const owners = object.metadata.ownerReferences ?? [];
        const isOrphaned =
          owners.length > 0 && owners.every(({ kind, name, uid }) => !this.#exists(kind, object, name, uid));
        if (isOrphaned)
          store.remove({ plural, namespace: object.metadata.namespace, name: object.metadata.name }, manager);
      }
    }
  }

  #exists(kind: string, { metadata }: KubernetesObject, name: string, uid: string): boolean {
    return this.#options.store.get(`${kind.toLowerCase()}s`, metadata.namespace, name)?.metadata.uid === uid;
  }

  #syncDeployment(deployment: KubernetesObject): void {
    if (deployment.metadata.deletionTimestamp !== undefined) return;
    const spec = specOf(deployment);
    const own = this.#ownedBy(deployment, spec);
    const hash = hashOf(spec.template);
    const current = own.find((one) => templateHashOf(one) === hash);
    const old = own.filter((one) => one !== current);
    if (spec.paused === true || this.#isScaling(own, spec)) return this.#scale(spec, current, old);
    if (current === undefined) return this.#createReplicaSet(deployment, spec, hash, own);
    this.#roll(spec, current, old);
  }

  /** Those that it controls; one that matches and that nobody controls becomes its own. */
  #ownedBy(deployment: KubernetesObject, { selector }: DeploymentSpec): readonly KubernetesObject[] {
    const { store } = this.#options;
    return store.list("replicasets", deployment.metadata.namespace, selector.matchLabels).flatMap((found) => {
      const controller = controllerOf(found);
      if (controller === deployment.metadata.uid) return [found];
      if (controller !== undefined || found.metadata.deletionTimestamp !== undefined) return [];
      return [this.#change("replicasets", found, (object) => own(object, deployment))];
    });
  }

  #isScaling(own: readonly KubernetesObject[], { replicas }: DeploymentSpec): boolean {
    return own.some(
      (one) => sizeOf(one) > 0 && ![undefined, String(replicas)].includes(one.metadata.annotations?.[desiredReplicas]),
    );
  }

  /** With one active ReplicaSet that has the Deployment's size; with more, what is saturated pushes out the others. */
  #scale(spec: DeploymentSpec, current: KubernetesObject | undefined, old: readonly KubernetesObject[]): void {
    const all = current === undefined ? old : [...old, current];
    const active = all.filter((one) => sizeOf(one) > 0);
    const only = active.length === 0 ? (current ?? old.at(-1)) : active.length === 1 ? active[0] : undefined;
    if (only !== undefined) return this.#resize(only, spec.replicas, spec);
    if (current === undefined || !isSaturated(current, spec)) return this.#shrinkTogether(active, spec);
    for (const one of old) this.#resize(one, 0, spec);
  }

  /** More than there may be: each gives its part. */
  #shrinkTogether(active: readonly KubernetesObject[], spec: DeploymentSpec): void {
    const all = active.reduce((sum, one) => sum + sizeOf(one), 0);
    const most = spec.replicas + surgeOf(spec);
    if (all <= most) return;
    for (const one of active) this.#resize(one, Math.floor((sizeOf(one) * most) / all), spec);
  }

  #createReplicaSet(
    deployment: KubernetesObject,
    spec: DeploymentSpec,
    hash: string,
    own: readonly KubernetesObject[],
  ): void {
    const template = copyOf(spec.template);
    const labels = { ...((template["metadata"] as Json | undefined)?.["labels"] as Json), [hashLabel]: hash };
    template["metadata"] = { ...(template["metadata"] as Json), labels };
    const { name, namespace, uid } = deployment.metadata;
    const total = own.reduce((sum, one) => sum + sizeOf(one), 0);
    this.#options.store.create(
      "replicasets",
      {
        apiVersion: "apps/v1",
        kind: "ReplicaSet",
        metadata: {
          name: `${name}-${hash}`,
          namespace,
          labels,
          annotations: scaling(spec, String(own.length + 1)),
          ownerReferences: [{ apiVersion: "apps/v1", kind: "Deployment", name, uid, controller: true }],
        },
        spec: {
          replicas: Math.min(spec.replicas, Math.max(0, spec.replicas + surgeOf(spec) - total)),
          selector: { matchLabels: labels },
          template,
        },
      },
      manager,
    );
  }

  #roll(spec: DeploymentSpec, current: KubernetesObject, old: readonly KubernetesObject[]): void {
    const total = [current, ...old].reduce((sum, one) => sum + sizeOf(one), 0);
    const room = spec.replicas + surgeOf(spec) - total;
    if (sizeOf(current) < spec.replicas && room > 0)
      return this.#resize(current, Math.min(spec.replicas, sizeOf(current) + room), spec);
    const available = [current, ...old].reduce((sum, one) => sum + (statusOf(one).availableReplicas ?? 0), 0);
    let spare = available - spec.replicas + Math.floor(spec.replicas / 4);
    for (const one of old) {
      const fewer = Math.min(sizeOf(one), Math.max(0, spare));
      if (fewer > 0) this.#resize(one, sizeOf(one) - fewer, spec);
      spare -= fewer;
    }
  }

  #resize(replicaSet: KubernetesObject, replicas: number, spec: DeploymentSpec): void {
    this.#change("replicasets", replicaSet, (object) => {
      (object["spec"] as Json)["replicas"] = replicas;
      metadataOf(object)["annotations"] = {
        ...(metadataOf(object)["annotations"] as Json | undefined),
        ...scaling(spec, replicaSet.metadata.annotations?.[revision] ?? "1"),
      };
    });
  }

  #syncReplicaSet(replicaSet: KubernetesObject): void {
    const { store, now, startSeconds } = this.#options;
    const { namespace, name, uid } = replicaSet.metadata;
    const labels = (replicaSet.spec?.["selector"] as { matchLabels: Record<string, string> }).matchLabels;
    const pods = store.list("pods", namespace, labels).filter((pod) => controllerOf(pod) === uid);
    const wanted = replicaSet.metadata.deletionTimestamp === undefined ? sizeOf(replicaSet) : 0;
    for (const pod of pods.slice(wanted)) store.remove({ plural: "pods", namespace, name: pod.metadata.name }, manager);
    for (let missing = pods.length; missing < wanted; missing += 1) this.#startPod(replicaSet, labels);
    const running = store.list("pods", namespace, labels).filter((pod) => controllerOf(pod) === uid);
    const isUp = ({ metadata }: KubernetesObject) =>
      now() - (this.#startedAt.get(metadata.name) ?? now()) >= 1_000 * startSeconds;
    const ready = running.filter(isUp).length;
    const status = {
      replicas: running.length,
      ...(ready === 0 ? {} : { readyReplicas: ready, availableReplicas: ready }),
      observedGeneration: replicaSet.metadata.generation,
    };
    if (store.get("replicasets", namespace, name) !== undefined) this.#tell("replicasets", replicaSet, status);
  }

  #startPod({ metadata: { namespace, name, uid } }: KubernetesObject, labels: Readonly<Record<string, string>>): void {
    this.#pods += 1;
    const pod = `${name}-${this.#pods}`;
    this.#startedAt.set(pod, this.#options.now());
    const ownerReferences = [{ apiVersion: "apps/v1", kind: "ReplicaSet", name, uid, controller: true }];
    const status = { phase: "Running", containerStatuses: [{ name: "app", restartCount: 0, state: { running: {} } }] };
    this.#options.store.create(
      "pods",
      { metadata: { name: pod, namespace, labels, ownerReferences }, status },
      manager,
    );
  }

  #tellDeployment(deployment: KubernetesObject): void {
    const spec = specOf(deployment);
    const own = this.#options.store
      .list("replicasets", deployment.metadata.namespace, spec.selector.matchLabels)
      .filter((one) => controllerOf(one) === deployment.metadata.uid);
    const sum = (member: keyof Sizes) => own.reduce((total, one) => total + (statusOf(one)[member] ?? 0), 0);
    const updated = own.find((one) => templateHashOf(one) === hashOf(spec.template));
    this.#tell("deployments", deployment, {
      observedGeneration: deployment.metadata.generation,
      replicas: sum("replicas"),
      readyReplicas: sum("readyReplicas"),
      availableReplicas: sum("availableReplicas"),
      updatedReplicas: updated === undefined ? 0 : (statusOf(updated).replicas ?? 0),
    });
  }

  #tell(plural: string, { metadata: { namespace, name } }: KubernetesObject, status: Json): void {
    const options = { subresource: "status" };
    this.#options.store.update({ plural, namespace, name }, (object) => ({ ...object, status }), manager, options);
  }

  #change(plural: string, object: KubernetesObject, change: (object: Json) => void): KubernetesObject {
    const { namespace, name } = object.metadata;
    const changed = (current: Json) => {
      change(current);
      return current;
    };
    return this.#options.store.update({ plural, namespace, name }, changed, manager);
  }
}

function specOf(deployment: KubernetesObject): DeploymentSpec {
  return deployment.spec as unknown as DeploymentSpec;
}

function statusOf(replicaSet: KubernetesObject): Sizes {
  return replicaSet.status ?? {};
}

/** It has all the pods that are wanted, and its annotations say so. */
function isSaturated(replicaSet: KubernetesObject, { replicas }: DeploymentSpec): boolean {
  const isFull = sizeOf(replicaSet) === replicas && statusOf(replicaSet).availableReplicas === replicas;
  return isFull && replicaSet.metadata.annotations?.[desiredReplicas] === String(replicas);
}

export function sizeOf(replicaSet: KubernetesObject): number {
  return Number(replicaSet.spec?.["replicas"] ?? 0);
}

export function controllerOf(object: KubernetesObject): string | undefined {
  return object.metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid;
}

export function imageOf(object: KubernetesObject): string {
  const template = object.spec?.["template"] as { spec: { containers: { image: string }[] } };
  return template.spec.containers[0]?.image ?? "";
}

/** The same for equal templates; the label that it becomes is not part of them. */
function hashOf(template: Json): string {
  const { metadata, ...others } = copyOf(template) as Json & { metadata?: { labels?: Json } };
  const { [hashLabel]: _, ...labels } = metadata?.labels ?? {};
  return stableHash(canonicalJson({ ...others, metadata: { ...metadata, labels } })).slice(0, 10);
}

function templateHashOf(replicaSet: KubernetesObject): string {
  return hashOf(replicaSet.spec?.["template"] as Json);
}

function surgeOf({ replicas, strategy }: DeploymentSpec): number {
  const surge = strategy?.rollingUpdate?.maxSurge ?? "25%";
  return typeof surge === "number" ? surge : Math.ceil((Number.parseInt(surge, 10) * replicas) / 100);
}

function scaling(spec: DeploymentSpec, number: string): Readonly<Record<string, string>> {
  return {
    [desiredReplicas]: String(spec.replicas),
    [maxReplicas]: String(spec.replicas + surgeOf(spec)),
    [revision]: number,
  };
}

function own(object: Json, { apiVersion, metadata: { name, uid } }: KubernetesObject): void {
  const owner = { apiVersion, kind: "Deployment", name, uid, controller: true };
  const others = (metadataOf(object)["ownerReferences"] as object[] | undefined) ?? [];
  metadataOf(object)["ownerReferences"] = [...others, owner];
}
