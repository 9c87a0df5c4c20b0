/**
 * Prints the table of SECURITY.md: attack or fault, number of cases, result. The tests name a row
 * and what must come of it as `row → result`; a row that fails says so, and so does the exit code.
 *
 *   npm run --silent robustness
 *   node dist/test/faults/table.js TEST-FILE…
 */
import Mocha from 'mocha';

interface Row {
  cases: number;
  failed: number;
  skipped: number;
  readonly results: Set<string>;
}

class Table extends Mocha.reporters.Base {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options);
    const groups = new Map<string, Map<string, Row>>();
    const note = (test: Mocha.Test, kind: 'cases' | 'failed' | 'skipped'): void => {
      const [group = '', ...around] = test.titlePath();
      // What follows the result tells cases of one row apart.
      const [name = '', ...said] = (around.pop() ?? '').split(' → ').filter((part) => !/^\d*$/.test(part));
      const isRow = said.length > 0 || around.length === 0;
      const row = (isRow ? [...around, name] : around).join(': ');
      const result = isRow ? (said[0] ?? '') : name;
      const rows = groups.get(group) ?? new Map<string, Row>();
      groups.set(group, rows);
      const entry = rows.get(row) ?? { cases: 0, failed: 0, skipped: 0, results: new Set<string>() };
      rows.set(row, entry);
      entry.cases++;
      if (kind !== 'cases') entry[kind]++;
      if (result !== '') entry.results.add(result);
    };
    runner.on('pass', (test: Mocha.Test) => note(test, 'cases'));
    runner.on('pending', (test: Mocha.Test) => note(test, 'skipped'));
    runner.on('fail', (test: Mocha.Test, error: Error) => {
      note(test, 'failed');
      process.stderr.write(`${test.fullTitle()}: ${error.message}\n`);
    });
    runner.on('end', () => {
      const lines: string[] = [];
      for (const [group, rows] of groups) {
        lines.push('', `| ${group} | cases | result |`, '|---|---|---|');
        for (const [row, { cases, failed, skipped, results }] of rows) {
          const words = [[...results].join('; ') || 'holds'];
          if (failed > 0) words.push(`**${failed} failed**`);
          if (skipped > 0) words.push(`${skipped} not met or not run here`);
          lines.push(`| ${cell(row)} | ${cases} | ${cell(words.join('; '))} |`);
        }
      }
      process.stdout.write(`${lines.join('\n').trim()}\n`);
    });
  }
}

const mocha = new Mocha({ reporter: Table, timeout: 600_000 });
for (const file of process.argv.slice(2)) mocha.addFile(file);
await mocha.loadFilesAsync();
mocha.run((failures) => {
  process.exitCode = failures === 0 ? 0 : 1;
});

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}
