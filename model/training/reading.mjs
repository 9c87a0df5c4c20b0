// What extract.mjs and disguised.mjs share: their lists, archives read into memory, the line of an archive, workers under a guard.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { parentPort, Worker } from 'node:worker_threads'
import { gzipSync } from 'node:zlib'
import { Parser } from 'tar'

const GUARD_MS = Number(process.env.EXTRACT_GUARD_MS ?? 90_000)
const HEAP_MB = 3000

/** Rows `sha256<TAB>ecosystem<TAB>filename<TAB>source<TAB>mode` of a list. */
export function readList(list) {
  return readFileSync(list, 'utf8').split('\n').filter(Boolean).map((row) => {
    const [sha256, ecosystem, filename, source, mode = 'whole'] = row.split('\t')
    return { sha256, ecosystem, filename, source, mode }
  })
}

/** `SHA256 MODE` of each line that these files hold. */
export function finished(...files) {
  const have = new Set()
  for (const file of files.filter(existsSync)) {
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      if (!line) continue
      try {
        const { sha256, mode } = JSON.parse(line)
        have.add(`${sha256} ${mode}`)
      } catch {} // a line cut off by a stop is read again
    }
  }
  return have
}

/** One ustar header for a regular file. */
function header(path, size) {
  const head = Buffer.alloc(512)
  const bytes = Buffer.from(path)
  if (bytes.length <= 100) bytes.copy(head, 0)
  else {
    const cut = path.lastIndexOf('/', 155)
    head.write(path.slice(cut + 1), 0, 100)
    head.write(path.slice(0, cut), 345, 155)
  }
  head.write('0000644\0', 100)
  head.write('0000000\0', 108)
  head.write('0000000\0', 116)
  head.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  head.write('00000000000\0', 136)
  head.write('        ', 148)
  head.write('0', 156)
  head.write('ustar\0' + '00', 257)
  let sum = 0
  for (const byte of head) sum += byte
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return head
}

/** The same files under other paths, in memory; `rename` gives the new path, or undefined to leave a file out. */
async function repack(bytes, rename) {
  const files = []
  await new Promise((resolve, reject) => {
    const parser = new Parser({ strict: false })
    parser.on('entry', (entry) => {
      const chunks = []
      entry.on('data', (chunk) => chunks.push(chunk))
      entry.on('end', () => {
        if (entry.type === 'File' || entry.type === 'OldFile') files.push([entry.path, Buffer.concat(chunks)])
      })
      entry.resume()
    })
    parser.on('end', resolve)
    parser.on('error', reject)
    parser.end(bytes)
  })
  const out = []
  const paths = files.map(([path]) => path)
  for (const [path, content] of files) {
    const to = rename(path, paths)
    if (to === undefined) continue
    out.push(header(to, content.length), content, Buffer.alloc((512 - (content.length % 512)) % 512))
  }
  out.push(Buffer.alloc(1024))
  return gzipSync(Buffer.concat(out), { level: 1 })
}

/** The npm samples are wrapped once more (`NAME-VERSION/package/index.js`): without the wrapper they are as npm got them. */
const unwrap = (path, paths) => (paths.some((p) => /^[^/]+\/package\/package\.json$/.test(p)) ? path.replace(/^[^/]+\/(?=package\/)/, '') : path)
const dropManifest = (path) => (/^(\.\/)?[^/]+\/package\.json$/.test(path) ? undefined : path)

/** The archive of a row; `mode` as extract.mjs says. */
export async function archiveBytes({ ecosystem, source, mode }) {
  let bytes
  if (source.startsWith('file:')) bytes = readFileSync(source.slice(5))
  else {
    const [, repo, oid] = source.split(':')
    bytes = execFileSync('git', ['-C', repo, 'cat-file', 'blob', oid], { maxBuffer: 1 << 29 })
  }
  if (mode === 'bare') return repack(bytes, dropManifest)
  if (mode === 'whole' && ecosystem === 'npm' && source.startsWith('git:')) return repack(bytes, unwrap)
  return bytes
}

/** The product's own functions, as built. */
export async function product() {
  const { openArtifact } = await import(new URL('../../dist/lib/artifact/open.js', import.meta.url))
  const { buildSequence } = await import(new URL('../../dist/lib/behavior/sequence.js', import.meta.url))
  const { unitTokens } = await import(new URL('../../dist/lib/behavior/tokens.js', import.meta.url))
  /** What a line says of an archive beside its hash, mode and times. */
  const describe = (artifact, sequence) => ({
    kind: artifact.kind,
    name: artifact.name,
    version: artifact.version,
    taxonomy: sequence.taxonomy,
    unverified: artifact.unverified?.code ?? sequence.incomplete?.code ?? null,
    findings: artifact.findings.map((f) => f.code),
    stats: sequence.stats,
    units: sequence.units.map((unit) => ({ origin: unit.origin.slice(0, 80), tokens: unitTokens(unit).join(' ') })),
  })
  return { openArtifact, buildSequence, describe }
}

/** In a worker: answers each job with a line; what `read` throws is the line's `error`. */
export function answerWith(read) {
  parentPort.on('message', async (job) => {
    const line = { sha256: job.sha256, ecosystem: job.ecosystem, mode: job.mode }
    try {
      Object.assign(line, await read(job))
    } catch (error) {
      line.error = String(error?.stack ?? error).slice(0, 600)
    }
    parentPort.postMessage(line)
  })
  parentPort.postMessage('ready')
}

/** Jobs `{ sha256, ecosystem, mode, … }` through workers that run `script --child`; `write` gets each line, also of a worker that ended. */
export async function drive(script, todo, workers, write) {
  // The product's own stack: how deep code may be nested before it counts as not read in full depends on it.
  const { STACK_MB } = await import(new URL('../../dist/lib/scan/pool.js', import.meta.url))
  const resourceLimits = { stackSizeMb: STACK_MB, maxOldGenerationSizeMb: HEAP_MB }
  let next = 0
  let done = 0
  const started = Date.now()
  const finish = (line) => {
    write(line)
    if (++done % 100 === 0) console.log(`${done}/${todo.length} ${Math.round((Date.now() - started) / 1000)} s`)
  }
  const work = () => new Promise((resolve) => {
    const worker = new Worker(script, { argv: ['--child'], resourceLimits })
    let job
    let guard
    const give = () => {
      job = todo[next++]
      if (job === undefined) return worker.terminate()
      guard = setTimeout(() => worker.terminate(), GUARD_MS)
      worker.postMessage(job)
    }
    worker.on('message', (message) => {
      clearTimeout(guard)
      if (message !== 'ready') finish(message)
      give()
    })
    worker.on('error', () => {}) // out of memory; `exit` follows
    worker.on('exit', (code) => {
      clearTimeout(guard)
      if (job === undefined) return resolve()
      finish({ sha256: job.sha256, ecosystem: job.ecosystem, mode: job.mode, error: `worker ended: ${code}` })
      resolve(work())
    })
  })
  await Promise.all(Array.from({ length: workers }, work))
}
