// The page of the person who decides. It listens to the events of the management API, asks for the lists that have changed,
// and draws them. Times go on once a second.

import { checkAnswer, openAnswer } from './answer.js'
import { ask, askPages, clockSkew, Failure, listen, logOut, now } from './api.js'
import { rowsOf } from './held.js'
import { clearRows, countFound, drawRows, searchRows, tickRows } from './list.js'
import { startMeasuring } from './samples.js'
import { clockText, duration, number } from './times.js'
import { refresh, refreshView, showView } from './views.js'
import { asciiHost, put, visible } from './words.js'

const $ = id => document.getElementById(id)
const SECOND = 1000
/** At most so often are the lists asked for, and is a screen reader told what is new; milliseconds. */
const LOOK_EVERY = 500
const NEWS_EVERY = 10_000
/** A clock that differs by more is mentioned; milliseconds. */
const MAX_SKEW = 60_000

let session
/** The lists as they came last, and when, by the proxy's clock. */
let lists = { parked: [], held: [], approvals: [], at: 0, isAll: true }
let rows = []

const changed = new Set()
let looking

/** Asks for what has changed; changes meanwhile are one further look. */
function look() {
  looking ??= (async () => {
    try {
      while (changed.size > 0) {
        changed.clear()
        await readLists()
        draw()
        if (session !== undefined) greet()
        await new Promise(resolve => setTimeout(resolve, LOOK_EVERY))
      }
    } catch (failure) {
      tell(failure)
    } finally {
      looking = undefined
    }
  })()
}

/** Both lists at once: a handshake and the question that it waits for are one row. */
async function readLists() {
  const [pages, approvals] = await Promise.all([askPages('/v1/parked'), readApprovals()])
  const [parked, held] = [pages.flatMap(page => page.parked), pages.flatMap(page => page.held)]
  lists = { parked, held, approvals, at: now(), isAll: pages.at(-1).next === null }
}

/** Without a plugin that asks people there are no questions. */
async function readApprovals() {
  try {
    return (await askPages('/v1/approvals')).flatMap(page => page.approvals)
  } catch (failure) {
    if (failure instanceof Failure && failure.kind === 'refused') return []
    throw failure
  }
}

const mayDecide = () => session !== undefined && session.role !== 'read'

function draw() {
  rows = rowsOf(lists)
  put($('now-count'), rows.length === 0 ? '' : `(${number(rows.length)}${lists.isAll ? '' : ' or more'})`)
  document.title = rows.length === 0 ? 'Portcullis' : `(${rows.length}) Portcullis`
  $('now-none').hidden = rows.length > 0
  checkAnswer(rows)
  drawRows(rows, mayDecide() ? decide : undefined)
  report()
}

/** Milliseconds: the time that a button adds, and how long the reason of a refusal is shown. */
const MORE = 60_000
const REFUSED_FOR = 15_000

function decide(row, verdict) {
  if (verdict === 'extend') {
    const list = row.kind === 'question' ? 'approvals' : 'parked'
    ask(`/v1/${list}/${encodeURIComponent(row.id)}/extend`, { ms: MORE }).then(() => {
      announce(`${asciiHost(row.host)} has a minute more`)
      changed.add(list)
      look()
    }, refuse)
    return
  }
  openAnswer(row, verdict, session.who, done => {
    announce(done)
    changed.add('parked').add('approvals')
    look()
  })
}

let toldAt = 0
let told = 0
let telling
const announce = text => put($('news'), text)

/** Tells a screen reader how many rows there are, now and then. */
function report() {
  if (telling !== undefined || rows.length === told) return
  telling = setTimeout(
    () => {
      telling = undefined
      const more = rows.length - told
      told = rows.length
      toldAt = Date.now()
      if (more > 0) announce(`${more} new, ${rows.length} in all wait for an answer`)
    },
    Math.max(SECOND, toldAt + NEWS_EVERY - Date.now()),
  )
}

let refusing
/** Says why something was not done; what is shown still holds. */
function refuse(failure) {
  put($('refused'), `${failure.message} ${failure.remedy ?? ''}`)
  clearTimeout(refusing)
  refusing = setTimeout(() => put($('refused'), ''), REFUSED_FOR)
}

/** Says what is wrong, and what to do. */
function tell(failure) {
  document.body.classList.toggle('stale', failure !== undefined)
  if (failure === undefined) {
    put($('trouble'), '')
    return
  }
  const since = lists.at === 0 ? '' : ` What you see is from ${clockText(lists.at)}.`
  put($('trouble'), `${failure.message} ${failure.remedy ?? ''}${since}`)
  put($('state'), 'not connected')
}

/** All is well, as far as is known. */
function greet() {
  tell(undefined)
  const skew = clockSkew()
  const clock = Math.abs(skew) > MAX_SKEW ? `; the proxy's clock differs by ${duration(Math.abs(skew))}` : ''
  put($('state'), `connected as ${visible(session.who)}${clock}`)
  $('leave').hidden = false
  const role = $('now-role')
  role.hidden = mayDecide()
  put(
    role,
    'This login may look, and decide nothing: `portcullis ctl dashboard --role decide` makes a link for one that may.',
  )
}

async function connect() {
  const found = await ask('/session')
  if (session?.role !== found.role || session?.who !== found.who) clearRows()
  session = found
  greet()
  void startMeasuring()
  void refresh()
  await listen(topic => {
    if (topic === 'history') void refreshView('history')
    if (topic !== 'parked' && topic !== 'approvals') return
    changed.add(topic)
    look()
  })
}

$('now-search').addEventListener('input', event => {
  searchRows(event.target.value)
  announce(`${countFound(rows)} found`)
})
$('leave').addEventListener('click', () => logOut().then(() => location.replace('/'), refuse))
addEventListener('hashchange', showView)
setInterval(() => {
  if (!document.hidden) tickRows()
}, SECOND)
document.addEventListener('visibilitychange', tickRows)
// Its links change the fragment of the address, in which the link of the login has its key until it is read.
document.querySelector('nav').hidden = false
showView()
for (;;) {
  await connect().catch(failure => {
    if (!(failure instanceof Failure)) console.error(failure)
    tell(failure)
  })
  await new Promise(resolve => setTimeout(resolve, SECOND))
}
