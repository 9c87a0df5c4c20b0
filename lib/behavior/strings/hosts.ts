/** Classes of hosts, by suffix. The lists name public services by what they offer. */

const words = (text: string): string[] => text.trim().split(/\s+/);

/** Services whose purpose is to show requests sent to them, or to note that a name was looked up. */
const CATCHERS = words(`
  webhook.site pipedream.net oast.fun oast.live oast.me oast.online oast.pro oast.site interact.sh interactsh.com
  burpcollaborator.net oastify.com requestbin.com requestbin.net requestbin.io requestcatcher.com beeceptor.com
  dnslog.cn ceye.io canarytokens.com canarytokens.org postb.in ptsv2.com ptsv3.com hookbin.com
  mockbin.org mockbin.io requestinspector.com rbaskets.in dnsbin.zhack.ca request.bin webhook.cool typedwebhook.tools
  smee.io bxss.me bxss.in ssrf.sh dnslog.link dnslog.store eyes.sh log.xn--9tr.com tu4.org r87.me xss.ht xss.report
  webhookapp.com hookdeck.com svix.com eo1.me
  iplogger.com iplogger.org iplogger.ru iplogger.co iplogger.info iplis.ru yip.su 2no.co grabify.link
`);
const TUNNELS = words(`
  ngrok.io ngrok.app ngrok.dev ngrok-free.app ngrok-free.dev localtunnel.me loca.lt serveo.net serveousercontent.com
  trycloudflare.com pagekite.me localhost.run lhr.life bore.pub portmap.io portmap.host playit.gg telebit.io
  tunnelmole.net zrok.io pinggy.link pinggy.io devtunnels.ms packetriot.net localxpose.io loclx.io tunnelto.dev
  cpolar.cn cpolar.io
`);
const PASTES = words(`
  pastebin.com paste.ee hastebin.com ghostbin.com ghostbin.co rentry.co rentry.org paste.rs ix.io dpaste.com dpaste.org
  0x0.st termbin.com transfer.sh file.io anonfiles.com bashupload.com gofile.io catbox.moe litter.catbox.moe
  temp.sh tmpfiles.org uguu.se privatebin.net pastie.org controlc.com justpaste.it textbin.net sprunge.us
  gist.github.com gist.githubusercontent.com raw.githubusercontent.com raw.github.com gitlab.io
  cdn.discordapp.com media.discordapp.net ipfs.io dweb.link store1.gofile.io jsonkeeper.com npoint.io jsonbin.io
  api.npoint.io pastecode.io paste.mozilla.org paste.debian.net cl1p.net mediafire.com mega.nz mega.co.nz
  dropbox.com dropboxusercontent.com drive.google.com docs.google.com wetransfer.com filebin.net
`);
const SHORTENERS = words(`
  bit.ly tinyurl.com t.co goo.gl is.gd ow.ly cutt.ly rb.gy shorturl.at t.ly v.gd buff.ly tiny.cc shrtco.de bl.ink
  rebrand.ly s.id u.to clck.ru
`);
const DYNAMIC = words(`
  duckdns.org no-ip.com no-ip.org no-ip.biz no-ip.info ddns.net hopto.org zapto.org sytes.net myftp.org dynu.net
  dynu.com dyndns.org afraid.org mooo.com chickenkiller.com serveftp.com serveblog.net servebeer.com freeddns.org
  ddnsfree.com gleeze.com kozow.com nip.io sslip.io xip.io myvnc.com redirectme.net bounceme.net 3utilities.com
  ddnsking.com dnsalias.com homeip.net dynv6.net
`);
const REGISTRIES = words(`
  registry.npmjs.org registry.npmjs.com npmjs.com npmjs.org registry.yarnpkg.com pypi.org pypi.python.org
  files.pythonhosted.org test.pypi.org npm.pkg.github.com rubygems.org crates.io static.crates.io index.crates.io
  repo.maven.apache.org repo1.maven.org registry.npmmirror.com npmmirror.com registry.npm.taobao.org npm.taobao.org
  conda.anaconda.org anaconda.org jsr.io npm.jsr.io proxy.golang.org
`);
const RELEASES = words(`
  github.com api.github.com codeload.github.com objects.githubusercontent.com releases.githubusercontent.com
  github-releases.githubusercontent.com gitlab.com bitbucket.org sourceforge.net downloads.sourceforge.net
  nodejs.org python.org www.python.org storage.googleapis.com dl.google.com edgedl.me.gvt1.com
  playwright.azureedge.net cdn.playwright.dev playwright.download.prss.microsoft.com binaries.prisma.sh
  download.pytorch.org cdn.mysql.com download.cypress.io huggingface.co cdn.jsdelivr.net unpkg.com cdnjs.cloudflare.com
  esm.sh deb.debian.org archive.ubuntu.com dl-cdn.alpinelinux.org www.apache.org archive.apache.org ftp.gnu.org
  go.dev dl.k8s.io get.docker.com download.docker.com download.microsoft.com aka.ms visualstudio.com
  chromedriver.storage.googleapis.com msedgedriver.azureedge.net cdn.npmmirror.com cdn.npm.taobao.org
`);

