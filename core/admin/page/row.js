// One row of what is held.
import { now } from './api.js'
import { putChain } from './chain.js'
import { ageText, ago, clockText, duration, timeElement } from './times.js'
import { listed, make, put, putForeign, putHost, visible } from './words.js'

const template = document.getElementById('row')
let lastId = 0

/** What the built-in check said, in one line; undefined where it is not known. */
function verdictOf({ builtIn }) {
  if (builtIn === undefined) return undefined
  const isOk = builtIn === 'X509_V_OK'
  return { isOk, text: isOk ? '✓ the certificate is valid' : `✗ the check failed: ${visible(builtIn)}` }
}

/** @param decide called with `accept` or `reject` when a button is pressed; undefined where the login may not decide */
export function makeRow(row, decide) {
  const element = template.content.firstElementChild.cloneNode(true)
  element.classList.add(row.kind)
  element.dataset.key = row.key
  const part = name => element.querySelector(`.${name}`)
  const host = part('host')
  host.id = `row-${++lastId}`
  element.setAttribute('aria-labelledby', host.id)
  if (row.kind === 'other') putForeign(host, row.about)
  else putHost(host, row.host, row.port)

  const verdict = verdictOf(row)
  if (verdict !== undefined) {
    put(part('check'), verdict.text)
    part('check').classList.add(verdict.isOk ? 'ok' : 'failed')
  }
  if (row.issuer !== undefined) putForeign(part('issuer'), row.issuer)
  if (row.subject) putForeign(part('subject'), row.subject)
  if (row.notBefore !== undefined) put(part('age'), ageText(row))
  part('since').replaceChildren(timeElement(row.since, clockText(row.since)))
  if (row.firstSeen !== undefined)
    part('seen').replaceChildren(timeElement(row.firstSeen, clockText(row.firstSeen)))
  if (row.hook !== undefined) put(part('hook'), row.hook)
  addChain(part('certificate'), row)
  addButtons(element, row, host.id, decide)
  updateRow(element, row)
  return element
}

function addChain(details, row) {
  details.hidden = row.kind === 'other' || (row.chain === undefined && row.handshake === undefined)
  details.addEventListener('toggle', () => {
    if (details.open) void putChain(details.querySelector('.chain'), row)
  })
}

function addButtons(element, row, describedBy, decide) {
  const isDecided = decide !== undefined && row.kind !== 'other'
  element.querySelector('.do').hidden = !isDecided
  for (const verdict of ['accept', 'reject']) {
    const button = element.querySelector(`.${verdict}`)
    // The name of the button is the word on it; which row it belongs to is its description.
    button.setAttribute('aria-describedby', describedBy)
    if (isDecided) button.addEventListener('click', () => decide(verdict))
  }
  const more = element.querySelector('.more')
  more.setAttribute('aria-describedby', describedBy)
  more.addEventListener('click', () => decide('extend'))
}

/** Takes over what may have changed. */
export function updateRow(element, row) {
  const part = name => element.querySelector(`.${name}`)
  if (row.clients.length > 0) putForeign(part('client'), listed(row.clients))
  putForeign(part('plugin'), row.plugin)
  if (row.address !== undefined) putForeign(part('address'), row.address)
  if (row.accepted.length > 0) putForeign(part('accepted'), listed(row.accepted))
  if (row.kind === 'question') putForeign(part('waiting'), waitingText(row))
  put(part('note'), noteOf(row))
  // Where nothing waits there is no time to give; other proxies give their own.
  part('more').hidden = row.deadline === undefined || row.waiting === 0
  element.classList.toggle('idle', row.deadline === undefined)
  hideEmpty(element)
  tick(element, row)
}

const handshakes = count => `${count} ${count === 1 ? 'handshake' : 'handshakes'}`

function waitingText({ waiting, elsewhere = [], asked }) {
  const there = elsewhere.map(one => `, ${one.waiting} on ${one.machine}`).join('')
  return `${handshakes(waiting)}${there === '' ? '' : ' here'}${there}, asked ${times(asked)}`
}

const times = count => (count === 1 ? 'once' : `${count} times`)

function noteOf(row) {
  if (row.kind === 'question' && row.elsewhere?.length > 0)
    return `Held on ${listed(row.elsewhere.map(one => one.machine))}${row.waiting === 0 ? '' : ', too'}: an answer here counts there.`
  if (row.kind === 'question' && row.waiting === 0)
    return 'Nothing waits for it now: the client was told to come back, and an answer counts for its next try.'
  if (row.kind === 'other') return 'Only the plugin can answer here.'
  return row.isReleased ? 'The origin has closed the connection; an acceptance makes a new one.' : ''
}

/** Writes what goes on with time. Called once a second, for the rows that are on the screen. */
export function tick(element, { since, holdSince, deadline }) {
  const at = now()
  put(element.querySelector('.held-for'), ago(since))
  if (deadline === undefined) return
  const left = Math.max(0, deadline - at)
  put(element.querySelector('.left'), `${duration(left)} left`)
  const share = left / Math.max(1, deadline - holdSince)
  element.querySelector('.fill').style.transform = `scaleX(${Math.min(1, share).toFixed(4)})`
  element.classList.toggle('late', left < 10_000)
}

/** What the proxy does not say of this row takes no place. */
function hideEmpty(element) {
  for (const pair of element.querySelectorAll('dl > div'))
    pair.hidden = pair.querySelector('dd').textContent === ''
}

/** The row is over: it stays in its place for a moment, so that the next one does not slide under the mouse. */
export function endRow(element) {
  element.classList.add('ended')
  element.querySelector('.do').remove()
  element.querySelector('.time').replaceChildren(make('span', 'left', 'over'))
}
