import type { ObjectKey } from "../../api/object-key.ts";
import type { KubernetesObject, KubernetesObjects, Resource } from "../../ports/kubernetes-objects.ts";
import {
  authorityUnfitness,
  createAuthority,
  issueFor,
  unfitness,
  validCertificates,
  type Identity,
} from "../../runtime/certificate.ts";
import { ConflictError, NotFoundError } from "../../runtime/errors.ts";

const secrets: Resource = { group: "", version: "v1", plural: "secrets" };

/** What the webhook is served with. */
export interface HoldCertificate {
  readonly identity: Identity;
  /** Certificates of the authorities by which it is trusted, PEM; the newest last. */
  readonly authorities: string;
}

/** The members of the Secret. */
interface Stored {
  readonly authorities: string;
  /** Key of the newest authority. */
  readonly authorityKey: string;
  readonly certificate: string;
  readonly key: string;
}

const names: Readonly<Record<keyof Stored, string>> = {
  authorities: "ca.crt",
  authorityKey: "ca.key",
  certificate: "tls.crt",
  key: "tls.key",
};

/**
 * The certificate that all replicas serve, from a Secret that must be there. One that is missing, about to expire, or
 * not for `hosts` is made and written on condition that nobody else did meanwhile. Renews one thing at a time: an
 * authority is in the bundle long before anything is signed by it. Rejects with a NotFoundError without the Secret.
 */
export async function keepCertificate(
  { objects, secret, hosts, now }: CertificatePlace,
  signal: AbortSignal,
): Promise<HoldCertificate> {
  for (let attempt = 1; ; attempt++) {
    const found = await objects.read(secrets, secret.namespace, secret.name, signal);
    if (found === undefined) throw missing(secret);
    const before = storedIn(found);
    const after = await renewed(before, hosts, now());
    if (after === before) return servingOf(after);
    const data = Object.entries(names).map(([member, name]) => [name, encode(after[member as keyof Stored])]);
    const patch = {
      metadata: { resourceVersion: found.metadata.resourceVersion },
      data: Object.fromEntries(data) as unknown,
    };
    try {
      await objects.mergePatch(secrets, secret.namespace, secret.name, patch, { signal });
      return servingOf(after);
    } catch (error) {
      // Another replica was faster: what it wrote is looked at.
      if (!(error instanceof ConflictError) || attempt >= 5) throw error;
    }
  }
}

export interface CertificatePlace {
  readonly objects: KubernetesObjects;
  readonly secret: ObjectKey;
  /** How the API server addresses the webhook. */
  readonly hosts: readonly string[];
  readonly now: () => number;
}

/** The same value when nothing has to change. */
async function renewed(stored: Stored | undefined, hosts: readonly string[], now: number): Promise<Stored> {
  const [...bundle] = stored === undefined ? [] : validCertificates(stored.authorities, now);
  const newest = bundle.at(-1);
  if (stored === undefined || newest === undefined) return anew(hosts, now);
  const authority = { certificate: newest, key: stored.authorityKey };
  const server = { certificate: stored.certificate, key: stored.key };
  const isSigned = bundle.some((candidate) => unfitness(server, hosts, candidate, now) === undefined);
  if (isSigned && authorityUnfitness(authority, now) === undefined) return stored;
  if (isSigned) {
    const next = await createAuthority(authorityName, now);
    return { ...stored, authorities: [...bundle, next.certificate].join(""), authorityKey: next.key };
  }
  if (authorityUnfitness(authority, now) !== undefined) return anew(hosts, now);
  return { ...stored, ...(await issueFor(hosts, authority, now)), authorities: bundle.join("") };
}

const authorityName = "serin-webhook-authority";

async function anew(hosts: readonly string[], now: number): Promise<Stored> {
  const authority = await createAuthority(authorityName, now);
  const server = await issueFor(hosts, authority, now);
  return { authorities: authority.certificate, authorityKey: authority.key, ...server };
}

function servingOf({ authorities, certificate, key }: Stored): HoldCertificate {
  return { authorities, identity: { certificate, key } };
}

/** Undefined when a member is missing. */
function storedIn(secret: KubernetesObject): Stored | undefined {
  const { data } = secret as { readonly data?: Readonly<Record<string, string>> | null };
  const read = (member: keyof Stored) => Buffer.from(data?.[names[member]] ?? "", "base64").toString("utf8");
  const stored = {
    authorities: read("authorities"),
    authorityKey: read("authorityKey"),
    certificate: read("certificate"),
    key: read("key"),
  };
  return Object.values(stored).includes("") ? undefined : stored;
}

function encode(text: string): string {
  return Buffer.from(text).toString("base64");
}

function missing({ namespace, name }: ObjectKey): NotFoundError {
  return new NotFoundError(
    `Secret ${namespace}/${name} is not there; it keeps the certificate of the webhook. Apply deploy/operator-older.yaml, or create it empty: kubectl create secret generic ${name} -n ${namespace}.`,
  );
}
