/** The files of the page: what they may not do, and that each is served. */
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { test } from 'tap'
import { sendPage } from '../../../core/admin/page.js'
import { send } from '../../kit/admin-client.js'
import { guardServer } from '../../kit/tcp-server.js'

const FOLDER = new URL('../../../../core/admin/page/', import.meta.url)
const files = readdirSync(FOLDER)
const text = (file: string): string => readFileSync(new URL(file, FOLDER), 'utf8')

/** Each makes markup or code of a text, or needs more than the policy of the port allows. */
const FORBIDDEN =
  /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|srcdoc|\beval\(|new Function|setAttribute\('(?:on|style|href|src)/

test('text of certificates and clients becomes no markup', async t => {
  const scripts = files.filter(file => file.endsWith('.js'))
  t.ok(scripts.length > 10)
  t.strictSame(
    scripts.filter(file => FORBIDDEN.test(text(file))),
    [],
  )
  t.match('element.innerHTML = text', FORBIDDEN)
  t.notMatch(text('index.html'), /\son\w+=|\sstyle=|<style|<script(?![^>]*\ssrc=)/, 'no inline code or style')
})

test('each file is served with its type, and has at most 250 lines', async t => {
  const server = createServer((req, res) => {
    if (!sendPage(req.url ?? '', req, res)) res.writeHead(404).end()
  })
  const { port, stop } = await guardServer(server)
  t.teardown(stop)
  const types = { js: 'text/javascript', css: 'text/css', html: 'text/html' }
  for (const file of [...files, 'uplot.js', 'uplot.css']) {
    const got = await send(port, file === 'index.html' ? '/' : `/${file}`)
    t.equal(got.status, 200, file)
    const type = types[file.split('.').at(-1) as keyof typeof types]
    t.equal(got.headers['content-type'], `${type}; charset=utf-8`)
    if (files.includes(file)) t.equal(got.text, text(file))
    if (file.endsWith('.js') && files.includes(file)) t.ok(got.text.split('\n').length <= 250, file)
  }
  for (const path of ['/page', '/../port.js', '/__proto__', '/constructor'])
    t.equal((await send(port, path)).status, 404, path)
})
