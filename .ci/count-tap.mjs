/**
 * Counts the assertions in TAP files: `node .ci/count-tap.mjs FILE...` prints `PASSED FAILED`.
 *
 * A line that closes a subtest repeats what was counted inside, so it counts only when it says that the subtest failed
 * although nothing inside did: it broke off, ran out of time, or planned more. Skipped assertions and failed TODOs
 * count as neither. It needs no build, so that a broken one can still be counted.
 */
import { readFileSync } from 'node:fs'

const POINT = /^( *)(not ok|ok)\b(.*)$/

/** @param {string} text */
function count(text) {
  /** By depth: what has been counted below since the last point at the depth above. */
  const open = [{ points: 0, failed: 0 }]
  /** Points whose subtest follows in braces. */
  const braces = []
  const total = { passed: 0, failed: 0 }
  let yaml = ''
  let afterPoint = ''

  const fail = depth => {
    total.failed += 1
    for (const level of open.slice(0, depth + 1)) level.failed += 1
  }
  const take = depth => open.splice(depth + 1).reduce((sum, l) => sum + l.points, 0)
  const at = depth => {
    while (open.length <= depth) open.push({ points: 0, failed: 0 })
    return open[depth]
  }
  const close = (depth, isOk) => {
    const failedBelow = open[depth + 1]?.failed ?? 0
    take(depth)
    if (!isOk && failedBelow === 0) fail(depth)
  }

  for (const line of text.split('\n')) {
    if (yaml !== '') {
      if (line === `${yaml}...`) yaml = ''
      continue
    }
    if (afterPoint !== '' && line === `${afterPoint.slice(1)}  ---`) {
      yaml = `${afterPoint.slice(1)}  `
      afterPoint = ''
      continue
    }
    afterPoint = ''
    if (/^ *Bail out!/.test(line)) fail(0)
    const brace = /^( *)\}$/.exec(line)
    if (brace !== null && braces.at(-1)?.indent === brace[1]) {
      const { depth, isOk } = braces.pop()
      close(depth, isOk)
      continue
    }
    const point = POINT.exec(line)
    if (point === null || point[1].length % 4 !== 0) continue
    const [, indent, word, rest] = point
    const depth = indent.length / 4
    const directive = /# (SKIP|TODO)\b/i.exec(rest)?.[1]?.toUpperCase()
    const isOk = word === 'ok' || directive === 'TODO'
    afterPoint = `.${indent}`
    at(depth).points += 1
    if (rest.endsWith('{')) {
      take(depth)
      braces.push({ indent, depth, isOk })
    } else if (open.length > depth + 1) close(depth, isOk)
    else if (!isOk) fail(depth)
    else if (directive === undefined) total.passed += 1
  }
  return total
}

const sum = { passed: 0, failed: 0 }
for (const file of process.argv.slice(2)) {
  const { passed, failed } = count(readFileSync(file, 'utf8'))
  sum.passed += passed
  sum.failed += failed
}
console.log(`${sum.passed} ${sum.failed}`)
