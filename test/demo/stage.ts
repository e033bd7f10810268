// What the demo runs on: the lab with the app, the operator as a process of its own, and the load.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OnProgress } from "../cluster/parts/progress.ts";
import type { Load } from "../cluster/load/load.ts";
import { until } from "../cluster/processes/until.ts";
import type { Supervisor } from "../cluster/processes/supervisor.ts";
import { manifest, namespaceObject } from "../lab/app.ts";
import { startLab, type Lab, type Operator } from "../lab/lab.ts";
import { APP, FIRST_VERSION, firstManifest, imageOf, NAMESPACE } from "./plan.ts";

export interface Stage {
  readonly lab: Lab;
  readonly operator: Operator;
  readonly load: Load;
  /** Applies this manifest as a user does, with the command that `applyCommand` shows. */
  apply(text: string): Promise<void>;
  /** Resolves when the load has answers of that many seconds more than now. */
  traffic(seconds: number): Promise<void>;
}

export interface StageOptions {
  readonly supervisor: Supervisor;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  /** Requests per second. */
  readonly rate: number;
}

const FILE = `${NAMESPACE}/${APP}.yaml`;
export const applyCommand = `kubectl apply -f ${FILE}`;

/** Resolves when the first release can begin. What has been started belongs to the supervisor. */
export async function setStage({ supervisor, signal, onProgress, rate }: StageOptions): Promise<Stage> {
  const step = (text: string): void => onProgress({ subject: "demo", text });
  const lab = await startLab({ supervisor, signal, onProgress, prometheusScrapeInterval: "5s" });
  const apply = applier(lab);

  step(`deploying ${imageOf(FIRST_VERSION)}`);
  await lab.apply(manifest(namespaceObject(NAMESPACE)));
  await apply(firstManifest());
  await lab.kubectl(["rollout", "status", `deployment/${APP}`, "-n", NAMESPACE, "--timeout=120s"]);

  step("starting the operator");
  const operator = await lab.startOperator({ "evidence-period": "3s" });
  await lab.kubectl(["wait", "--for=condition=Ready", `rollouts.serin.dev/${APP}`, "-n", NAMESPACE, "--timeout=120s"]);

  step(`sending ${rate} requests per second`);
  const load = await lab.startLoad({ namespace: NAMESPACE, service: APP, rate });
  const traffic = (seconds: number) => trafficOf(load, rate, seconds, signal);
  await traffic(2);
  return { lab, operator, load, apply, traffic };
}

function applier(lab: Lab): Stage["apply"] {
  const file = join(lab.cluster.runFolder, FILE);
  mkdirSync(join(lab.cluster.runFolder, NAMESPACE), { recursive: true });
  return async (text) => {
    writeFileSync(file, text);
    await lab.kubectl(["apply", "-f", file]);
  };
}

async function trafficOf(load: Load, rate: number, seconds: number, signal: AbortSignal): Promise<void> {
  const before = load.snapshot().total;
  await until(() => load.snapshot().total - before >= seconds * rate, {
    timeout: 30_000 + seconds * 1000,
    what: `an answer to ${seconds * rate} requests`,
    signal,
  });
}
