/** PowerShell text: cmdlets and .NET calls that tell what it does, in the order they stand. */
import { classifyPath, urlQualifiers } from '../strings.js';
import type { ShellBehavior } from './programs.js';

interface Cmdlet {
  readonly pattern: RegExp;
  readonly code: string;
  /** Adds the destination of the first address that follows. */
  readonly addressed?: boolean;
}

const CMDLETS: readonly Cmdlet[] = [
  {
    pattern:
      /\b(?:DownloadFile(?:Async|TaskAsync)?|Start-BitsTransfer)\b|\b(?:Invoke-WebRequest|iwr|wget|curl)\b[^;|\n]*-OutFile/gi,
    code: 'download-file',
    addressed: true,
  },
  {
    pattern:
      /\b(?:Invoke-WebRequest|Invoke-RestMethod|iwr|irm)\b[^;|\n]*-Method\s+['"]?(?:POST|PUT)|\bUpload(?:String|File|Data|Values)\b/gi,
    code: 'http-send',
    addressed: true,
  },
  {
    pattern: /\b(?:DownloadString|DownloadData|OpenRead|Invoke-WebRequest|Invoke-RestMethod|iwr|irm)\b/gi,
    code: 'http-request',
    addressed: true,
  },
  { pattern: /\bNet\.Sockets\.TcpClient\b/gi, code: 'open-socket', addressed: true },
  { pattern: /\bResolve-DnsName\b/gi, code: 'dns-query' },
  { pattern: /\bFromBase64String\b/gi, code: 'decode' },
  { pattern: /\bGzipStream|DeflateStream|Expand-Archive\b/gi, code: 'decompress' },
  { pattern: /\bCompress-Archive\b/gi, code: 'compress' },
  { pattern: /\b(?:Invoke-Expression|IEX)\b/gi, code: 'evaluate' },
  { pattern: /\[(?:System\.)?Reflection\.Assembly\]::Load\b|\bAdd-Type\b/gi, code: 'evaluate' },
  { pattern: /\bVirtualAlloc|CreateThread|WriteProcessMemory\b/gi, code: 'inject-process' },
  { pattern: /\bStart-Process\b|\bInvoke-Item\b|\bsaps\b/gi, code: 'run-program' },
  { pattern: /-(?:w|Window(?:Style)?)\s+(?:h(?:idden)?|1)\b/gi, code: 'hide-window' },
  {
    pattern: /\b(?:Add|Set)-MpPreference\b|\bSet-ExecutionPolicy\b|netsh\s+advfirewall/gi,
    code: 'disable-security',
  },
  {
    pattern:
      /CurrentVersion\\+Run|Register-ScheduledTask|New-ScheduledTask|schtasks|\\Startup\\|New-Service\b/gi,
    code: 'persist-startup',
  },
  { pattern: /\b(?:New|Set)-ItemProperty\b|\breg(?:\.exe)?\s+add\b/gi, code: 'persist-registry' },
  { pattern: /\bRemove-Item\b[^;|\n]*-Recurse/gi, code: 'delete-tree' },
  { pattern: /\bRemove-Item\b/gi, code: 'delete-file' },
  { pattern: /\b(?:Out-File|Set-Content|Add-Content|WriteAllBytes|WriteAllText)\b/gi, code: 'write-file' },
  { pattern: /\bCopy-Item|Move-Item\b/gi, code: 'copy-file' },
  { pattern: /\bGet-Clipboard\b/gi, code: 'read-clipboard' },
  { pattern: /\bCopyFromScreen\b/gi, code: 'capture-screen' },
  { pattern: /\bGetAsyncKeyState\b/gi, code: 'capture-keys' },
  {
    pattern: /\bGet-(?:WmiObject|CimInstance|ComputerInfo)\b|\bgwmi\b|\bsysteminfo\b/gi,
    code: 'read-system-info',
  },
  { pattern: /\bGet-Process\b|\btasklist\b/gi, code: 'read-process-list' },
  { pattern: /\bStop-Process\b|\btaskkill\b/gi, code: 'kill-process' },
  { pattern: /\bGet-NetIPAddress\b|\bipconfig\b/gi, code: 'read-network-info' },
  { pattern: /\$env:(?:USERNAME)\b|\bwhoami\b/gi, code: 'read-user-name' },
  { pattern: /\$env:COMPUTERNAME\b|\bhostname\b/gi, code: 'read-host-name' },
  { pattern: /\bGet-ChildItem\s+env:|\bgci\s+env:|\bdir\s+env:/gi, code: 'read-env-all' },
  { pattern: /\bStop-Computer\b|\bRestart-Computer\b/gi, code: 'shutdown' },
  { pattern: /\bStart-Sleep\b/gi, code: 'delay' },
];

/** Also marks where downloaded text is evaluated: `IEX (… DownloadString …)`. */
export function powershellBehaviors(text: string, extra: readonly string[] = []): ShellBehavior[] {
  const source = text.slice(0, 200_000).replace(/`(?=\w)/g, '');
  const found: { at: number; end: number; code: string; addressed: boolean }[] = [];
  for (const { pattern, code, addressed } of CMDLETS) {
    for (const match of source.matchAll(pattern)) {
      const at = match.index;
      if (found.some((f) => at >= f.at && at < f.end)) continue;
      found.push({ at, end: at + match[0].length, code, addressed: addressed === true });
    }
  }
  found.sort((a, b) => a.at - b.at);
  const downloads = found.some((f) => f.code === 'http-request');
  const decodes = found.some((f) => f.code === 'decode');
  const out: ShellBehavior[] = [];
  for (const { at, code, addressed } of found) {
    const actual =
      code !== 'evaluate' ? code : downloads ? 'evaluate-downloaded' : decodes ? 'evaluate-decoded' : code;
    const detail = source.slice(at, at + 120).replace(/\s+/g, ' ');
    const url = addressed ? addressAround(source, at) : undefined;
    const path = code === 'write-file' || code === 'download-file' ? pathAfter(source, at) : undefined;
    const where = path === undefined ? [] : classifyPath(path).qualifiers;
    out.push({
      code: actual,
      qualifiers: ['powershell', ...extra, ...(addressed ? urlQualifiers(url) : []), ...where],
      detail,
    });
  }
  return out;
}

/** `irm host.example/install.ps1`: the cmdlets take an address without its scheme. */
const BARE_ADDRESS =
  /^(?:Invoke-WebRequest|Invoke-RestMethod|iwr|irm)\s+(?:-(?:Uri|useb\w*)\s+)*['"]?((?:[\w-]+\.)+[a-z]{2,}(?::\d+)?\/[^\s'"`)>|;]*)/i;

function addressAround(source: string, at: number): string | undefined {
  const near = source.slice(Math.max(0, at - 200), at + 400);
  return (
    BARE_ADDRESS.exec(source.slice(at, at + 400))?.[1] ??
    /https?:\/\/[^\s'"`)>]+/i.exec(source.slice(at, at + 400))?.[0] ??
    /https?:\/\/[^\s'"`)>]+/i.exec(near)?.[0]
  );
}

function pathAfter(source: string, at: number): string | undefined {
  return /(?:[A-Za-z]:\\|\$env:\w+\\|~[\\/]|%\w+%\\)[^\s'"`);,]+/
    .exec(source.slice(at, at + 400))?.[0]
    ?.replace(/^\$env:(\w+)/, '%$1%');
}
