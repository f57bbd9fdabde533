/** Names the files of a group, a line each. */
export const GROUP_FILES = 'PORTCULLIS_TEST_GROUP'

/** What a process that runs several files of tests says at the end of each. */
export interface FileEnd {
  readonly file: string
  /** Assertions. */
  readonly passed: number
  readonly failed: number
  /** Those that were skipped, too. */
  readonly total: number
  readonly milliseconds: number
}

const MARK = 'file ended '

/** As a comment of TAP. */
export const ofEnd = (end: FileEnd): string => MARK + JSON.stringify(end)

/** The files that came to their end, each with its part of the TAP; the parts have points and a plan of their own. */
export function partsOf(tap: string): readonly (FileEnd & { readonly tap: string })[] {
  const parts: (FileEnd & { readonly tap: string })[] = []
  let lines: string[] = []
  for (const line of tap.split('\n')) {
    if (!line.startsWith(`# ${MARK}`)) {
      lines.push(line)
      continue
    }
    const end: FileEnd = JSON.parse(line.slice(2 + MARK.length))
    parts.push({
      ...end,
      tap: renumbered(without(markOf('rest', end.file), without(markOf('end', end.file), lines))),
    })
    lines = []
  }
  return parts
}

/** The tests of the runner's own, behind those of a file: the first comes when these have ended. */
export const markOf = (which: 'end' | 'rest', file: string): string => `${which} of ${file}`

function without(mark: string, lines: readonly string[]): readonly string[] {
  const from = lines.lastIndexOf(`# Subtest: ${mark}`)
  const to = lines.findIndex((line, i) => i > from && /^ok \d+ - /.test(line))
  return from === -1 ? lines : lines.filter((_, i) => i < from || i > to)
}

function renumbered(lines: readonly string[]): string {
  let points = 0
  const own = lines
    .filter(line => !/^(?:TAP version|1\.\.\d+$|$)/.test(line))
    .map(line =>
      line.replace(/^(not ok|ok) \d+/, (_, word: string) => {
        points += 1
        return `${word} ${points}`
      }),
    )
  return `${[...own, `1..${points}`].join('\n')}\n`
}
