import { createServer, type Server } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { panelQueries, untilAnswered } from "../../lab/dashboard-queries.ts";

const servers: Server[] = [];

/** A Prometheus that has answers for these expressions, one after the other, and none for others. */
async function prometheus(answers: Readonly<Record<string, readonly object[]>>): Promise<string> {
  const asked = new Map<string, number>();
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? "", "http://localhost").searchParams.get("query") ?? "";
    const count = asked.get(query) ?? 0;
    asked.set(query, count + 1);
    const all = answers[query] ?? [];
    response.end(JSON.stringify(all[Math.min(count, all.length - 1)] ?? vector()));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
}

const vector = (...values: string[]) => ({ data: { result: values.map((value) => ({ value: [0, value] })) } });
const query = (expression: string) => ({ panel: `Board: ${expression}`, expression });

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

describe("untilAnswered()", () => {
  test("is content with a number at any time, zero included", async () => {
    const url = await prometheus({ now: [vector("0")], later: [vector(), vector("NaN"), vector("NaN", "2")] });
    await untilAnswered(url, [query("now"), query("later")], 10_000);
  });

  test("names the panels that stay empty, and what Prometheus says", async () => {
    const url = await prometheus({ full: [vector("1")], nan: [vector("NaN")], bad: [{ error: "parse error" }] });
    const asked = ["full", "nan", "bad", "empty"].map(query);
    const failure = await untilAnswered(url, asked, 0).then(
      () => "",
      (error: unknown) => String(error),
    );
    expect(failure).toContain("Board: nan: NaN");
    expect(failure).toContain("Board: bad: parse error");
    expect(failure).toContain("Board: empty: no series");
    expect(failure).not.toContain("Board: full");
  });
});

test("every panel's queries are asked with the variables filled in", () => {
  const variables = { namespace: "shop", rollout: "product", instance: ".*", __rate_interval: "15s", __range: "10m" };
  const queries = panelQueries(variables);
  expect(queries.length).toBeGreaterThan(40);
  for (const { expression } of queries) expect(expression).not.toMatch(/\$[a-z_{]/i);
  expect(queries.map(({ expression }) => expression)).toContain(
    'sum(serin_release_under_way{namespace=~"shop",rollout=~"product"})',
  );
  expect(() => panelQueries({})).toThrow("has no value");
});
