/** Facts of the machine, its user, its environment; checks of where the code runs. */
import type { Context, Rule, Site } from '../../api.js';
import { classifyPath, environmentVariable, isOrdinaryVariable } from '../../strings.js';
import { known, type Labels, ref, union, unknown, type Value } from '../../values.js';
import { settle, stringOf } from './core.js';
import { allLabels, argument, emits, label, result, rule } from './site.js';

const HOST = label('host');
const ENVIRONMENT_METHODS =
  /^(get|items|keys|values|copy|update|setdefault|pop|popitem|clear|iteritems|iterkeys|itervalues|has_key|__\w+__|data|\?)$/;

/** Folders that an environment variable names, in the form `classifyPath` knows them by. */
const FOLDERS: Readonly<Record<string, string>> = {
  HOME: '~',
  USERPROFILE: '~',
  HOMEPATH: '~',
  APPDATA: '~/AppData/Roaming',
  LOCALAPPDATA: '~/AppData/Local',
  TEMP: '/tmp',
  TMP: '/tmp',
  TMPDIR: '/tmp',
  PROGRAMDATA: 'C:/ProgramData',
  SYSTEMROOT: 'C:/Windows',
  WINDIR: 'C:/Windows',
};

function readVariable(context: Context, name: string, fallback: Value | undefined): Value {
  const { code, labels } = environmentVariable(name);
  if (!isOrdinaryVariable(name)) context.emit(code, { detail: name });
  const folder = FOLDERS[name.toUpperCase()];
  if (folder !== undefined) return known(folder, labels);
  return fallback === undefined ? unknown(labels) : ref(`os.environ.${name}`, union(labels, fallback.labels));
}

function wholeEnvironment(site: Site, context: Context): Value {
  context.emit('read-env-all', { detail: site.path });
  return result(site, label('env'));
}

const VIRTUAL =
  /vmware|vbox|virtualbox|qemu|vmtools|vmmouse|vmhgfs|\.dockerenv|sandbox|wireshark|xen|hyper-?v/i;

function systemFact(on: string, code: string, labels: Labels = HOST): Rule {
  return emits(on, code, labels);
}

