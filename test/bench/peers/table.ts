/** The comparison as a table in Markdown, which reads as text too, and what has to be said with it. */
import { type Spread, spreadText } from '../figures.js'
import type { About } from './about.js'
import { contestantsOf, isSame, makeRows, nameOf, type Row } from './measures.js'
import { type Run, TESTS } from './results.js'

export interface Comparison {
  readonly runs: readonly Run[]
  readonly about: About
  /** The contestant that ratios are taken to. */
  readonly base: string
  /** Runs were left out in which other processes had more than this share of a core. */
  readonly quiet: number | undefined
}

/** More than this, and a run was disturbed (the harness' own measure). */
const DISTURBED = 0.15
const NONE = '-'

export function drawTable({ runs, base }: Pick<Comparison, 'runs' | 'base'>): string {
  const columns = contestantsOf(runs)
  const lines = [
    ['', ...columns.map(nameOf)],
    ['---', ...columns.map(() => '---')],
  ]
  const rows = makeRows(runs, base)
  const answers = answerRows(runs)
  for (const row of rows) {
    const first = rows.find(({ test, variant }) => test === row.test && variant === row.variant) === row
    if (row.test === 'susp' && first)
      lines.push(...answers.filter(([label]) => label === answered(row.variant)))
    lines.push([
      labelOf(row),
      ...columns.map(column => {
        const cell = row.cells.find(({ contestant }) => isSame(contestant, column))
        return cell === undefined ? NONE : cellText(row, cell.value, cell.ratio)
      }),
    ])
  }
  return lines.map(cells => `| ${cells.join(' | ')} |`).join('\n')
}

export const labelOf = ({ label, variant }: Pick<Row, 'label' | 'variant'>): string =>
  variant === '' ? label : `${variant}: ${label}`

function cellText({ digits }: Row, value: Spread, ratio: Spread | undefined): string {
  const text = spreadText(value, digits)
  return ratio === undefined ? text : `${text}; × ${spreadText(ratio, 2)}`
}

const answered = (variant: string): string => `${variant}: answered after the delay`

/** The contestants that answered at all, before any figure of speed. */
function answerRows(runs: readonly Run[]): readonly string[][] {
  const held = runs.filter(({ test, error }) => test === 'susp' && error === undefined)
  const columns = contestantsOf(runs)
  return [...new Set(held.map(({ variant }) => variant))].map(variant => [
    answered(variant),
    ...columns.map(column => {
      const own = held.filter(run => run.variant === variant && isSame(run.contestant, column))
      if (own.length === 0) return NONE
      const sum = (key: string): number => own.reduce((all, run) => all + (run.number(key) ?? 0), 0)
      const early = sum('before_delay')
      const notes = [
        early > 0 ? `${early} let through before it` : '',
        own.every(({ isAlive }) => isAlive) ? '' : 'the proxy died',
      ].filter(note => note !== '')
      return [`${sum('ok') - early} of ${sum('n')}`, ...notes].join('; ')
    }),
  ])
}

/** Everything that a reader has to know to judge the figures. */
export function drawConditions({ runs, about, base, quiet }: Comparison): string {
  const said = runs.filter(({ foreign }) => foreign !== undefined)
  const disturbed = said.filter(({ foreign = 0 }) => foreign > DISTURBED).length
  const nameOfBase = nameOf({ name: base, mode: 'hook' })
  const sentences = [
    `Measured on ${about.date}: ${about.machine}; everything on loopback, the proxy and its helpers on one core, load and origin on another.`,
    `${about.versions.join('; ')}.`,
    `Contestants by turns; rounds: ${roundsText(runs)}.`,
    `Each figure is the median of the rounds (lowest-highest); × is the ratio to ${nameOfBase} within one round, below 1 is cheaper.`,
    'Differences below 20 % are noise.',
    quiet === undefined
      ? `In ${disturbed} of the ${said.length} runs of which it is known, other processes had more than ${DISTURBED * 100} % of a core; none was left out.`
      : `Runs in which other processes had more than ${quiet * 100} % of a core were left out; the rounds are those that remained.`,
    runs.some(({ test }) => test === 'susp')
      ? 'The neighbour asks for another host every 50 ms, from the first moment of the storm on.'
      : '',
    ...failures(runs),
  ]
  return sentences.filter(sentence => sentence !== '').join(' ')
}

function roundsText(runs: readonly Run[]): string {
  const texts = TESTS.flatMap(test => {
    const own = runs.filter(run => run.test === test && run.error === undefined)
    if (own.length === 0) return []
    const counts = contestantsOf(own).flatMap(contestant => {
      const alike = own.filter(run => isSame(run.contestant, contestant))
      return [...new Set(alike.map(({ variant }) => variant))].map(
        variant => alike.filter(run => run.variant === variant).length,
      )
    })
    const [least, most] = [Math.min(...counts), Math.max(...counts)]
    return [`${WHAT[test]} ${least === most ? least : `${least}-${most}`}${timesText(own)}`]
  })
  return texts.join(', ')
}

/** A program that compiles while it runs needs time to warm up: how much it had is part of the figure. */
function timesText(runs: readonly Run[]): string {
  const times = runs.map(run => {
    const [warm, dur] = [run.option('warm'), run.option('dur')]
    return [
      ...(warm === undefined ? [] : [`${warm} s warm-up`]),
      ...(dur === undefined ? [] : [`${dur} s measured`]),
    ].join(', ')
  })
  const told = [...new Set(times)].filter(time => time !== '')
  return told.length > 0 ? ` (${told.join('; ')})` : ''
}

const WHAT = { hs: 'new handshakes', ka: 'pooled', bulk: 'bulk', susp: 'held' } as const

function failures(runs: readonly Run[]): readonly string[] {
  const failed = runs.filter(({ error }) => error !== undefined)
  return failed.map(
    ({ test, contestant, error }) => `A run broke off (${WHAT[test]}, ${nameOf(contestant)}): ${error}.`,
  )
}
