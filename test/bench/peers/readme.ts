/** Puts the comparison where README has a place for it: between two markers. */
import { type Comparison, drawConditions, drawTable } from './table.js'

const BEGIN = '<!-- peers: begin -->'
const END = '<!-- peers: end -->'

/** @throws {Error} when the page has no such place, or more than one */
export function putIntoPage(page: string, comparison: Comparison, plot: string): string {
  const parts = page.split(BEGIN)
  const [before = '', rest = ''] = parts
  const ends = rest.split(END)
  const [, after = ''] = ends
  if (parts.length !== 2 || ends.length !== 2)
    throw new Error(`the page needs one line ${BEGIN}, and one line ${END} after it`)
  const content = [
    `![CPU and memory of Portcullis and other proxies, as bars](${plot})`,
    drawTable(comparison),
    drawConditions(comparison),
  ].join('\n\n')
  return `${before}${BEGIN}\n${content}\n${END}${after}`
}
