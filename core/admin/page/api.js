// Requests to the management API with the key of the session, and what can go wrong with them.

const KEY_LENGTH = 43
/** Milliseconds without a byte from the proxy, after which the connection counts as dead. Heartbeats come each 15 s. */
const SILENCE = 40_000
/** A difference of the two clocks that is smaller, milliseconds, is that of one answer's way. */
const MIN_SKEW = 3000

// The link of the login ends in the key of the session. Only pages of this very port can read the storage.
if (new RegExp(`^#[\\w-]{${KEY_LENGTH}}$`).test(location.hash)) {
  localStorage.setItem('key', location.hash.slice(1))
  history.replaceState(null, '', '/')
}

const NEW_LINK =
  'Run `portcullis ctl dashboard` on the machine of the proxy, and open the link that it prints.'

/** What is wrong, in a sentence, and what the person can do about it. `kind`: gone, over, role, busy or refused. */
export class Failure extends Error {
  constructor(kind, message, remedy) {
    super(message)
    this.kind = kind
    this.remedy = remedy
  }
}

const keyed = headers => ({ ...headers, 'x-portcullis-key': localStorage.getItem('key') ?? '' })

function failureOf(status, error) {
  const message = error?.message ?? `the proxy answers ${status}`
  if (status === 401) return new Failure('over', 'The login is over.', NEW_LINK)
  if (status === 403 && message.startsWith('x-portcullis-key'))
    return new Failure('over', 'This browser has no key of the login.', NEW_LINK)
  if (status === 403 && message.includes('needs the role'))
    return new Failure(
      'role',
      message,
      `\`portcullis ctl dashboard --role ${/needs the role "(\w+)"/.exec(message)?.[1]}\` makes a link with that role.`,
    )
  if (status === 429)
    return new Failure('busy', message, 'Close other windows of this page; it is tried again by itself.')
  return new Failure('refused', message, error?.remedy ?? '')
}

async function request(path, options) {
  let response
  try {
    response = await fetch(path, options)
  } catch (cause) {
    if (options.signal?.aborted) throw cause
    throw new Failure(
      'gone',
      'The proxy does not answer.',
      'Look whether it runs (`portcullis ctl status`); it is tried again every second.',
    )
  }
  readClock(response)
  if (response.ok) return response
  throw failureOf(response.status, (await response.json().catch(() => undefined))?.error)
}

let skew = 0
function readClock(response) {
  const theirs = Date.parse(response.headers.get('date') ?? '')
  if (Number.isNaN(theirs)) return
  const difference = theirs - Date.now()
  skew = Math.abs(difference) < MIN_SKEW ? 0 : difference
}

/** Now, by the proxy's clock: deadlines are times of it. */
export const now = () => Date.now() + skew
/** By how much the proxy's clock is ahead of this computer's; milliseconds. */
export const clockSkew = () => skew

/** Asks by GET, or by POST with a body. @returns the answer @throws {Failure} */
export async function ask(path, body) {
  const options =
    body === undefined
      ? { headers: keyed({}) }
      : { method: 'POST', headers: keyed({ 'content-type': 'application/json' }), body: JSON.stringify(body) }
  return (await request(path, options)).json()
}

/** Ends the login, and forgets its key. */
export async function logOut() {
  await request('/session', { method: 'DELETE', headers: keyed({}) })
  localStorage.removeItem('key')
}

/** Pages of one list at most: nothing here reads more than a person could. */
const MAX_PAGES = 10

/** Asks for all pages of a list. @param path with its query @returns the pages; the last has a `next` if there are more */
export async function askPages(path) {
  const pages = []
  for (let cursor = ''; pages.length < MAX_PAGES; ) {
    const page = await ask(`${path}${path.includes('?') ? '&' : '?'}${cursor}`)
    pages.push(page)
    if (page.next === null) break
    cursor = `cursor=${encodeURIComponent(page.next)}`
  }
  return pages
}

/**
 * Calls `on` with the topic of each event, until the connection ends. An EventSource could not send the key.
 * @throws {Failure} when it has ended
 */
export async function listen(on) {
  const ending = new AbortController()
  let timer
  const rewind = () => {
    clearTimeout(timer)
    timer = setTimeout(() => ending.abort(), SILENCE)
  }
  rewind()
  try {
    const response = await request('/v1/events', { headers: keyed({}), signal: ending.signal })
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    for (let rest = ''; ; ) {
      const { done, value } = await reader.read()
      if (done) break
      rewind()
      const lines = (rest + value).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line.startsWith('event: ')) on(line.slice('event: '.length))
    }
  } catch (cause) {
    if (cause instanceof Failure) throw cause
  } finally {
    clearTimeout(timer)
    ending.abort()
  }
  throw new Failure('gone', 'The proxy has closed the connection.', 'It is tried again every second.')
}
