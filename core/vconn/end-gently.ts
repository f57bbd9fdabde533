import type { Link } from './link.js'

/** How long the other end may take to read the last bytes, in milliseconds. */
const LINGER = 2_000

/** Ends a link so that what was written last (an alert) arrives; it is destroyed when the other end has ended too. */
export function endGently(link: Link, ms = LINGER): void {
  const linger = setTimeout(() => link.destroy(), ms)
  link.attach({
    copiesData: true,
    onData: () => {},
    onDrain: () => {},
    onEnd: () => link.destroy(),
    onClose: () => clearTimeout(linger),
  })
  link.resume()
  link.end()
}
