import { afterAll, beforeAll, describe } from "vitest";
import { deploymentKindCases, handOverCases } from "./adoption-edges.cases.ts";
import { adoptionCases, patientAdoptionCases } from "./adoption.cases.ts";
import { startBench, type Bench } from "./bench.ts";
import { firstContactCases } from "./first-contact.cases.ts";
import { holdCases } from "./hold.cases.ts";
import { leavingObstacleCases } from "./leaving-obstacles.cases.ts";
import { kubectlCases } from "./kubectl.cases.ts";
import { leavingCases } from "./leaving.cases.ts";
import { revisionCases } from "./revisions.cases.ts";
import { readinessCases } from "./readiness.cases.ts";
import { sizeCases } from "./size.cases.ts";
import { subsetCases } from "./subset.cases.ts";
import { switchCases } from "./switch.cases.ts";

/** Every case runs on the real API server and controllers, under load, side by side with the others. */
let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
}, 5_400_000);

afterAll(async () => {
  await bench.lab.stop();
});

/** The longest first: what begins last should not be what is waited for. */
describe.concurrent("the hold while an operator runs", () => holdCases(() => bench));

describe.concurrent("newer, reverted and rejected revisions", () => revisionCases(() => bench));

describe.concurrent("canary size", () => sizeCases(() => bench));

describe.concurrent("canary readiness", () => readinessCases(() => bench));

describe.concurrent("what kubectl, budgets and autoscalers see", () => kubectlCases(() => bench));

describe.concurrent("letting go", () => leavingCases(() => bench));

describe.concurrent("letting go past obstacles", () => leavingObstacleCases(() => bench));

describe.concurrent("adoption", () => adoptionCases(() => bench));

describe.concurrent("adoption when git goes on or back", () => patientAdoptionCases(() => bench));

describe.concurrent("adoption of every kind of Deployment", () => deploymentKindCases(() => bench));

describe.concurrent("hand-overs that others undo", () => handOverCases(() => bench));

describe.concurrent("Deployments that are let roll or deleted", () => switchCases(() => bench));

describe.concurrent("first contact", () => firstContactCases(() => bench));

describe.concurrent("subsets of versions that users run", () => subsetCases(() => bench));
