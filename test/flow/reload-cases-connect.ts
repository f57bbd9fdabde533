/** What shows that a reload takes over the records about CONNECT. */
import { helloMessage, inRecords } from '../kit/client-hellos.js'
import { GATE_MODULE, Gate } from '../kit/gate.js'
import { connectTo, HOST, OTHER, type ReloadCases, type Stage } from '../kit/reloading.js'

/** How many questions two tunnels cost. */
const questions = async (stage: Stage): Promise<number> => {
  const gate = stage.made as Gate
  const before = gate.asked.length
  for (let i = 0; i < 2; i++) await connectTo(stage, `${HOST}:${stage.secure.port}`)
  return gate.asked.length - before
}

export const CONNECT_CASES: ReloadCases<
  | 'proxy.config.http.connect_ports'
  | 'proxy.config.http.connect.verify'
  | 'proxy.config.http.connect.verify.non_tls'
  | 'proxy.config.http.connect.verify.ech'
  | 'proxy.config.http.connect.probe_cache_ttl'
> = {
  'proxy.config.http.connect_ports': {
    from: '*',
    to: '443',
    conf: { records: { 'proxy.config.http.connect.verify': 'tunnel' } },
    probe: stage => connectTo(stage, `${HOST}:${stage.origin.port}`),
    expect: [200, 403],
  },
  'proxy.config.http.connect.verify': {
    from: 'tunnel',
    to: 'probe',
    probe: stage => connectTo(stage, `${HOST}:${stage.origin.port}`),
    expect: [200, 502],
  },
  'proxy.config.http.connect.verify.non_tls': {
    from: 'refuse',
    to: 'tunnel',
    probe: stage => connectTo(stage, `${HOST}:${stage.origin.port}`),
    expect: [502, 200],
  },
  'proxy.config.http.connect.verify.ech': {
    from: 'refuse',
    to: 'allow',
    conf: { records: { 'proxy.config.http.connect.verify': 'probe' } },
    probe: async ({ client, secure: { port } }) => {
      const tunnel = await client()
      tunnel.send(`CONNECT ${HOST}:${port} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`)
      await tunnel.response('CONNECT')
      tunnel.send(inRecords(helloMessage({ names: [OTHER], more: [[0xfe0d, Buffer.alloc(200)]] })))
      await tunnel.until(() => tunnel.pending().length >= 7 || undefined, 'an alert')
      return tunnel.pending().readUInt8(6) === 49 ? 'refused' : 'passed to the origin, which likes it less'
    },
    expect: ['refused', 'passed to the origin, which likes it less'],
  },
  'proxy.config.http.connect.probe_cache_ttl': {
    from: 0,
    to: 60,
    make: async later => {
      const gate = new Gate(({ reenable }) => void reenable())
      later(() => gate.stop())
      return gate
    },
    conf: ({ line }: Gate) => ({ plugins: [line], modules: GATE_MODULE }),
    probe: questions,
    expect: [2, 1],
  },
}
