// How far providing the parts has come, for people who wait.
export interface Progress {
  /** What is being provided: "Kubernetes 1.36.3". */
  readonly subject: string;
  /** "compiled 812 of 1,432 packages" */
  readonly text: string;
  /** How much is done, from 0 to 1, when that is known. */
  readonly share?: number;
}

export type OnProgress = (progress: Progress) => void;

/** "1,432" */
export function thousands(count: number): string {
  return count.toLocaleString("en-US");
}

const LINE_EVERY_MS = 10_000;
const LINES_A_WHOLE = 10;

interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/**
 * Prints progress: on a terminal as one line that is updated, elsewhere as a line when the subject changes and then each
 * ten seconds or ten percent, whichever comes first.
 */
export function progressPrinter(output: Output = process.stderr): {
  readonly show: OnProgress;
  readonly end: () => void;
} {
  let subject = "";
  let step = "";
  let tenths = 0;
  let at = 0;
  let open = false;

  function showLine(progress: Progress): void {
    const now = performance.now();
    const kind = progress.text.replaceAll(/[\d,]+/g, "#");
    const news = progress.subject !== subject || kind !== step;
    const reached = Math.floor((progress.share ?? 0) * LINES_A_WHOLE);
    const due = now - at >= LINE_EVERY_MS || reached > tenths;
    if (!news && !due) return;
    subject = progress.subject;
    step = kind;
    tenths = reached;
    at = now;
    output.write(`${progress.subject}: ${progress.text}\n`);
  }

  function update(progress: Progress): void {
    if (open && progress.subject !== subject) output.write("\n");
    subject = progress.subject;
    open = true;
    const text = `${progress.subject}: ${progress.text}`.slice(0, (output.columns ?? 80) - 1);
    output.write(`\r\u001B[K${text}`);
  }

  return {
    show: (progress) => (output.isTTY === true ? update(progress) : showLine(progress)),
    end() {
      if (open) output.write("\n");
      open = false;
    },
  };
}
