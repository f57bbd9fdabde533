// The dialog in which a person says yes or no. It says what will be remembered before anything is sent.
import { ask } from './api.js'
import { ageText } from './times.js'
import { asciiHost, put, putForeign, putHost, visible } from './words.js'

const $ = id => document.getElementById(id)
const dialog = $('answer')
const WORDS = { accept: 'Accept', reject: 'Reject' }

/** The row that the dialog is about, and the answer that it would give. */
let asked
let after

/** @param onDone called once the answer counts, with what was done */
export function openAnswer(row, verdict, who, onDone) {
  asked = { row, verdict, who }
  after = onDone
  const word = WORDS[verdict]
  put($('answer-word'), word)
  putHost($('answer-host'), row.host, row.port)
  const yes = $('answer-yes')
  put(yes, word)
  yes.className = verdict === 'accept' ? 'yes' : 'no'
  yes.disabled = false
  for (const name of ['answer-for', 'answer-scope']) $(name).parentElement.hidden = row.kind !== 'question'
  $('answer-why').value = ''
  fail(undefined)
  if (verdict === 'accept' && row.accepting === 'none') {
    yes.disabled = true
    fail({
      message: `Operators may not accept in place of ${visible(row.plugin)}: proxy.config.admin.may_accept is 0.`,
      remedy: 'You may reject it. With that record at 1, operators may accept.',
    })
  }
  putFacts(row)
  say()
  dialog.showModal()
  $('answer-title').focus()
}

/** What the answer is about may be over, or have been answered by another person, while the dialog is open. */
export function checkAnswer(rows) {
  if (asked === undefined || !dialog.open || $('answer-yes').disabled) return
  if (rows.some(({ key }) => key === asked.row.key)) return
  $('answer-yes').disabled = true
  fail({
    message: 'It is over: answered elsewhere, out of time, or the client has left.',
    remedy: 'Cancel closes this.',
  })
}

function putFacts({ subject, issuer, sha256, notBefore, plugin, builtIn, ...row }) {
  putForeign($('answer-subject'), subject || 'not known')
  putForeign($('answer-issuer'), issuer ?? 'not known')
  put($('answer-age'), notBefore === undefined ? 'not known' : ageText({ notBefore, ...row }))
  put($('answer-digest'), sha256)
  putForeign($('answer-plugin'), plugin)
  put(
    $('answer-check'),
    builtIn === undefined ? 'not known' : builtIn === 'X509_V_OK' ? 'passed' : `failed: ${visible(builtIn)}`,
  )
}

/** Tells what will be remembered. */
function say() {
  if (asked === undefined) return
  const { row, verdict, who } = asked
  const host = asciiHost(row.host)
  put(
    $('answer-says'),
    `${row.kind === 'question' ? ofQuestion(row, verdict, host) : ofHandshake(row, verdict, host)} It is written down as yours, ${visible(who)}.`,
  )
}

function ofQuestion({ builtIn, waiting: here, elsewhere = [] }, verdict, host) {
  const waiting = elsewhere.reduce((sum, there) => sum + there.waiting, here)
  const about = $('answer-scope').selectedOptions[0].textContent
  const time = $('answer-for').selectedOptions[0].textContent
  const isOk = builtIn === 'X509_V_OK'
  const failed =
    isOk || verdict === 'reject'
      ? ''
      : ` The built-in check has failed (${visible(builtIn)}): the acceptance is for this certificate and this failure alone.`
  const now =
    waiting === 0
      ? ' Nothing waits for it now.'
      : ` ${waiting === 1 ? 'One handshake that waits gets' : `${waiting} handshakes that wait get`} this answer now.`
  return `${host} will be ${verdict}ed ${time.startsWith('until') ? time : `for ${time}`}; the answer is about ${about}.${now}${failed}`
}

function ofHandshake({ plugin }, verdict, host) {
  const what =
    verdict === 'accept'
      ? `This one handshake goes on as if the plugin ${visible(plugin)} had accepted it; plugins behind it are still asked.`
      : `This one handshake ends: ${host} gets an alert, and the client an error page.`
  return `${what} Nothing is remembered: the next handshake with ${host} is held again.`
}

function fail(failure) {
  put($('answer-error'), failure === undefined ? '' : `${failure.message} ${failure.remedy ?? ''}`.trim())
}

function request({ row, verdict, who }) {
  const why = $('answer-why').value.trim()
  if (row.kind === 'question') {
    const time = $('answer-for').value
    return ask(`/v1/approvals/${encodeURIComponent(row.id)}/${verdict}`, {
      scope: $('answer-scope').value,
      who,
      ...(time === '' ? {} : { duration: Number(time) }),
      ...(why === '' ? {} : { why }),
    })
  }
  // What was shown is what is accepted: another handshake may have the number by now.
  const shown = row.sha256 === '' ? {} : { sha256: row.sha256 }
  const body =
    verdict === 'accept'
      ? { ...shown, ...(why === '' ? {} : { why }) }
      : { ...(why === '' ? {} : { detail: why }) }
  return ask(`/v1/parked/${encodeURIComponent(row.id)}/${verdict}`, body)
}

$('answer-for').addEventListener('change', say)
$('answer-scope').addEventListener('change', say)
$('answer').addEventListener('submit', async event => {
  if (event.submitter?.value !== 'yes') return
  event.preventDefault()
  const mine = asked
  $('answer-yes').disabled = true
  try {
    await request(mine)
    dialog.close()
    after(`${asciiHost(mine.row.host)} is ${mine.verdict}ed`)
  } catch (failure) {
    $('answer-yes').disabled = false
    fail(failure)
  }
})
