// Downloads tarballs with pacote, the library npm itself fetches with. Nothing is unpacked and no script runs:
// `pacote.tarball.stream` on registry specs hands over bytes only. Reads lines `spec<TAB>resolved<TAB>integrity<TAB>file`
// on stdin; a file that exists is skipped, so a run that was cut off goes on where it stopped.
import { createRequire } from 'node:module'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, writeFileSync, appendFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'

const [, , pacoteHome, failures, limitText, jobsText] = process.argv
const require = createRequire(`${pacoteHome}/`)
const pacote = require('pacote')
const limit = Number(limitText ?? 30e6)
const jobs = Number(jobsText ?? 8)
const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim()

const rows = []
for await (const line of createInterface({ input: process.stdin })) {
  const [spec, resolved, integrity, file] = line.split('\t')
  if (!existsSync(file)) rows.push({ spec, resolved, integrity, file })
}
let done = 0
let next = 0
class TooLarge extends Error {}
async function one({ spec, resolved, integrity, file }) {
  const chunks = []
  let size = 0
  const options = { registry, ignoreScripts: true, allowGit: 'none', allowRemote: 'all', cache: null, fetchRetries: 2 }
  if (integrity) options.integrity = integrity
  await pacote.tarball.stream(resolved || spec, (stream) => new Promise((resolve, reject) => {
    stream.on('data', (chunk) => {
      size += chunk.length
      if (size > limit) { reject(new TooLarge(`over ${limit} bytes`)); stream.destroy?.() } else chunks.push(chunk)
    })
    stream.on('error', reject)
    stream.on('end', resolve)
  }), options)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(`${file}.part`, Buffer.concat(chunks))
  renameSync(`${file}.part`, file)
}
async function worker() {
  while (next < rows.length) {
    const row = rows[next++]
    try {
      await one(row)
    } catch (error) {
      appendFileSync(failures, `${row.spec}\t${error.code ?? error.constructor.name}\n`)
    }
    if (++done % 200 === 0) console.log(`${done}/${rows.length}`)
  }
}
await Promise.all(Array.from({ length: jobs }, worker))
console.log(`${done}/${rows.length} done`)
