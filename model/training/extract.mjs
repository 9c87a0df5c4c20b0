// Behaviour sequences of the corpus, one JSON line an archive: the same code the product runs, on bytes in memory.
//   node model/training/extract.mjs LIST OUT.jsonl [workers]
// LIST lines: `sha256<TAB>ecosystem<TAB>filename<TAB>source<TAB>mode`; source is `file:PATH` or `git:REPO:OBJECT`; mode is `whole`
// (npm samples without the wrapping folder the collection put round them), `raw` for a sample as the collection has it, or `bare` for
// an archive without its package.json, as a third of the npm samples come. OUT grows
// by one line an archive and what is in it is not read again. An archive that takes longer than the guard ends its worker,
// is written as an error, and is no reason to stop.
import { execFileSync, fork } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { Parser } from 'tar'

const GUARD_MS = Number(process.env.EXTRACT_GUARD_MS ?? 90_000)

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

async function child() {
  const { openArtifact } = await import(new URL('../../dist/lib/artifact/open.js', import.meta.url))
  const { buildSequence } = await import(new URL('../../dist/lib/behavior/sequence.js', import.meta.url))
  const { unitTokens } = await import(new URL('../../dist/lib/behavior/tokens.js', import.meta.url))
  process.on('message', async ({ sha256, ecosystem, filename, source, mode }) => {
    const line = { sha256, ecosystem, mode }
    try {
      let bytes
      if (source.startsWith('file:')) bytes = readFileSync(source.slice(5))
      else {
        const [, repo, oid] = source.split(':')
        bytes = execFileSync('git', ['-C', repo, 'cat-file', 'blob', oid], { maxBuffer: 1 << 29 })
      }
      if (mode === 'bare') bytes = await repack(bytes, dropManifest)
      else if (mode === 'whole' && ecosystem === 'npm' && source.startsWith('git:')) bytes = await repack(bytes, unwrap)
      const start = performance.now()
      const artifact = await openArtifact({ ecosystem, filename, bytes })
      const opened = performance.now()
      const sequence = await buildSequence(artifact)
      line.ms = Math.round(performance.now() - start)
      line.openMs = Math.round(opened - start)
      line.kind = artifact.kind
      line.name = artifact.name
      line.version = artifact.version
      line.taxonomy = sequence.taxonomy
      line.unverified = artifact.unverified?.code ?? sequence.incomplete?.code ?? null
      line.findings = artifact.findings.map((f) => f.code)
      line.stats = sequence.stats
      line.units = sequence.units.map((unit) => ({ origin: unit.origin.slice(0, 80), tokens: unitTokens(unit).join(' ') }))
    } catch (error) {
      line.error = String(error?.stack ?? error).slice(0, 600)
    }
    process.send(line)
  })
  process.send('ready')
}

function parent() {
  const [, , list, out, workers = '1'] = process.argv
  const have = new Set()
  if (existsSync(out)) {
    for (const line of readFileSync(out, 'utf8').split('\n')) {
      if (!line) continue
      try {
        const { sha256, mode } = JSON.parse(line)
        have.add(`${sha256} ${mode}`)
      } catch {} // a line cut off by a stop is read again
    }
  }
  const todo = readFileSync(list, 'utf8').split('\n').filter(Boolean).map((row) => {
    const [sha256, ecosystem, filename, source, mode = 'whole'] = row.split('\t')
    return { sha256, ecosystem, filename, source, mode }
  }).filter((row) => !have.has(`${row.sha256} ${row.mode}`))
  console.log(`${have.size} done, ${todo.length} to do`)
  let next = 0
  let done = 0
  const started = Date.now()
  const write = (line) => {
    appendFileSync(out, `${JSON.stringify(line)}\n`)
    if (++done % 100 === 0) console.log(`${done}/${todo.length} ${Math.round((Date.now() - started) / 1000)} s`)
  }
  const start = () => {
    const worker = fork(fileURLToPath(import.meta.url), ['--child'], { serialization: 'advanced', execArgv: ['--max-old-space-size=3000'] })
    let job
    let guard
    const give = () => {
      job = todo[next++]
      if (job === undefined) return worker.kill()
      guard = setTimeout(() => worker.kill('SIGKILL'), GUARD_MS)
      worker.send(job)
    }
    worker.on('message', (message) => {
      clearTimeout(guard)
      if (message !== 'ready') write(message)
      give()
    })
    worker.on('error', () => {}) // a send to a worker that has just been ended; `exit` follows
    worker.on('exit', (code, signal) => {
      clearTimeout(guard)
      if (job === undefined) return
      write({ sha256: job.sha256, ecosystem: job.ecosystem, mode: job.mode, error: `worker ended: ${code ?? signal}` })
      start()
    })
  }
  for (let i = 0; i < Number(workers); i++) start()
}

if (process.argv[2] === '--child') await child()
else parent()
