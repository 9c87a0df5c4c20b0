// Behaviour sequences of the corpus, one JSON line an archive: the same code the product runs, on bytes in memory.
//   node model/training/extract.mjs LIST OUT.jsonl [workers]
// LIST lines: `sha256<TAB>ecosystem<TAB>filename<TAB>source<TAB>mode`; source is `file:PATH` or `git:REPO:OBJECT`; mode is `whole`, or
// `bare` for the archive without its top-level package.json (the npm samples of the corpus often lack one). OUT grows
// by one line an archive and what is in it is not read again. An archive that takes longer than the guard ends its worker,
// is written as an error, and is no reason to stop.
import { execFileSync, fork } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync, gzipSync } from 'node:zlib'

const GUARD_MS = 90_000

/** A tarball without its first-level package.json, the other entries as they were. */
function withoutManifest(bytes) {
  const tar = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : Buffer.from(bytes)
  const kept = []
  for (let at = 0; at + 512 <= tar.length; ) {
    const head = tar.subarray(at, at + 512)
    const name = head.subarray(0, 100).toString('utf8').replace(/\0.*$/s, '')
    const size = Number.parseInt(head.subarray(124, 136).toString('latin1').replace(/[\0 ]+$/, ''), 8) || 0
    const end = at + 512 + Math.ceil(size / 512) * 512
    if (!/^(\.\/)?[^/]+\/package\.json$/.test(name)) kept.push(tar.subarray(at, end))
    at = end
  }
  return gzipSync(Buffer.concat(kept), { level: 1 })
}

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
      if (mode === 'bare') bytes = withoutManifest(bytes)
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
