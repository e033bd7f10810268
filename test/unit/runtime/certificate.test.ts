import { X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import {
  authorityUnfitness,
  createAuthority,
  issueFor,
  lifetimes,
  unfitness,
  validCertificates,
  type Identity,
} from "../../../src/runtime/certificate.ts";

const now = Date.parse("2026-03-01T12:00:00Z");
const hosts = ["serin-webhook.serin-system.svc", "127.0.0.1", "::1"];

let authority: Identity;
let server: Identity;

beforeAll(async () => {
  authority = await createAuthority("authority", now);
  server = await issueFor(hosts, authority, now);
});

describe("the certificate of a server", () => {
  test("is for its names and addresses, from a little before now on", () => {
    const certificate = new X509Certificate(server.certificate);
    expect(certificate.subjectAltName).toContain("DNS:serin-webhook.serin-system.svc, IP Address:127.0.0.1");
    expect(Date.parse(certificate.validFrom)).toBe(now - 3_600_000);
    expect(Date.parse(certificate.validTo)).toBe(now + lifetimes.server.valid);
    expect(certificate.ca).toBe(false);
    expect(new X509Certificate(authority.certificate).ca).toBe(true);
    expect(certificate.serialNumber).toMatch(/^01[0-9A-F]{30}$/);
    expect(certificate.issuer).toBe("CN=authority");
  });

  test("is fit for what it was made for", () => {
    expect(unfitness(server, hosts, authority.certificate, now)).toBeUndefined();
    expect(authorityUnfitness(authority, now)).toBeUndefined();
  });

  test.each(["other.serin-system.svc", "127.0.0.2", "::2"])("is not fit for %s", (host) => {
    expect(unfitness(server, [host], authority.certificate, now)).toBe(`it is not for ${host}`);
  });

  test("is not fit with another's key, another's authority, or words in the place of a certificate", async () => {
    const other = await createAuthority("authority", now);
    expect(unfitness(server, hosts, other.certificate, now)).toBe("another authority signed it");
    expect(unfitness({ ...server, key: other.key }, hosts, authority.certificate, now)).toBe(
      "the private key is not that of the certificate",
    );
    expect(unfitness({ ...server, certificate: "none" }, hosts, authority.certificate, now)).toBe("it cannot be read");
    expect(authorityUnfitness({ ...authority, certificate: "none" }, now)).toBe("it cannot be read");
    expect(authorityUnfitness({ ...authority, key: other.key }, now)).toBe(
      "the private key is not that of the certificate",
    );
  });

  test("is to be renewed a month before its end, an authority a year before", () => {
    const late = now + lifetimes.server.valid - lifetimes.server.renewBefore;
    expect(unfitness(server, hosts, authority.certificate, late)).toBeUndefined();
    expect(unfitness(server, hosts, authority.certificate, late + 1_000)).toContain("only");
    const old = now + lifetimes.authority.valid - lifetimes.authority.renewBefore;
    expect(authorityUnfitness(authority, old)).toBeUndefined();
    expect(authorityUnfitness(authority, old + 1_000)).toContain("only");
  });
});

describe("a bundle", () => {
  test("keeps what is still valid", async () => {
    const later = await createAuthority("authority", now + 1_000_000);
    const bundle = `${authority.certificate}garbage\n${later.certificate}`;
    expect(validCertificates(bundle, now)).toEqual([authority.certificate, later.certificate]);
    expect(validCertificates(bundle, now + lifetimes.authority.valid)).toEqual([later.certificate]);
    expect(validCertificates("", now)).toEqual([]);
  });
});
