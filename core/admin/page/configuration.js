// The records and the rules in force, and where each is set. They are read here, and changed elsewhere.
import { ask, askPages, Failure } from './api.js'
import { tableIn } from './tables.js'
import { number } from './times.js'
import { put, visible } from './words.js'

const $ = id => document.getElementById(id)

let records = []
let folder = ''
let draw

export async function show() {
  folder = `${(await ask('/v1/status')).confDir}/`
  put($('configuration-folder'), visible(folder))
  records = (await askPages('/v1/records')).flatMap(page => page.records)
  drawRecords()
  const rules = (await askPages('/v1/rules')).flatMap(page => page.rules)
  putRules(rules)
}

let drawRules

function putRules(rules) {
  drawRules ??= tableIn($('rules'), 'Rules', ['#', 'Origin', 'What it says', 'Set at'])
  drawRules(
    rules.map(({ number: place, where, fqdn, says }) => [
      String(place),
      fqdn,
      Object.entries(says)
        .map(([key, value]) => `${key}: ${value}`)
        .join('; '),
      short(where),
    ]),
  )
  put(
    $('rules-none'),
    rules.length === 0
      ? 'There are no rules for single origins: the records hold for all.'
      : 'The first rule whose name matches an origin holds for it; what it leaves out is said by the records.',
  )
}

const short = source => (source.startsWith(folder) ? source.slice(folder.length) : source)

function drawRecords() {
  draw ??= tableIn($('records'), 'Records', ['Record', 'Value', 'Default', 'Set at', 'What it does'])
  const search = $('records-search').value.trim().toLowerCase()
  const isSet = $('records-set').checked
  const found = records.filter(
    ({ name, value, about, source }) =>
      (!isSet || source !== undefined) &&
      `${name} ${value} ${about} ${source ?? ''}`.toLowerCase().includes(search),
  )
  draw(
    found.map(({ name, value, default: usual, source = 'default', about }) => [
      name,
      value,
      usual,
      short(source),
      about,
    ]),
  )
  put($('records-count'), `${number(found.length)} of ${number(records.length)} records`)
}

$('records-search').addEventListener('input', drawRecords)
$('records-set').addEventListener('change', drawRecords)

$('explain').addEventListener('submit', async event => {
  event.preventDefault()
  const host = $('explain-host').value.trim()
  if (host === '') return
  try {
    const { lines } = await ask(`/v1/policy/explain?host=${encodeURIComponent(host)}`)
    put($('explained'), lines.map(visible).join('\n'))
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure
    put($('explained'), `${failure.message} ${failure.remedy ?? ''}`)
  }
})
