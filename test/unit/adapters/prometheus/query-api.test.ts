import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createQueryApi } from "../../../../src/adapters/prometheus/query-api.ts";

const scalar = '{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}';
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
      basicAuth: { username: "u", password: "p" },
      headers: { "X-Scope-OrgID": "shop" },
    });
    await api.query("1", undefined, soon());
    expect(requests[0]?.headers).toMatchObject({ authorization: "Basic dTpw", "x-scope-orgid": "shop" });
  });

  it("reads its token again for every query", async () => {
    const folder = mkdtempSync(join(tmpdir(), "serin-token-"));
    try {
      const bearerTokenFile = join(folder, "token");
      const { address, requests } = await remembering();
      const api = createQueryApi({ address, bearerTokenFile });
      for (const token of ["one", "two"]) {
        writeFileSync(bearerTokenFile, `${token}\n`);
        await api.query("1", undefined, soon());
      }
      expect(requests.map(({ headers }) => headers.authorization)).toEqual(["Bearer one", "Bearer two"]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("says that its token cannot be read, and asks nobody", async () => {
    const { address, requests } = await remembering();
    const api = createQueryApi({ address, bearerTokenFile: "/nowhere/token" });
    expect(await api.query("1", undefined, soon())).toEqual({
      kind: "Problem",
      problem: `Prometheus at ${address} could not be asked: the bearer token file cannot be read (ENOENT)`,
    });
    expect(requests).toEqual([]);
  });

  it("follows no redirect", async () => {
    const other = await remembering();
    const address = await serve((_, response) => response.writeHead(302, { Location: other.address }).end());
    const answer = await createQueryApi({ address, basicAuth: { username: "u", password: "p" } }).query(
      "1",
      undefined,
      soon(),
    );
    expect(answer).toEqual({ kind: "Problem", problem: `Prometheus at ${address} answered 302` });
    expect(other.requests).toEqual([]);
  });

  it("tells no password of the address", async () => {
    const address = await serve((_, response) => response.writeHead(503).end("no"));
    const withPassword = address.replace("http://", "http://user:secret@");
    expect(await createQueryApi({ address: withPassword }).query("1", undefined, soon())).toEqual({
      kind: "Problem",
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
    expect(answer).toEqual({ kind: "Problem", problem: `Prometheus at ${address} did not answer in time` });
    expect(performance.now() - began).toBeLessThan(1_500);
  });

  it("says that a connection was refused or cut", async () => {
    const address = await serve((request) => request.socket.destroy());
    const cut = await createQueryApi({ address }).query("1", undefined, soon());
    expect(cut).toEqual({ kind: "Problem", problem: `Prometheus at ${address} cannot be reached (ECONNRESET)` });
    await new Promise((resolve) => servers.splice(0)[0]?.close(resolve));
    const refused = await createQueryApi({ address }).query("1", undefined, soon());
    expect(refused).toEqual({ kind: "Problem", problem: `Prometheus at ${address} cannot be reached (ECONNREFUSED)` });
  });

  it("says that the operator is stopping", async () => {
    const { address } = await remembering();
    const answer = await createQueryApi({ address }).query("1", undefined, AbortSignal.abort());
    expect(answer.kind === "Problem" && answer.problem).toContain("the operator is stopping");
  });

  it("answers for an address that is none", async () => {
    const answer = await createQueryApi({ address: "prometheus:9090 or so" }).query("1", undefined, soon());
    expect(answer.kind).toBe("Problem");
  });
});
