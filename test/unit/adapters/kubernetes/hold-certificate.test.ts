import { beforeEach, expect, test } from "vitest";
import { keepCertificate } from "../../../../src/adapters/kubernetes/hold-certificate.ts";
import type { KubernetesObject, KubernetesObjects } from "../../../../src/ports/kubernetes-objects.ts";
import { lifetimes, unfitness, validCertificates } from "../../../../src/runtime/certificate.ts";
import { ConflictError } from "../../../../src/runtime/errors.ts";

const start = Date.parse("2026-03-01T12:00:00Z");
const hosts = ["serin-webhook.serin-system.svc"];
const { signal } = new AbortController();

/** The one Secret, as an API server keeps it. */
let stored: (KubernetesObject & { data?: Record<string, string> }) | undefined;
let writes: number;
/** Called before a write, as another replica would come in between. */
let before: (() => Promise<void>) | undefined;

beforeEach(() => {
  stored = { metadata: { name: "serin-webhook", namespace: "serin-system", resourceVersion: "1" } };
  writes = 0;
  before = undefined;
});

const objects = {
  read: () => Promise.resolve(stored),
  mergePatch: async (_resource: unknown, _namespace: unknown, _name: unknown, patch: KubernetesObject) => {
    const between = before;
    before = undefined;
    await between?.();
    if (patch.metadata.resourceVersion !== stored?.metadata.resourceVersion) throw new ConflictError("changed");
    writes += 1;
    const { data } = patch as { data?: Record<string, string> };
    stored = { metadata: { ...stored!.metadata, resourceVersion: String(writes + 1) }, ...(data ? { data } : {}) };
    return stored;
  },
} as unknown as KubernetesObjects;

const keep = (now = start, names = hosts) =>
  keepCertificate(
    { objects, secret: { namespace: "serin-system", name: "serin-webhook" }, hosts: names, now: () => now },
    signal,
  );

test("an empty Secret gets an authority and a certificate, once", async () => {
  const first = await keep();
  expect(unfitness(first.identity, hosts, first.authorities, start)).toBeUndefined();
  await expect(keep()).resolves.toEqual(first);
  expect(writes).toBe(1);
});

test("of two replicas that find it empty the second takes what the first wrote", async () => {
  let others: Awaited<ReturnType<typeof keep>> | undefined;
  before = async () => {
    others = await keep();
  };
  const ours = await keep();
  expect(ours).toEqual(others);
  expect(writes).toBe(1);
});

test("a certificate is renewed a month before its end, by the same authority", async () => {
  const first = await keep();
  const later = start + lifetimes.server.valid - lifetimes.server.renewBefore + 1_000;
  const second = await keep(later);
  expect(second.authorities).toBe(first.authorities);
  expect(second.identity.certificate).not.toBe(first.identity.certificate);
  expect(unfitness(second.identity, hosts, first.authorities, later)).toBeUndefined();
});

test("a certificate for other names is made anew by the same authority", async () => {
  const first = await keep();
  const second = await keep(start, ["127.0.0.1"]);
  expect(second.authorities).toBe(first.authorities);
  expect(unfitness(second.identity, ["127.0.0.1"], second.authorities, start)).toBeUndefined();
});

test("a new authority is known long before anything is signed by it", async () => {
  const first = await keep();
  // Certificates were renewed all the time; the last one is still good when the authority has less than a year left.
  const nearEnd = start + lifetimes.authority.valid - lifetimes.authority.renewBefore + 1_000;
  await keep(nearEnd - lifetimes.server.renewBefore);
  const second = await keep(nearEnd);
  const [old, fresh, ...others] = validCertificates(second.authorities, nearEnd);
  expect(old).toBe(first.authorities);
  expect(others).toEqual([]);
  expect(unfitness(second.identity, hosts, old ?? "", nearEnd)).toBeUndefined();
  const renewal = nearEnd + lifetimes.server.valid;
  const third = await keep(renewal);
  expect(third.authorities).toBe(second.authorities);
  expect(unfitness(third.identity, hosts, fresh ?? "", renewal)).toBeUndefined();
});

test.each(["ca.crt", "ca.key", "tls.crt", "tls.key"])(
  "whatever became of %s, what is served afterwards is fit",
  async (name) => {
    await keep();
    stored = { ...stored!, data: { ...stored?.data, [name]: Buffer.from("broken").toString("base64") } };
    await keep();
    const { identity, authorities } = await keep();
    const fits = validCertificates(authorities, start).map((authority) => unfitness(identity, hosts, authority, start));
    expect(fits).toContain(undefined);
  },
);

test("a Secret that is not there is named, with what to do", async () => {
  stored = undefined;
  await expect(keep()).rejects.toThrow(
    "Secret serin-system/serin-webhook is not there; it keeps the certificate of the webhook. Apply deploy/operator-older.yaml, or create it empty: kubectl create secret generic serin-webhook -n serin-system.",
  );
});
