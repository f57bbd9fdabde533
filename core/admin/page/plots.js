// Plots of handshakes, holds and latency, drawn by uPlot. Each has a table beside it: a canvas says nothing to a screen reader.
import { column, growth, labelsOf, onSample } from './samples.js'
import { clockText, LOCALE, number } from './times.js'
import { make, put, visible } from './words.js'

const HEIGHT = 200
const COLOURS = ['--one', '--two', '--three', '--four', '--five', '--six']
/** Plugins that are drawn; the table has them all. */
const MAX_LINES = COLOURS.length
const HOLDS = 'portcullis_hold_seconds'
const hour = new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit', second: '2-digit' })

const holding = plugin => {
  const sums = growth(`${HOLDS}_sum`, { plugin })
  return growth(`${HOLDS}_count`, { plugin }).map((count, i) => (count === 0 ? null : sums[i] / count))
}

/** A line is a name, and a function that makes its values: one for each time but the first; null where there is none. */
const rate = (name, labels) => () =>
  growth(name, labels).map((count, i) => count / Math.max(1, (times[i + 1] - times[i]) / 1000))
const PLOTS = [
  {
    title: 'Handshakes with origins',
    unit: 'per second',
    lines: () => [
      ['accepted', rate('portcullis_handshakes_total', { result: 'accepted' })],
      ['rejected', rate('portcullis_handshakes_total', { result: 'rejected' })],
      ['deadline missed', rate('portcullis_deadlines_missed_total')],
    ],
  },
  {
    title: 'Held now',
    unit: 'handshakes',
    lines: () => [['held', () => column('portcullis_parked').slice(1)]],
  },
  {
    title: 'How long plugins hold a handshake',
    unit: 'seconds, mean',
    lines: () => labelsOf(`${HOLDS}_count`, 'plugin').map(plugin => [plugin, () => holding(plugin)]),
    isByPlugin: true,
  },
]

const times = onSample(() => {
  if (!document.getElementById('plots').hidden) draw()
})
const drawn = []
let library

/** The library and its style sheet are loaded with the first plot. */
function load() {
  library ??= new Promise((resolve, reject) => {
    const style = document.createElement('link')
    style.rel = 'stylesheet'
    style.href = 'uplot.css'
    const script = document.createElement('script')
    script.src = 'uplot.js'
    script.onload = () => resolve(globalThis.uPlot)
    script.onerror = () => reject(new Error('The plots cannot be loaded. Load the page again.'))
    document.head.append(style, script)
  })
  return library
}

export async function show() {
  await load()
  draw()
}

const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()

function draw() {
  if (times.length < 2 || globalThis.uPlot === undefined) {
    put(document.getElementById('plots-none'), 'The first measurements are being made.')
    return
  }
  put(document.getElementById('plots-none'), '')
  PLOTS.forEach((plot, i) => {
    drawn[i] ??= makePlot(plot)
    drawn[i].draw()
  })
}

function makePlot({ title, unit, lines, isByPlugin = false }) {
  const heading = make('h3', '', `${title} (${unit})`)
  const canvas = make('div', 'plot')
  canvas.setAttribute('role', 'img')
  const body = make('tbody')
  const head = make('tr', '', ...[isByPlugin ? 'Plugin' : 'Line', 'Now', 'Mean', 'Highest'].map(columnOf))
  const table = make('table', '', make('thead', '', head), body)
  document
    .getElementById('plots-all')
    .append(make('div', 'plotted', heading, canvas, make('div', 'wide', table)))
  let chart
  let names
  const remake = found => {
    chart?.destroy()
    chart = new globalThis.uPlot(optionsFor(found, canvas.clientWidth), [[], ...found.map(() => [])], canvas)
    // The table says the same.
    canvas.querySelector('.u-legend').setAttribute('aria-hidden', 'true')
  }
  const again = () => {
    names = undefined
    if (!document.getElementById('plots').hidden) draw()
  }
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again)
  new ResizeObserver(() => chart?.setSize({ width: canvas.clientWidth, height: HEIGHT })).observe(canvas)
  return {
    draw() {
      const all = lines()
      const found = all.slice(0, MAX_LINES)
      const key = found.map(([name]) => name).join('\n')
      if (key !== names) remake(found)
      names = key
      const columns = all.map(([, values]) => values())
      chart.setData([times.slice(1).map(at => at / 1000), ...columns.slice(0, MAX_LINES)])
      putTable(body, all, columns)
      canvas.setAttribute(
        'aria-label',
        `${title}, ${unit}, since ${clockText(times[1])}; the table has the values`,
      )
    },
  }
}

const columnOf = text => {
  const cell = make('th', '', text)
  cell.scope = 'col'
  return cell
}

function putTable(body, all, columns) {
  while (body.rows.length > all.length) body.deleteRow(-1)
  all.forEach(([name], i) => {
    const values = columns[i].filter(value => value !== null)
    const sum = values.reduce((total, value) => total + value, 0)
    const last = columns[i].at(-1)
    const cells = [
      last === null || last === undefined ? '–' : number(last),
      values.length === 0 ? '–' : number(sum / values.length),
      values.length === 0 ? '–' : number(Math.max(...values)),
    ]
    const row = body.rows[i] ?? body.insertRow()
    if (row.cells.length === 0) {
      const first = make('th')
      first.scope = 'row'
      row.append(first, ...cells.map(() => make('td', 'number')))
    }
    put(row.cells[0], visible(name))
    for (const [j, text] of cells.entries()) put(row.cells[j + 1], text)
  })
}

function optionsFor(lines, width) {
  const [text, line] = [colour('--soft'), colour('--line')]
  const axis = { stroke: text, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } }
  const shown = value => (value === null || value === undefined ? '–' : number(value))
  return {
    width,
    height: HEIGHT,
    scales: { y: { range: (_chart, _low, high) => [0, high > 0 ? high * 1.1 : 1] } },
    axes: [
      { ...axis, values: (_, splits) => splits.map(at => hour.format(at * 1000)), space: 90 },
      { ...axis, values: (_, splits) => splits.map(number), size: 60 },
    ],
    series: [
      { label: 'Time', value: (_, at) => (at === null ? '–' : hour.format(at * 1000)) },
      ...lines.map(([name], i) => ({
        label: visible(name),
        stroke: colour(COLOURS[i]),
        width: 2,
        // Lines are told apart without their colours, too.
        dash: i === 0 ? [] : [4 + 4 * i, 3],
        spanGaps: true,
        points: { show: lines.length > 0 && times.length < 30 },
        value: (_, value) => shown(value),
      })),
    ],
  }
}
