/** Screen, keys, clipboard, browser stores, and the Windows registry. */
import type { Rule } from '../../api.js';
import { union } from '../../values.js';
import { pathText } from './paths.js';
import { allLabels, emits, label, result, rule } from './site.js';

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
    '{pynput.keyboard.Listener,pynput.mouse.Listener,keyboard.hook,keyboard.on_press,keyboard.on_release,keyboard.record,keyboard.start_recording,keyboard.read_key,keyboard.read_event,pyHook.HookManager,pyWinhook.HookManager,pyxhook.HookManager,PyHook3.HookManager}',
    'capture-keys',
    INPUT,
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
  emits('{crontab.CronTab().new,plistlib.dump}', 'persist-startup'),
];

/** A handle made by `OpenKey(root, 'Software\\…\\Run')`. */
function keyIsRun(value: Parameters<typeof pathText>[0]): boolean {
  return value?.kind === 'ref' && (value.args ?? []).some((a) => RUN_KEY.test(pathText(a) ?? ''));
}
