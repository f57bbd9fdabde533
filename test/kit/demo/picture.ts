/**
 * Draws stories as timelines: a host each, a row for each party. A pure function of what was seen and of the clock, so
 * that it serves for every frame of the live picture as well as for the last one.
 */
import type { Paint, Style } from './screen.js'
import { duration, type Story } from './story.js'

export interface Canvas {
  /** Columns; below 64 it does not fit. */
  readonly width: number
  readonly paint: Paint
}

/** One party's time: from a mark to a mark, and words in it or behind it. */
interface Row {
  readonly from: number | undefined
  /** Absent while it goes on. */
  readonly to: number | undefined
  readonly marks: readonly [begin: string, fill: string, end: string]
  readonly style: Style
  /** In the middle if there is room. */
  readonly inside: string
  /** Behind the end, when `inside` has found its room; otherwise `short`. */
  readonly after: string
  readonly short: string
}

/** `  client  ` */
const LABEL = 10
/** Room behind a bar of three seconds, for its last word. */
const MARGIN = 10
/** The axis covers this at least, so that the live picture does not change its scale. */
const SPAN = 3050

export function draw(stories: readonly Story[], now: number, canvas: Canvas): string[] {
  const ends = stories.map(story => story.client.answeredAt ?? 0)
  const scale = (canvas.width - LABEL - MARGIN) / Math.max(SPAN, ...ends)
  const lines = [canvas.paint('dim', axis(scale, canvas.width))]
  for (const [i, story] of stories.entries()) {
    if (i > 0) lines.push('')
    lines.push(
      canvas.paint('bold', story.host),
      drawRow('client', clientRow(story), now, scale, canvas),
      drawRow('proxy', proxyRow(story), now, scale, canvas),
      drawRow('origin', originRow(story), now, scale, canvas),
    )
  }
  return lines
}

export const LEGEND = '▾ ClientHello   █ parked   · not a byte   ✔ Finished   ✖ TLS alert'

function clientRow({ client: { answeredAt, status } }: Story): Row {
  const style = status === undefined ? 'plain' : status < 300 ? 'good' : 'bad'
  const waited = duration(answeredAt ?? 0)
  return {
    from: 0,
    to: answeredAt,
    marks: ['├', '─', '┤'],
    style,
    inside: status === undefined ? 'waits' : `waits ${waited}`,
    after: `${status ?? ''}`,
    short: status === undefined ? '' : `${status} after ${waited}`,
  }
}

function proxyRow({ proxy: { parkedAt, decidedAt, plugin = '', verdict } }: Story): Row {
  const held = parkedAt === undefined || decidedAt === undefined ? '' : duration(decidedAt - parkedAt)
  return {
    from: parkedAt,
    to: decidedAt,
    marks: ['█', '█', '█'],
    style: verdict === 'reject' ? 'bad' : 'wait',
    inside: held === '' ? `parked, ${plugin} holds it` : `parked ${held} by ${plugin}`,
    after: verdict ?? '',
    short: held === '' ? '' : `parked ${held}; ${plugin} says ${verdict}`,
  }
}

function originRow({ origin: { helloAt, nextAt, alert, hasFinished } }: Story): Row {
  const gap = helloAt === undefined || nextAt === undefined ? '' : duration(nextAt - helloAt)
  return {
    from: helloAt,
    to: nextAt,
    marks: ['▾', '·', hasFinished ? '✔' : '✖'],
    style: nextAt === undefined ? 'plain' : hasFinished ? 'good' : 'bad',
    inside: gap === '' ? 'not a byte more' : `not a byte for ${gap}`,
    after: hasFinished ? 'request' : '',
    short: nextAt === undefined ? '' : hasFinished ? 'Finished, request' : alertText(alert),
  }
}

const alertText = (alert: string | undefined): string =>
  alert === undefined ? '' : `alert ${alert}; no Finished, no request`

function drawRow(label: string, row: Row, now: number, scale: number, { width, paint }: Canvas): string {
  const head = `  ${label.padEnd(LABEL - 2)}`
  if (row.from === undefined) return head.trimEnd()
  const [begin, fill, end] = row.marks
  const start = Math.round(row.from * scale)
  const stop = Math.max(start + 1, Math.round((row.to ?? now) * scale))
  const bar = stop - start - 1
  const words = ` ${row.inside} `
  const fits = bar >= words.length + 4
  const left = Math.floor((bar - words.length) / 2)
  const middle = fits ? fill.repeat(left) + words + fill.repeat(bar - words.length - left) : fill.repeat(bar)
  const caption = row.to === undefined ? '' : fits ? row.after : row.short
  const room = Math.max(0, width - LABEL - stop - 2)
  const drawn = paint(row.style, `${begin}${middle}${row.to === undefined ? '' : end}`)
  return `${head}${' '.repeat(start)}${drawn} ${caption.slice(0, room)}`.trimEnd()
}

/** A mark for each second. */
function axis(scale: number, width: number): string {
  let line = ''
  for (let second = 0; ; second += 1) {
    const at = LABEL + Math.round(second * 1000 * scale)
    const mark = `${second} s`
    if (at + mark.length > width) return line
    line = line.padEnd(at) + mark
  }
}
