import type { Link } from './link.js'

/** How long the other end may take to read the last bytes, in milliseconds. */
const LINGER = 2_000

/** Ends a link so that what was written last (an alert) arrives; it is destroyed when the other end has ended too. */
export function endGently(link: Link): void {
  const linger = setTimeout(() => link.destroy(), LINGER)
  link.attach({
    onData: () => {},
    onDrain: () => {},
    onEnd: () => link.destroy(),
    onClose: () => clearTimeout(linger),
  })
  link.end()
}
