import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { holdName } from "../../../src/adapters/kubernetes/hold-rule.ts";
import { deployments, replicaSets } from "../../../src/adapters/kubernetes/workload-resources.ts";
import { writeKubeconfigWithToken } from "../../cluster/kubeconfig-with-token.ts";
import { provideParts } from "../../cluster/parts/provide.ts";
import { onFreePorts } from "../../cluster/processes/ports.ts";
import type { SupervisedProcess } from "../../cluster/processes/supervised.ts";
import { createSupervisor, type Supervisor } from "../../cluster/processes/supervisor.ts";
import { until } from "../../cluster/processes/until.ts";
import { startPrometheus, type Prometheus } from "../../cluster/prometheus.ts";
import { kubectl, kubectlOutput } from "../kubectl.ts";
import { createWorkbench, deploymentOf, type Trial, type Workbench } from "../workload/workbench.ts";

const repository = join(import.meta.dirname, "../../..");
const system = "serin-system";

/** Whom the guarded Prometheus admits. */
const admits = {
  username: "serin",
  password: "correct-horse-battery",
  hash: "$2a$04$KHVXoCK5PSPgxa0wCfAZLelziv6N./MbYW5X4Ab8UoZuirUDN2yiS",
};
const base64 = (text: string) => Buffer.from(text).toString("base64");
const basic = (password: string) => base64(`${admits.username}:${password}`);

let bench: Workbench;
let supervisor: Supervisor;

beforeAll(async () => {
  supervisor = await createSupervisor();
  bench = await createWorkbench("rbac");
  await kubectlOutput(["apply", "--server-side", "-f", join(repository, "deploy/operator.yaml")]);
});

afterAll(async () => {
  await supervisor.stop();
  await bench.stop();
  await kubectl(["delete", "--wait=false", "-f", join(repository, "deploy/operator.yaml")]);
});

/** A kubeconfig with nothing but a token of the operator's ServiceAccount, as its pod would have. */
async function kubeconfigOfOperator(): Promise<string> {
  const token = await kubectlOutput(["-n", system, "create", "token", "serin-operator"]);
  return writeKubeconfigWithToken(inject("kubeconfig"), token.trim(), join(supervisor.folder, "operator.kubeconfig"));
}

interface RunningOperator {
  readonly process: SupervisedProcess;
  readonly url: string;
}

/** The operator with the arguments of deploy/operator.yaml, as far as they do not say where things are. */
async function startOperator(more: Readonly<Record<string, string>> = {}): Promise<RunningOperator> {
  const kubeconfig = await kubeconfigOfOperator();
  return onFreePorts(2, async ([port = 0, webhookPort = 0]) => {
    const url = `http://127.0.0.1:${port}`;
    const flags = {
      kubeconfig,
      hold: "policy",
      namespace: bench.namespace,
      "prometheus-address": inject("prometheusUrl"),
      "metrics-address": `127.0.0.1:${port}`,
      "webhook-address": `127.0.0.1:${webhookPort}`,
      "webhook-url": `https://127.0.0.1:${webhookPort}`,
      propagation: "100ms",
      "rollback-deadline": "1s",
      ...more,
    };
    const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
    const process = await supervisor.start({
      name: "operator",
      command: globalThis.process.execPath,
      args: [join(repository, "src/main.ts"), "operator", "--leader-elect", ...args],
      ready: () => isReady(url),
    });
    return { process, url };
  });
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).ok;
  } catch {
    return false;
  }
}

/** Requests that the API server forbade, as the operator counted them. */
async function forbidden({ url }: RunningOperator): Promise<readonly string[]> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toContain("serin_kubernetes_requests_total");
  return metrics.split("\n").filter((line) => line.includes('code="403"') && !line.endsWith(" 0"));
}

const eventReasons = async (): Promise<readonly string[]> => {
  const list = await kubectlOutput(["-n", bench.namespace, "get", "events.events.k8s.io", "-o", "json"]);
  const { items } = JSON.parse(list) as { items: { reason?: string; regarding?: { kind?: string } }[] };
  return items.flatMap(({ reason, regarding }) => (regarding?.kind === "Rollout" ? (reason ?? []) : []));
};

async function seen(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  await until(condition, { timeout: 60_000, what });
}

async function createService(app: string): Promise<void> {
  const spec = { selector: { app }, ports: [{ name: "http", port: 8080 }] };
  const service = { apiVersion: "v1", kind: "Service", metadata: { name: app }, spec };
  await kubectlOutput(["-n", bench.namespace, "create", "-f", "-"], service);
}

/** From the first look to the hand-back after a release that was under way. */
async function liveThroughRelease(trial: Trial): Promise<void> {
  await seen("the first revision", async () => (await eventReasons()).includes("FirstRevision"));
  await seen("a Rollout at rest", () => trial.rollout().status.phase === "Ready");
  expect(trial.rollout()).toMatchObject({ claimed: true, status: { hold: "Policy" } });
  await trial.kubectl("set", "image", `deployment/${trial.name}`, "app=shop/app:v2");
  await seen("the first weight", () => trial.rollout().status.weight === 10);
  await trial.kubectl("delete", "rollouts.serin.dev", trial.name, "--timeout=60s");
}

