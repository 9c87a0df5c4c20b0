// Behaviour sequences of training archives, honest and malicious alike, with their code under disguises, so that a disguise alone tells nothing.
//   node model/training/disguised.mjs LIST OUT.jsonl [workers]
// LIST as extract.mjs reads it. Each archive gets DISGUISES_EACH disguises (test/bench/disguises.ts, `TRAINED`), drawn by its hash alone;
// each is laid over all its code files in memory: text into text, nothing is run and nothing written to disk. Manifests and the
// command lines of hooks stay. OUT gets one line an archive and disguise, in the format of extract.mjs with mode `disguise:NAME`.
// OUT.left-out gets the others, with why: `too-large` (more than CODE_BYTES of code), `unchanged`, `refused` (a file in which the
// undisguised code shows a behaviour does not take the disguise), `unverified` (already undisguised), or an error.
// Neither is read again by a later run.
import { appendFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { answerWith, archiveBytes, drive, finished, product, readList } from './reading.mjs'

const CODE_BYTES = { npm: 60_000, pypi: 200_000 } // the obfuscator for JavaScript makes code that takes long to read
const DISGUISES_EACH = 2

const disguises = () => import(new URL('../../dist/test/bench/disguises.js', import.meta.url))

async function child() {
  const { openArtifact, buildSequence, describe } = await product()
  const { disguised, LANGUAGES, TRAINED } = await disguises()
  answerWith(async ({ ecosystem, filename, source, reading, disguise: short }) => {
    const bytes = await archiveBytes({ ecosystem, source, mode: reading })
    const language = LANGUAGES.find((l) => l.ecosystem === ecosystem)
    const disguise = language.disguises.find((d) => d.name === TRAINED[ecosystem][short])
    const plain = await openArtifact({ ecosystem, filename, bytes })
    let code = 0
    for (const [path, file] of plain.files) if (language.files.test(path)) code += file.bytes.length
    if (code > CODE_BYTES[ecosystem]) return { leftOut: 'too-large' }
    const before = await buildSequence(plain)
    if ((plain.unverified ?? before.incomplete) !== undefined) return { leftOut: 'unverified' }
    const start = performance.now()
    const { artifact, changed, refused } = await disguised(plain, language, disguise)
    const disguiseMs = Math.round(performance.now() - start)
    if (changed.length === 0) return { leftOut: refused.length === 0 ? 'unchanged' : 'refused', disguiseMs }
    const acting = new Set(before.units.flatMap((unit) => unit.behaviors.map((behavior) => behavior.file)))
    if (refused.some((path) => acting.has(path))) return { leftOut: 'refused', disguiseMs }
    const read = performance.now()
    const sequence = await buildSequence(artifact)
    return { ms: Math.round(performance.now() - read), disguiseMs, ...describe(artifact, sequence) }
  })
}

async function parent() {
  const [, , list, out, workers = '1'] = process.argv
  const { assigned } = await disguises()
  const leftOut = `${out}.left-out`
  const have = finished(out, leftOut)
  const todo = readList(list).flatMap(({ mode: reading, ...row }) =>
    assigned(row.sha256, row.ecosystem, DISGUISES_EACH).map((disguise) => ({ ...row, reading, disguise, mode: `disguise:${disguise}` })),
  ).filter((row) => !have.has(`${row.sha256} ${row.mode}`))
  console.log(`${have.size} done, ${todo.length} to do`)
  const totals = new Map()
  await drive(fileURLToPath(import.meta.url), todo, Number(workers), (line) => {
    const left = line.error === undefined ? line.leftOut : 'error'
    appendFileSync(left === undefined ? out : leftOut, `${JSON.stringify(line)}\n`)
    const key = `${line.ecosystem} ${line.mode} ${left ?? 'written'}`
    totals.set(key, (totals.get(key) ?? 0) + 1)
  })
  for (const [key, count] of [...totals].sort()) console.log(key, count)
}

await (process.argv[2] === '--child' ? child() : parent())
