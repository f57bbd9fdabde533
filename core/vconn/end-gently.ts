import type { Link } from './link.js'

/** How long the other end may take to read the last bytes, and to end its direction, in milliseconds. */
export const LINGER = 2_000

/**
 * Ends a link so that what was written last (an alert) arrives. When the other end has ended too the link closes by
 * itself, and not before all is sent: to destroy it there would cut off what the other end has not read yet.
 */
export function endGently(link: Link, ms = LINGER): void {
  const linger = setTimeout(() => link.destroy(), ms)
  link.attach({
    copiesData: true,
    onData: () => {},
    onDrain: () => {},
    onEnd: () => {},
    onClose: () => clearTimeout(linger),
  })
  link.resume()
  link.end()
}
