/** The proxy itself is no origin: its ports, and the inspector of its process. */
import { readFileSync } from 'node:fs'
import inspector from 'node:inspector'
import { connect } from 'node:net'
import { test } from 'tap'
import { startChild } from '../kit/child.js'
import { get, rawClient } from '../kit/client.js'
import { MAIN, makeConfDir, PLAIN_ENV, startProxyHere } from '../kit/proxy.js'
import { poll } from '../kit/watch.js'

const SPELLINGS = ['127.0.0.1', '0.0.0.0', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', 'own.test']

const RECORDS = {
  'proxy.config.http.connect.verify': 'tunnel',
  'proxy.config.http.connect_ports': '*',
  'proxy.config.http.deny_private_origins': 0,
} as const

test("requests to the proxy's own ports are refused in every spelling", async t => {
  const proxy = await startProxyHere({ hosts: ['own.test'], records: RECORDS })
  t.teardown(proxy.stop)
  for (const host of SPELLINGS) {
    const authority = `${host}:${proxy.port}`
    const answer = await get(proxy.port, `http://${authority}/`)
    t.equal(answer.status, 508, authority)
    t.equal((await get(proxy.port, `https://${authority}/`)).status, 508, `https ${authority}`)
    const client = await rawClient(proxy.port)
    client.send(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)
    t.equal((await client.response('CONNECT')).status, 508, `CONNECT ${authority}`)
    client.stop()
    const switching = await rawClient(proxy.port)
    switching.send(
      `GET http://${authority}/ HTTP/1.1\r\nHost: ${authority}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`,
    )
    t.equal((await switching.response()).status, 508, `upgrade ${authority}`)
    switching.stop()
  }
})

test('requests that the proxy answers itself are answered', async t => {
  const proxy = await startProxyHere({ records: RECORDS })
  t.teardown(proxy.stop)
  const client = await rawClient(proxy.port)
  const url = `http://127.0.0.1:${proxy.port}/`
  client.send(`OPTIONS ${url} HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n`)
  t.equal((await client.response()).status, 200)
  client.stop()
})

test('requests to an open inspector are refused', async t => {
  inspector.open(0, '127.0.0.1')
  t.teardown(() => inspector.close())
  const { port } = new URL(inspector.url() ?? '')
  const proxy = await startProxyHere({ hosts: ['own.test'], records: RECORDS })
  t.teardown(proxy.stop)
  for (const host of SPELLINGS) {
    t.equal((await get(proxy.port, `http://${host}:${port}/json`)).status, 508, host)
    const client = await rawClient(proxy.port)
    client.send(`CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`)
    t.equal((await client.response('CONNECT')).status, 508, `CONNECT ${host}`)
    client.stop()
  }
})

/** Whether a process has a listener, or Node's own, for SIGUSR1: without one the signal would end it. */
const catches = (pid: number): boolean =>
  (BigInt(`0x${/^SigCgt:\s*([0-9a-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]}`) >> 9n) %
    2n ===
  1n

test('SIGUSR1 and SIGUSR2 while it starts open no inspector, and end nothing', async t => {
  const conf = makeConfDir({})
  t.teardown(conf.remove)
  const proxy = await startChild(process.execPath, ['--inspect-port=0', MAIN, 'start', '-D', conf.path], {
    env: PLAIN_ENV,
  })
  t.teardown(proxy.stop)
  await poll(() => catches(proxy.pid), 'a handler of the signals')
  const bothSignals = setInterval(() => proxy.kill('SIGUSR1'), 1)
  t.teardown(() => clearInterval(bothSignals))
  await proxy.until(() => /listens on/.exec(proxy.stdout()) ?? undefined, 'its port')
  clearInterval(bothSignals)
  proxy.kill('SIGUSR2')
  await proxy.until(() => /log files opened anew/.exec(proxy.stderr()) ?? undefined, 'the logs to be opened')
  for (const [, port] of proxy.stderr().matchAll(/Debugger listening on ws:\/\/[^/]*:(\d+)\//g))
    t.notOk(await isOpen(Number(port)), 'what opened before the first line ran has been closed')
})

const isOpen = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    }).on('error', () => resolve(false))
  })
