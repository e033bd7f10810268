import { spawn } from "node:child_process";
import { rolloutLabel } from "../../../src/api/names.ts";
import { createInformers } from "../../../src/adapters/kubernetes/informers.ts";
import { createKubernetesObjects } from "../../../src/adapters/kubernetes/objects.ts";
import { connect, type Transport } from "../../../src/adapters/kubernetes/transport.ts";
import { deployments } from "../../../src/adapters/kubernetes/workload-resources.ts";
import type { KubernetesObject, KubernetesObjects } from "../../../src/ports/kubernetes-objects.ts";
import { createAuthority, issueFor } from "../../../src/runtime/certificate.ts";
import { startHttpsServer } from "../../../src/runtime/https-server.ts";
import { systemTimers } from "../../../src/runtime/timers.ts";
import { until } from "../../cluster/processes/until.ts";
import { deploymentOf, type DeploymentManifest } from "./workbench.ts";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A namespace of a cluster whose admission is tried. Pods do not run in it: nothing here depends on them. */
export interface HoldBench {
  readonly namespace: string;
  readonly transport: Transport;
  readonly objects: KubernetesObjects;
  readonly signal: AbortSignal;
  /** In the bench's namespace; resolves whatever the exit code is. */
  kubectl(args: readonly string[], input?: object, env?: Readonly<Record<string, string>>): Promise<Outcome>;
  /** Its output; rejects when it fails. */
  run(...args: readonly string[]): Promise<string>;
  /** A Deployment of a Rollout at rest. It has two revisions, so that there is something to undo; v1 is the newer one. */
  atRest(name: string, how?: { readonly paused?: boolean }): Promise<DeploymentManifest>;
  read(name: string): Promise<KubernetesObject>;
  isPaused(name: string): Promise<boolean>;
  stop(): Promise<void>;
}

export async function createHoldBench(
  cluster: { readonly kubeconfig: string; readonly kubectl: string },
  namespace: string,
): Promise<HoldBench> {
  const transport = connect({ kubeconfig: cluster.kubeconfig });
  const stopping = new AbortController();
  const { signal } = stopping;
  const informers = createInformers({ transport, timers: systemTimers });
  const objects = createKubernetesObjects(transport, informers);
  const kubectl: HoldBench["kubectl"] = (args, input, env) =>
    runKubectl(cluster, ["-n", namespace, ...args], input, env);
  const run: HoldBench["run"] = async (...args) => outputOf(args, await kubectl(args));
  await run("create", "namespace", namespace);
  informers.watch({ resource: deployments, optional: false, namespaces: [namespace] }, () => undefined, signal);
  await until(() => informers.missing().length === 0, { timeout: 30_000, what: "the Deployments to be known" });
  const read: HoldBench["read"] = async (name) => {
    const found = await objects.read(deployments, namespace, name, signal);
    if (found === undefined) throw new Error(`Deployment ${name} is gone`);
    return found;
  };
  return {
    namespace,
    transport,
    objects,
    signal,
    kubectl,
    run,
    read,
    isPaused: async (name) => (await read(name)).spec?.["paused"] === true,
    async atRest(name, { paused = false } = {}) {
      const manifest = deploymentOf(name, { replicas: 1 });
      const revisions = async () => (await read(name)).metadata.annotations?.["deployment.kubernetes.io/revision"];
      const older = withImage(manifest, "shop/app:v0");
      outputOf(["apply"], await kubectl(["apply", "-f", "-"], older));
      await until(async () => (await revisions()) === "1", { timeout: 30_000, what: `the first revision of ${name}` });
      outputOf(["apply"], await kubectl(["apply", "-f", "-"], manifest));
      await until(async () => (await revisions()) === "2", { timeout: 30_000, what: `the second revision of ${name}` });
      if (paused) await run("rollout", "pause", `deployment/${name}`);
      await run("label", `deployment/${name}`, `${rolloutLabel}=${name}`);
      return manifest;
    },
    async stop() {
      stopping.abort();
      await run("delete", "namespace", namespace, "--wait=false");
      await transport.close();
    },
  };
}

