import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createEnvoyAdmin, readAdminAddress } from "../mesh/envoy-admin.ts";
import { proxyFiles } from "../mesh/local-envoy.ts";
import { renderEnvoyConfig } from "../mesh/render.ts";
import { createXdsWriter, prepareProxy, type XdsWriter } from "../mesh/xds-files.ts";
import { provideParts } from "../parts/provide.ts";
import { createSupervisor, type Supervisor } from "../processes/supervisor.ts";
import { claimAddressSpace, type AddressSpace } from "../world/addresses.ts";
import { goldenCases } from "../../unit/cluster/golden.ts";

/** Every recorded case, as the mesh renders it, is taken by a real Envoy. */
describe("a real Envoy accepts", () => {
  let supervisor: Supervisor;
  let addresses: AddressSpace;
  let writer: XdsWriter;

  beforeAll(async () => {
    supervisor = await createSupervisor();
    addresses = await claimAddressSpace();
    const { envoy } = await provideParts(["envoy"], { supervisor });
    const files = proxyFiles(mkdtempSync(join(supervisor.folder, "proxy-")));
    const address = addresses.infrastructure(10);
    prepareProxy("golden", address, files);
    await supervisor.start({
      name: "envoy-golden",
      command: envoy.path,
      args: [
        "-c",
        files.bootstrap,
        "--admin-address-path",
        files.adminAddress,
        "--disable-hot-restart",
        "--concurrency",
        "1",
        "--log-level",
        "warning",
      ],
      ready: async () => (await readAdminAddress(files.adminAddress)) !== undefined,
    });
    writer = createXdsWriter(address, files, createEnvoyAdmin((await readAdminAddress(files.adminAddress)) ?? ""));
  });

  afterAll(async () => {
    await supervisor.stop();
    await addresses.release();
  });

  const cases = goldenCases().filter(({ expected }) => expected.refused === null);

  it("is not given more than it can watch, and goes on with what it has", async () => {
    const limit = Number(readFileSync("/proc/sys/fs/inotify/max_user_instances", "utf8"));
    const services = Array.from({ length: limit }, (_, index) => ({
      metadata: { name: `service-${index}`, namespace: "many" },
      spec: { clusterIP: "10.0.0.1", ports: [{ name: "http", port: 80 }] },
    }));
    const none = { services: [], endpointSlices: [], pods: [], nodes: [], virtualServices: [], destinationRules: [] };
    const client = { kind: "sidecar", namespace: "many", labels: {} } as const;
    await expect(writer.deliver(renderEnvoyConfig({ ...none, services }, client))).rejects.toThrow(
      /need more inotify instances: sysctl fs\.inotify\.max_user_instances=\d+/,
    );
    const few = { ...none, services: services.slice(0, 3) };
    await expect(writer.deliver(renderEnvoyConfig(few, client))).resolves.toBeUndefined();
  });

  it.each(cases)("$name", async ({ objects, client }) => {
    await expect(writer.deliver(renderEnvoyConfig(objects, client))).resolves.toBeUndefined();
  });
});
