// What the method was published with: rates of false rollbacks, and times to a decision, of the same rules elsewhere.

/** Median and 95th percentile in seconds; Infinity where that many runs had not decided after 600 s. */
export type Times = readonly [median: number, p95: number];

const never = Infinity;

/** T1: false rollbacks in percent, by requests per second and true error rate in percent; scrapes of 15, 5 and 1 s, and fast. */
export const falseRollbacks: Readonly<Record<string, readonly number[]>> = {
  "1 0.1": [0, 0, 0, 0],
  "1 0.5": [0, 0.05, 0.05, 0.05],
  "1 0.9": [0.05, 0.15, 0.15, 0.2],
  "10 0.1": [0, 0, 0, 0],
  "10 0.5": [0, 0, 0, 0],
  "10 0.9": [0, 0, 0, 0],
  "100 0.1": [0, 0, 0, 0],
  "100 0.5": [0, 0, 0, 0],
  "100 0.9": [0, 0, 0, 0.05],
  "1000 0.1": [0, 0, 0, 0],
  "1000 0.5": [0, 0, 0, 0],
  "1000 0.9": [0, 0, 0, 0],
};

/** T2: times to the decision about a bad canary, by the same. */
export const detections: Readonly<Record<string, readonly Times[]>> = {
  "1 1.5": [
    [never, never],
    [never, never],
    [never, never],
    [never, never],
  ],
  "1 3": [
    [502, never],
    [508, never],
    [506, never],
    [506, never],
  ],
  "1 10": [
    [82, 188],
    [62, 152],
    [60, 150],
    [60, 150],
  ],
  "1 50": [
    [38, 38],
    [12, 22],
    [10, 20],
    [10, 20],
  ],
  "1 100": [
    [38, 38],
    [12, 12],
    [10, 10],
    [10, 10],
  ],
  "10 1.5": [
    [never, never],
    [588, never],
    [586, never],
    [586, never],
  ],
  "10 3": [
    [112, 172],
    [68, 148],
    [68, 148],
    [68, 148],
  ],
  "10 10": [
    [52, 68],
    [22, 28],
    [20, 26],
    [20, 26],
  ],
  "10 50": [
    [38, 38],
    [12, 12],
    [10, 14],
    [10, 10],
  ],
  "10 100": [
    [38, 38],
    [12, 12],
    [10, 14],
    [10, 10],
  ],
  "100 1.5": [
    [292, 352],
    [112, 168],
    [84, 148],
    [80, 144],
  ],
  "100 3": [
    [112, 128],
    [38, 42],
    [16, 24],
    [9.5, 16],
  ],
  "100 10": [
    [52, 68],
    [18, 22],
    [10, 10],
    [5.5, 5.5],
  ],
  "100 50": [
    [38, 38],
    [12, 12],
    [9.5, 9.5],
    [5.5, 5.5],
  ],
  "100 100": [
    [38, 38],
    [12, 12],
    [9.5, 9.5],
    [5.5, 5.5],
  ],
  "1000 1.5": [
    [278, 292],
    [92, 102],
    [20, 26],
    [20, 24],
  ],
  "1000 3": [
    [112, 112],
    [38, 38],
    [10, 12],
    [7.5, 8.5],
  ],
  "1000 10": [
    [52, 52],
    [18, 22],
    [10, 10],
    [5.5, 5.5],
  ],
  "1000 50": [
    [38, 38],
    [12, 12],
    [9.5, 9.5],
    [5.5, 5.5],
  ],
  "1000 100": [
    [38, 38],
    [12, 12],
    [9.5, 9.5],
    [5.5, 5.5],
  ],
};

/** T2: shares that were decided at all within 600 s, in percent, where that was not every one. */
export const detected: Readonly<Record<string, readonly number[]>> = {
  "1 1.5": [2, 2, 2, 2],
  "1 3": [62, 58, 58, 58],
  "10 1.5": [48, 51, 52, 52],
};

