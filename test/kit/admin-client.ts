/** A client of the management port: a program with the token, or a person with a link. */
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'

interface Given {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

interface Got {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

export function send(
  port: number,
  path: string,
  { method = 'GET', headers = {}, body }: Given = {},
): Promise<Got> {
  return new Promise((resolve, reject) => {
    request(
      { host: '127.0.0.1', port, path, method, headers: { host: `127.0.0.1:${port}`, ...headers } },
      res => {
        let text = ''
        res.setEncoding('utf8').on('data', part => {
          text += part
        })
        res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, text }))
      },
    )
      .on('error', reject)
      .end(body)
  })
}

export const portOf = (url: string): number => Number(new URL(url).port)
export const JSON_TYPE = { 'content-type': 'application/json' }

/** What a browser does with the link. */
export async function logIn(url: string) {
  const { pathname, search, port: text } = new URL(url)
  const [port, link] = [Number(text), pathname + search]
  const page = await send(port, link)
  const [cookie = ''] = page.headers['set-cookie'] ?? []
  const key = /url=\/#([\w-]{43})"/.exec(page.text)?.[1] ?? ''
  return { port, link, cookie, key }
}

/** The header field with the token that the proxy has made. */
export function tokenOf(confDir: string) {
  return { authorization: `Bearer ${readFileSync(join(confDir, 'admin.token'), 'utf8').trim()}` }
}
