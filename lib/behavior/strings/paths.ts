/** What file paths mean, on Linux, macOS and Windows, by their text. Slashes only: callers replace backslashes. */

interface Sensitive {
  readonly code: string;
  readonly label: 'credentials' | 'browser' | 'wallet' | 'host';
}

const table: readonly (readonly [RegExp, string, Sensitive['label']])[] = [
  [
    /(?:^|\/|~)\.ssh(?:\/|$)|(?:^|\/)id_(?:rsa|dsa|ecdsa|ed25519)(?:$|[^\w])|(?:^|\/)(?:known_hosts|authorized_keys)$/i,
    'read-ssh-keys',
    'credentials',
  ],
  [
    /(?:^|\/)\.(?:aws|azure|kube|docker)(?:\/|$)|(?:^|\/)gcloud\/(?:credentials|application_default|legacy_credentials|access_tokens)|application_default_credentials\.json|(?:^|\/)\.config\/gcloud|(?:^|\/)\.terraform\.d\/credentials|(?:^|\/)\.vault-token$|\/var\/run\/secrets\/|169\.254\.169\.254|metadata\.google\.internal|(?:^|\/)\.boto$|(?:^|\/)\.s3cfg$|(?:^|\/)\.oci\/config/i,
    'read-cloud-credentials',
    'credentials',
  ],
  [
    /(?:^|\/)\.(?:npmrc|yarnrc|yarnrc\.yml|pypirc|netrc|git-credentials|gem\/credentials|cargo\/credentials(?:\.toml)?)$|(?:^|\/)_netrc$|(?:^|\/)\.config\/(?:gh\/hosts\.yml|git\/credentials)|(?:^|\/)pip\/pip\.(?:conf|ini)$/i,
    'read-registry-token',
    'credentials',
  ],
  [
    // A browser's program or download is not its profile: names alone count only where profiles are kept.
    /(?:Google\/Chrome|BraveSoftware|Microsoft\/Edge|Opera Software|Yandex\/YandexBrowser)(?:\/(?!Application)|$)|(?:\.config|Application Support|AppData|Local|Roaming|\.var\/app|snap)\/(?:[^/]+\/)?(?:google-chrome|brave-browser|microsoft-edge|opera-stable|vivaldi|yandexbrowser|chromium)(?:\/|$)|(?:google-chrome|brave-browser|microsoft-edge|opera-stable|vivaldi|yandexbrowser|chromium)\/(?:.*\/)?(?:User Data|Default|Profile|Local State|Login Data|Cookies|Web Data|Local Extension Settings|Local Storage)|Mozilla\/Firefox(?!\/?firefox\.exe)|\.mozilla\/firefox|(?:^|\/)(?:Login Data|Login Data For Account|Local State|Web Data|cookies\.sqlite|logins\.json|key[34]\.db|places\.sqlite|formhistory\.sqlite)$|(?:^|\/)User Data(?:\/|$)|Local Extension Settings|Library\/Keychains|(?:^|\/)Cookies$|Library\/Cookies/i,
    'read-browser-data',
    'browser',
  ],
  [
    /(?:^|\/|\.)(?:Exodus|exodus\.wallet|Electrum|atomic\/Local Storage|Ethereum\/keystore|\.ethereum|\.bitcoin|wallet\.dat|Armory|Bytecoin|com\.liberty\.jaxx|Coinomi|Guarda|Zcash|Litecoin|Dogecoin|Monero|Ledger Live|Trezor Suite|solana\/id\.json|\.config\/solana|MetaMask)(?:\/|$|\.)|nkbihfbeogaeaoehlefnkodbefgpgknn|bfnaelmomeimhlpmgjnjophhpkkoljpa|fhbohimaelbohpjbbldcngcnapndodjp|hnfanknocfeofbddgcijnmhnfnkdnaad|ibnejdfjmmkpcnlpebklmnkoeoihofec|egjidjbpglichdcondbcbdnbeeppgdph/i,
    'read-wallet',
    'wallet',
  ],
  [
    /(?:^|\/)(?:discord|discordcanary|discordptb|discorddevelopment|lightcord)\/(?:Local Storage|Local State|leveldb|modules)|(?:^|\/)Telegram Desktop(?:\/|$)|(?:^|\/)tdata(?:\/|$)|Local Storage\/leveldb|(?:^|\/)Slack\/(?:storage|Local Storage|Cookies)|(?:^|\/)Signal\/(?:sql|config\.json)|discord_desktop_core/i,
    'read-chat-token',
    'credentials',
  ],
  [
    /^\/etc\/(?:passwd|shadow|group|sudoers|master\.passwd|gshadow)(?:$|[^\w])|\/etc\/(?:passwd|shadow)$|\/System32\/config\/(?:SAM|SYSTEM|SECURITY)/i,
    'read-system-accounts',
    'credentials',
  ],
];
/** One quick look before the table. */
const QUICK =
  /\.ssh|id_|known_hosts|authorized_keys|\.aws|\.azure|\.kube|\.docker|gcloud|credentials|\.vault-token|secrets|169\.254|metadata\.google|\.boto|\.s3cfg|\.oci|\.npmrc|\.yarnrc|\.pypirc|netrc|\.config\/g|pip\/pip|chrom|brave|edge|opera|vivaldi|yandex|firefox|login data|local state|web data|cookies|logins\.json|key[34]\.db|places\.sqlite|formhistory|user data|extension settings|keychains|exodus|electrum|atomic|ethereum|bitcoin|wallet|armory|bytecoin|jaxx|coinomi|guarda|zcash|litecoin|dogecoin|monero|ledger|trezor|solana|metamask|nkbihf|bfnael|fhbohi|hnfank|ibnejd|egjidj|discord|lightcord|telegram|tdata|leveldb|slack\/|signal\/|\/etc\/|system32\/config/i;

