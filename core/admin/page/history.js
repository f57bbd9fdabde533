// What was decided: rejections with their reasons and the command that makes the handshake again, acceptances with the person
// and the reason.
import { ask } from './api.js'
import { makeGiven } from './given.js'
import { openRevoke } from './revoke.js'
import { duration, momentText, number, timeElement } from './times.js'
import { copyButton, listed, make, put, putForeign, putHost, visible } from './words.js'

const $ = id => document.getElementById(id)
/** Rows of one request. */
const ROWS = 50
/** Waits for the next letter of a search; milliseconds. */
const PAUSE = 300

const RESULTS = { accepted: '✓ accepted', rejected: '✗ rejected', postponed: '… postponed' }
/** What decided, in words; a plugin has a name. */
const BY = {
  'built-in': () => 'the built-in check',
  plugin: plugin => `the plugin ${plugin}`,
  plugins: plugin => (plugin === null ? 'the plugins' : `the plugins; ${plugin} was asked last`),
  'plugin-failed': plugin => `a failure of the plugin ${plugin}`,
  deadline: plugin => `the deadline: ${plugin} had not answered`,
  operator: plugin => `an operator, in place of the plugin ${plugin}`,
  person: plugin => `a person, asked by the plugin ${plugin}`,
  'no-check': () => 'nothing that could check it',
  nobody: () => 'no check: it is switched off',
}

/** The rows as they came, and the cursor of the next page; null behind the last. */
let rows = []
let next = null
let isLong = false

/** Answers come from the plugin that asks people, verdicts from the memory of the proxy. */
const isAnswers = () => $('history-result').value === 'answers'
const rowsIn = answer => answer.history ?? answer.answers

const query = cursor => {
  const params = new URLSearchParams({ limit: String(ROWS) })
  const search = $('history-search').value.trim()
  if (search !== '') params.set('search', search)
  if (cursor) params.set('cursor', cursor)
  if (isAnswers()) return `/v1/answers?${params}`
  if ($('history-result').value !== '') params.set('result', $('history-result').value)
  return `/v1/history?${params}`
}

/** Draws the latest verdicts again. Once older ones are shown, the list stays as it is until a button or a search renews it. */
export async function show() {
  if (isLong) return
  const answer = await ask(query())
  rows = rowsIn(answer)
  next = answer.next
  draw()
}

async function more() {
  const answer = await ask(query(next))
  rows = [...rows, ...rowsIn(answer)]
  next = answer.next
  isLong = true
  draw()
}

const stateOf = ({ id, last, at, times, result, by }) => `${id} ${last ?? at} ${times} ${result} ${by}`

/** Rows that are as they were keep their elements, and with them the focus and what is selected. */
function draw() {
  const list = $('history-all')
  const known = new Map([...list.children].map(element => [element.dataset.state, element]))
  const elements = rows.map(row => known.get(stateOf(row)) ?? makeElement(row))
  if (elements.length !== list.children.length || elements.some((one, i) => one !== list.children[i]))
    list.replaceChildren(...elements)
  put(
    $('history-about'),
    isAnswers()
      ? 'What people have answered, and counts; a restart changes nothing of it.'
      : 'The last verdicts, in the memory of the proxy.',
  )
  const isSearch = $('history-search').value.trim() !== '' || $('history-result').value !== ''
  put(
    $('history-none'),
    rows.length > 0
      ? ''
      : isSearch
        ? 'Nothing is found.'
        : 'Nothing has been decided since the proxy was started.',
  )
  put(
    $('history-count'),
    isLong || next === null ? `${number(rows.length)} shown` : `the latest ${number(rows.length)} shown`,
  )
  $('history-more').hidden = next === null
  $('history-latest').hidden = !isLong
}

function makeElement(row) {
  const element = row.verdict === undefined ? makeEntry(row) : makeGiven(row, done, tell)
  element.dataset.state = stateOf(row)
  return element
}

function makeEntry(row) {
  const element = make('li', `entry ${row.result}`)
  const host = make('h3', 'host')
  putHost(host, row.host, row.port)
  const times = row.times === 1 ? '' : `, ${number(row.times)} times since ${momentText(row.since)}`
  const result = row.resumed ? '✓ accepted, session resumed' : (RESULTS[row.result] ?? row.result)
  element.append(
    make('p', 'what', host, ' ', make('span', `result ${row.result}`, result)),
    make('p', 'when', timeElement(row.last), times),
    make('p', 'by', byOf(row)),
  )
  if (row.name !== null || row.detail !== '') element.append(reasonOf(row))
  const list = make('dl')
  const add = (name, text) => {
    if (text === null || text === '') return
    const value = make('dd')
    putForeign(value, text)
    list.append(make('div', '', make('dt', '', name), value))
  }
  add('Person', row.who)
  add('Why', row.why)
  add('Question', row.question)
  add('Asked by', listed(row.clients))
  add('Held for', row.held > 0 ? duration(row.held) : '')
  add('Built-in check', row.builtIn === 'X509_V_OK' ? 'good' : row.builtIn)
  add('Certificate', row.leaf?.subject ?? '')
  add('SHA-256', row.leaf?.sha256 ?? '')
  element.append(list, actionsOf(row))
  return element
}

function byOf({ by, plugin, resumed }) {
  const decider = visible((BY[by] ?? (() => by))(plugin))
  return resumed ? `By an earlier verdict of ${decider}: the origin has shown no certificate.` : `By ${decider}.`
}

function reasonOf({ reason, name, code, detail }) {
  const value = make('p', 'reason')
  const word = reason === null || reason === name ? '' : `${reason}: `
  putForeign(
    value,
    `${word}${name ?? ''}${code === null ? '' : ` (${code})`}${detail === '' ? '' : `, ${detail}`}`,
  )
  return value
}

function actionsOf(row) {
  const line = make('p', 'do')
  if (row.result === 'rejected') {
    const { button, said } = copyButton('Copy the command', row.command)
    line.append(make('code', '', visible(row.command)), ' ', button, ' ', said)
  } else if (row.result === 'accepted') {
    const button = make('button', 'reject', 'Revoke')
    button.type = 'button'
    button.addEventListener('click', () => openRevoke(row.host))
    line.append(button)
  }
  return line
}

function done(text) {
  put($('history-done'), text)
  again()
}

let typing
function again() {
  isLong = false
  clearTimeout(typing)
  typing = setTimeout(() => show().catch(tell), PAUSE)
}
const tell = failure => put($('history-trouble'), `${failure.message} ${failure.remedy ?? ''}`)
$('history-search').addEventListener('input', again)
$('history-result').addEventListener('change', again)
$('history-latest').addEventListener('click', again)
$('history-more').addEventListener('click', () => more().catch(tell))
