import { pino, type LoggerOptions as PinoOptions } from "pino";

export type LogLevel = "debug" | "info" | "warn" | "error" | "fatal" | "silent";

type LogLine = (message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** Messages are constants; what varies is in the fields. A field `error` is written with its stack and causes. */
export interface Logger {
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
  readonly fatal: LogLine;
  /** A logger that adds these fields to every line. */
  child(fields: Readonly<Record<string, unknown>>): Logger;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Standard output unless told. Lines end with a line break. */
  readonly destination?: { write(line: string): void };
}

/** One JSON object per line, with `level` as a word and `time` in RFC 3339. */
export function createLogger({ level, destination }: LoggerOptions): Logger {
  const options: PinoOptions = {
    level,
    base: null,
    messageKey: "message",
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: pino.stdSerializers.errWithCause },
    // Credentials travel in headers; should one ever be logged with a request, its value is not.
    redact: ["headers.authorization", "*.headers.authorization"],
  };
  return wrap(destination === undefined ? pino(options) : pino(options, destination));
}

/** Says nothing. */
export const silentLogger: Logger = createLogger({ level: "silent" });

interface PinoLike {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  fatal(fields: object, message: string): void;
  child(fields: object): PinoLike;
}

function wrap(logger: PinoLike): Logger {
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
    fatal: (message, fields = {}) => logger.fatal(fields, message),
    child: (fields) => wrap(logger.child(fields)),
  };
}
