// How far a window's log-odds move with what runs it: the product's runtime (onnxruntime-node) against itself and against Python.
//   node model/training/bound.mjs WINDOWS.jsonl      WINDOWS.jsonl as `evaluate.py --windows` writes it
// Prints, over all windows, the largest difference to one window a run on one thread in order: in reverse order, on two threads,
// beside 7 and 31 windows of the same length in one batch (which the product never does), and Python's.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { InferenceSession, Tensor } from 'onnxruntime-node'

const rows = readFileSync(process.argv[2], 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line))
const path = fileURLToPath(new URL('../model.onnx', import.meta.url))
const open = (threads) =>
  InferenceSession.create(path, { executionProviders: ['cpu'], intraOpNumThreads: threads, interOpNumThreads: 1 })

async function run(session, windows) {
  const length = windows[0].length
  const ids = new Tensor('int64', BigInt64Array.from(windows.flat().map(BigInt)), [windows.length, length])
  return [...(await session.run({ ids })).logit.data]
}

const one = await open(1)
const two = await open(2)
const alone = []
for (const { ids } of rows) alone.push((await run(one, [ids]))[0])

const worst = async (name, answers) => {
  const differences = answers.map((z, i) => Math.abs(z - alone[i])).filter(Number.isFinite)
  console.log(`${name}: ${Math.max(...differences).toExponential(2)} log-odds over ${differences.length} windows`)
}
const reverse = []
for (let i = rows.length - 1; i >= 0; i--) reverse[i] = (await run(one, [rows[i].ids]))[0]
await worst('reverse order', reverse)
const threads = []
for (const { ids } of rows) threads.push((await run(two, [ids]))[0])
await worst('two threads', threads)
await worst('Python', rows.map(({ logOdds }) => logOdds))
for (const size of [8, 32]) {
  const byLength = Map.groupBy ? Map.groupBy(rows.keys(), (i) => rows[i].ids.length) : new Map()
  if (!Map.groupBy) for (const i of rows.keys()) byLength.set(rows[i].ids.length, [...(byLength.get(rows[i].ids.length) ?? []), i])
  const answers = []
  for (const indices of byLength.values()) {
    for (let at = 0; at + size <= indices.length; at += size) {
      const cell = [...indices].slice(at, at + size)
      const got = await run(one, cell.map((i) => rows[i].ids))
      for (const [n, i] of cell.entries()) answers[i] = got[n]
    }
  }
  const filled = alone.map((z, i) => answers[i] ?? z)
  await worst(`in a batch of ${size} (not done by the product)`, filled)
}
