import { withoutTokens } from 'coatcheck/tokens'
import { type DestinationStream, destination, type Logger, pino } from 'pino'
import type { Settings } from '../config/settings.ts'

/**
 * JSON lines on standard output, without secrets (AUD-01): what could hold one is not logged in the first place, and of
 * errors only what is named here. Whatever has a token's form is replaced all the same before a line is written.
 */
export function createLog(
  { logLevel }: Pick<Settings, 'logLevel'>,
  output: DestinationStream = standardOutput(),
): Logger {
  const options = {
    level: logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeError },
    formatters: { level: (label: string) => ({ level: label }) },
  }
  return pino(options, { write: (line) => writeTo(output, withoutTokens(line)) })
}

/** A log that cannot be written, as on a full disk, brings nothing else down (AUD-04). There is nowhere to tell of it. */
function writeTo(output: DestinationStream, line: string): void {
  try {
    output.write(line)
  } catch {
    // The line is lost.
  }
}

function standardOutput(): DestinationStream {
  const stream = destination(1)
  stream.on('error', () => {})
  return stream
}

/** Causes within causes, as deep as they help. */
const DEPTH = 4

interface DescribedError {
  readonly type: string
  readonly message: string
  readonly code?: string
  readonly stack?: string
  readonly cause?: DescribedError
}

/** An error without the properties that drivers hang on it, such as a statement and its values. */
function describeError(error: unknown, depth: number = DEPTH): DescribedError {
  if (!(error instanceof Error)) return { type: typeof error, message: 'not an error' }
  const { code, cause } = error as Error & { readonly code?: unknown }
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === 'string' && { code }),
    ...(depth === DEPTH && error.stack !== undefined && { stack: error.stack }),
    ...(cause !== undefined && depth > 1 && { cause: describeError(cause, depth - 1) }),
  }
}
