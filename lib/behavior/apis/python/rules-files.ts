/** Files: reading, writing, copying, deleting, permissions. */
import type { Context, Rule, Site } from '../../api.js';
import { classifyPath, PACKAGE_ROOT } from '../../strings.js';
import { bytes, known, type Labels, NO_LABELS, ref, union, unknown, type Value } from '../../values.js';
import { bytesOf, integerOf, labelsOf, settle, shown, stringOf } from './core.js';
import { pathText } from './paths.js';
import {
  argument,
  buffer,
  buffered,
  carriedBy,
  disguise,
  emits,
  label,
  made,
  result,
  rule,
  writtenFiles,
} from './site.js';

/** Where temporary files stand whose name the library chooses. */
const TEMP_FILE = '/tmp/tmpfile';
const FILE = label('file');
/** Content of the package's own files; not among what data can carry. */
const OWN = label('own');
/** Suffixes of what runs when it is started. */
const PROGRAM =
  /\.(exe|scr|com|bat|cmd|ps1|vbs|vbe|jse?|wsf|hta|msi|dll|so|dylib|sh|bash|py|pyw|pyz|elf|bin|lnk|jar|apk|command|desktop)$/i;
const SITE_HOOK = /(site|dist)-packages[\\/].*\.pth$|sitecustomize\.py$|usercustomize\.py$/i;
/** Among what a file was opened with: it is an archive, and `write` takes the path of a file. */
const ARCHIVE = known('archive');
/** Data of the package up to this size is read when its code reads it. */
const OWN_FILE_LIMIT = 3_000_000;

/** The file of the artifact a path means for running code; undefined outside. */
function ownPath(path: string): string {
  if (path.startsWith(`${PACKAGE_ROOT}/`)) return path.slice(PACKAGE_ROOT.length + 1);
  return path.replace(/^(\.\/)+/, '');
}

/** The folder of the running file, as running code sees it. */
function folderOf({ file }: Context): string {
  return `${PACKAGE_ROOT}/${file}`.replace(/\/[^/]*$/, '');
}

function ownFile(context: Context, path: string): Uint8Array | undefined {
  if (path.startsWith('~') || (path.startsWith('/') && !path.startsWith(PACKAGE_ROOT))) return undefined;
  return context.readFile(ownPath(path));
}

export function emitRead(context: Context, path: Value | undefined): Labels {
  const text = pathText(path);
  if (text === undefined) {
    context.emit('read-file', {});
    return FILE;
  }
  if (ownFile(context, text) !== undefined) {
    context.emit('read-own-file', { detail: shown(text) });
    return NO_LABELS;
  }
  const kind = classifyPath(text);
  context.emit(kind.code ?? 'read-file', {
    qualifiers: [...kind.qualifiers, ...disguise(path)],
    detail: text,
  });
  return union(kind.labels, FILE);
}

export function emitWrite(context: Context, path: Value | undefined, data: Value | undefined): void {
  const text = pathText(path);
  const carries = carriedBy(data);
  if (text === undefined) {
    context.emit('write-file', { qualifiers: carries });
    return;
  }
  remember(context, text, data);
  const kind = classifyPath(text);
  const code = SITE_HOOK.test(text)
    ? 'hook-import'
    : (kind.writeCode ?? (PROGRAM.test(text) ? 'write-executable' : 'write-file'));
  context.emit(code, {
    qualifiers: [...kind.qualifiers, ...carries, ...disguise(path)],
    detail: shown(text),
  });
}

function remember(context: Context, path: string, data: Value | undefined): void {
  const files = writtenFiles(context);
  const before = files.get(path);
  const content = settle(data);
  const text =
    content?.kind === 'bytes'
      ? Buffer.from(content.value).toString('utf8')
      : content === undefined
        ? undefined
        : stringOf(content);
  files.set(path, {
    labels: union(before?.labels ?? NO_LABELS, labelsOf(data)),
    text: text === undefined ? before?.text : (before?.text ?? '') + text,
  });
}

