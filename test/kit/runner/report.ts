import type { FileResult } from './run-file.js'

export const isGood = ({ failed, trouble }: FileResult): boolean => failed === 0 && trouble === undefined

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`

/** One file: a line, and behind it every assertion that failed, with its diagnostics. */
export function describeResult(result: FileResult): string {
  const { file, passed, trouble, milliseconds, tap, stderr } = result
  if (isGood(result)) return `ok     ${seconds(milliseconds).padStart(8)}  ${file}  ${passed}`
  return [
    `not ok ${seconds(milliseconds).padStart(8)}  ${file}${trouble === undefined ? '' : `: ${trouble}`}`,
    ...indent(failures(tap)),
    ...indent(stderr.trim().split('\n').slice(-40)),
    `    alone: node --enable-source-maps ${file}`,
  ].join('\n')
}

const indent = (lines: readonly string[]): readonly string[] =>
  lines.filter(line => line !== '').map(line => `    ${line}`)

/** The failed points of a TAP text with their diagnostics. A point's parents follow it, and name the test. */
export function failures(tap: string): readonly string[] {
  const kept: string[] = []
  /** Ends the diagnostics that are being copied. */
  let end: string | undefined
  let mayBegin: string | undefined
  for (const line of tap.split('\n')) {
    if (end !== undefined) {
      kept.push(line)
      if (line === end) end = undefined
      continue
    }
    if (mayBegin !== undefined && line === `${mayBegin}  ---`) {
      kept.push(line)
      end = `${mayBegin}  ...`
    }
    const [, spaces = ''] = /^( *)not ok/.exec(line) ?? []
    const hasFailed = /^ *not ok/.test(line) && !/# (?:TODO|SKIP)/i.test(line)
    if (hasFailed || /^ *Bail out!/.test(line)) kept.push(line)
    mayBegin = hasFailed ? spaces : undefined
  }
  return kept
}

/** All results as one TAP text, each file a subtest. */
export function asTap(results: readonly FileResult[]): string {
  const lines = ['TAP version 14']
  for (const [i, result] of results.entries()) {
    const inner = result.tap.split('\n').filter(line => line !== '' && line !== 'TAP version 14')
    lines.push(`# Subtest: ${result.file}`, ...inner.map(line => `    ${line}`))
    lines.push(`${isGood(result) ? 'ok' : 'not ok'} ${i + 1} - ${result.file}`)
  }
  return `${[...lines, `1..${results.length}`].join('\n')}\n`
}

/** The line at the end. */
export function summary(results: readonly FileResult[], milliseconds: number): string {
  const passed = results.reduce((sum, result) => sum + result.passed, 0)
  const failed = results.reduce((sum, result) => sum + result.failed, 0)
  const bad = results.filter(result => !isGood(result))
  const names = bad.map(({ file }) => `\n  not ok ${file}`).join('')
  return `tests: ${results.length} files, ${passed} assertions passed, ${failed} failed, ${bad.length} files not in order, ${seconds(milliseconds)}${names}`
}
