// Text of certificates and clients is hostile. It is only ever put into a page as text, and what could deceive the eye is
// made visible here.

/** Characters that show nothing, or that change the order of those beside them. The blank is none of them. */
const HIDDEN =
  /[\p{C}\p{Zl}\p{Zp}\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]/gu
const MAX_LENGTH = 1000
/** Other scripts have letters that look like Latin ones. */
const LATIN = /\p{Script=Latin}/u
const OTHER = /(?=\p{L})(?!\p{Script=Latin})(?!\p{Script=Common})./u
const isAscii = text => /^[\x20-\x7e]*$/.test(text)

const code = found => `⟨U+${found.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`

/** Shows what is hidden: `paypal⟨U+202E⟩moc`. A long text is cut, with its length. */
export function visible(text) {
  const whole = String(text)
  const shown = whole.slice(0, MAX_LENGTH).replace(HIDDEN, code)
  return whole.length > MAX_LENGTH ? `${shown} … (${whole.length} characters)` : shown
}

/** What a person should know about a text before it is believed; undefined for most. */
export function warningOf(text) {
  if (isAscii(text)) return undefined
  if (text.replace(HIDDEN, '').length < text.length) return 'hidden characters'
  const isMixed = text.split(/[\s/=,@]+/u).some(word => LATIN.test(word) && OTHER.test(word))
  return isMixed ? 'letters of several scripts' : undefined
}

/** A host in ASCII, whatever it is written in. */
export function asciiHost(host) {
  if (isAscii(host)) return host
  try {
    return new URL(`http://${host}/`).hostname
  } catch {
    return visible(host)
  }
}

const isInternational = host => /(?:^|\.)xn--/i.test(host)

/** Makes an element. Strings become text. */
export function make(tag, names, ...children) {
  const element = document.createElement(tag)
  if (names) element.className = names
  element.append(...children)
  return element
}

const mark = text => make('span', 'mark', `⚠ ${text}`)

/** Writes only what is different: a selection and the focus stay as they are. */
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text
}

const shown = new WeakMap()
function fill(element, key, parts) {
  if (shown.get(element) === key) return
  shown.set(element, key)
  element.replaceChildren(...parts())
}

/** Puts a text from outside into an element, with a mark where it could deceive. */
export function putForeign(element, text) {
  const found = warningOf(text)
  fill(element, text, () => (found === undefined ? [visible(text)] : [`${visible(text)} `, mark(found)]))
}

/** Puts `host:port` into an element: the host in ASCII, with a mark where it stands for other letters. */
export function putHost(element, host, port) {
  const ascii = asciiHost(host)
  const text = `${ascii.includes(':') ? `[${ascii}]` : ascii}:${port}`
  fill(element, `${host} ${port}`, () =>
    isInternational(ascii) ? [`${text} `, mark('international name: it may look like another')] : [text],
  )
}

/** `names`, as far as they are few: the rest is counted. */
export function listed(names, max = 5) {
  const first = names.slice(0, max).map(visible).join(', ')
  return names.length > max ? `${first} and ${names.length - max} more` : first
}

/** How long a button says what it has done; milliseconds. */
const SAID = 2000

/** A button that copies a text, and the element in which it says so. @param shown is selected where there is no clipboard */
export function copyButton(title, text, shown) {
  const button = make('button', '', title)
  button.type = 'button'
  const said = make('span', 'said')
  said.setAttribute('role', 'status')
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text)
      put(said, 'copied')
    } catch {
      getSelection().selectAllChildren(shown ?? button.previousElementSibling ?? button)
      put(said, 'selected: copy it with Ctrl+C')
    }
    setTimeout(() => put(said, ''), SAID)
  })
  return { button, said }
}
