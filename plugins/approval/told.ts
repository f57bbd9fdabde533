/** What instances tell one another of questions and their answers. */
import type { Entry } from './journal.js'
import { isLink } from './links.js'
import type { Link } from './question.js'

/** What instances tell one another: an entry, and the file that it is in. */
export interface Told {
  readonly file: string
  readonly entry: Entry
}

/** Which link was sent for a question. */
export interface LinkTold {
  readonly id: string
  readonly link: Link
}

export function isLinkTold(message: unknown): message is LinkTold {
  const { id, link } = (message ?? {}) as Partial<LinkTold>
  return typeof id === 'string' && isLink(link)
}