function modeOf(site: Site, context: Context, index: number): string {
  const mode = argument(site, index, 'mode');
  return mode === undefined ? 'r' : (context.text(mode) ?? 'r');
}

const isWrite = (mode: string): boolean => /[wax+]/.test(mode);

/** `open(path, mode)`; what the file then gives or takes is decided by the methods called on it. */
function open(_site: Site, context: Context, path: Value | undefined, mode: string): Value {
  if (isWrite(mode)) {
    emitWrite(context, path, undefined);
    return ref('builtins.open()', NO_LABELS, [path ?? unknown(NO_LABELS), known(mode)]);
  }
  const text = pathText(path);
  const written = text === undefined ? undefined : writtenFiles(context).get(text);
  const labels = union(emitRead(context, path), labelsOf(path), written?.labels ?? NO_LABELS);
  return ref('builtins.open()', labels, [path ?? unknown(NO_LABELS), known(mode)]);
}

/** What reading gives: the content of the package's own files, else something with the labels of the file. */
function read(site: Site, context: Context): Value | undefined {
  const [path, mode] = made(site);
  return content(context, path, stringOf(mode) ?? 'r', labelsOf(site.receiver));
}

function content(context: Context, path: Value | undefined, mode: string, labels: Labels): Value {
  const text = pathText(path);
  const own = text === undefined ? undefined : ownFile(context, text);
  if (own !== undefined && own.length <= OWN_FILE_LIMIT) {
    return mode.includes('b')
      ? bytes(own, OWN)
      : known(Buffer.from(own).toString('utf8').replaceAll('\r\n', '\n'), OWN);
  }
  const written = text === undefined ? undefined : writtenFiles(context).get(text);
  if (written?.text !== undefined) return known(written.text, written.labels);
  return unknown(union(labels, written?.labels ?? NO_LABELS));
}

/** `f.write(data)`: the file was announced when it was opened, so only what it carries is news. */
function write(site: Site, context: Context): Value | undefined {
  const [path, , archive] = made(site);
  if (archive === ARCHIVE) {
    emitArchived(site, context);
    return known(null);
  }
  const data = site.args[0];
  const text = pathText(path);
  if (text !== undefined) remember(context, text, data);
  const carries = carriedBy(data);
  if (carries.length > 0) {
    const kind = text === undefined ? undefined : classifyPath(text);
    const code = text !== undefined && PROGRAM.test(text) ? 'write-executable' : 'write-file';
    context.emit(code, { qualifiers: [...(kind?.qualifiers ?? []), ...carries], detail: shown(text) });
  }
  return known(null);
}

function copyTo(site: Site, context: Context): Value | undefined {
  const source = argument(site, 0, 'src');
  const target = argument(site, 1, 'dst', 'dest');
  const from = pathText(source);
  const to = pathText(target);
  const fromKind = from === undefined ? undefined : classifyPath(from);
  if (fromKind?.code !== undefined)
    context.emit(fromKind.code, { qualifiers: fromKind.qualifiers, detail: from ?? '' });
  const toKind = to === undefined ? undefined : classifyPath(to);
  const code = to !== undefined && SITE_HOOK.test(to) ? 'hook-import' : (toKind?.writeCode ?? 'copy-file');
  context.emit(code, {
    qualifiers: [...(toKind?.qualifiers ?? []), ...carriedBy(source).filter((c) => c !== 'carries:host')],
    detail: `${from ?? ''} ${to ?? ''}`.trim(),
  });
  if (from !== undefined && to !== undefined) {
    const written = writtenFiles(context).get(from);
    if (written !== undefined) writtenFiles(context).set(to, written);
  }
  return target;
}

function remove(code: string): Rule['apply'] {
  return (site, context) => {
    const path = argument(site, 0, 'path') ?? site.receiver;
    const text = pathText(path);
    context.emit(code, {
      qualifiers: text === undefined ? [] : classifyPath(text).qualifiers,
      detail: shown(text),
    });
    return known(null);
  };
}

