import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { drawPlot } from './plot.js'
import { putIntoPage } from './readme.js'
import { parseResults } from './results.js'
import { handshakes, storm } from './samples.js'
import { type Comparison, drawConditions, drawTable } from './table.js'

const about = { date: '2026-11-22', machine: 'Some CPU, 2 cores, Linux 6', versions: ['Portcullis 1 <dev>'] }

const compare = (...lines: readonly string[]): Comparison => ({
  runs: parseResults(lines.join('\n'), 'sample.jsonl'),
  about,
  base: 'ats',
  quiet: undefined,
})

const THREE_ROUNDS = [
  handshakes('portcullis', 1, 1000),
  handshakes('ats', 1, 1000),
  handshakes('nginx-fwd', 1, 900),
  handshakes('portcullis', 2, 1500),
  handshakes('ats', 2, 1000),
  handshakes('portcullis', 3, 1200),
  handshakes('ats', 3, 2000, { foreign: { proxy_cpu: 0.3, load_cpu: 0 } }),
]

test('the table of the comparison', async t => {
  const rows = drawTable(compare(...THREE_ROUNDS)).split('\n')
  t.equal(rows[0], '|  | Portcullis | Traffic Server | nginx, no hook |')
  t.equal(
    rows[2],
    '| new handshake and request, µs CPU | 1200 (1000-1500); × 1.00 (0.60-1.50) | 1000 (1000-2000) | 900 (900-900); × 0.90 (0.90-0.90) |',
    'medians with their range, and ratios within a round',
  )
  t.equal(rows.length, 4, 'nothing about what was not measured')
})

test('a series that begins anew is never paired with another', async t => {
  const [, row] = drawTable(
    compare(
      handshakes('portcullis', 1, 100),
      handshakes('ats', 1, 100),
      handshakes('portcullis', 1, 400),
      handshakes('ats', 1, 200),
    ),
  )
    .split('\n')
    .slice(1)
  t.match(row, '× 1.50 (1.00-2.00)')
})

test('a proxy that let requests through, or died, has held nothing', async t => {
  const ats = { ok: 238, before_delay: 238, proxy_alive_end: false }
  const comparison = compare(storm('portcullis', 1, 60), storm('ats', 1, 80, ats))
  const table = drawTable(comparison)
  t.match(
    table,
    '| 1000 held: answered after the delay | 1000 of 1000 | 0 of 1000; 238 let through before it; the proxy died |',
  )
  t.match(table, '| 1000 held: KB per handshake | 60 (60-60) | - |')
  t.notMatch(drawPlot(comparison), 'Traffic Server</text>', 'no bar for it')
})

test('what has to be said with the figures', async t => {
  const broken = handshakes('squid', 1, 1, { error: 'port busy' })
  const comparison = compare(...THREE_ROUNDS, broken)
  const text = drawConditions(comparison)
  t.match(text, '2026-11-22: Some CPU, 2 cores, Linux 6')
  t.match(text, 'new handshakes 1-3 (1.5 s warm-up, 4 s measured).')
  t.match(text, 'In 1 of the 8 runs of which it is known, other processes had more than 15 % of a core')
  t.match(text, 'A run broke off (new handshakes, Squid): port busy.')
  t.match(drawTable(comparison), /CPU \|[^|]+\|[^|]+\| - \|/, 'who broke off has no figure')
  t.match(drawConditions({ ...comparison, quiet: 0.15 }), 'more than 15 % of a core were left out')
})

test('the plot', async t => {
  const svg = drawPlot(compare(...THREE_ROUNDS, storm('portcullis', 1, 60)))
  t.match(svg, /^<svg [^>]*viewBox="0 0 900 \d+"/)
  t.match(svg, 'prefers-color-scheme: dark')
  t.match(svg, '&lt;dev&gt;', 'texts are escaped')
  t.equal(svg.match(/<rect class="own"/g)?.length, 3, 'handshakes, memory, the neighbour')
  t.equal(svg.match(/<rect class="bar"/g)?.length, 2)
  t.notMatch(svg, 'NaN')
  for (const name of ['svg', 'text', 'style', 'title']) {
    const [opened, closed] = [`<${name}[ >]`, `</${name}>`].map(
      tag => svg.match(new RegExp(tag, 'g'))?.length,
    )
    t.equal(opened, closed, `every ${name} ends`)
  }
})

test('results that are none', async t => {
  t.throws(() => compare(handshakes('ats', 1, 1), 'Traceback'), { message: /^sample\.jsonl:2: not a JSON/ })
  t.throws(() => compare('{"test":"new"}'), { message: 'sample.jsonl:1: unknown test "new"' })
  t.throws(() => compare('{"test":"hs"}'), { message: /^sample\.jsonl:1: / })
  t.strictSame(parseResults('{"test":"block"}\n\n', 'f'), [], 'what is not about speed is left out')
})

test('the place in the page', async t => {
  const comparison = compare(...THREE_ROUNDS)
  const page = 'a\n<!-- peers: begin -->\nold\n<!-- peers: end -->\nb\n'
  const once = putIntoPage(page, comparison, 'docs/img/peers.svg')
  t.match(once, /^a\n<!-- peers: begin -->\n!\[[^\]]+\]\(docs\/img\/peers\.svg\)\n\n\| /)
  t.match(once, /\n<!-- peers: end -->\nb\n$/)
  t.notMatch(once, 'old')
  t.equal(putIntoPage(once, comparison, 'docs/img/peers.svg'), once, 'a second time changes nothing')
  const readme = readFileSync(fileURLToPath(new URL('../../../../README.md', import.meta.url)), 'utf8')
  t.match(putIntoPage(readme, comparison, 'p'), drawTable(comparison), 'README has one')
  t.throws(() => putIntoPage('a\n', comparison, 'p'), /begin/)
  t.throws(() => putIntoPage('<!-- peers: begin -->\n', comparison, 'p'), /end/)
})
