import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readAnswer } from "../../../../src/adapters/prometheus/answers.ts";

const metric = { instance: "a" };

function success(data: object): string {
  return JSON.stringify({ status: "success", data });
}

describe("answers of the query API", () => {
  it("are series of samples for a range selector, in whole milliseconds", () => {
    const body = success({
      resultType: "matrix",
      result: [
        {
          metric,
          values: [
            [1700000000.123, "5"],
            [1700000005, "7.5"],
          ],
        },
      ],
    });
    expect(readAnswer(200, body)).toEqual({
      kind: "Series",
      series: [
        {
          labels: metric,
          samples: [
            { at: 1700000000123, values: [5] },
            { at: 1700000005000, values: [7.5] },
          ],
        },
      ],
    });
  });

  it("are one sample each for an instant vector", () => {
    const body = success({ resultType: "vector", result: [{ metric, value: [10, "1"] }] });
    expect(readAnswer(200, body)).toEqual({
      kind: "Series",
      series: [{ labels: metric, samples: [{ at: 10_000, values: [1] }] }],
    });
  });

  it.each([
    [400, "bad_data", "Refused"],
    [422, "execution", "Refused"],
    [503, "timeout", "Late"],
    [503, "canceled", "Late"],
    [503, "unavailable", "Away"],
    [429, "too_many_requests", "Away"],
  ])("of status %d and type %s say that the query is %s", (status, errorType, cause) => {
    expect(readAnswer(status, JSON.stringify({ status: "error", errorType, error: "no" }))).toEqual({
      kind: "Problem",
      cause,
      problem: "refused the query: no",
    });
  });

  it("leave out what is not a finite number", () => {
    const body = success({
      resultType: "matrix",
      result: [
        {
          metric,
          values: [
            [1, "NaN"],
            [2, "+Inf"],
            [3, "4"],
          ],
        },
      ],
    });
    expect(readAnswer(200, body)).toMatchObject({ series: [{ samples: [{ at: 3_000 }] }] });
  });

  it("leave out native histograms, which have no values", () => {
    const body = success({ resultType: "matrix", result: [{ metric, histograms: [[1, {}]] }] });
    expect(readAnswer(200, body)).toEqual({ kind: "Series", series: [{ labels: metric, samples: [] }] });
  });

  it("are a number for a scalar", () => {
    expect(readAnswer(200, success({ resultType: "scalar", result: [10, "10.5"] }))).toEqual({
      kind: "Scalar",
      value: 10.5,
    });
  });

  it.each([
    [
      "an error of Prometheus",
      422,
      '{"status":"error","errorType":"execution","error":"too many samples"}',
      "refused the query: too many samples",
    ],
    ["an error with status 200", 200, '{"status":"error","errorType":"execution"}', "refused the query: execution"],
    ["a page of a proxy", 502, "<html>Bad Gateway</html>", "answered 502"],
    ["a redirect", 302, "", "answered 302"],
    ["a page with status 200", 200, "<html>log in</html>", "answered with something that is not Prometheus's JSON"],
    ["JSON of somebody else", 200, '{"status":"success"}', "answered with something that is not Prometheus's JSON"],
    [
      "half an answer",
      200,
      '{"status":"success","data":{"resultType":"ma',
      "answered with something that is not Prometheus's JSON",
    ],
    ["success with a bad status", 500, success({ resultType: "vector", result: [] }), "answered 500"],
  ])("are a problem for %s", (_, status, body, problem) => {
    expect(readAnswer(status, body)).toEqual({ kind: "Problem", cause: status === 502 ? "Away" : "Refused", problem });
  });

  it("never throw", () => {
    fc.assert(
      fc.property(fc.nat(599), fc.oneof(fc.string(), fc.json()), (status, body) => void readAnswer(status, body)),
    );
  });
});
