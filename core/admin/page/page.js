// The page of the person who decides. It listens to the events of the management API, asks for the
// lists that have changed, and draws them once a second: times go on.

const $ = id => document.getElementById(id)
const PERIOD = 1000
const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' })

// The link of the login ends in the key of the session. Only pages of this very port can read the storage.
if (location.hash.length > 1) {
  localStorage.setItem('key', location.hash.slice(1))
  history.replaceState(null, '', '/')
}

let session
/** The question that the dialog is about, and the answer that it would give. */
let asked

async function ask(path, body) {
  const headers = { 'x-portcullis-key': localStorage.getItem('key') ?? '' }
  const options = body === undefined ? { headers } : {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }
  const response = await fetch(path, options)
  const answer = await response.json()
  if (!response.ok) throw new Error(answer.error?.message ?? `the proxy answers ${response.status}`)
  return answer
}

function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d`
}

/** A date that cannot be read is null. */
const age = ({ notBefore, notAfter }) => {
  const old = notBefore === null ? 'from an unreadable date' : `${duration(Date.now() - notBefore)} old`
  const end = notAfter === null ? 'an unreadable date' : day.format(notAfter)
  return `${old}, valid until ${end}`
}
const ago = ms => `${duration(Date.now() - ms)} ago, ${date.format(ms)}`

/** Writes only what is different: a selection, the focus and open details stay as they are. */
function put(element, text) {
  if (element.textContent !== text) element.textContent = text
}

function drawQuestions(approvals) {
  put($('questions-count'), approvals.length === 0 ? '' : `(${approvals.length})`)
  $('questions-none').hidden = approvals.length > 0
  const list = $('questions')
  const rows = new Map([...list.children].map(row => [row.dataset.id, row]))
  for (const question of approvals) {
    const row = rows.get(question.id) ?? makeRow(list, question)
    rows.delete(question.id)
    const part = name => row.querySelector(`.${name}`)
    put(part('client'), question.clients.join(', '))
    put(part('since'), ago(question.since))
    put(part('waiting'), `${question.waiting} (asked ${question.asked} times)`)
  }
  for (const row of rows.values()) row.remove()
}

function makeRow(list, question) {
  const row = $('question').content.firstElementChild.cloneNode(true)
  row.dataset.id = question.id
  const part = name => row.querySelector(`.${name}`)
  const isOk = question.builtIn === 'X509_V_OK'
  put(part('host'), `${question.host}:${question.port}`)
  put(part('check'), isOk ? 'the certificate is valid' : `the check failed: ${question.builtIn}`)
  part('check').classList.add(isOk ? 'ok' : 'failed')
  put(part('issuer'), question.issuer)
  put(part('age'), `${age(question)}, ${question.subject}`)
  put(part('seen'), ago(question.firstSeen))
  put(part('chain'), `SHA-256 ${question.sha256}\n\n${question.chain.join('\n')}`)
  for (const verdict of ['accept', 'reject']) {
    const button = part(verdict)
    button.hidden = session.role === 'read'
    button.setAttribute('aria-label', `${button.textContent} ${question.host}`)
    button.addEventListener('click', () => openDialog(question, verdict))
  }
  list.append(row)
  return row
}

function drawHeld(parked) {
  put($('held-count'), parked.length === 0 ? '' : `(${parked.length})`)
  $('held-none').hidden = parked.length > 0
  $('held').hidden = parked.length === 0
  const body = $('held').tBodies[0]
  while (body.rows.length > parked.length) body.deleteRow(-1)
  parked.forEach((one, i) => {
    const row = body.rows[i] ?? body.insertRow()
    const cells = [`${one.host}:${one.port}`, one.plugin, one.connection, duration(one.age), duration(one.deadline - Date.now()), one.leaf?.subject ?? '']
    cells.forEach((text, j) => put(row.cells[j] ?? row.insertCell(), text))
  })
}

function openDialog(question, verdict) {
  asked = { question, verdict }
  const word = verdict === 'accept' ? 'Accept' : 'Reject'
  put($('answer-title'), `${word} ${question.host}:${question.port}?`)
  const yes = $('answer-yes')
  put(yes, word)
  yes.className = verdict === 'accept' ? 'yes' : 'no'
  $('answer-why').value = ''
  put($('answer-error'), '')
  say()
  $('answer').showModal()
}

/** Tells what will be remembered. */
function say() {
  if (asked === undefined) return
  const { question, verdict } = asked
  const about = $('answer-scope').selectedOptions[0].textContent
  const time = $('answer-for').selectedOptions[0].textContent
  const failed = question.builtIn === 'X509_V_OK' ? '' : ` The built-in check has failed (${question.builtIn}): the answer is for this certificate alone.`
  put($('answer-says'), `${question.host} will be ${verdict}ed ${time.startsWith('until') ? time : `for ${time}`}; the answer is about ${about}. It is written down as yours, ${session.who}.${failed}`)
}

$('answer-for').addEventListener('change', say)
$('answer-scope').addEventListener('change', say)
$('answer').addEventListener('submit', async event => {
  if (event.submitter?.value !== 'yes') return
  event.preventDefault()
  const { question, verdict } = asked
  const time = $('answer-for').value
  const why = $('answer-why').value.trim()
  try {
    await ask(`/v1/approvals/${encodeURIComponent(question.id)}/${verdict}`, {
      scope: $('answer-scope').value,
      who: session.who,
      ...(time === '' ? {} : { duration: Number(time) }),
      ...(why === '' ? {} : { why }),
    })
    $('answer').close()
    await look()
  } catch (error) {
    put($('answer-error'), error.message)
  }
})

/** The lists as they came last, and when. */
let lists = { parked: [], approvals: [], at: 0 }

async function look() {
  const [{ parked }, { approvals }] = await Promise.all([
    ask('/v1/parked'),
    ask('/v1/approvals').catch(error => {
      put($('questions-none'), error.message)
      return { approvals: [] }
    }),
  ])
  lists = { parked, approvals, at: Date.now() }
  draw()
  put($('state'), `connected as ${session.who}`)
}

function draw() {
  if (document.hidden || session === undefined) return
  drawQuestions(lists.approvals)
  drawHeld(lists.parked.map(one => ({ ...one, age: one.age + Date.now() - lists.at })))
}

/** Looks with each event, until the connection ends. An EventSource could not send the key of the session. */
async function listen() {
  const response = await fetch('/v1/events', { headers: { 'x-portcullis-key': localStorage.getItem('key') ?? '' } })
  if (!response.ok) throw new Error((await response.json()).error?.message ?? `the proxy answers ${response.status}`)
  const reader = response.body.getReader()
  try {
    for (;;) {
      // An event may come in pieces: whatever comes, it is time to look.
      const { done } = await reader.read()
      if (done) throw new Error('the proxy has closed it')
      await look()
    }
  } finally {
    reader.cancel().catch(() => {})
  }
}

setInterval(draw, PERIOD)
document.addEventListener('visibilitychange', draw)
for (;;) {
  try {
    session = await ask('/session')
    await listen()
  } catch (error) {
    put($('state'), `no connection: ${error.message}`)
    session = undefined
  }
  await new Promise(resolve => setTimeout(resolve, PERIOD))
}
