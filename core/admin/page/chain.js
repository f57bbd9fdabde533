// A chain as a person reads it, and as PEM.
import { ask } from './api.js'
import { derOf, readCertificate, sha256 } from './certificate.js'
import { ageText, momentText } from './times.js'
import { copyButton, make, put, putForeign, visible } from './words.js'

/** Certificates of a chain that are read; the PEM has all of them. */
const MAX = 20

/** Puts the chain of a row into an element: what its question says, and what the proxy knows of its handshake. */
export async function putChain(element, row) {
  if (element.dataset.state === 'done' || element.dataset.state === 'asked') return
  element.dataset.state = 'asked'
  try {
    const detail = row.handshake === undefined ? undefined : await detailOf(row)
    const chain = row.chain ?? detail?.chain?.map(({ pem }) => pem)
    if (chain === undefined) throw new Error('The proxy does not say more about it.')
    element.replaceChildren(...checksOf(detail), ...partsOf(chain))
    element.dataset.state = 'done'
  } catch (failure) {
    element.dataset.state = 'failed'
    element.replaceChildren(make('p', '', `${failure.message} ${failure.remedy ?? ''}`))
  }
}

/** A question has its chain without the handshake, which may be over. */
async function detailOf(row) {
  try {
    return await ask(`/v1/parked/${encodeURIComponent(row.handshake)}`)
  } catch (failure) {
    if (row.chain === undefined) throw failure
    return undefined
  }
}

const PARTS = { signature: 'The chain and its signatures', name: 'The name', rule: 'The rule of this origin' }

function checksOf(detail) {
  if (detail?.checks === undefined) return []
  const list = make('dl')
  for (const [part, title] of Object.entries(PARTS)) {
    const result = detail.checks[part]
    if (result === undefined || result === null) continue
    const isOk = result === 'X509_V_OK'
    const said = make('dd', isOk ? 'check ok' : 'check failed', isOk ? '✓ good' : `✗ ${visible(result)}`)
    list.append(make('div', '', make('dt', '', title), said))
  }
  if (detail.request !== null) {
    const value = make('dd')
    putForeign(value, `${detail.request.method} ${detail.request.url}`)
    list.append(make('div', '', make('dt', '', 'Request'), value))
  }
  return [list]
}

function partsOf(chain) {
  const pem = chain.map(one => one.trim()).join('\n')
  const text = make('pre', 'pem', pem)
  text.tabIndex = 0
  text.setAttribute('role', 'region')
  text.setAttribute('aria-label', 'The chain as PEM')
  const { button, said } = copyButton('Copy PEM', `${pem}\n`, text)
  const list = make('ol', 'certificates', ...chain.slice(0, MAX).map(itemOf))
  return [list, make('p', 'do', button, ' ', said), text]
}

function itemOf(pem, index) {
  const item = make('li')
  try {
    const bytes = derOf(pem)
    const read = readCertificate(bytes)
    const list = make('dl')
    const add = (name, text) => {
      const value = make('dd')
      putForeign(value, text)
      list.append(make('div', '', make('dt', '', name), value))
      return value
    }
    add(index === 0 ? 'Subject (of the origin)' : 'Subject', read.subject || '(empty)')
    add('Issuer', read.issuer === read.subject ? 'itself' : read.issuer)
    if (read.names.length > 0) add('Names', read.names.map(visible).join(', '))
    add('Valid', `${momentText(read.notBefore)} to ${momentText(read.notAfter)} (${ageText(read)})`)
    add('Key', read.key)
    add('Signature', read.signature)
    add('Serial number', read.serial)
    if (read.isCa) add('Authority', 'it may issue certificates')
    const digest = add('SHA-256', '…')
    sha256(bytes).then(text =>
      put(digest, text ?? 'not known here: the page was not loaded over HTTPS or from this machine'),
    )
    item.append(list)
  } catch {
    item.append(make('p', '', 'This certificate cannot be read for display. Its PEM is below.'))
  }
  return item
}
