import { request } from "undici";
import { until } from "../cluster/processes/until.ts";
import { dashboardNames, interpolated, readDashboard, shownPanels } from "../support/dashboards.ts";

/** What a panel asks Prometheus. */
export interface PanelQuery {
  /** Dashboard and panel. */
  readonly panel: string;
  readonly expression: string;
}

/** Every query of every dashboard, with its variables at these values, as Grafana would send it. */
export function panelQueries(values: Readonly<Record<string, string>>): readonly PanelQuery[] {
  return dashboardNames.flatMap((name) => {
    const dashboard = readDashboard(name);
    return shownPanels(dashboard).flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({ panel: `${dashboard.title}: ${title}`, expression: interpolated(expr, values) })),
    );
  });
}

/**
 * Resolves once each query has returned at least one number at some time since the call: a panel about a release has
 * none at rest. Rejects after `timeout` milliseconds with the panels that have none, and what Prometheus said last.
 */
export async function untilAnswered(
  prometheusUrl: string,
  queries: readonly PanelQuery[],
  timeout: number,
): Promise<void> {
  const waiting = new Map(queries.map((query) => [query, "nothing yet"]));
  const look = async () => {
    for (const query of [...waiting.keys()]) {
      const answer = await ask(prometheusUrl, query.expression);
      if (answer === undefined) waiting.delete(query);
      else waiting.set(query, answer);
    }
    return waiting.size === 0;
  };
  try {
    await until(look, { timeout, every: 1_000, what: "data in every panel" });
  } catch (error) {
    const empty = [...waiting].map(([{ panel, expression }, answer]) => `${panel}: ${answer}\n${expression}`);
    throw new Error(`these panels have no data:\n${empty.join("\n\n")}`, { cause: error });
  }
}

interface Answer {
  readonly error?: string;
  readonly data?: { readonly result: readonly { readonly value: readonly [number, string] }[] };
}

/** Undefined where there is a number; else what there is instead. */
async function ask(prometheusUrl: string, expression: string): Promise<string | undefined> {
  const { body } = await request(`${prometheusUrl}/api/v1/query`, { query: { query: expression } });
  const { error, data } = (await body.json()) as Answer;
  if (data === undefined) return error ?? "no data";
  const values = data.result.map(({ value }) => value[1]);
  if (values.some((value) => Number.isFinite(Number(value)))) return undefined;
  return values.length === 0 ? "no series" : values.join(", ");
}
