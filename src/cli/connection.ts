import { createCredentials } from "../adapters/kubernetes/credentials.ts";
import { createInformers, type ObjectChange } from "../adapters/kubernetes/informers.ts";
import { loadKubeConfig } from "../adapters/kubernetes/kubeconfig.ts";
import { createKubernetesObjects } from "../adapters/kubernetes/objects.ts";
import { createTransport } from "../adapters/kubernetes/transport.ts";
import { rollouts } from "../adapters/kubernetes/workload-resources.ts";
import type { KubernetesObject, KubernetesObjects } from "../ports/kubernetes-objects.ts";
import { messageOf } from "../runtime/errors.ts";
import { systemTimers } from "../runtime/timers.ts";
import { CommandError } from "./command-error.ts";

/** Which cluster and namespace a command is about, as kubectl has these options. */
export interface ConnectionOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
}

/** A cluster as the commands see it. */
export interface Connection {
  readonly namespace: string;
  readonly objects: Pick<KubernetesObjects, "read" | "list" | "mergePatch" | "remove">;
  /**
   * Calls back for every Rollout of the namespace now, and again whenever one changes, until the signal is aborted;
   * undefined stands for one that was deleted.
   */
  watchRollouts(onChange: (name: string, object: KubernetesObject | undefined) => void, signal: AbortSignal): void;
  /** Ends all connections; nothing keeps the process alive afterwards. */
  close(): Promise<void>;
}

/** Connects as the kubeconfig says. Throws a CommandError when that cannot be read or has no such context. */
export function connect({ kubeconfig, context, namespace }: ConnectionOptions): Connection {
  const load = () => loadKubeConfig({ kubeconfig, context, kubeconfigVariable: process.env["KUBECONFIG"] });
  const config = readKubeconfig(load);
  const transport = createTransport(createCredentials(load));
  const informers = createInformers({ transport, timers: systemTimers });
  const chosen = namespace ?? config.getContextObject(config.currentContext)?.namespace ?? "default";
  return {
    namespace: chosen,
    objects: createKubernetesObjects(transport, informers),
    watchRollouts(onChange, signal) {
      const watched = { resource: rollouts, optional: false, namespaces: [chosen] };
      const notify = ({ kind, object }: ObjectChange) =>
        onChange(object.metadata.name, kind === "deleted" ? undefined : object);
      informers.watch(watched, notify, signal);
    },
    close: () => transport.close(),
  };
}

/** What a kubeconfig gives; throws a CommandError that says why it cannot be used. */
export function readKubeconfig<T>(load: () => T): T {
  try {
    return load();
  } catch (error) {
    const why = messageOf(error);
    throw new CommandError(`the kubeconfig cannot be used: ${why}`);
  }
}
