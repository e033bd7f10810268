import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";

/** Name, help text and label names of a metric. Names carry the unit, as Prometheus wants them. */
export interface MetricDescription<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly L[];
}

type Labels<L extends string> = Readonly<Record<L, string>>;

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
  remove(labels: Labels<L>): void;
}

/** What the process says about itself in numbers. A name can be registered once. */
export interface Metrics {
  counter<L extends string = never>(description: MetricDescription<L>): CounterMetric<L>;
  /** `collect` is called before every scrape and may set the values. */
  gauge<L extends string = never>(
    description: MetricDescription<L>,
    collect?: (gauge: GaugeMetric<L>) => void,
  ): GaugeMetric<L>;
  /** `buckets` are upper bounds, rising. */
  histogram<L extends string = never>(
    description: MetricDescription<L>,
    buckets: readonly number[],
  ): HistogramMetric<L>;
  /** All metrics in the text format of Prometheus. */
  render(): Promise<string>;
  readonly contentType: string;
}

/** An empty registry; with `process: true` it has CPU, memory and event loop of the process. */
export function createMetrics({ process = false }: { readonly process?: boolean } = {}): Metrics {
  const registry = new Registry();
  if (process) collectDefaultMetrics({ register: registry });
  const settings = <L extends string>({ name, help, labels = [] }: MetricDescription<L>) => ({
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
    histogram(description, buckets) {
      const histogram = new Histogram({ ...settings(description), buckets: [...buckets] });
      return {
        observe: (labels, value) => histogram.observe(labels, value),
        remove: (labels) => histogram.remove(labels),
      };
    },
    render: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
