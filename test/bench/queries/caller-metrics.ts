// What the proxies of many calling pods would export: counters that follow from rates, weights and time.

/** How one Service is called at the moment. */
export interface Split {
  readonly stable: string;
  readonly canary: string;
  /** The canary's share of the requests, 0 to 1. */
  readonly share: number;
  /** The canary's share of failed requests, 0 to 1. */
  readonly failing: number;
}

export interface Called {
  readonly namespace: string;
  readonly service: string;
  /** Requests per second that one caller makes. */
  readonly rate: number;
}

/** Envoy's default boundaries in milliseconds. */
const boundaries = [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000];
/** Nearly all requests take as long, in milliseconds. */
const usual = 25;

interface Counter {
  readonly workload: string;
  readonly code: "200" | "503";
  /** A fraction of a request is one that is under way. */
  requests: number;
}

/** The counters of all callers of one Service; callers are alike, so that one caller's stand for all. */
export class ServiceCounters {
  readonly #called: Called;
  readonly #counters: Counter[] = [];
  #split: Split | undefined;
  #countedTo: number;

  constructor(called: Called, now: number) {
    this.#called = called;
    this.#countedTo = now;
  }

  /** From now on requests are split like this. `now`: milliseconds. */
  split(split: Split, now: number): void {
    this.#count(now);
    this.#split = split;
  }

  #count(now: number): void {
    const requests = ((now - this.#countedTo) / 1_000) * this.#called.rate;
    this.#countedTo = now;
    if (this.#split === undefined) return;
    const { stable, canary, share, failing } = this.#split;
    this.#add(stable, "200", requests * (1 - share));
    this.#add(canary, "200", requests * share * (1 - failing));
    this.#add(canary, "503", requests * share * failing);
  }

  #add(workload: string, code: Counter["code"], requests: number): void {
    if (requests === 0) return;
    const found = this.#counters.find((counter) => counter.workload === workload && counter.code === code);
    if (found === undefined) this.#counters.push({ workload, code, requests });
    else found.requests += requests;
  }

  /** In Prometheus's text format, as the pod `caller` would expose them: requests, then durations. */
  render(caller: string, now: number): { readonly requests: string; readonly durations: string } {
    this.#count(now);
    const { namespace, service } = this.#called;
    const fixed = `reporter="source",source_workload="${caller}",source_workload_namespace="callers",source_principal="spiffe://cluster.local/ns/callers/sa/default",source_app="${caller}",source_version="v1",source_cluster="Kubernetes",destination_workload_namespace="${namespace}",destination_principal="spiffe://cluster.local/ns/${namespace}/sa/default",destination_service="${service}.${namespace}.svc.cluster.local",destination_service_name="${service}",destination_service_namespace="${namespace}",destination_cluster="Kubernetes",request_protocol="http",grpc_response_status="",connection_security_policy="unknown"`;
    let requests = "";
    let durations = "";
    for (const { workload, code, requests: all } of this.#counters) {
      const count = Math.floor(all);
      const labels = `${fixed},destination_workload="${workload}",destination_app="${service}",destination_version="v1",response_code="${code}",response_flags="${code === "503" ? "UF" : "-"}"`;
      requests += `istio_requests_total{${labels}} ${count}\n`;
      for (const le of boundaries)
        durations += `istio_request_duration_milliseconds_bucket{${labels},le="${le}"} ${le < usual ? 0 : count}\n`;
      durations += `istio_request_duration_milliseconds_bucket{${labels},le="+Inf"} ${count}\n`;
    }
    return { requests, durations };
  }
}
