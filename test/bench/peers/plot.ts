/** The comparison as a picture: a panel for each measure, a bar for each contestant, a line for the range of its rounds. */
import { spreadText } from '../figures.js'
import { type Cell, makeRows, nameOf, type Row } from './measures.js'
import { type Comparison, drawConditions, labelOf } from './table.js'

const WIDTH = 900
const MARGIN = 20
const COLUMN = (WIDTH - 3 * MARGIN) / 2
const LABEL = 130
const VALUE = 120
const BAR = 22
const HEAD = 30
const FOOT = 14
/** Characters of a line of the legend. */
const LINE = 150

/**
 * It brings its own background, so that it reads on a light page and on a dark one, and takes the darker of two sets of
 * colours where the reader's system prefers that.
 */
const STYLE = `
  .paper { fill: #ffffff; stroke: #d0d7de }
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .head { font-weight: 600 }
  .small { font-size: 11px; fill: #59636e }
  .bar { fill: #afb8c1 } .own { fill: #1a7f64 } .range { stroke: #1f2328; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117; stroke: #3d444d }
    text { fill: #f0f6fc }
    .small { fill: #9198a1 }
    .bar { fill: #656c76 } .own { fill: #3fb68e } .range { stroke: #f0f6fc }
  }`

export function drawPlot(comparison: Comparison): string {
  const { runs, base } = comparison
  const rows = makeRows(runs, base).filter(({ isPlotted }) => isPlotted)
  const title = 'Portcullis beside other proxies (shorter is better)'
  let y = MARGIN + HEAD
  const panels: string[] = []
  for (let i = 0; i < rows.length; i += 2) {
    const pair = rows.slice(i, i + 2)
    pair.forEach((row, column) => {
      panels.push(panel(row, MARGIN + column * (COLUMN + MARGIN), y))
    })
    y += Math.max(...pair.map(heightOf))
  }
  const legend = wrap(`Bars: medians; lines: lowest to highest round. ${drawConditions(comparison)}`)
  const texts = legend.map((line, i) => text(MARGIN, y + FOOT + i * 15, line, 'small'))
  const height = y + FOOT + legend.length * 15 + MARGIN / 2
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title">`,
    `<title id="title">${toXml(title)}</title>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="paper" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="6"/>`,
    text(MARGIN, MARGIN + 8, title, 'head'),
    ...panels,
    ...texts,
    '</svg>',
  ].join('\n')}\n`
}

const heightOf = ({ cells }: Row): number => HEAD + cells.length * BAR + FOOT

function panel(row: Row, x: number, y: number): string {
  const most = Math.max(...row.cells.map(({ value }) => value.max))
  const scale = (COLUMN - LABEL - VALUE) / (most > 0 ? most : 1)
  return [
    text(x, y + 16, labelOf(row), 'head'),
    ...row.cells.map((cell, i) => bar(row, cell, x, y + HEAD - 4 + i * BAR, scale)),
  ].join('\n')
}

function bar({ digits }: Row, { contestant, value }: Cell, x: number, y: number, scale: number): string {
  const at = (of: number): string => (x + LABEL + of * scale).toFixed(1)
  const middle = y + BAR / 2
  const kind = contestant.name === 'portcullis' ? 'own' : 'bar'
  return [
    text(x, middle + 4, nameOf(contestant)),
    `<rect class="${kind}" x="${at(0)}" y="${y + 3}" width="${(value.median * scale).toFixed(1)}" height="${BAR - 6}"/>`,
    `<line class="range" x1="${at(value.min)}" x2="${at(value.max)}" y1="${middle}" y2="${middle}"/>`,
    text(x + COLUMN - VALUE + 8, middle + 4, spreadText(value, digits), 'small'),
  ].join('\n')
}

function text(x: number, y: number, words: string, kind?: string): string {
  return `<text${kind === undefined ? '' : ` class="${kind}"`} x="${x}" y="${y}">${toXml(words)}</text>`
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const toXml = (words: string): string => words.replace(/[&<>"]/g, sign => ENTITIES[sign] ?? sign)

function wrap(words: string): readonly string[] {
  const lines: string[] = []
  for (const word of words.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + word.length < LINE) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
