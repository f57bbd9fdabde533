/**
 * The sample to start from: it accepts origins, rejects them, or delays them, by name. It is the plugin
 * of the async_verify proof of concept, written for Portcullis.
 *
 *     async_verify.so block=google.com allow=facebook.com delay=twitter.com delay_ms=3000
 *
 * - `block=`, `delay=`, `allow=`: host suffixes with commas between. `google.com` means that host and all below it
 *   (`www.google.com`, not `notgoogle.com`). Without arguments: the values above.
 * - `subject_block=`, `subject_delay=`, `subject_allow=`: words to look for in the subjects of the certificates, capitals
 *   mattering: Google, Twitter, Facebook by default. Naming hosts for a list leaves the list's default word out.
 * - `delay_ms=`: how long `delay` keeps a handshake waiting. Beyond the proxy's deadline it is a rejection.
 * - `overrule=yes`: accepts even what the proxy's own check has refused, as the proof of concept did. Default: no. It
 *   matters with `…verify.server.override INT 1` and `…policy STRING PERMISSIVE`; otherwise plugins never see such.
 *
 * Block beats delay, and delay beats allow, whether host or subject says so. For a host that is in a list only the
 * leaf's subject is searched, for any other host every certificate's: an issuer's name says nothing about the host, and
 * "Google Trust Services" issues certificates for half the web. An origin in no list is accepted.
 */
import type { PluginInit, Verdict, VerifyServerEvent } from 'portcullis/plugin' // types: nothing is imported at run time

/** What may befall an origin; the first that fits counts. */
const FATES = ['block', 'delay', 'allow'] as const
type Fate = (typeof FATES)[number]

const DEFAULTS: Record<Fate, { readonly hosts: string; readonly word: string }> = {
  block: { hosts: 'google.com', word: 'Google' },
  delay: { hosts: 'twitter.com', word: 'Twitter' },
  allow: { hosts: 'facebook.com', word: 'Facebook' },
}

// The default export is the plugin's init. It runs once, before the proxy opens a port; what it throws stops start-up.
const init: PluginInit = ({ argv, hookAdd, accept, reject, debug, isDebugOn }) => {
  const settings = parseArguments(argv.slice(1)) // argv[0] is the path in plugin.config

  // An origin has shown its certificate, and its handshake is parked: it has not had a byte from us since.
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', event => {
    const vc = event.vconn.id
    debug(`Verification callback called, event=TS_SSL_CERT_VERIFY_HOOK, vc=${vc}`)
    event.chain.forEach(({ subject }, i) => {
      debug(`Server certificate[${i}]: ${subject}`)
    })
    const [fate, brand] = findFate(event, settings) ?? ['none', '']
    switch (fate) {
      case 'block': // No, at once. The origin gets a TLS alert, the client a 502 with these words.
        debug(`${brand}! We reject the certificate.`)
        event.reenable(reject('policy', `${event.host} is blocked by async_verify`))
        break
      case 'delay': // Not yet. Returning without reenable() leaves the handshake parked, and nothing else waits for it.
        debug(`${brand}! Scheduling deferred ACCEPT.`)
        event.schedule(() => {
          debug(`Scheduled callback called for vc=${vc}, resuming SSL handshake.`)
          event.reenable(noObjection(event))
        }, settings.delayMs) // Had client or origin left by then, this would not be called.
        break
      case 'allow': // Yes, at once.
        debug(`${brand}! We accept the certificate.`)
        event.reenable(noObjection(event))
        break
      case 'none':
        event.reenable(noObjection(event))
    }
  })

  // A request is about to leave. It waits, too: every hook that parks does, until reenable(). That costs each request a
  // little, and this continuation only writes a debug line. Without the debug tag it is not added.
  if (isDebugOn()) {
    hookAdd('TS_HTTP_SEND_REQUEST_HDR_HOOK', ({ vconn, method, url, reenable }) => {
      debug(`TS_EVENT_HTTP_SEND_REQUEST_HDR event received, vc=${vconn.id} ${method} ${url}`)
      reenable()
    })
  }

  // Accepting overrules the proxy's own check. A plugin that has no opinion of its own passes that check's on.
  function noObjection({ builtIn }: VerifyServerEvent): Verdict {
    if (settings.overrule || builtIn.name === 'X509_V_OK') return accept()
    return reject(builtIn.name, builtIn.message)
  }
}
export default init

// ---- which origins it concerns ----

function findFate({ sni = '', host, chain }: VerifyServerEvent, lists: Settings): [Fate, string] | undefined {
  const names = sni === '' || sni === host ? [dotted(host)] : [dotted(sni), dotted(host)]
  const suffixes = FATES.map(fate =>
    lists[fate].hosts.find(suffix => names.some(name => name.endsWith(suffix))),
  )
  const isListed = suffixes.some(suffix => suffix !== undefined)
  const subjects = (isListed ? chain.slice(0, 1) : chain).map(({ subject }) => subject)
  for (const [i, fate] of FATES.entries()) {
    const word = lists[fate].words.find(w => subjects.some(subject => subject.includes(w)))
    const match = suffixes[i]?.split('.')[1] ?? word // .google.com -> google
    if (match !== undefined) return [fate, match.toUpperCase()]
  }
  return undefined
}

/** With a dot in front a name ends with what it is or is below of: `.www.google.com`, `.google.com`. */
const dotted = (name: string): string => `.${name.toLowerCase().replace(/\.$/, '')}`

// ---- arguments ----

interface Settings extends Record<Fate, { readonly hosts: string[]; readonly words: string[] }> {
  readonly delayMs: number
  readonly overrule: boolean
}

function parseArguments(tokens: readonly string[]): Settings {
  const known = [...FATES, ...FATES.map(fate => `subject_${fate}`), 'delay_ms', 'overrule']
  const given = new Map<string, string>()
  for (const token of tokens) {
    const [name = '', ...value] = token.split('=')
    if (!known.includes(name) || value.length === 0) {
      throw new Error(`unknown argument '${token}'; known are ${known.map(key => `${key}=`).join(' ')}`)
    }
    if (given.has(name)) throw new Error(`argument '${name}=' is given twice`)
    given.set(name, value.join('='))
  }
  const list = (fate: Fate) => ({
    hosts: splitList(given.get(fate) ?? DEFAULTS[fate].hosts).map(host => parseSuffix(host, fate)),
    words: splitList(given.get(`subject_${fate}`) ?? (given.has(fate) ? '' : DEFAULTS[fate].word)),
  })
  const delay = given.get('delay_ms') ?? '3000'
  if (!/^\d{1,9}$/.test(delay)) throw new Error(`delay_ms=${delay}: a whole number of milliseconds is wanted`)
  const overrule = given.get('overrule') ?? 'no'
  if (overrule !== 'yes' && overrule !== 'no') throw new Error(`overrule=${overrule}: yes or no is wanted`)
  const lists = { block: list('block'), delay: list('delay'), allow: list('allow') }
  return { ...lists, delayMs: Number(delay), overrule: overrule === 'yes' }
}

function splitList(text: string): string[] {
  const parts = text.split(',').map(part => part.trim())
  return parts.filter(part => part !== '')
}

/** `Google.com`, `.google.com` and `*.google.com` are one suffix; what is no host name is a slip of the pen. */
function parseSuffix(text: string, fate: Fate): string {
  const suffix = text.toLowerCase().replace(/^(\*?\.)|\.$/g, '')
  if (/^[a-z0-9_:-]+(\.[a-z0-9_-]+)*$/.test(suffix)) return dotted(suffix)
  throw new Error(`${fate}= has '${text}'; a host name or suffix is wanted, such as google.com`)
}
