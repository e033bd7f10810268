import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../cluster/processes/until.ts";
import { operatorAccount } from "../lab/installation.ts";
import { startLab, type Lab, type Operator } from "../lab/lab.ts";
import { openCase, operatorFlags, type Case } from "./bench.ts";

/** A cluster before the policies: the operator's webhook holds. One case at a time, because they stop the operator. */
let lab: Lab;
let operator: Operator;

beforeAll(async () => {
  lab = await startLab({ prometheusScrapeInterval: "1s", kubernetes: "1.34" });
  operator = await lab.startOperator(operatorFlags);
}, 5_400_000);

afterAll(async () => {
  await lab.stop();
});

const open = (namespace: string) => openCase({ lab, operator }, namespace);
const kubectl = ({ namespace }: Case, ...args: string[]) => lab.kubectl([...args, "-n", namespace]);
const refused = (doing: Promise<string>) =>
  doing.then(
    (said) => Promise.reject(new Error(`was not refused: ${said}`)),
    (error: unknown) => String(error),
  );
const isPaused = async (shop: Case) => (await shop.deployment()).spec["paused"] === true;

/** Waits for traffic to go on without a version. */
async function unreached(shop: Case, version: string): Promise<void> {
  const mark = shop.load.snapshot();
  await until(() => shop.load.since(mark).total > 100, { timeout: 30_000, what: "100 requests" });
  expect(shop.load.snapshot().byVersion).not.toHaveProperty(version);
}

test("on 1.34 the webhook holds, a release is promoted, and kubectl's words are held too", async () => {
  const shop = await open("webhook");
  expect((await shop.rollout()).status.hold).toBe("Webhook");
  expect(await isPaused(shop)).toBe(false);
  await shop.release("product:v2");
  await shop.endsAs("product:v2", { outcome: "Promoted" });
  expect(await isPaused(shop)).toBe(false);
  await kubectl(shop, "rollout", "undo", "deployment/product");
  await shop.endsAs("product:v1", { outcome: "Promoted" });
  await shop.end();
});

test("with the operator down a change is refused in clear words, scaling works, and the release comes with the operator", async () => {
  const shop = await open("webhook-down");
  await operator.stop();
  const said = await refused(shop.release("product:v2").then(() => ""));
  expect(said).toContain('failed calling webhook "hold.serin.dev"');
  await kubectl(shop, "scale", "deployment/product", "--replicas=4");
  await until(async () => (await shop.pods()).length === 4, { timeout: 30_000, what: "a fourth pod" });
  await unreached(shop, "v2");
  operator = await lab.startOperator(operatorFlags, "operator-again");
  await shop.release("product:v2");
  await shop.endsAs("product:v2", { outcome: "Promoted" });
  await shop.end();
});

test("a webhook that somebody deletes comes back, and holds", async () => {
  const shop = await open("webhook-deleted");
  await lab.kubectl(["delete", "mutatingwebhookconfiguration", "serin-hold"]);
  const isThere = () =>
    lab.kubectl(["get", "mutatingwebhookconfiguration", "serin-hold"]).then(
      () => true,
      () => false,
    );
  await until(isThere, { timeout: 30_000, what: "the webhook" });
  const tells = () => readFileSync(operator.process.log, "utf8").includes("has been put back");
  await until(tells, { timeout: 30_000, what: "the operator to say so" });
  // The API server acts on it a moment later; a trial changes nothing.
  const trial = ["set", "image", "deployment/product", "app=product:v9", "--dry-run=server", "-o", "yaml"];
  await until(async () => (await kubectl(shop, ...trial)).includes("paused: true"), {
    timeout: 30_000,
    what: "a hold",
  });
  await shop.release("product:v2");
  await shop.endsAs("product:v2", { outcome: "Promoted" });
  await shop.end();
});

test("with --hold paused Deployments are kept paused, released all the same, and held while the operator is down", async () => {
  await operator.stop();
  // What the chart with hold: paused grants instead of the webhook's rights.
  const webhook = [
    "--resource=mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "--resource-name=serin-hold",
  ];
  await lab.kubectl(["create", "clusterrole", "serin-paused", "--verb=get,delete", ...webhook]);
  const account = `${operatorAccount.namespace}:${operatorAccount.name}`;
  const binding = ["--clusterrole=serin-paused", `--serviceaccount=${account}`];
  await lab.kubectl(["create", "clusterrolebinding", "serin-paused", ...binding]);
  operator = await lab.startOperator({ ...operatorFlags, hold: "paused" }, "operator-paused");
  const shop = await open("kept-paused");
  expect((await shop.rollout()).status.hold).toBe("Paused");
  await until(() => isPaused(shop), { timeout: 30_000, what: "the pause" });
  await operator.stop();
  await shop.release("product:v2");
  await unreached(shop, "v2");
  operator = await lab.startOperator({ ...operatorFlags, hold: "paused" }, "operator-paused-again");
  await shop.endsAs("product:v2", { outcome: "Promoted" });
  await until(() => isPaused(shop), { timeout: 30_000, what: "the pause" });
  await shop.end();
});
