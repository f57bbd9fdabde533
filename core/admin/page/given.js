// One answer of a person that counts, in the list of the history.
import { ask } from './api.js'
import { openRevoke } from './revoke.js'
import { momentText, timeElement } from './times.js'
import { asciiHost, make, putForeign, putHost, visible } from './words.js'

const ABOUT = {
  leaf: 'this certificate of the host',
  issuer: 'certificates of this issuer for the host',
  host: 'whatever certificate the host shows',
}

/** @param onDone called with what was done @param onFail called with why it was not */
export function makeGiven(row, onDone, onFail) {
  const isAccepted = row.verdict === 'accept'
  const result = isAccepted ? 'accepted' : 'rejected'
  const host = make('h3', 'host')
  putHost(host, row.host, row.port)
  const until = row.until === null ? 'until it is taken back' : `until ${momentText(row.until)}`
  const element = make(
    'li',
    `entry ${result}`,
    make('p', 'what', host, ' ', make('span', `result ${result}`, isAccepted ? '✓ accepted' : '✗ rejected')),
    make('p', 'when', timeElement(row.at), `, ${until}`),
    make('p', 'by', `It is about ${ABOUT[row.scope]}.`),
  )
  const list = make('dl')
  const add = (name, text) => {
    if (text === null) return
    const value = make('dd')
    putForeign(value, text)
    list.append(make('div', '', make('dt', '', name), value))
  }
  add('Person', row.who)
  add('Why', row.why)
  add('Question', row.id)
  add('Built-in check', row.builtIn === 'X509_V_OK' ? 'passed' : `failed: ${visible(row.builtIn)}`)
  add('SHA-256', row.sha256)
  element.append(list)
  const button = make('button', isAccepted ? 'reject' : '', isAccepted ? 'Revoke' : 'Take back')
  button.type = 'button'
  // To take a rejection back accepts nothing: a person is asked again.
  const takeBack = () =>
    ask(`/v1/answers/${encodeURIComponent(row.id)}/withdraw`, {}).then(
      () => onDone(`${asciiHost(row.host)} is rejected no more: the next handshake is a question.`),
      onFail,
    )
  button.addEventListener('click', isAccepted ? () => openRevoke(row.host) : takeBack)
  element.append(make('p', 'do', button))
  return element
}