function list(site: Site, context: Context): Value | undefined {
  const path = argument(site, 0, 'path', 'top', 'pathname') ?? site.receiver;
  const text = pathText(path);
  const kind = text === undefined ? undefined : classifyPath(text);
  context.emit(kind?.code ?? 'list-directory', { qualifiers: kind?.qualifiers ?? [], detail: shown(text) });
  return result(site, kind?.labels ?? NO_LABELS);
}

/** Permission bits: anything that lets a file run; not known counts as that. */
function chmod(site: Site, context: Context): Value | undefined {
  const path = pathText(argument(site, 0, 'path') ?? site.receiver);
  const mode = settle(argument(site, 1, 'mode'));
  const bits = integerOf(mode);
  if (bits === undefined || (bits & 0o111) !== 0) {
    context.emit('make-executable', {
      qualifiers: path === undefined ? [] : classifyPath(path).qualifiers,
      detail: shown(path),
    });
  }
  return known(null);
}

/** Methods of a `pathlib.Path` that is known, and so kept as its text; undefined when the name is another's. */
export function pathMethod(
  context: Context,
  self: Value,
  name: string,
  args: readonly Value[],
  keywords: ReadonlyMap<string, Value>,
): Value | undefined {
  const site: Site = {
    path: `pathlib.Path().${name}`,
    args: [self, ...args],
    keywords,
    receiver: self,
    isNew: false,
    position: { line: 0, column: 0 },
  };
  switch (name) {
    case 'read_text':
    case 'read_bytes':
      return content(context, self, name === 'read_bytes' ? 'rb' : 'r', emitRead(context, self));
    case 'write_text':
    case 'write_bytes':
      emitWrite(context, self, args[0] ?? keywords.get('data'));
      return known(null);
    case 'open':
      return open(site, context, self, modeOf({ ...site, args }, context, 0));
    case 'unlink':
      return remove('delete-file')(site, context);
    case 'rmtree':
      return remove('delete-tree')(site, context);
    case 'iterdir':
    case 'glob':
    case 'rglob':
    case 'walk':
      return list(site, context);
    case 'chmod':
      return chmod(site, context);
    case 'rename':
      return stringOf(args[0]) === undefined ? undefined : copyTo(site, context);
    case 'joinpath':
    case 'with_name':
    case 'with_suffix': {
      const part = pathText(args[0]);
      const text = pathText(self);
      if (part === undefined || text === undefined) return undefined;
      if (name === 'with_suffix') return known(text.replace(/\.[^./]*$/, '') + part, self.labels);
      if (name === 'with_name') return known(text.replace(/[^/]*$/, '') + part, self.labels);
      return known(`${text}/${args.map((a) => pathText(a) ?? '').join('/')}`, self.labels);
    }
    case 'resolve':
    case 'expanduser':
    case 'absolute':
    case 'as_posix':
    case '__str__':
      return self;
    case 'exists':
    case 'is_file':
    case 'is_dir': {
      const kind = classifyPath(pathText(self) ?? '');
      if (kind.code !== undefined)
        context.emit(kind.code, { qualifiers: kind.qualifiers, detail: pathText(self) ?? '' });
      return unknown(NO_LABELS);
    }
  }
  return undefined;
}

