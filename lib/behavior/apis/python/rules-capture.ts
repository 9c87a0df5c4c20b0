/** Screen, keys, clipboard, browser stores, and the Windows registry. */
import type { Rule } from '../../api.js';
import { ref, union, unknown } from '../../values.js';
import { pathText } from './paths.js';
import { emitWrite } from './rules-files.js';
import { allLabels, argument, buffer, emits, label, result, rule } from './site.js';

const INPUT = label('input');
const RUN_KEY =
  /CurrentVersion\\+(Run|RunOnce|Policies\\+Explorer\\+Run)|Winlogon|Image File Execution|Userinit|Active Setup/i;

export const captureRules: readonly Rule[] = [
  emits(
    '{PIL.ImageGrab.grab,ImageGrab.grab,pyautogui.screenshot,pyscreenshot.grab,mss.mss().grab,mss.mss().shot,mss.mss().save,pyscreeze.screenshot,d3dshot.create,cv2.VideoCapture,sounddevice.rec,sounddevice.InputStream,pyaudio.PyAudio().open,dxcam.create,vidcap.new_Dev}',
    'capture-screen',
    INPUT,
  ),
  emits(
    '{keyboard.record,keyboard.start_recording,keyboard.read_key,keyboard.read_event,pyHook.HookManager,pyWinhook.HookManager,pyxhook.HookManager,PyHook3.HookManager}',
    'capture-keys',
    INPUT,
  ),
  rule(
    '{PIL.ImageGrab.grab,ImageGrab.grab,pyautogui.screenshot,pyscreenshot.grab,pyscreeze.screenshot}().save',
    (site, context) => {
      const target = argument(site, 0, 'fp');
      if (pathText(target) === undefined) buffer(target, INPUT);
      else emitWrite(context, target, site.receiver);
      return undefined;
    },
  ),
  // What is pressed comes to the functions they are given.
  rule(
    '{pynput.keyboard.Listener,pynput.mouse.Listener,keyboard.hook,keyboard.on_press,keyboard.on_release}',
    (site, context) => {
      context.emit('capture-keys', { detail: site.path });
      for (const handler of [...site.args, ...site.keywords.values()])
        if (context.isFunction(handler)) context.call(handler, [unknown(INPUT)]);
      return result(site, union(INPUT, allLabels(site)));
    },
  ),
  rule('pynput.keyboard.Listener().{start,join}', () => undefined),
  emits(
    '{pyperclip.paste,pyperclip.waitForNewPaste,win32clipboard.GetClipboardData,clipboard.paste,pandas.read_clipboard,tkinter.Tk().clipboard_get,tkinter.Tk().selection_get,klembord.get_text,copykitten.paste}',
    'read-clipboard',
    INPUT,
  ),
  emits(
    '{browser_cookie3.*,browsercookie.*,pycookiecheat.*,rookiepy.*,browser_history.get_history,browserhistory.*}',
    'read-browser-data',
    label('browser', 'credentials'),
  ),
  rule('winreg.{SetValueEx,SetValue,CreateKey,CreateKeyEx,DeleteKey,DeleteValue}', (site, context) => {
    const texts = site.args.map((a) => pathText(a) ?? '');
    const isRun = texts.some((t) => RUN_KEY.test(t)) || keyIsRun(site.args[0]);
    context.emit(isRun ? 'persist-startup' : 'persist-registry', {
      detail: texts.filter((t) => t !== '').join(' '),
    });
    return result(site, allLabels(site));
  }),
  rule('winreg.{OpenKey,OpenKeyEx,ConnectRegistry}', (site) => result(site, union(allLabels(site)))),
  emits(
    '{win32service.CreateService,win32serviceutil.InstallService,win32com.client.Dispatch().CreateShortcut,win32com.client.Dispatch().CreateShortCut}',
    'persist-startup',
  ),
  // The private key itself; what is signed with it is not.
  rule(
    '{eth_account.Account,eth_account.account.Account,eth_account.Account(),web3.eth.account.Account}.{create,from_key,from_mnemonic,privateKeyToAccount,create_with_mnemonic}().{key,_private_key,privateKey}',
    (site) => ref(site.path, label('wallet')),
    'read',
  ),
  rule(
    'solders.keypair.Keypair.{from_seed,from_bytes,from_base58_string,from_string,from_json,from_seed_phrase_and_passphrase}().{secret,to_json,to_bytes,to_bytes_array}',
    (site) => result(site, label('wallet')),
  ),
  rule('builtins.bytes', (site) => {
    const [pair] = site.args;
    return pair?.kind === 'ref' && /^solders\.keypair\.Keypair(?:\.from_\w+)?\(\)$/.test(pair.path)
      ? unknown(label('wallet'))
      : undefined;
  }),
  emits('{crontab.CronTab().new,plistlib.dump}', 'persist-startup'),
];

/** A handle made by `OpenKey(root, 'Software\\…\\Run')`. */
function keyIsRun(value: Parameters<typeof pathText>[0]): boolean {
  return value?.kind === 'ref' && (value.args ?? []).some((a) => RUN_KEY.test(pathText(a) ?? ''));
}
