import { afterAll, beforeAll, describe } from "vitest";
import { startLab } from "../lab/lab.ts";
import { operatorFlags, type Bench } from "./bench.ts";
import { sizeCases } from "./size.cases.ts";

/** Every case runs on the real API server and controllers, under load, side by side with the others. */
let bench: Bench;

beforeAll(async () => {
  const lab = await startLab({ prometheusScrapeInterval: "1s" });
  bench = { lab, operator: await lab.startOperator(operatorFlags) };
}, 5_400_000);

afterAll(async () => {
  await bench.lab.stop();
});

describe.concurrent("canary size and readiness", () => sizeCases(() => bench));
