import { readdirSync, readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { onFreePorts } from "../../cluster/processes/ports.ts";
import { createSupervisor, type Supervisor } from "../../cluster/processes/supervisor.ts";
import { until } from "../../cluster/processes/until.ts";
import { buildImage, instructionsIn, type Image } from "./dockerfile.ts";

const repository = join(import.meta.dirname, "../../..");
const node = dirname(process.execPath);

let supervisor: Supervisor;
let image: Image;

beforeAll(async () => {
  supervisor = await createSupervisor();
  image = await buildImage(repository, join(supervisor.folder, "image"), node);
}, 600_000);

afterAll(async () => {
  await supervisor.stop();
});

/** Milliseconds from the start of the image's command to the first answer of /healthz. */
async function startUp(): Promise<number> {
  return onFreePorts(2, async ([port = 0, webhookPort = 0]) => {
    const [command = "", ...args] = image.command;
    const began = performance.now();
    const operator = await supervisor.start({
      name: "image",
      command: join(node, command),
      args,
      cwd: image.folder,
      env: {
        ...image.environment,
        PATH: node,
        KUBECONFIG: inject("kubeconfig"),
        SERIN_PROMETHEUS_ADDRESS: inject("prometheusUrl"),
        SERIN_NAMESPACE: "image-test",
        SERIN_METRICS_ADDRESS: `127.0.0.1:${port}`,
        SERIN_WEBHOOK_ADDRESS: `127.0.0.1:${webhookPort}`,
        SERIN_WEBHOOK_URL: `https://127.0.0.1:${webhookPort}`,
        SERIN_HOLD: "paused",
      },
    });
    const isLive = () => fetch(`http://127.0.0.1:${port}/healthz`).then(({ ok }) => ok);
    await until(isLive, { timeout: 30_000, every: 5, what: "/healthz" });
    const took = performance.now() - began;
    await operator.stop();
    return took;
  });
}

describe("the image", () => {
  test("has one bundled file beside its package.json and license, and no packages", () => {
    expect(readdirSync(image.folder).sort()).toEqual(["LICENSE", "dist", "package.json"]);
    expect(readdirSync(join(image.folder, "dist")).sort()).toEqual(["main.js"]);
  });

  test("runs as a user by number who is not root", () => {
    expect(image.user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });

  test("is built of nothing that .dockerignore keeps out", () => {
    const lines = readFileSync(join(repository, ".dockerignore"), "utf8").split("\n");
    const allowed = new Set(lines.filter((line) => line.startsWith("!")).map((line) => line.slice(1)));
    const copies = instructionsIn(readFileSync(join(repository, "Dockerfile"), "utf8"))
      .filter(({ word, rest }) => word === "COPY" && !rest.startsWith("--from="))
      .flatMap(({ rest }) => rest.split(" ").slice(0, -1));
    expect(copies.filter((path) => !allowed.has(path))).toEqual([]);
  });

  test("answers /healthz within a second of its start", async () => {
    const took: number[] = [];
    for (let time = 0; time < 5; time += 1) took.push(await startUp());
    const fastest = Math.min(...took);
    const all = took.map((each) => Math.round(each)).join(", ");
    process.stderr.write(`the image answers after ${all} ms; load ${loadavg().join(" ")}\n`);
    expect(fastest).toBeLessThan(1_000);
  });
});
