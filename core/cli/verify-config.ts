import { discard, makeGeneration, openLogs, type Place, warningsOf } from '../program/generation.js'
import { checkSink } from '../program/log-sink.js'
import { readConfiguration } from '../settings/settings.js'

/**
 * Reads everything that a start reads, and opens no port.
 * @throws {ProxyError} the error of a start
 */
export async function verifyConfig(place: Place): Promise<void> {
  const configuration = readConfiguration(place)
  const logs = openLogs(place, configuration.settings)
  const generation = await makeGeneration(place, logs, configuration)
  const { accessLog } = generation.settings
  if (accessLog !== undefined) checkSink(accessLog)
  for (const warning of warningsOf(generation)) place.print('stderr', `warning: ${warning}`)
  discard(generation)
  const { names } = generation.plugins
  place.print(
    'stdout',
    `${place.confDir}: in order; plugins: ${names.length === 0 ? 'none' : names.join(', ')}; trusting ${generation.contexts.trusts}`,
  )
}
