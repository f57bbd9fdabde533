/** The syntax of proxy.config.http.insert_forwarded and anonymize_other_header_list. */
import { didYouMean } from '../base/nearest.js'
import { partsOf, quote, type Reading } from './config-file.js'

export const FORWARDED_PARTS = ['for', 'by=ip', 'by=unknown', 'proto', 'host'] as const
export type ForwardedPart = (typeof FORWARDED_PARTS)[number]

/** Reads `for|by=ip|proto`; blanks and colons separate as well, as in Traffic Server. */
export function readForwarded(text: string): Reading<{ readonly parts: readonly ForwardedPart[] }> {
  const words = text.split(/[\s|:]+/).filter(word => word !== '' && word !== 'none')
  const parts = FORWARDED_PARTS.filter(part => words.includes(part))
  const wrong = words
    .filter(word => !FORWARDED_PARTS.some(part => part === word))
    .map(
      word =>
        `${quote(word)} is no part; the parts are ${FORWARDED_PARTS.join(', ')}${didYouMean(word, FORWARDED_PARTS)}`,
    )
  return { parts, wrong }
}

/** Without these a message has another meaning, or another end. */
const KEPT = /^(?:host|connection|content-length|transfer-encoding|te|trailer|upgrade|keep-alive|expect)$/

/** Reads names of fields, with commas or blanks between them. The names are in lower case. */
export function readFieldList(text: string): Reading<{ readonly names: readonly string[] }> {
  const names = partsOf(text.toLowerCase())
  const wrong = names.flatMap(name => {
    if (KEPT.test(name))
      return [`${quote(name)} frames a request or belongs to its connection, and is not removed`]
    return /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) ? [] : [`${quote(name)} is no name of a field`]
  })
  return { names, wrong }
}
