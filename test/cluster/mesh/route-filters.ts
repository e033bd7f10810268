import type { JsonObject } from "./envoy-types.ts";
import { protoDuration } from "./hosts.ts";
import type { CorsPolicy, Fault } from "./objects.ts";

/** Per-route configuration of Envoy's fault and CORS filters. */

function perMillion(percentage: { readonly value?: number } | undefined): JsonObject {
  return { numerator: Math.round((percentage?.value ?? 0) * 10_000), denominator: "MILLION" };
}

export function faultConfig(fault: Fault): JsonObject {
  return {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
    ...(fault.delay && {
      delay: {
        fixedDelay: protoDuration(fault.delay.fixedDelay ?? "0s"),
        percentage: perMillion(fault.delay.percentage),
      },
    }),
    ...(fault.abort && {
      abort: { httpStatus: fault.abort.httpStatus ?? 500, percentage: perMillion(fault.abort.percentage) },
    }),
  };
}

export function corsConfig(cors: CorsPolicy): JsonObject {
  const origins = (cors.allowOrigins ?? []).map(({ exact, prefix, regex }): JsonObject => {
    if (exact !== undefined) return { exact };
    return prefix === undefined ? { safeRegex: { regex: regex ?? "" } } : { prefix };
  });
  return {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy",
    allowOriginStringMatch: origins,
    ...(cors.allowMethods && { allowMethods: cors.allowMethods.join(",") }),
    ...(cors.allowHeaders && { allowHeaders: cors.allowHeaders.join(",") }),
    ...(cors.exposeHeaders && { exposeHeaders: cors.exposeHeaders.join(",") }),
    ...(cors.maxAge !== undefined && { maxAge: protoDuration(cors.maxAge).slice(0, -1) }),
    ...(cors.allowCredentials !== undefined && { allowCredentials: cors.allowCredentials }),
    filterEnabled: { defaultValue: { numerator: 100 } },
    forwardNotMatchingPreflights: true,
  };
}