test("the rights in deploy/operator.yaml are enough for a release and its way back", async () => {
  await createService("product");
  // A Deployment on which the operator can try whether the policy is effective already.
  const trial = await bench.start(deploymentOf("product", { replicas: 2 }));
  const operator = await startOperator();
  try {
    await liveThroughRelease(trial);
    expect(await forbidden(operator)).toEqual([]);
    const log = readFileSync(operator.process.log, "utf8");
    expect(log.split("\n").filter((line) => /forbidden|\b403\b/i.test(line))).toEqual([]);
  } finally {
    await operator.process.stop();
  }
  const lease = await kubectlOutput(["-n", system, "get", "lease", "serin-operator", "-o", "json"]);
  expect(JSON.parse(lease)).toMatchObject({ spec: { holderIdentity: "" } });
});

/** A Prometheus that answers one user alone, and the Secret for it, which the operator may read. */
async function openGuardedPrometheus(password: string): Promise<Prometheus> {
  const secret = "prometheus";
  const account = `${system}:serin-operator`;
  const inNamespace = (...args: readonly string[]) => kubectlOutput(["-n", bench.namespace, ...args]);
  await inNamespace("create", "role", secret, "--verb=get", "--resource=secrets", `--resource-name=${secret}`);
  await inNamespace("create", "rolebinding", secret, `--role=${secret}`, `--serviceaccount=${account}`);
  const shown = ["--from-literal=username=serin", `--from-literal=password=${password}`];
  await inNamespace("create", "secret", "generic", secret, "--type=kubernetes.io/basic-auth", ...shown);
  const { prometheus } = await provideParts(["prometheus"], { supervisor });
  return startPrometheus(supervisor, { binary: prometheus.path, scrapeInterval: "1s", admits });
}

test("a password for Prometheus is in no event, status or log, whether it is refused or accepted", async () => {
  const wrong = "wrong-password-of-prometheus";
  const guarded = await openGuardedPrometheus(wrong);
  await createService("guarded");
  const trial = await bench.start(deploymentOf("guarded", { replicas: 1 }));
  const operator = await startOperator({
    "prometheus-address": guarded.url,
    "prometheus-secret": `${bench.namespace}/prometheus`,
    "log-level": "debug",
  });
  try {
    await seen("a Rollout at rest", () => trial.rollout().status.phase === "Ready");
    await trial.kubectl("set", "image", `deployment/${trial.name}`, "app=shop/app:v2");
    const messages = () => trial.rollout().status.conditions?.map(({ message }) => message) ?? [];
    await seen("the refusal", () => messages().some((message) => message.includes("401")));
    const change = { stringData: { password: admits.password } };
    await trial.kubectl("patch", "secret", "prometheus", "--type=merge", "-p", JSON.stringify(change));
    await seen("the first weight", () => trial.rollout().status.weight === 10);
    await trial.kubectl("delete", "rollouts.serin.dev", trial.name, "--timeout=60s");
    const events = await kubectlOutput(["-n", bench.namespace, "get", "events.events.k8s.io", "-o", "json"]);
    const secret = [wrong, admits.password].flatMap((password) => [password, base64(password), basic(password)]);
    for (const text of [JSON.stringify(bench.seen), events, readFileSync(operator.process.log, "utf8")]) {
      expect(text).toContain("401");
      expect(secret.filter((form) => text.includes(form))).toEqual([]);
    }
  } finally {
    await operator.process.stop();
  }
});

test("the pods of deploy/operator.yaml are admitted by the restricted pod security standard", async () => {
  const ofOperator = async () => {
    const deployment = await bench.objects.read(deployments, system, "serin-operator", bench.signal);
    const all = await bench.objects.list(replicaSets, system, "app.kubernetes.io/name=serin", bench.signal);
    return all.filter(({ metadata }) => metadata.ownerReferences?.[0]?.uid === deployment?.metadata.uid);
  };
  await seen("two pods of the operator", async () =>
    (await ofOperator()).some(({ status }) => status?.["replicas"] === 2),
  );
});

test("the operator may do nothing that it does not need", async () => {
  const as = `--as=system:serviceaccount:${system}:serin-operator`;
  const ask = async (verb: string, resource: string) =>
    (await kubectl(["auth", "can-i", verb, resource, as, "-n", "default"])).stdout.trim();
  expect(await ask("patch", "deployments.apps")).toBe("yes");
  for (const [verb, resource] of [
    ["get", "secrets"],
    ["create", "pods"],
    ["delete", "deployments.apps"],
    ["delete", "rollouts.serin.dev"],
    ["create", "leases.coordination.k8s.io"],
    ["get", "services"],
    ["update", "virtualservices.networking.istio.io"],
  ] as const) {
    expect([verb, resource, await ask(verb, resource)]).toEqual([verb, resource, "no"]);
  }
  const askIn = async (namespace: string, verb: string, what: string) =>
    (await kubectl(["auth", "can-i", verb, what, as, "-n", namespace])).stdout.trim();
  for (const [verb, what, answer] of [
    ["get", "secrets/serin-webhook", "no"],
    ["create", "secrets", "no"],
    ["patch", "leases.coordination.k8s.io/serin-operator", "yes"],
    ["patch", "leases.coordination.k8s.io/another", "no"],
    ["get", `mutatingadmissionpolicies.admissionregistration.k8s.io/${holdName}`, "yes"],
    ["patch", `mutatingadmissionpolicies.admissionregistration.k8s.io/${holdName}`, "no"],
    ["delete", `mutatingwebhookconfigurations.admissionregistration.k8s.io/${holdName}`, "yes"],
    ["get", "mutatingwebhookconfigurations.admissionregistration.k8s.io/another", "no"],
  ] as const) {
    expect([verb, what, await askIn(system, verb, what)]).toEqual([verb, what, answer]);
  }
});
