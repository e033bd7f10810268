import { renderDuration, type Milliseconds } from "../../api/instant.ts";
import { usualSpan, type Usual } from "../../domain/analysis/usual.ts";
import type { UsualQuery } from "../../ports/metric-provider.ts";
import type { QueryApi } from "./query-api.ts";
import { recordedNames, standardNames } from "./recorded.ts";
import { isLost } from "./request-class.ts";
import { selector, type Subject } from "./selectors.ts";
import type { Series } from "./series.ts";

/** Short enough to be full of scrapes where callers have just been started. */
const shortSpan: Milliseconds = 30_000;
/** With fewer scrapes in it, a window says little of how often they come. */
const leastScrapes = 3;

/**
 * What came to a Service in the last ten minutes, from what rules recorded where there is such a thing, because it is
 * read in a moment; undefined where nothing can be learned.
 */
export async function usualTraffic(api: QueryApi, query: UsualQuery, signal: AbortSignal): Promise<Usual | undefined> {
  const { namespace, service, reporter, stable } = query;
  for (const { requests: metric, areGrowth } of [recordedNames, standardNames]) {
    const subject: Subject = { metric, reporter, namespace, service, workloads: [stable], withLost: true };
    const within = (span: Milliseconds) => `${selector(subject)}[${renderDuration(span)}]`;
    const grown = `${areGrowth ? "sum_over_time" : "increase"}(${within(usualSpan)})`;
    const [counts, scrapes, recent] = await Promise.all([
      ask(api, `sum by (${told.join(", ")}) (${grown})`, signal),
      ask(api, `max(count_over_time(${within(usualSpan)}))`, signal),
      ask(api, `max(count_over_time(${within(shortSpan)}))`, signal),
    ]);
    const most = total(scrapes ?? []);
    if (counts === undefined || most === 0) continue;
    const interval = intervalOf(most, total(recent ?? []));
    return {
      requests: total(counts),
      lost: total(counts.filter(({ labels }) => isLost(labels))),
      length: Math.min(usualSpan, most * interval),
      interval,
    };
  }
  return undefined;
}

/** What tells whether requests were lost. */
const told = ["destination_workload", "response_flags"];

async function ask(api: QueryApi, expression: string, signal: AbortSignal): Promise<readonly Series[] | undefined> {
  const answer = await api.query(expression, undefined, signal);
  return answer.kind === "Series" && answer.series.length > 0 ? answer.series : undefined;
}

function total(series: readonly Series[]): number {
  return series.reduce((sum, { samples: [last] }) => sum + (last?.values[0] ?? 0), 0);
}

/** Callers that are younger than the ten minutes were scraped less often in them. */
function intervalOf(scrapes: number, recent: number): Milliseconds {
  const overall = usualSpan / scrapes;
  return Math.round(recent < leastScrapes ? overall : Math.min(overall, shortSpan / recent));
}
