import { ERRORS } from '../base/error-table.js'
import { type ErrorCode, ProxyError } from '../base/errors.js'
import { readFleetFiles } from '../base/fleet-files.js'
import { problemsOf } from '../base/mistakes.js'
import { discard, type Generation, makeGeneration, warningsOf } from '../program/generation.js'
import { type LastingParts, openLastingParts } from '../program/lasting-parts.js'
import { checkSink } from '../program/log-sink.js'
import type { Place } from '../program/place.js'
import { readConfiguration } from '../settings/settings.js'
import type { OptionValues } from './command-line.js'
import { formatOf } from './ctl-command.js'

/** What a start would read and warn of. */
interface Findings {
  readonly warnings: readonly string[]
  readonly plugins: readonly string[]
  /** In words. */
  readonly trusts: string
}

/** A text of ours, and the place that it begins with: a file with its line, a variable or a record. */
interface Placed {
  /** Null where the text names no place, or another one inside. */
  readonly where: string | null
  readonly what: string
}

/** What `--json` prints, on one line. */
export interface VerifyReport {
  readonly ok: boolean
  readonly problems: readonly (Placed & { readonly code: ErrorCode; readonly remedy: string })[]
  readonly warnings: readonly Placed[]
  /** In the order in which they are asked; empty where there are problems. */
  readonly plugins: readonly string[]
}

/**
 * Reads everything that a start reads, and opens no port.
 * @returns the exit status
 * @throws {ProxyError} the error of a start, unless `--json` lists it
 */
export async function verifyConfig(place: Place, options: OptionValues): Promise<number> {
  if (formatOf(options) === 'json') return verifyForPrograms(place)
  const { warnings, plugins, trusts } = await findingsIn(place)
  for (const warning of warnings) place.print('stderr', `warning: ${warning}`)
  const names = plugins.length === 0 ? 'none' : plugins.join(', ')
  place.print('stdout', `${place.confDir}: in order; plugins: ${names}; trusting ${trusts}`)
  return 0
}

/** The report is all that is written to stdout; what else is printed goes to stderr. */
async function verifyForPrograms(place: Place): Promise<number> {
  const report = await reportOn({ ...place, print: (_, line) => place.print('stderr', line) })
  place.print('stdout', JSON.stringify(report))
  return report.ok ? 0 : 1
}

async function reportOn(place: Place): Promise<VerifyReport> {
  try {
    const { warnings, plugins } = await findingsIn(place)
    return { ok: true, problems: [], warnings: warnings.map(placed), plugins }
  } catch (cause) {
    if (!(cause instanceof ProxyError)) throw cause
    const problems = problemsOf(cause).map(({ code, text }) => ({
      ...placed(text),
      code,
      remedy: ERRORS[code].remedy,
    }))
    return { ok: false, problems, warnings: [], plugins: [] }
  }
}

const findingsIn = (place: Place): Promise<Findings> =>
  withGeneration(place, generation => {
    const { accessLog, fleet } = generation.settings
    if (accessLog !== undefined) checkSink(accessLog)
    if (fleet !== undefined) readFleetFiles(fleet)
    return {
      warnings: warningsOf(generation),
      plugins: generation.plugins.names,
      trusts: generation.contexts.trusts,
    }
  })

const PLACE = /^(\/.*?:\d+(?::\d+)?|environment variable \w+|\/[^:]+|proxy\.config\.[\w.]+): (.*)$/s

/** `/etc/portcullis/sni.yaml:2: unknown key` is a place and what is wrong there. */
export function placed(text: string): Placed {
  const [, where = null, what = text] = PLACE.exec(text) ?? []
  return { where, what }
}

/**
 * Reads everything that a start reads, for a command that opens no port, and frees it afterwards.
 * @param observerOf makes what handshakes are reported to; without it they are logged
 * @throws {ProxyError} as `makeGeneration`, and what `use` throws
 */
export async function withGeneration<T>(
  place: Place,
  use: (generation: Generation, lasting: LastingParts) => T | Promise<T>,
  observerOf?: (lasting: LastingParts) => LastingParts['handshakes'],
): Promise<T> {
  const configuration = readConfiguration(place)
  const lasting = openLastingParts(place, configuration.settings)
  const handshakes = observerOf?.(lasting) ?? lasting.handshakes
  try {
    const generation = await makeGeneration(place, { ...lasting, handshakes }, configuration)
    try {
      return await use(generation, lasting)
    } finally {
      discard(generation)
    }
  } finally {
    await lasting.close()
  }
}
