import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createAuthority, issueFor } from "../../../../src/runtime/certificate.ts";
import { createQueryApi } from "../../../../src/adapters/prometheus/query-api.ts";

const scalar = '{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}';
const credentials = () => Promise.resolve({ basicAuth: { username: "u", password: "p" } });
const soon = () => AbortSignal.timeout(2_000);
const servers: Server[] = [];

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server that answers and remembers what it was asked. */
async function remembering(): Promise<{ address: string; requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = [];
  const address = await serve((request, response) => {
    requests.push(request);
    response.end(scalar);
  });
  return { address, requests };
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

describe("the query API", () => {
  it("is asked for an instant, in seconds, under the address's own path", async () => {
    const { address, requests } = await remembering();
    const api = createQueryApi({ address: `${address}/prefix` });
    expect(await api.query('m{a="b+c"}', 1_500, soon())).toEqual({ kind: "Scalar", value: 2 });
    const url = new URL(requests[0]?.url ?? "", address);
    expect(url.pathname).toBe("/prefix/api/v1/query");
    expect(Object.fromEntries(url.searchParams)).toEqual({ query: 'm{a="b+c"}', time: "1.500" });
  });

  it("reuses its connection", async () => {
    const { address, requests } = await remembering();
    const api = createQueryApi({ address });
    for (let query = 0; query < 3; query += 1) await api.query("1", undefined, soon());
    expect(new Set(requests.map(({ socket }) => socket)).size).toBe(1);
    expect(requests[0]?.url).not.toContain("time=");
  });

  it("sends basic authentication and extra headers", async () => {
    const { address, requests } = await remembering();
    const api = createQueryApi({
      address,
      credentials,
      headers: { "X-Scope-OrgID": "shop" },
    });
    await api.query("1", undefined, soon());
    expect(requests[0]?.headers).toMatchObject({ authorization: "Basic dTpw", "x-scope-orgid": "shop" });
  });

  it("shows a token, and another one as soon as that is refused", async () => {
    const shown: (string | undefined)[] = [];
    const address = await serve((request, response) => {
      shown.push(request.headers.authorization);
      response.writeHead(request.headers.authorization === "Bearer 2" ? 200 : 401).end(scalar);
    });
    let reads = 0;
    const api = createQueryApi({ address, credentials: () => Promise.resolve({ bearerToken: String((reads += 1)) }) });
    for (let query = 0; query < 3; query += 1) await api.query("1", undefined, soon());
    expect(shown).toEqual(["Bearer 1", "Bearer 2", "Bearer 2"]);
  });

  it("keeps its connection when the credentials that are read again are the same", async () => {
    const { address, requests } = await remembering();
    const read = () => Promise.resolve({ basicAuth: { username: "u", password: "p" } });
    vi.spyOn(performance, "now").mockReturnValueOnce(0).mockReturnValueOnce(0).mockReturnValue(120_000);
    const api = createQueryApi({ address, credentials: read });
    for (let query = 0; query < 3; query += 1) await api.query("1", undefined, soon());
    vi.restoreAllMocks();
    expect(requests).toHaveLength(3);
    expect(new Set(requests.map(({ socket }) => socket)).size).toBe(1);
  });

  it("says that there are no credentials, and asks nobody", async () => {
    const { address, requests } = await remembering();
    const api = createQueryApi({ address, credentials: () => Promise.reject(new Error("there is no Secret a/b")) });
    expect(await api.query("1", undefined, soon())).toEqual({
      kind: "Problem",
      cause: "Away",
      problem: `Prometheus at ${address} could not be asked: there is no Secret a/b`,
    });
    expect(requests).toEqual([]);
  });

  it("trusts the certificate authority that it is given, and shows its own certificate", async () => {
    const now = Date.now();
    const authority = await createAuthority("test", now);
    const { certificate: cert, key } = await issueFor(["127.0.0.1"], authority, now);
    const shown: string[] = [];
    // What it shows is made for servers, so this one must not insist on its purpose.
    const tls = { cert, key, requestCert: true, rejectUnauthorized: false };
    const server = createTlsServer(tls, (_, response) => response.end(scalar));
    server.on("secureConnection", (socket: TLSSocket) => shown.push(socket.getPeerX509Certificate()?.subject ?? ""));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const trusting = { ca: authority.certificate, certificate: cert, key };
    const api = createQueryApi({ address, credentials: () => Promise.resolve(trusting) });
    expect(await api.query("1", undefined, soon())).toEqual({ kind: "Scalar", value: 2 });
    expect(await createQueryApi({ address }).query("1", undefined, soon())).toMatchObject({ cause: "Away" });
    expect(shown).toContain("CN=127.0.0.1");
  });

  it("asks a long question in a form, and tells how long the answer may take", async () => {
    const bodies: string[] = [];
    const address = await serve((request, response) => {
      request.on("data", (part: Buffer) => bodies.push(part.toString())).on("end", () => response.end(scalar));
    });
    const api = createQueryApi({ address, queryTimeout: 3_000 });
    await api.query("m".repeat(5_000), 1_000, soon());
    expect(Object.fromEntries(new URLSearchParams(bodies.join("")))).toEqual({
      query: "m".repeat(5_000),
      time: "1.000",
      timeout: "3s",
    });
  });

  it("follows no redirect", async () => {
    const other = await remembering();
    const address = await serve((_, response) => response.writeHead(302, { Location: other.address }).end());
    const answer = await createQueryApi({ address, credentials }).query("1", undefined, soon());
    expect(answer).toEqual({ kind: "Problem", cause: "Refused", problem: `Prometheus at ${address} answered 302` });
    expect(other.requests).toEqual([]);
  });

  it("tells no password of the address", async () => {
    const address = await serve((_, response) => response.writeHead(503).end("no"));
    const withPassword = address.replace("http://", "http://user:secret@");
    expect(await createQueryApi({ address: withPassword }).query("1", undefined, soon())).toEqual({
      kind: "Problem",
      cause: "Away",
      problem: `Prometheus at ${address} answered 503`,
    });
  });

  it.each([
    ["does not answer", () => undefined],
    [
      "never finishes its answer",
      (_: unknown, response: { write: (text: string) => void }) => response.write('{"status"'),
    ],
  ])("does not wait for a server that %s", async (_, listener) => {
    const address = await serve(listener);
    const began = performance.now();
    const answer = await createQueryApi({ address }).query("1", undefined, AbortSignal.timeout(200));
    expect(answer).toEqual({
      kind: "Problem",
      cause: "Late",
      problem: `Prometheus at ${address} did not answer in time`,
    });
    expect(performance.now() - began).toBeLessThan(1_500);
  });

  it("says that a connection was refused or cut", async () => {
    const address = await serve((request) => request.socket.destroy());
    const cut = await createQueryApi({ address }).query("1", undefined, soon());
    expect(cut).toEqual({
      kind: "Problem",
      cause: "Away",
      problem: `Prometheus at ${address} cannot be reached (ECONNRESET)`,
    });
    await new Promise((resolve) => servers.splice(0)[0]?.close(resolve));
    const refused = await createQueryApi({ address }).query("1", undefined, soon());
    expect(refused).toEqual({
      kind: "Problem",
      cause: "Away",
      problem: `Prometheus at ${address} cannot be reached (ECONNREFUSED)`,
    });
  });

  it("says that the operator is stopping", async () => {
    const { address } = await remembering();
    const answer = await createQueryApi({ address }).query("1", undefined, AbortSignal.abort());
    expect(answer.kind === "Problem" && answer.problem).toContain("the operator is stopping");
  });

  it("tells what came of each query, and what it took", async () => {
    const told: string[] = [];
    const observe = ({ result, seconds }: { readonly result: string; readonly seconds: number }) => {
      expect(seconds).toBeGreaterThanOrEqual(0);
      told.push(result);
    };
    const { address } = await remembering();
    await createQueryApi({ address, observe }).query("1", undefined, soon());
    await createQueryApi({ address, observe }).query("1", undefined, AbortSignal.abort());
    await createQueryApi({ address: "no address", observe }).query("1", undefined, soon());
    const unable = await serve((_, response) =>
      response.writeHead(422).end('{"status":"error","errorType":"execution","error":"too many samples"}'),
    );
    await createQueryApi({ address: unable, observe }).query("1", undefined, soon());
    const silent = await serve(() => undefined);
    await createQueryApi({ address: silent, observe }).query("1", undefined, AbortSignal.timeout(50));
    expect(told).toEqual(["answered", "stopped", "away", "refused", "late"]);
  });

  it("answers for an address that is none", async () => {
    const answer = await createQueryApi({ address: "prometheus:9090 or so" }).query("1", undefined, soon());
    expect(answer.kind).toBe("Problem");
  });
});
