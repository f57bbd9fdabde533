/**
 * What the comparison harness has measured, as it prints it: one JSON object a line, one line a run. A run that broke off
 * has an `error` in place of figures. Runs that stood next to each other have the same round, and only those compare.
 */
export const TESTS = ['hs', 'ka', 'bulk', 'susp'] as const
export type TestName = (typeof TESTS)[number]

export interface Run {
  readonly test: TestName
  /** Settings that make it another measurement: streams, connections, how many are held, for how long. */
  readonly variant: string
  readonly contestant: Contestant
  /** Equal for those that stood next to each other. */
  readonly round: string
  /** Why there are no figures. */
  readonly error: string | undefined
  /** The largest share of either core that neither proxy nor load nor origin had; the harness does not say it of every test. */
  readonly foreign: number | undefined
  /** A figure, by the names on the way to it. */
  readonly number: (...path: readonly string[]) => number | undefined
  /** What the run was asked for, `warm` or `dur`. */
  readonly option: (name: string) => string | undefined
  readonly isAlive: boolean
}

export interface Contestant {
  readonly name: string
  readonly mode: string
}

type Json = Readonly<Record<string, unknown>>

/** Measured by the harness too, but not a matter of speed. */
const LEFT_OUT = ['block']
const VARIES: Readonly<Record<string, (value: string) => string>> = {
  n: value => `${value} held`,
  delay: value => `${Number(value) / 1000} s`,
  par: value => (value === '1' ? '1 stream' : `${value} streams`),
  conns: value => `${value} connections`,
  path: value => value,
  host: value => value,
}

/**
 * @param file for messages
 * @throws {Error} that names the line which is not a result
 */
export function parseResults(text: string, file: string): readonly Run[] {
  const counts = new Map<string, number>()
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return []
    const json = parseLine(line)
    const where = `${file}:${i + 1}`
    if (json === undefined) throw new Error(`${where}: not a JSON object: ${line.slice(0, 80)}`)
    const { test, contestant, mode, round = '1' } = json
    if (LEFT_OUT.some(name => name === test)) return []
    const known = TESTS.find(name => name === test)
    if (known === undefined) throw new Error(`${where}: unknown test ${JSON.stringify(test)}`)
    if (typeof contestant !== 'string' || typeof mode !== 'string')
      throw new Error(`${where}: a result without contestant or mode`)
    const variant = Object.entries(VARIES)
      .flatMap(([key, text]) => (json[key] === undefined ? [] : [text(String(json[key]))]))
      .join(', ')
    // A file may hold several series, each with a round 1.
    const key = [known, variant, contestant, mode, round].join('\0')
    const series = counts.get(key) ?? 0
    counts.set(key, series + 1)
    return [
      {
        test: known,
        variant,
        contestant: { name: contestant, mode },
        round: `${String(round)}/${series}`,
        error: json['error'] === undefined ? undefined : String(json['error']),
        foreign: foreignOf(json),
        number: (...path) => numberAt(json, path),
        option: name => (json[name] === undefined ? undefined : String(json[name])),
        isAlive: json['proxy_alive_end'] !== false && json['proxy_alive_after'] !== false,
      } satisfies Run,
    ]
  })
}

function parseLine(line: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isJson(value) ? value : undefined
  } catch {
    return undefined
  }
}

const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function numberAt(json: Json, path: readonly string[]): number | undefined {
  let at: unknown = json
  for (const name of path) at = isJson(at) ? at[name] : undefined
  return typeof at === 'number' && Number.isFinite(at) ? at : undefined
}

function foreignOf({ foreign }: Json): number | undefined {
  if (!isJson(foreign)) return undefined
  const shares = Object.values(foreign).filter(share => typeof share === 'number')
  return shares.length === 0 ? undefined : Math.max(...shares)
}
