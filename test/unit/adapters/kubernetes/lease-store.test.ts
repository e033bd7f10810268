import { expect, it } from "vitest";
import { createKubernetesObjects } from "../../../../src/adapters/kubernetes/objects.ts";
import { createLeaseStore } from "../../../../src/adapters/kubernetes/lease-store.ts";
import { NotFoundError } from "../../../../src/runtime/errors.ts";
import { createScriptedTransport, type Script } from "../../../support/scripted-transport.ts";

const signal = new AbortController().signal;
const record = {
  holder: "me",
  duration: 15_000,
  acquiredAt: "2026-01-02T03:04:05.678Z",
  renewedAt: "2026-01-02T03:04:06.000Z",
  transitions: 2,
};
const lease = {
  metadata: { name: "serin", namespace: "system", resourceVersion: "9" },
  spec: {
    holderIdentity: "me",
    leaseDurationSeconds: 15,
    acquireTime: "2026-01-02T03:04:05.678000Z",
    renewTime: "2026-01-02T03:04:06.000000Z",
    leaseTransitions: 2,
  },
};

function start(script: Script) {
  const transport = createScriptedTransport(script);
  const objects = createKubernetesObjects(transport, { find: () => undefined });
  return { transport, store: createLeaseStore(objects, { namespace: "system", name: "serin" }) };
}

it("reads a Lease, one without a holder as free", async () => {
  expect(await start(() => lease).store.read(signal)).toEqual({ version: "9", record });
  const free = { ...lease, spec: { ...lease.spec, holderIdentity: "", acquireTime: null } };
  expect(await start(() => free).store.read(signal)).toMatchObject({ record: { holder: undefined } });
});

it("writes conditionally, with the six digits that the API wants", async () => {
  const { transport, store } = start(() => lease);
  await store.create(record, signal);
  await store.update("8", { ...record, holder: undefined }, signal);
  expect(transport.requests.map(({ method, body }) => [method, body])).toEqual([
    [
      "POST",
      {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata: { namespace: "system", name: "serin" },
        spec: lease.spec,
      },
    ],
    ["PATCH", { metadata: { resourceVersion: "8" }, spec: { ...lease.spec, holderIdentity: "" } }],
  ]);
});

it.each([
  [10_400, 11],
  [15_000, 15],
  [0, 1],
])("writes %d ms as %d s: nobody may think that a lease is over before its holder does", async (duration, seconds) => {
  const { transport, store } = start(() => lease);
  await store.create({ ...record, duration }, signal);
  expect(transport.requests[0]?.body).toMatchObject({ spec: { leaseDurationSeconds: seconds } });
});

it("says what to do when the namespace is missing", async () => {
  const { store } = start(() => {
    throw new NotFoundError('namespaces "system" not found');
  });
  await expect(store.create(record, signal)).rejects.toThrow(
    new NotFoundError(
      "Lease system/serin has no place: there is no namespace system. Create it with kubectl create namespace system, or name one that is there with --leader-elect-namespace.",
    ),
  );
});