/** T4: false rollbacks in percent of canaries whose errors depend on each other, by how and requests per second. */
export const dependent: Readonly<Record<string, readonly number[]>> = {
  "independent 10": [0, 0, 0, 0],
  "independent 1000": [0, 0, 0, 0],
  "in triples 10": [0, 0, 0, 0],
  "in triples 1000": [0, 0, 0, 0],
  "in tens 10": [0, 0, 0, 0],
  "in tens 1000": [0, 0, 0, 0],
  "redrawn each 5 s 10": [0, 0, 0, 0],
  "redrawn each 5 s 1000": [0, 0, 0.8, 19.2],
  "2 s bursts of 30 % 10": [0, 0, 0, 0],
  "2 s bursts of 30 % 1000": [0, 0, 0, 0],
  "5 s bursts of 30 % 10": [0, 0.2, 0.2, 0.2],
  "5 s bursts of 30 % 1000": [0.2, 0.5, 1.5, 11],
  "5 s bursts of 100 % 10": [0, 0.8, 0.5, 1.2],
  "5 s bursts of 100 % 1000": [0.5, 0.5, 0.5, 3.5],
  "10 s bursts of 30 % 10": [0, 2.8, 2.5, 2.5],
  "10 s bursts of 30 % 1000": [0.2, 3.8, 9.2, 67],
  "30 s bursts of 5 % 10": [1.8, 18.2, 20.5, 20.5],
  "30 s bursts of 5 % 1000": [0, 27.8, 87.2, 87.5],
};

/** T6: false rollbacks beside stable in percent, by case, weight and requests per second; limit alone, both, fast. */
export const shared: Readonly<Record<string, readonly number[]>> = {
  "incident of 20 % for 60 s 10 1": [88, 0.5, 0.5],
  "incident of 20 % for 60 s 10 10": [100, 0.5, 0.5],
  "incident of 20 % for 60 s 10 100": [100, 0.5, 0.2],
  "incident of 20 % for 60 s 50 1": [91.5, 0.2, 0.2],
  "incident of 20 % for 60 s 50 10": [100, 0.8, 0.8],
  "incident of 20 % for 60 s 50 100": [100, 0.8, 0.5],
  "incident of 100 % for 20 s 10 1": [97.2, 0.2, 0.2],
  "incident of 100 % for 20 s 10 10": [100, 0, 0.2],
  "incident of 100 % for 20 s 10 100": [100, 0, 0.2],
  "incident of 100 % for 20 s 50 1": [99, 0, 0],
  "incident of 100 % for 20 s 50 10": [100, 0.8, 0.5],
  "incident of 100 % for 20 s 50 100": [100, 0.5, 0.5],
  "both 2 % all the time 10 1": [9, 1.2, 1.2],
  "both 2 % all the time 10 10": [99.5, 1.8, 2.5],
  "both 2 % all the time 10 100": [100, 1, 1.8],
  "both 2 % all the time 50 1": [10.8, 0.8, 0.8],
  "both 2 % all the time 50 10": [99.8, 1, 1.2],
  "both 2 % all the time 50 100": [100, 1, 3],
};

/** T6: times to the decision about a canary that is bad beside a good stable version, by the same. */
export const detectionsBeside: Readonly<Record<string, readonly Times[]>> = {
  "canary 5 % 10 1": [
    [178, 432],
    [178, 432],
    [176, 430],
  ],
  "canary 5 % 10 10": [
    [28, 58],
    [28, 58],
    [26, 56],
  ],
  "canary 5 % 10 100": [
    [28, 28],
    [28, 28],
    [6.5, 8.5],
  ],
  "canary 5 % 50 1": [
    [182, 498],
    [228, 518],
    [226, 516],
  ],
  "canary 5 % 50 10": [
    [28, 52],
    [38, 68],
    [36, 64],
  ],
  "canary 5 % 50 100": [
    [28, 28],
    [28, 28],
    [6.5, 8.5],
  ],
  "canary 100 % 10 1": [
    [12, 12],
    [12, 12],
    [10, 10],
  ],
  "canary 100 % 10 10": [
    [12, 12],
    [12, 12],
    [10, 10],
  ],
  "canary 100 % 10 100": [
    [12, 12],
    [12, 12],
    [5.5, 5.5],
  ],
  "canary 100 % 50 1": [
    [12, 12],
    [28, 32],
    [26, 30],
  ],
  "canary 100 % 50 10": [
    [12, 12],
    [12, 12],
    [10, 10],
  ],
  "canary 100 % 50 100": [
    [12, 12],
    [12, 12],
    [5.5, 5.5],
  ],
};
