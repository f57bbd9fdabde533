// The dialog in which a person takes acceptances of a host back.
import { ask } from './api.js'
import { number } from './times.js'
import { asciiHost, put } from './words.js'

const $ = id => document.getElementById(id)
let host = ''

export function openRevoke(about) {
  host = about
  put($('revoke-host'), asciiHost(host))
  put($('revoke-error'), '')
  $('revoke').showModal()
}

$('revoke').addEventListener('submit', async event => {
  if (event.submitter?.value !== 'yes') return
  event.preventDefault()
  try {
    const done = await ask('/v1/revoke', { host })
    $('revoke').close()
    const parts = Object.entries(done).map(([what, count]) => `${number(count)} ${what}`)
    put($('history-done'), `Revoked for ${asciiHost(host)}: ${parts.join(', ')}.`)
  } catch (failure) {
    put($('revoke-error'), `${failure.message} ${failure.remedy ?? ''}`)
  }
})
