import { afterAll, beforeAll, describe } from "vitest";
import type { ProxySpec } from "../cluster/world/config.ts";
import { helmFor, type Helm } from "../lab/helm.ts";
import { startBench, type Bench } from "../workload/bench.ts";
import { gitFightCases } from "./git-fights.cases.ts";
import { helmCases } from "./helm.cases.ts";
import { lateProxyCases } from "./late-proxies.cases.ts";
import { oddObjectCases } from "./odd-objects.cases.ts";
import { refusedWriteCases } from "./refused-writes.cases.ts";
import { unsplitCallerCases } from "./unsplit-callers.cases.ts";

const sidecar = (name: string, ...egress: readonly string[]): ProxySpec => ({
  name,
  workload: `${name}-caller`,
  client: {
    kind: "sidecar",
    namespace: "default",
    labels: { app: `${name}-caller` },
    ...(egress.length === 0 ? {} : { egress }),
  },
});

/** One that is on time and knows all; one that gets what it calls 10 s late, and one for each case that freezes its own. */
const proxies = [
  sidecar("client"),
  sidecar("late", "late-good", "late-back"),
  sidecar("frozen-early", "frozen-early"),
  sidecar("frozen-last", "frozen-last"),
];

/** Every case runs on the real API server, Prometheus and Envoys, under load. */
let bench: Bench;
let helm: Helm;

beforeAll(async () => {
  bench = await startBench({ "evidence-period": "2s", "shift-deadline": "15s" }, { proxies });
  await bench.lab.world.proxy("late").delay(10_000);
  helm = await helmFor(bench.lab.cluster);
}, 5_400_000);

afterAll(async () => {
  await bench.lab.stop();
});

describe.concurrent("proxies that are late or frozen", () => lateProxyCases(() => bench));

describe.concurrent("tools that put git's routes back", () => gitFightCases(() => bench));

describe.concurrent("Helm", () =>
  helmCases(
    () => bench,
    () => helm,
  ),
);

describe.concurrent("callers that no route splits", () => unsplitCallerCases(() => bench));

describe.concurrent("istiod's webhook away", () => refusedWriteCases(() => bench));

/** After the others: each change of ten thousand routes keeps the one istiod of this mesh from serving theirs. */
describe("objects that the API server takes", () => oddObjectCases(() => bench));
