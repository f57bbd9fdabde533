/** apt, Python's requests and Java through the proxy: in absolute form, and with CONNECT in probe and bump mode. */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { test } from 'tap'
import { type ClientStage, MODES, startForClients } from '../kit/client-programs.js'
import { requireProgram } from '../kit/programs.js'

const HOST = 'files.test'

const DEB = Buffer.alloc(200_000, 'package')
const PACKAGES = `Package: hello
Version: 1.0
Architecture: all
Maintainer: A <a@b.test>
Filename: ./hello_1.0_all.deb
Size: ${DEB.length}
SHA256: ${createHash('sha256').update(DEB).digest('hex')}
Description: says hello
`

/** A repository of one package. */
function repository(req: IncomingMessage, res: ServerResponse): void {
  const files: Readonly<Record<string, string | Buffer>> = {
    '/./Packages': PACKAGES,
    '/./hello_1.0_all.deb': DEB,
  }
  const body = files[req.url ?? '']
  if (body === undefined) res.writeHead(404).end()
  else res.writeHead(200, { 'Content-Length': Buffer.byteLength(body) }).end(body)
}

/** apt-get with folders of its own, which are in the folder of the stage. */
async function aptGet(stage: ClientStage, source: string, ...words: string[]) {
  const { dir, proxyUrl, trustFile, run } = stage
  const root = join(dir.path, 'apt')
  for (const name of ['etc/apt/preferences.d', 'lists/partial', 'archives/partial'])
    mkdirSync(join(root, name), { recursive: true })
  for (const [name, text] of [
    ['etc/sources.list', source],
    ['status', ''],
  ] as const)
    writeFileSync(join(root, name), text)
  const options = {
    Dir: `${root}/`,
    'Dir::Etc': 'etc/',
    'Dir::Etc::SourceList': join(root, 'etc/sources.list'),
    'Dir::Etc::SourceParts': '-',
    'Dir::Etc::Parts': '-',
    'Dir::State::Lists': join(root, 'lists/'),
    'Dir::State::status': join(root, 'status'),
    'Dir::Cache': root,
    'Dir::Cache::Archives': join(root, 'archives/'),
    'APT::Sandbox::User': '',
    'Acquire::http::Proxy': proxyUrl,
    'Acquire::https::Proxy': proxyUrl,
    'Acquire::https::CaInfo': trustFile,
    'Acquire::Languages': 'none',
    'Acquire::Retries': '0',
  }
  const args = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  return run('apt-get', [...args, ...words])
}

const REQUESTS = `
import requests, sys
proxy, ca, url = sys.argv[1:4]
session = requests.Session()
session.trust_env, session.proxies, session.verify = False, {'http': proxy, 'https': proxy}, ca
print(session.get(url, timeout=60).text.strip())
print(len(session.post(url + 'echo/', data=b'x' * 300000, timeout=60).content))
print(session.get(url + 'bytes/100000', stream=True, timeout=60).raw.read().__len__())
`

const JAVA = `
import java.io.*;
import java.net.*;
import java.net.http.*;
import java.nio.file.*;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.*;

class Fetch {
  public static void main(String[] args) throws Exception {
    var keys = KeyStore.getInstance(KeyStore.getDefaultType());
    keys.load(null, null);
    try (var in = Files.newInputStream(Path.of(args[1]))) {
      keys.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
    }
    var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(keys);
    var context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    var address = new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0]));
    var client = HttpClient.newBuilder().sslContext(context).proxy(ProxySelector.of(address)).build();
    for (var i = 2; i < args.length; i++) {
      var url = args[i];
      var get = HttpRequest.newBuilder(URI.create(url)).build();
      System.out.print(client.send(get, HttpResponse.BodyHandlers.ofString()).body());
      var post = HttpRequest.newBuilder(URI.create(url + "echo/")).POST(HttpRequest.BodyPublishers.ofByteArray(new byte[300000])).build();
      System.out.println(client.send(post, HttpResponse.BodyHandlers.ofByteArray()).body().length);
      var old = new URL(url).openConnection(new Proxy(Proxy.Type.HTTP, address));
      if (old instanceof HttpsURLConnection secure) secure.setSSLSocketFactory(context.getSocketFactory());
      try (var in = old.getInputStream()) { System.out.print(new String(in.readAllBytes())); }
    }
  }
}
`

for (const mode of MODES) {
  test(`apt in ${mode} mode`, async t => {
    const stage = await startForClients(t, mode, [HOST])
    const [plain, secure] = [
      await stage.http({ handler: repository }),
      await stage.https([HOST], { handler: repository }),
    ]
    for (const url of [`http://${HOST}:${plain.port}`, `https://${HOST}:${secure.port}`]) {
      const source = `deb [trusted=yes] ${url}/ ./\n`
      const update = await aptGet(stage, source, 'update')
      t.equal(update.code, 0, update.stderr)
      const download = await aptGet(stage, source, 'download', 'hello')
      t.equal(download.code, 0, download.stderr)
      t.ok(DEB.equals(readFileSync(join(stage.dir.path, 'hello_1.0_all.deb'))), url)
      writeFileSync(join(stage.dir.path, 'hello_1.0_all.deb'), '')
    }
  })

  test(`Python's requests in ${mode} mode`, async t => {
    const python = requireProgram('python3-requests')
    const { http, https, trustFile, run, proxyUrl } = await startForClients(t, mode, [HOST])
    const [plain, secure] = [await http(), await https([HOST])]
    for (const url of [`http://${HOST}:${plain.port}/`, `https://${HOST}:${secure.port}/`]) {
      const got = await run(python, ['-c', REQUESTS, proxyUrl, trustFile, url])
      t.equal(got.code, 0, got.stderr)
      t.match(got.stdout, /^hello from files\.test:\d+\n300000\n100000\n$/)
    }
  })

  test(`Java in ${mode} mode`, async t => {
    requireProgram('javac')
    const { http, https, trustFile, run, proxy, dir } = await startForClients(t, mode, [HOST])
    const [plain, secure] = [await http(), await https([HOST])]
    const urls = [`http://${HOST}:${plain.port}/`, `https://${HOST}:${secure.port}/`]
    const got = await run(requireProgram('java'), [
      dir.file('Fetch.java', JAVA),
      String(proxy.port),
      trustFile,
      ...urls,
    ])
    t.equal(got.code, 0, got.stderr)
    t.match(got.stdout, /^(?:hello from files\.test:\d+\n300000\nhello from files\.test:\d+\n){2}$/)
  })
}
