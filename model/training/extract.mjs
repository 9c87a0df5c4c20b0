// Behaviour sequences of the corpus, one JSON line an archive: the same code the product runs, on bytes in memory.
//   node model/training/extract.mjs LIST OUT.jsonl [workers]
// LIST lines: `sha256<TAB>ecosystem<TAB>filename<TAB>source<TAB>mode`; source is `file:PATH` or `git:REPO:OBJECT`; mode is `whole`
// (npm samples without the wrapping folder the collection put round them), `raw` for a sample as the collection has it, or `bare` for
// an archive without its package.json, as a third of the npm samples come. OUT grows
// by one line an archive and what is in it is not read again. An archive that takes longer than the guard ends its worker,
// is written as an error, and is no reason to stop.
import { appendFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { answerWith, archiveBytes, drive, finished, product, readList } from './reading.mjs'

async function child() {
  const { openArtifact, buildSequence, describe } = await product()
  answerWith(async (job) => {
    const bytes = await archiveBytes(job)
    const start = performance.now()
    const artifact = await openArtifact({ ecosystem: job.ecosystem, filename: job.filename, bytes })
    const opened = performance.now()
    const sequence = await buildSequence(artifact)
    const ms = Math.round(performance.now() - start)
    return { ms, openMs: Math.round(opened - start), ...describe(artifact, sequence) }
  })
}

async function parent() {
  const [, , list, out, workers = '1'] = process.argv
  const have = finished(out)
  const todo = readList(list).filter((row) => !have.has(`${row.sha256} ${row.mode}`))
  console.log(`${have.size} done, ${todo.length} to do`)
  await drive(fileURLToPath(import.meta.url), todo, Number(workers), (line) => appendFileSync(out, `${JSON.stringify(line)}\n`))
}

await (process.argv[2] === '--child' ? child() : parent())
