import { request as connect } from "node:https";
import { afterEach, beforeAll, expect, test } from "vitest";
import { createAuthority, issueFor, type Identity } from "../../../src/runtime/certificate.ts";
import { startHttpsServer, type HttpsServer } from "../../../src/runtime/https-server.ts";

let authority: Identity;
let identity: Identity;
let server: HttpsServer | undefined;

beforeAll(async () => {
  authority = await createAuthority("authority", Date.now());
  identity = await issueFor(["127.0.0.1"], authority, Date.now());
});

afterEach(() => server?.close());

const routes = {
  "/echo": (body: unknown) => ({ body }),
  "/picky": () => {
    throw new Error("no AdmissionReview");
  },
};

async function start(): Promise<HttpsServer> {
  server = await startHttpsServer({ host: "127.0.0.1", port: 0, identity, routes });
  return server;
}

interface Answer {
  readonly code: number;
  readonly body: string;
  readonly serial: string;
}

function post(port: number, path: string, body: string, method = "POST", ca = authority.certificate): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = connect({ host: "127.0.0.1", port, path, method, ca, agent: false }, (response) => {
    const { serialNumber } = (
      response.socket as unknown as { getPeerCertificate(): { serialNumber: string } }
    ).getPeerCertificate();
    let text = "";
    response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    response.on("end", () => resolve({ code: response.statusCode ?? 0, body: text, serial: serialNumber }));
  });
  sent.on("error", reject);
  sent.end(body);
  return promise;
}

test("answers JSON to those who trust its authority", async () => {
  const { port } = await start();
  await expect(post(port, "/echo?timeout=5s", '{"a":1}')).resolves.toMatchObject({
    code: 200,
    body: '{"body":{"a":1}}',
  });
});

test("is not trusted by those who trust another authority", async () => {
  const { port } = await start();
  const other = await createAuthority("other", Date.now());
  await expect(post(port, "/echo", "{}", "POST", other.certificate)).rejects.toThrow(/certificate|issuer/);
});

test.each([
  ["/other", "{}", "POST", 404],
  ["/echo", "", "GET", 405],
  ["/echo", "no json", "POST", 400],
])("refuses %s %j %s with %i", async (path, body, method, code) => {
  const { port } = await start();
  await expect(post(port, path, body, method)).resolves.toMatchObject({ code });
});

test("says why a route refused", async () => {
  const { port } = await start();
  await expect(post(port, "/picky", "{}")).resolves.toMatchObject({ code: 400, body: '"no AdmissionReview"' });
});

test("refuses a body that no API server sends", async () => {
  const { port } = await start();
  const refused = post(port, "/echo", `"${"x".repeat(16 * 1024 * 1024)}"`);
  // The answer may come while the body is still being sent.
  await expect(refused.catch(() => ({ code: 413 }))).resolves.toMatchObject({ code: 413 });
});

test("gives new connections the certificate that it was told to use", async () => {
  const { port, use } = await start();
  const before = await post(port, "/echo", "{}");
  use(await issueFor(["127.0.0.1"], authority, Date.now()));
  const after = await post(port, "/echo", "{}");
  expect(after).toMatchObject({ code: 200 });
  expect(after.serial).not.toBe(before.serial);
});

test("rejects when the port is taken", async () => {
  const { port } = await start();
  await expect(startHttpsServer({ host: "127.0.0.1", port, identity, routes })).rejects.toThrow("EADDRINUSE");
});
