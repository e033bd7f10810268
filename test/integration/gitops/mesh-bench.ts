import { inject } from "vitest";
import type { KubernetesObject } from "../../../src/ports/kubernetes-objects.ts";
import type { TrafficAction, TrafficRouter } from "../../../src/ports/traffic-router.ts";
import { duringRelease } from "../../contract/traffic-router.contract.ts";
import { aRollout } from "../../support/observation.ts";
import { startRealRouter } from "../istio/real-router.ts";
import { kubectlOutput } from "../kubectl.ts";
import { askGitops } from "./gitops-check.ts";

/** What a team has in git for its routes, less the namespace. */
export interface InGit {
  readonly apiVersion: string;
  readonly kind: "VirtualService" | "DestinationRule";
  readonly metadata: { readonly name: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

export function inGit(kind: InGit["kind"], name: string, spec: InGit["spec"]): InGit {
  return { apiVersion: "networking.istio.io/v1", kind, metadata: { name }, spec };
}

/** The Service of the bench, and the route to it as docs/gitops.md says that it should be in git. */
const host = "product";
export const route = [{ destination: { host, subset: "stable" }, weight: 100 }];

/** The VirtualService `product`, whose timeout is what changes in git. */
export const virtualService = (timeout: string): InGit =>
  inGit("VirtualService", host, { hosts: [host], http: [{ name: "primary", timeout, route }] });

export const destinationRule = inGit("DestinationRule", host, {
  host,
  subsets: ["stable", "canary"].map((name) => ({ name, labels: { app: host } })),
});

/** A namespace with the Service `product`, whose routes are in git. */
export interface MeshBench {
  readonly namespace: string;
  /** As `kubectl apply`, with which Argo CD syncs. */
  apply(objects: readonly InGit[]): Promise<void>;
  /** What Flux does about each object, leaving `ignore` alone: created, configured or unchanged. */
  applyWithFlux(objects: readonly InGit[], ignore?: readonly string[]): Promise<readonly string[]>;
  /** The object as the API server has it. */
  stored(object: InGit): Promise<KubernetesObject>;
  /** The operator's own code, in the middle of a release of VirtualService and DestinationRule `product`. */
  beginRelease(): Promise<Release>;
}

export interface Release {
  /** Gives the canary this share. */
  shift(weight: number): Promise<void>;
  /** Gives routes and subsets back. */
  end(): Promise<void>;
  /** The canary's share, as the operator reads it; undefined where the routes are not split as it wrote them. */
  weight(): number | undefined;
}

export interface Mesh {
  open(namespace: string): Promise<MeshBench>;
  stop(): Promise<void>;
}

/** The operator's router on the shared cluster, for namespaces in which a tool applies the routes. */
export async function openMesh(): Promise<Mesh> {
  const { router, signal, caughtUp, stop } = await startRealRouter();
  const opened: string[] = [];
  return {
    open: (namespace) => {
      opened.push(namespace);
      return openBench(namespace, { router, caughtUp: () => caughtUp(namespace), signal });
    },
    stop: async () => {
      await kubectlOutput(["delete", "namespace", "--ignore-not-found", "--wait=false", ...opened]);
      await stop();
    },
  };
}

interface Operator {
  readonly router: TrafficRouter;
  readonly caughtUp: () => Promise<void>;
  readonly signal: AbortSignal;
}

async function openBench(namespace: string, operator: Operator): Promise<MeshBench> {
  await kubectlOutput(["create", "namespace", namespace]);
  await kubectlOutput(["-n", namespace, "apply", "-f", "-"], {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "product" },
    spec: { selector: { app: "product" }, ports: [{ name: "http", port: 8080 }] },
  });
  return {
    namespace,
    apply: async (all) => {
      for (const object of all) await kubectlOutput(["-n", namespace, "apply", "-f", "-"], object);
      await operator.caughtUp();
    },
    applyWithFlux: async (all, ignore = []) => {
      const kubeconfig = inject("kubeconfig");
      const questions = all.map((object) => {
        const metadata = { ...object.metadata, namespace };
        const pointers = ignore.filter((pointer) => isIn(object.spec, pointer));
        return { kubeconfig, object: { ...object, metadata }, ignore: pointers };
      });
      const answers = await askGitops<{ readonly action?: string; readonly error?: string }>("apply-flux", questions);
      await operator.caughtUp();
      return answers.map(({ action, error }) => action ?? `error: ${error}`);
    },
    stored: async ({ kind, metadata }) => {
      const what = `${kind.toLowerCase()}.networking.istio.io/${metadata.name}`;
      const text = await kubectlOutput(["-n", namespace, "get", what, "-o", "json"]);
      return JSON.parse(text) as KubernetesObject;
    },
    beginRelease: () => beginRelease(namespace, operator),
  };
}

/** A pointer is for the kind that has what it points at, as the target in spec.ignore says. */
function isIn(spec: object, pointer: string): boolean {
  return pointer.split("/")[2]! in spec;
}

async function beginRelease(namespace: string, { router, caughtUp, signal }: Operator): Promise<Release> {
  const names = { virtualService: { name: "product" }, destinationRule: { name: "product" } };
  const { spec } = aRollout({ spec: { traffic: { istio: names } } });
  const rollout = aRollout({ key: { namespace, name: "product" } });
  const atRest = { ...rollout, spec };
  const original = router.describeOriginal(atRest);
  const problem = await router.rehearse(atRest, signal);
  if (problem !== undefined) throw new Error(problem.message);
  let released = duringRelease(atRest, original, "Split", 0);
  const perform = async (action: TrafficAction): Promise<void> => {
    await router.perform(action, released, signal);
    await caughtUp();
  };
  await perform({ kind: "narrowSubsets", stable: "aaa", canary: "bbb" });
  return {
    shift: async (weight) => {
      released = duringRelease(atRest, original, "Split", weight);
      await perform({ kind: "routeTraffic", weight, original });
    },
    end: async () => {
      await perform({ kind: "restoreRoute", original });
      await perform({ kind: "restoreSubsets", original });
    },
    weight: () => {
      const traffic = router.readTraffic(released);
      if (!("route" in traffic) || traffic.subsets.kind !== "Present" || traffic.subsets.canary !== "bbb")
        return undefined;
      return traffic.route.kind === "Split" ? traffic.route.weight : undefined;
    },
  };
}