export function withImage(manifest: DeploymentManifest, image: string): DeploymentManifest {
  const changed = structuredClone(manifest);
  changed.spec.template.spec.containers[0]!.image = image;
  return changed;
}

function outputOf(args: readonly string[], { code, stdout, stderr }: Outcome): string {
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}

function runKubectl(
  cluster: { readonly kubeconfig: string; readonly kubectl: string },
  args: readonly string[],
  input: object | undefined,
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const options = { env: { ...process.env, ...env } };
  const child = spawn(cluster.kubectl, ["--kubeconfig", cluster.kubeconfig, ...args], options);
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  child.on("error", reject);
  child.on("close", (code) => resolve({ code: code ?? -1, ...output }));
  child.stdin.end(input === undefined ? "" : JSON.stringify(input));
  return promise;
}

/** The annotation that the rewriting webhook waits for. */
const rewriteAnnotation = "tests.serin.dev/rewrite";

/** A Deployment whose image another webhook has rewritten in an update that asked for no other template. */
export async function rewritten(bench: HoldBench): Promise<KubernetesObject> {
  const rewriter = await startRewriter(bench);
  try {
    await bench.atRest("rewritten");
    await bench.run("annotate", "deployment/rewritten", `${rewriteAnnotation}=yes`);
    return await bench.read("rewritten");
  } finally {
    await rewriter.stop();
  }
}

/**
 * Somebody's webhook that the API server asks after ours: it gives the images of a Deployment with the annotation
 * another registry. Resolves when it is asked.
 */
async function startRewriter(bench: HoldBench): Promise<{ stop(): Promise<void> }> {
  const authority = await createAuthority("rewriter", Date.now());
  const identity = await issueFor(["127.0.0.1"], authority, Date.now());
  const routes = { "/rewrite": rewrite };
  const server = await startHttpsServer({ host: "127.0.0.1", port: 0, identity, routes });
  const name = `zz-rewriter-${bench.namespace}`;
  const url = `https://127.0.0.1:${server.port}/rewrite`;
  const caBundle = Buffer.from(authority.certificate).toString("base64");
  await bench.kubectl(["create", "-f", "-"], configurationOf(name, bench.namespace, { url, caBundle }));
  const probe = deploymentOf(name, { replicas: 0 });
  const annotated = { ...probe, metadata: { ...probe.metadata, annotations: { [rewriteAnnotation]: "yes" } } };
  const isAsked = async () =>
    (await bench.kubectl(["create", "--dry-run=server", "-o", "yaml", "-f", "-"], annotated)).stdout.includes(
      "mirror/",
    );
  await until(isAsked, { timeout: 30_000, what: "the rewriting webhook" });
  return {
    async stop() {
      await bench.run("delete", "mutatingwebhookconfiguration", name);
      await server.close();
    },
  };
}

function configurationOf(name: string, namespace: string, clientConfig: object): object {
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingWebhookConfiguration",
    metadata: { name },
    webhooks: [
      {
        name: "rewrite.tests.example",
        admissionReviewVersions: ["v1"],
        clientConfig,
        sideEffects: "None",
        failurePolicy: "Ignore",
        reinvocationPolicy: "Never",
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
        rules: [
          { apiGroups: ["apps"], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["deployments"] },
        ],
      },
    ],
  };
}

function rewrite(body: unknown): object {
  const { apiVersion, kind, request } = body as {
    readonly apiVersion: string;
    readonly kind: string;
    readonly request: {
      readonly uid: string;
      readonly object: {
        readonly metadata: KubernetesObject["metadata"];
        readonly spec: DeploymentManifest["spec"];
      };
    };
  };
  const { metadata, spec } = request.object;
  const image = spec.template.spec.containers[0]?.image ?? "";
  const isDue = metadata.annotations?.[rewriteAnnotation] !== undefined && !image.startsWith("mirror/");
  const path = "/spec/template/spec/containers/0/image";
  const patch = JSON.stringify([{ op: "replace", path, value: `mirror/${image}` }]);
  const mutation = isDue ? { patchType: "JSONPatch", patch: Buffer.from(patch).toString("base64") } : {};
  return { apiVersion, kind, response: { uid: request.uid, allowed: true, ...mutation } };
}