export const systemRules: readonly Rule[] = [
  rule('os.environ', wholeEnvironment, 'read'),
  rule('os.{environ,environb}.{items,values,iteritems,itervalues,__str__,__repr__}', wholeEnvironment),
  // A copy is what honest programs hand to a child; what is done with it shows by its label.
  rule('os.environ.copy', (site) => result(site, label('env'))),
  rule(
    'os.environ.*',
    (site, context) => {
      const name = site.path.slice('os.environ.'.length);
      return ENVIRONMENT_METHODS.test(name) ? undefined : readVariable(context, name, undefined);
    },
    'read',
  ),
  rule(
    '{os.getenv,os.getenvb,os.environ.get,os.environ.pop,os.environ.setdefault,os.environ.__getitem__}',
    (site, context) => {
      const name = context.text(argument(site, 0, 'key'));
      if (name !== undefined) return readVariable(context, name, site.args[1]);
      context.emit('read-env-variable', {});
      return unknown(label('env-variable'));
    },
  ),
  rule('os.path.expandvars', (site, context) => {
    const text = context.text(site.args[0]);
    const name = /%(\w+)%|\$\{?(\w+)\}?/.exec(text ?? '');
    if (text === undefined || name === null) return undefined;
    const value = readVariable(context, name[1] ?? name[2] ?? '', undefined);
    const folder = stringOf(value);
    return folder === undefined
      ? undefined
      : known(text.replace(name[0], folder).replaceAll('\\', '/'), value.labels);
  }),
  rule('os.path.expanduser', (site, context) => {
    const text = context.text(site.args[0]);
    // The path itself says more than where home is; only home alone is a fact of its own.
    if (text === undefined || /^~[\\/]?$/.test(text)) context.emit('read-home', { detail: text ?? '' });
    return undefined;
  }),
  rule('pathlib.{Path,PosixPath,WindowsPath}.home', (site, context) => {
    context.emit('read-home', { detail: site.path });
    return known('~');
  }),
  rule('{os.getcwd,os.getcwdu,pathlib.Path.cwd,os.getcwdb}', (site, context) => {
    context.emit('read-working-directory', { detail: site.path });
    return known('.', HOST);
  }),
  systemFact('{socket.gethostname,socket.getfqdn,platform.node}', 'read-host-name'),
  rule('{platform.uname,os.uname,platform.uname_result}', (site, context) => {
    context.emit('read-system-info', { detail: site.path });
    return result(site, HOST);
  }),
  systemFact('{getpass.getuser,os.getlogin,win32api.GetUserName,win32api.GetUserNameEx}', 'read-user-name'),
  systemFact('pwd.{getpwuid,getpwnam,getpwall}', 'read-user-name'),
  systemFact(
    '{platform.platform,platform.version,platform.processor,platform.win32_ver,platform.mac_ver}',
    'read-system-info',
  ),
  // The label says that what depends on it runs on some platforms only.
  emits(
    'platform.{system,machine,release,architecture,libc_ver,linux_distribution,dist,freedesktop_os_release}',
    'read-platform',
    label('platform'),
  ),
  rule('{sys.platform,os.name,sys.getwindowsversion}', (site) => ref(site.path, label('platform')), 'read'),
  systemFact('uuid.{getnode,uuid1}', 'read-network-info'),
  systemFact(
    '{psutil.net_if_addrs,psutil.net_connections,netifaces.interfaces,netifaces.ifaddresses,getmac.get_mac_address}',
    'read-network-info',
  ),
  systemFact(
    'psutil.{virtual_memory,cpu_count,cpu_percent,disk_usage,disk_partitions,boot_time,users,swap_memory,cpu_freq}',
    'read-system-info',
  ),
  systemFact('{wmi.WMI().*,cpuinfo.get_cpu_info,GPUtil.getGPUs,distro.info}', 'read-system-info'),
  emits('psutil.{process_iter,pids,Process().cmdline,Process().exe}', 'read-process-list', HOST),
  rule('winreg.{QueryValueEx,QueryValue,EnumKey,EnumValue}', (site, context) => {
    context.emit('read-system-info', { detail: site.path });
    return result(site, union(HOST, allLabels(site)));
  }),
  rule('{os.geteuid,os.getuid}', (site, context) => {
    context.emit('check-privilege', { detail: site.path });
    return result(site, HOST);
  }),
  emits(
    '{os.setuid,os.seteuid,os.setgid,os.setresuid,ctypes.windll.shell32.IsUserAnAdmin,ctypes.windll.advapi32.*}',
    'check-privilege',
  ),
  emits(
    '{locale.getdefaultlocale,locale.getlocale,locale.getpreferredencoding,ctypes.windll.kernel32.GetUserDefaultUILanguage,ctypes.windll.user32.GetKeyboardLayout,ctypes.windll.kernel32.GetSystemDefaultUILanguage,tzlocal.get_localzone,time.tzname}',
    'check-locale',
  ),
  emits(
    '{ctypes.windll.kernel32.IsDebuggerPresent,ctypes.windll.kernel32.CheckRemoteDebuggerPresent,sys.gettrace,win32gui.EnumWindows}',
    'check-environment',
  ),
  rule('os.path.{exists,isfile,isdir,lexists}', (site, context) => {
    const path = context.text(site.args[0]);
    if (path !== undefined && VIRTUAL.test(path)) context.emit('check-environment', { detail: path });
    else if (path !== undefined) {
      const kind = classifyPath(path);
      if (kind.code !== undefined) context.emit(kind.code, { qualifiers: kind.qualifiers, detail: path });
    }
    return undefined;
  }),
  rule('time.sleep', (site, context) => {
    const seconds = settle(site.args[0]);
    const value = seconds?.kind === 'known' && typeof seconds.value === 'number' ? seconds.value : undefined;
    // Short pauses between retries say nothing.
    if (value === undefined || value >= 1)
      context.emit('delay', { detail: value === undefined ? '' : `${value} s` });
    return undefined;
  }),
  emits('os._exit', 'exit-process'),
  emits(
    '{os.kill,os.killpg,psutil.Process().kill,psutil.Process().terminate,psutil.process_iter().?.kill,psutil.process_iter().?.terminate}',
    'kill-process',
  ),
  emits(
    '{ctypes.windll.user32.ExitWindowsEx,ctypes.windll.user32.LockWorkStation,ctypes.windll.ntdll.NtRaiseHardError,win32api.ExitWindowsEx,win32api.InitiateSystemShutdown}',
    'shutdown',
  ),
  emits(
    '{ctypes.windll.user32.ShowWindow,ctypes.windll.kernel32.FreeConsole,win32gui.ShowWindow,ctypes.windll.kernel32.SetFileAttributesW,win32api.SetFileAttributes,win32console.GetConsoleWindow}',
    'hide-window',
  ),
  rule('sys.executable', () => known('python3'), 'read'),
];