function suffixes(names: readonly string[], kind: string, into: Map<string, string>): void {
  for (const name of names) into.set(name, kind);
}
const BY_SUFFIX = new Map<string, string>();
suffixes(RELEASES, 'to:release-host', BY_SUFFIX);
suffixes(REGISTRIES, 'to:registry', BY_SUFFIX);
suffixes(DYNAMIC, 'to:dynamic-dns', BY_SUFFIX);
suffixes(SHORTENERS, 'to:shortener', BY_SUFFIX);
suffixes(PASTES, 'to:paste', BY_SUFFIX);
suffixes(TUNNELS, 'to:tunnel', BY_SUFFIX);
suffixes(CATCHERS, 'to:catcher', BY_SUFFIX);

const WEBHOOK =
  /^(?:hooks\.slack\.com|api\.telegram\.org|[\w.-]*\.?t\.me|webhook\.office\.com|[\w-]+\.webhook\.office\.com|chat\.googleapis\.com|open\.feishu\.cn|oapi\.dingtalk\.com|qyapi\.weixin\.qq\.com|api\.pushover\.net|maker\.ifttt\.com|discordhook\.[\w.]+|ntfy\.sh|api\.pushbullet\.com|sctapi\.ftqq\.com)$/;

/**
 * Name servers open to everybody. Honest programs open a socket to one to learn their own address or whether there is
 * a network; nobody can put a server of his own there.
 */
const PUBLIC_RESOLVERS: ReadonlySet<string> = new Set(
  words(`8.8.8.8 8.8.4.4 1.1.1.1 1.0.0.1 9.9.9.9 149.112.112.112 208.67.222.222 208.67.220.220 4.2.2.1 4.2.2.2
  114.114.114.114 223.5.5.5 223.6.6.6 119.29.29.29 180.76.76.76 77.88.8.8 94.140.14.14
  2001:4860:4860::8888 2001:4860:4860::8844 2606:4700:4700::1111 2606:4700:4700::1001`),
);

/** One `to:*` qualifier of a host; `text` is the whole address, since some hosts are told by their path. */
export function hostClass(host: string, text: string): string {
  if (PUBLIC_RESOLVERS.has(host)) return 'to:other';
  if (isAddress(host)) return isLocalAddress(host) ? 'to:local' : 'to:ip';
  if (host === 'localhost' || host.endsWith('.localhost') || host === 'host.docker.internal')
    return 'to:local';
  if (host.endsWith('.onion')) return 'to:onion';
  if (WEBHOOK.test(host)) return 'to:webhook';
  if (/^(?:(?:canary|ptb)\.)?discord(?:app)?\.com$/.test(host))
    return /\/api\//.test(text) ? 'to:webhook' : 'to:other';
  for (let at = host; at !== ''; ) {
    const kind = BY_SUFFIX.get(at);
    if (kind !== undefined) return kind;
    const dot = at.indexOf('.');
    at = dot < 0 ? '' : at.slice(dot + 1);
  }
  // A hole left by a template: the host itself is computed.
  return /[${}%<>*?()]/.test(host) || !/[a-z]/.test(host) ? 'to:unknown' : 'to:other';
}

/** IPv4 in its usual, decimal, octal and hexadecimal spellings; IPv6. */
function isAddress(host: string): boolean {
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(host)) return host.split('.').every((part) => Number(part) <= 255);
  if (/^\[?[0-9a-f]*:[0-9a-f:.]+\]?$/.test(host)) return true;
  return /^0x[0-9a-f]{8}$/.test(host) || /^\d{9,10}$/.test(host) || /^0[0-7]+(?:\.0?[0-7]+){3}$/.test(host);
}

function isLocalAddress(host: string): boolean {
  return /^(?:127\.|0\.0\.0\.0$|\[?::1?\]?$|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|255\.255\.255\.255$|22[4-9]\.|23\d\.)/.test(
    host,
  );
}
