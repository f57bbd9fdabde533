/**
 * Pins keys and certificates of hosts, from a file that may be edited while the proxy runs.
 *
 *     pins file=pins.yaml
 *
 * What the file says, and what pins cannot know: docs/plugins/pins.md.
 */
import type { OptionsOf, PeerEvidence, PluginInit } from 'portcullis/plugin'
import { provenPath, spkiOf } from './certificates/fingerprints.js'
import { WatchedFile } from './files/watched-file.js'
import { fileOptions } from './options/file-options.js'
import { type Pinned, parsePins } from './pins/pin-file.js'

export const optionsSchema = fileOptions(
  'pins.yaml',
  'The pins, YAML: a list `pins` of `host`, `spki`, `sha256`, `report_only`.',
)

const init: PluginInit<OptionsOf<typeof optionsSchema>> = async context => {
  const { options, hookAdd, accept, reject, note, revoke } = context
  const file = new WatchedFile(options.file, text => parsePins(text, options.file), context)
  await file.load()
  // An acceptance rests on the pins of its time.
  file.watch(() => revoke('all'))

  hookAdd('TS_SSL_CERT_VERIFY_HOOK', async event => {
    const { host, builtIn, reenable } = event
    const pins = await file.current()
    if (builtIn.name !== 'X509_V_OK') return reenable(reject(builtIn.name, builtIn.message))
    if (pins === undefined) return reenable(reject('internal', `${file.name} cannot be used`))
    const found = (isReportOnly: boolean): Pinned | undefined =>
      pins.find(pin => pin.isReportOnly === isReportOnly && pin.matches(host))
    const [enforced, reported] = [found(false), found(true)]
    if (reported !== undefined && !holds(reported, event))
      note(`${host} shows none of the pins of ${reported.where} (report_only); it shows ${shown(event)}`)
    if (enforced === undefined || holds(enforced, event)) return reenable(accept())
    note(`${host} shows none of the pins of ${enforced.where}; it shows ${shown(event)}`)
    return reenable(reject('untrusted-issuer', `${host} shows none of its pinned keys`))
  })
}
export default init

const holds = ({ spki, sha256 }: Pinned, evidence: PeerEvidence): boolean =>
  provenPath(evidence).some(cert => sha256.has(cert.sha256) || (spki.size > 0 && spki.has(spkiOf(cert))))

/** For the operator that has to decide whether this is the next pin. */
const shown = (evidence: PeerEvidence): string =>
  provenPath(evidence)
    .map(cert => `${spkiOf(cert)} (${cert.subject})`)
    .join(', ')
