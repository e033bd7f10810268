import { mkdtempSync } from "node:fs";
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

  it.each(cases)("$name", async ({ objects, client }) => {
    await expect(writer.deliver(renderEnvoyConfig(objects, client))).resolves.toBeUndefined();
  });
});
