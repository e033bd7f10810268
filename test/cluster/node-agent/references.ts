import { kind, type KubernetesClient, type KubernetesObject } from "../kubernetes.ts";
import type { PodObject } from "./pod-status.ts";

type Source = KubernetesObject & { readonly data?: Readonly<Record<string, string>> };

const kinds = { configmap: kind<Source>("v1", "ConfigMap"), secret: kind<Source>("v1", "Secret") };

interface Reference {
  readonly what: keyof typeof kinds;
  readonly name: string;
  readonly key: string | undefined;
}

/** What a pod waits for before its container can be created, as a kubelet would find it. */
export interface Missing {
  /** Volumes come before containers: the kubelet reports nothing but ContainerCreating. */
  readonly volumes: boolean;
  readonly message: string;
}

/** Whether a pod can start without any ConfigMap or Secret. */
export function needsNothing(pod: PodObject): boolean {
  return referencesOf(pod).length === 0;
}

/** The first ConfigMap or Secret that a pod needs and that is not there. */
export async function firstMissing(client: KubernetesClient, pod: PodObject): Promise<Missing | undefined> {
  for (const { volumes, reference } of referencesOf(pod)) {
    const { what, name, key } = reference;
    const found = await client.get(kinds[what], { namespace: pod.metadata.namespace ?? "default", name });
    if (found === undefined) return { volumes, message: `${what} "${name}" not found` };
    if (key !== undefined && found.data?.[key] === undefined)
      return { volumes, message: `couldn't find key ${key} in ${what} ${pod.metadata.namespace ?? "default"}/${name}` };
  }
  return undefined;
}

function referencesOf({ spec }: PodObject): readonly { readonly volumes: boolean; readonly reference: Reference }[] {
  const volumes = (spec.volumes ?? []).flatMap(({ configMap, secret }) => [
    ...reference("configmap", { name: configMap?.name, optional: configMap?.optional }),
    ...reference("secret", { name: secret?.secretName, optional: secret?.optional }),
  ]);
  const environment = spec.containers.flatMap(({ env = [], envFrom = [] }) => [
    ...envFrom.flatMap((each) => [
      ...reference("configmap", each.configMapRef),
      ...reference("secret", each.secretRef),
    ]),
    ...env.flatMap(({ valueFrom }) => [
      ...reference("configmap", valueFrom?.configMapKeyRef),
      ...reference("secret", valueFrom?.secretKeyRef),
    ]),
  ]);
  return [
    ...volumes.map((each) => ({ volumes: true, reference: each })),
    ...environment.map((each) => ({ volumes: false, reference: each })),
  ];
}

/** A name, and a key where one is asked for; nothing where it may be missing. */
export interface Named {
  readonly name?: string | undefined;
  readonly key?: string | undefined;
  readonly optional?: boolean | undefined;
}

function reference(what: keyof typeof kinds, named: Named | undefined): readonly Reference[] {
  if (named?.name === undefined || named.optional === true) return [];
  return [{ what, name: named.name, key: named.key }];
}