export const fileRules: readonly Rule[] = [
  rule(
    '{builtins.open,builtins.file,io.open,codecs.open,io.FileIO,aiofiles.open,gzip.open,bz2.open,lzma.open,os.open,os.fdopen}',
    (site, context) => open(site, context, argument(site, 0, 'file', 'filename'), modeOf(site, context, 1)),
  ),
  rule('builtins.open().{read,readline,readlines,readall,__next__}', read),
  rule('builtins.open().{write,writelines}', write),
  // Data beside the code: which package is asked for hardly ever differs from the one that asks.
  rule('{importlib.resources,importlib_resources}.files', (_, context) => known(folderOf(context))),
  rule(
    '{pkgutil,importlib.resources,importlib_resources,pkg_resources}.{get_data,read_text,read_binary,resource_string}',
    (site, context) => {
      const name = stringOf(site.args[1]);
      const path = name === undefined ? undefined : known(`${folderOf(context)}/${name}`);
      const mode = site.path.endsWith('read_text') ? 'r' : 'rb';
      return path && content(context, path, mode, emitRead(context, path));
    },
  ),
  rule('pathlib.{Path,PosixPath,WindowsPath}().{read_text,read_bytes}', (site, context) => {
    context.emit('read-file', {});
    return unknown(union(FILE, labelsOf(site.receiver)));
  }),
  rule('pathlib.{Path,PosixPath,WindowsPath}().{write_text,write_bytes}', (site, context) => {
    context.emit('write-file', { qualifiers: carriedBy(site.args[0]) });
    return undefined;
  }),
  rule('pathlib.{Path,PosixPath,WindowsPath}().open', (site, context) =>
    open(site, context, site.receiver, modeOf(site, context, 0)),
  ),
  rule('{json,pickle,marshal,yaml,toml,csv}.{dump,writer}', (site, context) => {
    const target = settle(argument(site, site.path.endsWith('writer') ? 0 : 1, 'fp', 'file'));
    const path = target?.kind === 'ref' ? target.args?.[0] : undefined;
    if (path !== undefined) remember(context, pathText(path) ?? TEMP_FILE, site.args[0]);
    const carries = carriedBy(site.args[0]);
    if (carries.length > 0) context.emit('write-file', { qualifiers: carries, detail: pathText(path) ?? '' });
    return undefined;
  }),
  rule('shutil.copyfileobj', (site, context) => {
    const target = settle(site.args[1]);
    const path = target?.kind === 'ref' ? target.args?.[0] : undefined;
    emitWrite(context, path, site.args[0]);
    return known(null);
  }),
  rule('tempfile.{NamedTemporaryFile,TemporaryFile,SpooledTemporaryFile}', (site) => {
    const suffix = stringOf(argument(site, -1, 'suffix')) ?? '';
    return ref('builtins.open()', NO_LABELS, [known(TEMP_FILE + suffix), known('w+b')]);
  }),
  rule('builtins.open().name', (site) => site.args[0], 'read'),
  rule('tempfile.{mkstemp}', (site) => {
    const suffix = stringOf(argument(site, 0, 'suffix')) ?? '';
    const path = known(TEMP_FILE + suffix);
    return { kind: 'list', items: [path, path], open: false, labels: NO_LABELS };
  }),
  rule('tempfile.mktemp', (site) => known(TEMP_FILE + (stringOf(argument(site, 0, 'suffix')) ?? ''))),
  rule('tempfile.{mkdtemp,TemporaryDirectory,gettempdir}', () => known('/tmp')),
  rule('{os.remove,os.unlink,send2trash.send2trash}', remove('delete-file')),
  rule('{pathlib.Path().unlink,pathlib.PosixPath().unlink}', remove('delete-file')),
  rule('{shutil.rmtree,os.removedirs,distutils.dir_util.remove_tree}', remove('delete-tree')),
  rule(
    '{shutil.copy,shutil.copy2,shutil.copyfile,shutil.move,shutil.copytree,os.rename,os.replace,os.symlink,os.link,os.renames,distutils.file_util.copy_file}',
    copyTo,
  ),
  rule(
    '{os.listdir,os.scandir,os.walk,glob.glob,glob.iglob,os.fwalk,pathlib.Path().iterdir,pathlib.Path().rglob,pathlib.Path().glob}',
    list,
  ),
  rule('{os.chmod,os.fchmod,os.lchmod,pathlib.Path().chmod}', chmod),
  rule('{zipfile.ZipFile,tarfile.open,tarfile.TarFile}', (site, context) => {
    const path = argument(site, 0, 'file', 'name');
    const mode = modeOf(site, context, 1);
    if (!isWrite(mode)) return ref(`${site.path}()`, union(labelsOf(path), label()), site.args);
    context.emit('compress', { qualifiers: disguise(path), detail: pathText(path) ?? '' });
    return ref('builtins.open()', labelsOf(path), [path ?? unknown(NO_LABELS), known('w'), ARCHIVE]);
  }),
  rule('builtins.open().{writestr,add}', (site, context) => {
    const carries = emitArchived(site, context);
    return known(carries);
  }),
  rule('{zipfile.ZipFile,tarfile.open,tarfile.TarFile}().{extractall,extract,read,open}', (site, context) => {
    const carries = carriedBy(site.receiver);
    context.emit('decompress', { qualifiers: carries, detail: site.path });
    return result(site, labelsOf(site.receiver));
  }),
  rule('shutil.{make_archive}', (site, context) => {
    const root = pathText(argument(site, 2, 'root_dir'));
    const base = pathText(argument(site, 0, 'base_name'));
    const labels = root === undefined ? FILE : classifyPath(root).labels;
    context.emit('compress', { detail: root ?? '' });
    const format = stringOf(argument(site, 1, 'format')) ?? 'zip';
    const ending = { gztar: 'tar.gz', bztar: 'tar.bz2', xztar: 'tar.xz' }[format] ?? format;
    const path = base === undefined ? undefined : `${base}.${ending}`;
    if (path === undefined) return result(site, labels);
    remember(context, path, unknown(labels));
    return known(path, labels);
  }),
  rule('shutil.unpack_archive', (site, context) => {
    context.emit('decompress', { qualifiers: carriedBy(site.args[0]), detail: pathText(site.args[0]) ?? '' });
    return undefined;
  }),
  rule('sqlite3.connect', (site, context) => {
    const text = pathText(argument(site, 0, 'database'));
    const kind = text === undefined ? undefined : classifyPath(text);
    if (kind?.code !== undefined)
      context.emit(kind.code, { qualifiers: kind.qualifiers, detail: shown(text) });
    return result(site, union(kind?.labels ?? NO_LABELS, labelsOf(site.args[0])));
  }),
  rule('{os.mkfifo,os.mknod}', () => undefined),
  rule('io.{BytesIO,StringIO}', (site) => ref('io.BytesIO()', labelsOf(site.args[0]), site.args)),
  rule('io.BytesIO().{write,writelines}', (site) => {
    buffer(site.receiver, labelsOf(site.args[0]));
    return undefined;
  }),
  rule('io.BytesIO().{read,getvalue,getbuffer,readlines}', (site) => {
    const labels = buffered(site.receiver);
    return labels === undefined ? made(site)[0] : unknown(union(labels, labelsOf(site.receiver)));
  }),
  // A picture that the code fetched is a download still; one of the user's own says nothing.
  rule(
    '{PIL.Image.open,cv2.imread,imageio.imread,stegano.lsb.reveal,judyb.lsb.reveal,stegano.lsbset.reveal}',
    (site, context) => {
      const text = pathText(site.args[0]);
      const written = text === undefined ? undefined : writtenFiles(context).get(text);
      return result(site, union(labelsOf(site.args[0]), written?.labels ?? NO_LABELS));
    },
  ),
  emits('{os.truncate,os.ftruncate}', 'write-file'),
];

/** A file put into an archive that is being written. */
function emitArchived(site: Site, context: Context): number {
  const data = site.path.endsWith('writestr') ? site.args[1] : site.args[0];
  const path = pathText(site.args[0]);
  const kind = path === undefined ? undefined : classifyPath(path);
  if (kind?.code !== undefined) context.emit(kind.code, { qualifiers: kind.qualifiers, detail: shown(path) });
  const carries = carriedBy(data);
  if (carries.length > 0) context.emit('compress', { qualifiers: carries });
  const labels = site.path.endsWith('writestr')
    ? labelsOf(data)
    : union(kind?.labels ?? FILE, labelsOf(data));
  const [archive] = made(site);
  const target = pathText(archive);
  if (target === undefined) buffer(archive, labels);
  else remember(context, target, unknown(labels));
  return bytesOf(data)?.length ?? 0;
}
