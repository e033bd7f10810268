import { createPrivateKey, generateKeyPair, randomBytes, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { promisify } from "node:util";
import forge from "node-forge";

/** A certificate and its private key, both PEM. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

const day = 24 * 3_600_000;

/** How long certificates are valid, and how long before the end they are to be replaced. Milliseconds. */
export const lifetimes = {
  authority: { valid: 3_650 * day, renewBefore: 365 * day },
  server: { valid: 90 * day, renewBefore: 30 * day },
} as const;

/** Clocks differ: a certificate is valid from a little before it was made. Milliseconds. */
const leeway = 3_600_000;

/** Makes an authority that signs the certificates of one server and is trusted by nobody who is not told to. */
export function createAuthority(name: string, now: number): Promise<Identity> {
  return create({ name, now, valid: lifetimes.authority.valid });
}

/** Makes a certificate for a server that is reached by one of `hosts`, DNS names or addresses. */
export function issueFor(hosts: readonly string[], authority: Identity, now: number): Promise<Identity> {
  return create({ name: hosts.slice(0, 1).join(""), now, valid: lifetimes.server.valid, hosts, authority });
}

/** Why the identity cannot serve `hosts` under the authority any more, or only for too short; undefined when it can. */
export function unfitness(
  identity: Identity,
  hosts: readonly string[],
  authority: string,
  now: number,
): string | undefined {
  const { certificate, problem } = readIdentity(identity);
  if (certificate === undefined) return problem;
  if (!certificate.verify(new X509Certificate(authority).publicKey)) return "another authority signed it";
  const covers = (host: string) =>
    (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
  const missing = hosts.find((host) => !covers(host));
  if (missing !== undefined) return `it is not for ${missing}`;
  return ageOf(certificate, lifetimes.server.renewBefore, now);
}

/** Why no certificate should be signed with the authority any more; undefined while it can be. */
export function authorityUnfitness(authority: Identity, now: number): string | undefined {
  const { certificate, problem } = readIdentity(authority);
  return certificate === undefined ? problem : ageOf(certificate, lifetimes.authority.renewBefore, now);
}

/** The certificates of a bundle that are still valid, each PEM. What cannot be read is left out. */
export function validCertificates(bundle: string, now: number): readonly string[] {
  const blocks = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g) ?? [];
  return blocks.filter((block) => {
    try {
      return Date.parse(new X509Certificate(block).validTo) > now;
    } catch {
      return false;
    }
  });
}

type Reading =
  | { readonly certificate: X509Certificate; readonly problem?: undefined }
  | { readonly certificate?: undefined; readonly problem: string };

function readIdentity({ certificate, key }: Identity): Reading {
  try {
    const read = new X509Certificate(certificate);
    return read.checkPrivateKey(createPrivateKey(key))
      ? { certificate: read }
      : { problem: "the private key is not that of the certificate" };
  } catch {
    return { problem: "it cannot be read" };
  }
}

function ageOf({ validTo }: X509Certificate, renewBefore: number, now: number): string | undefined {
  return Date.parse(validTo) - now < renewBefore ? `it is valid until ${validTo} only` : undefined;
}

interface Wish {
  readonly name: string;
  readonly now: number;
  readonly valid: number;
  /** Of a server. */
  readonly hosts?: readonly string[];
  /** Who signs; the certificate itself when left out. */
  readonly authority?: Identity;
}

async function create({ name, now, valid, hosts, authority }: Wish): Promise<Identity> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)("rsa", {
    modulusLength: 2_048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey);
  // Begins with a one: a number that begins with zeros may be one byte too long for DER, and then nobody reads it.
  certificate.serialNumber = `01${randomBytes(15).toString("hex")}`;
  certificate.validity.notBefore = new Date(now - leeway);
  certificate.validity.notAfter = new Date(now + valid);
  certificate.setSubject([{ name: "commonName", value: name.slice(0, 64) }]);
  const issuer = authority === undefined ? certificate : forge.pki.certificateFromPem(authority.certificate);
  certificate.setIssuer(issuer.subject.attributes);
  certificate.setExtensions(hosts === undefined ? ofAuthority : ofServer(hosts));
  certificate.sign(forge.pki.privateKeyFromPem(authority?.key ?? privateKey), forge.md.sha256.create());
  return { certificate: forge.pki.certificateToPem(certificate).replaceAll("\r", ""), key: privateKey };
}

const ofAuthority = [
  { name: "basicConstraints", cA: true, critical: true },
  { name: "keyUsage", keyCertSign: true, critical: true },
  { name: "subjectKeyIdentifier" },
];

function ofServer(hosts: readonly string[]) {
  const altNames = hosts.map((host) => (isIP(host) === 0 ? { type: 2, value: host } : { type: 7, ip: host }));
  return [
    { name: "basicConstraints", cA: false, critical: true },
    { name: "keyUsage", digitalSignature: true, keyEncipherment: true, critical: true },
    { name: "extKeyUsage", serverAuth: true },
    { name: "subjectAltName", altNames },
  ];
}
