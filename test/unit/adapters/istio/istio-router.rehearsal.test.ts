import { describe, expect, test } from "vitest";
import { ConflictError, RejectedError } from "../../../../src/runtime/errors.ts";
import { meshOf, referenced, routerOn } from "./mesh.ts";
import { createObjectStore } from "./object-store.ts";
import { rolloutOf, serviceOf, to } from "./samples.ts";

const { signal } = new AbortController();

describe("a rehearsal", () => {
  test.each(["generated", "referenced"])("asks for every write of a release, with %s objects", async (form) => {
    const store =
      form === "referenced"
        ? meshOf({ hosts: ["product"], http: [{ route: [to()] }] }, { host: "product" })
        : createObjectStore();
    store.put("services", serviceOf());
    const asked: unknown[] = [];
    store.refuseWrites((plural, object) => {
      asked.push([plural, plural === "virtualservices" ? object.spec?.["http"] : object.spec?.["subsets"]]);
      return undefined;
    });
    const traffic = form === "referenced" ? referenced : {};
    expect(await routerOn(store).rehearse(rolloutOf(traffic), signal)).toBeUndefined();
    expect(store.requests.every((request) => request.startsWith("dryRun "))).toBe(true);
    const http = asked
      .filter((each) => (each as [string])[0] === "virtualservices")
      .map((each) => JSON.stringify(each));
    expect(http.map((text) => [...text.matchAll(/"weight":(\d+)/g)].map(([, weight]) => Number(weight)))).toEqual([
      [],
      [100, 0],
      [90, 10],
      [50, 50],
      [0, 100],
    ]);
  });

  test("answers with what was refused, and by whom", async () => {
    const store = meshOf({ hosts: ["product"], http: [{ route: [to()] }] }, { host: "product" });
    store.refuseWrites((plural, object) =>
      plural === "virtualservices" && JSON.stringify(object).includes(`"weight":50`)
        ? new RejectedError("no half measures")
        : undefined,
    );
    expect(await routerOn(store).rehearse(rolloutOf(referenced), signal)).toEqual({
      problem: "TrafficConfigRejected",
      message:
        "VirtualService shop/product with 50 % for the canary was refused, so the release did not start: no half measures",
    });
    store.refuseWrites(() => new ConflictError("changed"));
    await expect(routerOn(store).rehearse(rolloutOf(referenced), signal)).rejects.toThrow(ConflictError);
  });
});
