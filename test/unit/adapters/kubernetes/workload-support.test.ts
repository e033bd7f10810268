import { describe, expect, test } from "vitest";
import { claimsOf, notSupported } from "../../../../src/adapters/kubernetes/workload-support.ts";

const deployment = (pod: object, strategy: object = { type: "RollingUpdate" }) => ({
  spec: { strategy, template: { spec: pod } },
});
const claimed = { containers: [], volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }] };
const modes =
  (...all: readonly string[]) =>
  () =>
    all;
const unknown = () => undefined;

describe("notSupported", () => {
  test.each([
    ["nothing special", deployment({ containers: [{ name: "app" }] }), unknown, undefined],
    ["Recreate", deployment({}, { type: "Recreate" }), unknown, "spec.strategy.type is Recreate"],
    [
      "a host port",
      deployment({ containers: [{ name: "app", ports: [{ containerPort: 80, hostPort: 8080 }] }] }),
      unknown,
      "container app has hostPort 8080",
    ],
    [
      "a host port of a sidecar",
      deployment({ initContainers: [{ name: "proxy", ports: [{ hostPort: 9 }] }] }),
      unknown,
      "container proxy has hostPort 9",
    ],
    ["an exclusive claim", deployment(claimed), modes("ReadWriteOnce"), "PersistentVolumeClaim data is ReadWriteOnce"],
    [
      "a claim for one pod",
      deployment(claimed),
      modes("ReadWriteOncePod"),
      "PersistentVolumeClaim data is ReadWriteOncePod",
    ],
    ["a shared claim", deployment(claimed), modes("ReadWriteOnce", "ReadWriteMany"), undefined],
    ["a read-only claim", deployment(claimed), modes("ReadOnlyMany"), undefined],
    ["a claim that cannot be read", deployment(claimed), unknown, undefined],
    [
      "a claim for each pod",
      deployment({ volumes: [{ name: "data", ephemeral: { volumeClaimTemplate: {} } }] }),
      modes("ReadWriteOnce"),
      undefined,
    ],
    ["nonsense", { spec: { template: 7 } }, unknown, undefined],
  ])("with %s", (_, object, accessModesOf, message) => {
    const said = notSupported(object, accessModesOf);
    if (message === undefined) expect(said).toBeUndefined();
    else expect(said).toContain(message);
  });
});

test("claimsOf names what is mounted by claim", () => {
  expect(claimsOf({ spec: claimed })).toEqual(["data"]);
  expect(claimsOf(undefined)).toEqual([]);
});
