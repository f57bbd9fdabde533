import { UNDECIDED_FILE } from '../config/undecided.js'

/**
 * What becomes of one setting of the other proxy.
 *
 * - `kept`: the same name and meaning exist here
 * - `changed`: the same meaning, in another spelling or file
 * - `lost`: no counterpart, and nothing that protects
 * - `mind`: in force as before, and worth a warning: nothing is verified, all clients may come in
 * - `undecided`: it protects and cannot be kept; the folder does not start before the operator has decided
 * - `wrong`: a mistake of the input; undecided as well, because its intention is unknown
 */
export type Outcome = 'kept' | 'changed' | 'lost' | 'mind' | 'undecided' | 'wrong'

export interface Finding {
  readonly outcome: Outcome
  /** `records.config:4` */
  readonly where: string
  readonly what: string
}

/** Collects findings, in the order of the input. No finding shows a secret: values of records with secrets are left out. */
export class Findings {
  readonly all: Finding[] = []

  add(outcome: Outcome, where: string, what: string): void {
    if (this.all.some(other => other.outcome === outcome && other.where === where && other.what === what))
      return
    this.all.push({ outcome, where, what })
  }

  /** Adds what is about one place. @param said what stands there: begins each of them */
  at(where: string, said: string): (outcome: Outcome, what: string) => void {
    return (outcome, what) => this.add(outcome, where, `${said}: ${what}`)
  }

  of(...outcomes: readonly Outcome[]): readonly Finding[] {
    return this.all.filter(({ outcome }) => outcomes.includes(outcome))
  }
}

/** `1 line means`, `2 lines mean`. */
export const counted = (count: number, what: string): string =>
  count === 1 ? `1 ${what} means` : `${count} ${what}s mean`

const TITLES: readonly (readonly [Outcome, string])[] = [
  ['kept', 'Kept, with the same name and meaning'],
  ['changed', 'Changed: the same meaning, in another spelling or file'],
  ['lost', 'Lost: nothing here does this'],
  ['mind', 'Mind: in force as before'],
  ['wrong', 'Wrong in the files that were read'],
  ['undecided', 'Undecided: it kept something out, and does not here'],
]

/** What became of each setting, for people. */
export function reportText(findings: Findings, from: string, to: string): string {
  const parts = TITLES.flatMap(([outcome, title]) => {
    const found = findings.of(outcome)
    if (found.length === 0) return []
    return [`${title} (${found.length})\n${found.map(({ where, what }) => `  ${where}: ${what}\n`).join('')}`]
  })
  const open = findings.of('undecided', 'wrong').length
  const end =
    open === 0
      ? `Every restriction was kept. Check the folder: portcullis verify-config -D ${to}\n`
      : `${open === 1 ? '1 line stands' : `${open} lines stand`} in ${UNDECIDED_FILE}: the folder does not start before each has been decided and deleted.\n`
  return [`From ${from} to ${to}\n`, ...parts, end].join('\n')
}