/** The row and label of a path that holds secrets. */
export function sensitivePath(path: string): Sensitive | undefined {
  if (!QUICK.test(path)) return undefined;
  // Sentences and addresses speak of such things without being paths; patterns and source text too.
  if (/\.(?:exe|app|dmg|msi|deb|zip)$/i.test(path)) return undefined;
  if (
    /^\w+:\/\/(?!169\.254|metadata)/.test(path) ||
    /\s(?:the|is|to|for|not|and|from|your|in|of)\s/i.test(path)
  )
    return undefined;
  for (const [pattern, code, label] of table) if (pattern.test(path)) return { code, label };
  return undefined;
}

const STARTUP =
  /(?:^|\/)\.(?:bashrc|bash_profile|bash_login|profile|zshrc|zprofile|zshenv|zlogin|xinitrc|xprofile|cshrc|tcshrc|kshrc|bash_aliases|config\/fish\/config\.fish|config\/autostart(?:\/|$)|config\/systemd(?:\/|$))|\/etc\/(?:cron|crontab|init\.d|rc\.local|rc\d\.d|systemd|profile|ld\.so\.preload|xdg\/autostart|update-motd\.d)|\/var\/spool\/cron|Library\/Launch(?:Agents|Daemons)|Start Menu\/Programs\/Startup|\/Startup(?:\/|$)|CurrentVersion\/Run|(?:^|\/)(?:sitecustomize|usercustomize)\.py$|\.pth$|\/lib\/systemd\/system|System32\/Tasks/i;
/** Who may log in from elsewhere. */
const LOGIN_KEYS = /(?:^|\/)authorized_keys2?$/i;
const GIT_HOOKS = /(?:^|\/)\.git\/(?:hooks(?:\/|$)|config$)|(?:^|\/)\.gitconfig$|(?:^|\/)\.husky\//i;
const OTHER_PACKAGE = /(?:^|\/)(?:node_modules|site-packages|dist-packages)\/(?!self(?:\/|$))[@\w.\ufffc-]/i;

/** What writing to a path does beyond writing. */
export function writtenPath(
  path: string,
  root: string,
): 'persist-startup' | 'modify-git-hooks' | 'modify-package' | undefined {
  if (STARTUP.test(path) || LOGIN_KEYS.test(path)) return 'persist-startup';
  if (GIT_HOOKS.test(path)) return 'modify-git-hooks';
  const inside = path.startsWith(root) ? path.slice(root.length) : path;
  if (OTHER_PACKAGE.test(inside) || /(?:discord_desktop_core|app\.asar)/i.test(inside))
    return 'modify-package';
  return undefined;
}

const EXECUTABLE =
  /\.(?:exe|dll|bat|cmd|ps1|vbs|vbe|jse|wsf|hta|scr|com|msi|sh|bash|command|app|dmg|pkg|deb|rpm|appimage|elf|bin|run|so|dylib|pyd|jar|lnk|node)$/i;

/** `path:*` qualifiers, sorted. */
export function pathQualifiers(path: string, root: string, project: string): string[] {
  const out: string[] = [];
  if (
    /^(?:\/tmp|\/var\/tmp|\/dev\/shm|\/private\/tmp)(?:\/|$)|(?:^|\/)AppData\/Local\/Temp(?:\/|$)|^[%$][{(]?(?:TEMP|TMP|TMPDIR)\b|^C:\/Windows\/Temp/i.test(
      path,
    )
  )
    out.push('path:temp');
  if (
    /^~|^\/home\/|^\/Users\/|^\/root(?:\/|$)|^C:\/Users\/|^[%$][{(]?(?:HOME|USERPROFILE|APPDATA|LOCALAPPDATA)\b/i.test(
      path,
    )
  )
    out.push('path:home');
  if (STARTUP.test(path)) out.push('path:startup');
  if (
    /^\/(?:etc|usr|bin|sbin|lib|opt|var|boot|sys|proc|System|Library)(?:\/|$)|^C:\/(?:Windows|Program)/i.test(
      path,
    ) &&
    !out.includes('path:temp')
  )
    out.push('path:system');
  if (path === root || path.startsWith(`${root}/`)) {
    out.push(/\/node_modules\//.test(path.slice(root.length)) ? 'path:package' : 'path:own');
  } else if (OTHER_PACKAGE.test(path)) out.push('path:package');
  else if (path === project || path.startsWith(`${project}/`)) out.push('path:project');
  if (/(?:^|\/)\.(?!\.?(?:\/|$))[^/]+$/.test(path)) out.push('path:hidden');
  if (EXECUTABLE.test(path)) out.push('path:executable');
  return out.sort();
}
