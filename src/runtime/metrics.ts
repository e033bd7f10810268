import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";

/** What a metric's values are in: Prometheus's base units, or nothing where they are numbers of things. */
export type MetricUnit = "seconds" | "bytes" | "ratio";

export type MetricKind = "counter" | "gauge" | "histogram";

/** Everything that is said about a metric. Names carry the unit, as Prometheus wants them. */
export interface MetricDescription<K extends MetricKind, L extends string> {
  readonly kind: K;
  readonly name: string;
  /** One sentence. */
  readonly help: string;
  readonly unit?: MetricUnit;
  readonly labels: readonly L[];
}

export interface HistogramDescription<L extends string> extends MetricDescription<"histogram", L> {
  /** Upper bounds, rising, in the metric's unit. */
  readonly buckets: readonly number[];
}

/** A description of any kind, for lists of them. */
export type AnyDescription =
  MetricDescription<"counter", string> | MetricDescription<"gauge", string> | HistogramDescription<string>;

export type Labels<L extends string> = Readonly<Record<L, string>>;

export interface CounterMetric<L extends string> {
  /** Adds 1 unless told. */
  add(labels: Labels<L>, amount?: number): void;
  /** Makes the series exist, at zero, so that silence can be told from health. */
  begin(labels: Labels<L>): void;
  remove(labels: Labels<L>): void;
}

export interface GaugeMetric<L extends string> {
  set(labels: Labels<L>, value: number): void;
  remove(labels: Labels<L>): void;
}

export interface HistogramMetric<L extends string> {
  observe(labels: Labels<L>, value: number): void;
  /** Makes the series exist, with nothing observed. */
  begin(labels: Labels<L>): void;
}

/** What the process says about itself in numbers. A name can be registered once. */
export interface Metrics {
  counter<L extends string>(description: MetricDescription<"counter", L>): CounterMetric<L>;
  /** `collect` is called before every scrape and may set the values. */
  gauge<L extends string>(
    description: MetricDescription<"gauge", L>,
    collect?: (gauge: GaugeMetric<L>) => void,
  ): GaugeMetric<L>;
  histogram<L extends string>(description: HistogramDescription<L>): HistogramMetric<L>;
  /** All metrics in the text format of Prometheus. */
  render(): Promise<string>;
  readonly contentType: string;
}

export interface MetricsOptions {
  /** What is wanted of what the library tells about the process; the rest of it is left out. */
  readonly process?: readonly AnyDescription[];
}

/** A registry of metrics: empty but for what is wanted of the process. */
export function createMetrics({ process = [] }: MetricsOptions = {}): Metrics {
  const registry = new Registry();
  if (process.length > 0) collectProcess(registry, process);
  const settings = <L extends string>({ name, help, labels }: MetricDescription<MetricKind, L>) => ({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
  });

  return {
    counter(description) {
      const counter = new Counter(settings(description));
      return {
        add: (labels, amount = 1) => counter.inc(labels, amount),
        begin: (labels) => counter.inc(labels, 0),
        remove: (labels) => counter.remove(labels),
      };
    },
    gauge(description, collect) {
      const gauge: Gauge = new Gauge({
        ...settings(description),
        ...(collect === undefined
          ? {}
          : {
              collect() {
                gauge.reset();
                collect(metric);
              },
            }),
      });
      const metric = {
        set: (labels: Record<string, string>, value: number) => gauge.set(labels, value),
        remove: (labels: Record<string, string>) => gauge.remove(labels),
      };
      return metric;
    },
    histogram(description) {
      const histogram = new Histogram({ ...settings(description), buckets: [...description.buckets] });
      return {
        observe: (labels, value) => histogram.observe(labels, value),
        begin: (labels) => histogram.zero(labels),
      };
    },
    render: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

/** The library tells more with each of its versions, and some of it against the naming conventions. */
function collectProcess(registry: Registry, wanted: readonly AnyDescription[]): void {
  const names = new Set(wanted.map(({ name }) => name));
  collectDefaultMetrics({ register: registry });
  for (const { name } of registry.getMetricsAsArray()) if (!names.has(name)) registry.removeSingleMetric(name);
}
