import { UNDECIDED_FILE } from '../config/undecided.js'
import type { Findings, Outcome } from './findings.js'

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
