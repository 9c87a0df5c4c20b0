/** Files: what is read, written, moved, made executable, listed, deleted. */
import type { Context, Rule, Site } from '../../api.js';
import { classifyPath } from '../../strings.js';
import { bytes, known, type Labels, list, ref, union, unknown, type Value } from '../../values.js';
import { encodingOf } from './bytes.js';
import { fromJson } from './objects.js';
import {
  carriedBy,
  concealment,
  container,
  detailOf,
  isSet,
  LABEL,
  lastFunction,
  onCall,
  ownPath,
  pathClass,
  pathText,
  plainNumber,
  putInto,
  rememberWrite,
  shown,
  UNDEFINED,
} from './support.js';

/** Largest own file whose content is followed. */
const MAX_OWN_FILE = 4 << 20;

/** Emits the reading of a path and returns what comes out of it. */
function readPath(site: Site, context: Context, target: Value | undefined): { value: Value; labels: Labels } {
  const text = pathText(target, context);
  const where = pathClass(target, context);
  const own = ownPath(text);
  const content = own === undefined ? undefined : context.readFile(own);
  const isOwn = content !== undefined || where.qualifiers.includes('path:own');
  const code =
    where.code ??
    (text !== undefined && /(?:^|\/)package(?:-lock)?\.json$/.test(text)
      ? 'read-package-manifest'
      : isOwn
        ? 'read-own-file'
        : 'read-file');
  context.emit(code, {
    qualifiers: [...where.qualifiers, ...concealment(context, target)],
    detail: shown(target) === '' ? site.path : shown(target),
  });
  if (content !== undefined && content.length <= MAX_OWN_FILE) {
    const encoding = encodingOption(site.args[1], context);
    if (encoding === undefined) return { value: bytes(content.slice()), labels: NONE };
    const name = encodingOf(known(encoding)) ?? 'utf8';
    return { value: known(Buffer.from(content).toString(name)), labels: NONE };
  }
  const labels = isOwn ? NONE : where.labels.size === 0 ? LABEL.file : union(where.labels);
  return { value: unknown(labels), labels };
}

const NONE: Labels = new Set();

function encodingOption(options: Value | undefined, context: Context): string | undefined {
  if (options === undefined || context.isFunction(options)) return undefined;
  return context.text(options) ?? context.text(context.property(options, 'encoding'));
}

function readFile(site: Site, context: Context): Value | undefined {
  const { value } = readPath(site, context, site.args[0]);
  const callback = lastFunction(site.args, context);
  if (callback !== undefined) {
    context.call(callback, [known(null), value]);
    return UNDEFINED;
  }
  return value;
}

function readJson(site: Site, context: Context): Value | undefined {
  const { value, labels } = readPath(site, context, site.args[0]);
  const text = value.kind === 'bytes' ? Buffer.from(value.value).toString('utf8') : context.text(value);
  if (text === undefined) return unknown(labels);
  try {
    return fromJson(JSON.parse(text), labels, 0);
  } catch {
    return unknown(labels);
  }
}

function writeFile(site: Site, context: Context): Value | undefined {
  const [target, data] = site.args;
  const text = pathText(target, context);
  const where = text === undefined ? undefined : classifyPath(text);
  const qualifiers = [
    ...(where?.qualifiers ?? []),
    ...carriedBy([data], context),
    ...concealment(context, target),
  ];
  const code =
    where?.writeCode ?? (qualifiers.includes('path:executable') ? 'write-executable' : 'write-file');
  context.emit(code, { qualifiers: [...new Set(qualifiers)], detail: shown(target) });
  rememberWrite(context, text, union(context.labelsOf(data)), context.text(data));
  const mode = plainNumber(context.property(site.args[2], 'mode'));
  if (mode !== undefined && (mode & 0o111) !== 0) context.emit('make-executable', { detail: shown(target) });
  return callBack(site, context);
}

function callBack(site: Site, context: Context): Value {
  const callback = lastFunction(site.args, context);
  if (callback !== undefined) context.call(callback, [known(null)]);
  return UNDEFINED;
}

function openWrite(site: Site, context: Context): Value | undefined {
  writeFile({ ...site, args: site.args.slice(0, 1) }, context);
  return ref('fs.createWriteStream()', undefined, site.args);
}

function openRead(site: Site, context: Context): Value | undefined {
  const { labels } = readPath(site, context, site.args[0]);
  return ref('fs.createReadStream()', labels, site.args);
}

function change(code: string): (site: Site, context: Context) => Value {
  return (site, context) => {
    const target = site.args[0];
    const where = pathClass(target, context);
    context.emit(code, {
      qualifiers: [...where.qualifiers, ...concealment(context, target)],
      detail: shown(target) === '' ? site.path : shown(target),
    });
    return callBack(site, context);
  };
}

const deleteFile = change('delete-file');
const deleteTree = change('delete-tree');

function remove(site: Site, context: Context): Value {
  return isSet(site.args[1], 'recursive', context) ? deleteTree(site, context) : deleteFile(site, context);
}

/** Copies carry what the source is: its path decides labels, the target's path the row. */
function copy(site: Site, context: Context): Value {
  const [from, to] = site.args;
  const source = pathClass(from, context);
  const target = pathClass(to, context);
  if (source.code !== undefined)
    context.emit(source.code, { qualifiers: source.qualifiers, detail: shown(from) });
  context.emit(target.writeCode ?? 'copy-file', {
    qualifiers: [...target.qualifiers, ...concealment(context, from, to)],
    detail: `${shown(from)} → ${shown(to)}`,
  });
  // Data of the package that becomes code by its new name.
  const own = ownPath(context.text(from));
  if (own !== undefined && /\.[cm]?js$/.test(context.text(to) ?? '')) context.runFile(own);
  return callBack(site, context);
}

/** Asking whether a path exists says something only when the path does. */
function probe(site: Site, context: Context): Value | undefined {
  const where = pathClass(site.args[0], context);
  if (where.code !== undefined) {
    context.emit(where.code, { qualifiers: where.qualifiers, detail: shown(site.args[0]) });
  }
  return undefined;
}

function listDirectory(site: Site, context: Context): Value | undefined {
  const [target] = site.args;
  const where = pathClass(target, context);
  context.emit(where.code ?? 'list-directory', {
    qualifiers: [...where.qualifiers, ...concealment(context, target)],
    detail: shown(target),
  });
  const base = pathText(target, context);
  const labels = where.labels;
  const entry = unknown(labels, base === undefined ? undefined : '\ufffc');
  const callback = lastFunction(site.args, context);
  if (callback !== undefined) context.call(callback, [known(null), list([entry], true, labels)]);
  return list([entry], true, labels);
}

function chmod(site: Site, context: Context): Value {
  const [target, mode] = site.args;
  const bits =
    mode?.kind === 'known' && typeof mode.value === 'string'
      ? Number.parseInt(mode.value, 8)
      : plainNumber(mode);
  if (bits === undefined || (bits & 0o111) !== 0) {
    context.emit('make-executable', {
      qualifiers: pathClass(target, context).qualifiers,
      detail: shown(target),
    });
  }
  return callBack(site, context);
}

const FS =
  '{fs,fs/promises,fs.promises,fs-extra,graceful-fs,mz/fs,original-fs,@npmcli/fs,jsonfile,vinyl-fs,fs-jetpack,memfs}';

export const fileRules: readonly Rule[] = [
  onCall(`${FS}.{readFile,readFileSync}`, readFile),
  onCall('{process.binding.fs,process.binding}.{readFileUtf8,internalModuleReadFile}', readFile),
  onCall(`${FS}.{readJson,readJsonSync,readJSON,readJSONSync}`, readJson),
  onCall('{load-json-file,read-pkg,read-package-json,read-json-sync,load-json-file.loadJsonFile}', readJson),
  onCall(`${FS}.{createReadStream,ReadStream}`, openRead),
  onCall(`${FS}.{open,openSync}`, (site, context) => {
    const flags = context.text(site.args[1]) ?? 'r';
    if (/[wa+]/.test(flags)) writeFile({ ...site, args: site.args.slice(0, 1) }, context);
    else probe(site, context);
    const callback = lastFunction(site.args, context);
    const labels = pathClass(site.args[0], context).labels;
    if (callback !== undefined) context.call(callback, [known(null), unknown(labels)]);
    return ref('fs.open()', labels, site.args);
  }),
  onCall('fs.open().{readFile,read}', (site) => unknown(site.receiver?.labels ?? LABEL.file)),
  onCall('Bun.file', (site, context) => readPath(site, context, site.args[0]).value),
  onCall('Deno.{readTextFile,readTextFileSync,readFile,readFileSync}', readFile),
  onCall(
    `${FS}.{writeFile,writeFileSync,appendFile,appendFileSync,outputFile,outputFileSync,writeJson,writeJsonSync,writeJSON,writeJSONSync,outputJson,outputJsonSync}`,
    writeFile,
  ),
  onCall(
    '{write-file-atomic,write-file-atomic.sync,write-json-file,write-file-atomically,write,Bun.write,Deno.writeTextFile,Deno.writeFile,Deno.writeTextFileSync}',
    writeFile,
  ),
  onCall(`${FS}.{createWriteStream,WriteStream}`, openWrite),
  onCall('fs.createWriteStream().{write,end}', (site, context) => {
    const [data] = site.args;
    const made = site.receiver?.kind === 'ref' ? site.receiver : undefined;
    const carries = carriedBy([data], context);
    if (data !== undefined && !context.isFunction(data) && carries.length > 0) {
      context.emit('write-file', {
        qualifiers: [...pathClass(made?.args?.[0], context).qualifiers, ...carries],
        detail: shown(made?.args?.[0]),
      });
      rememberWrite(context, pathText(made?.args?.[0], context), context.labelsOf(data));
    }
    return undefined;
  }),
  onCall(`${FS}.{chmod,chmodSync,fchmod,fchmodSync,lchmod}`, chmod),
  onCall('Deno.chmod', chmod),
  onCall(
    `${FS}.{copyFile,copyFileSync,cp,cpSync,copy,copySync,rename,renameSync,move,moveSync,link,linkSync,symlink,symlinkSync,ensureSymlink,ensureLink}`,
    copy,
  ),
  onCall('{cpy,ncp,ncp.ncp,copyfiles,move-file,mv,shelljs.cp,shelljs.mv}', copy),
  onCall(`${FS}.{unlink,unlinkSync}`, deleteFile),
  onCall(`${FS}.{rm,rmSync,rmdir,rmdirSync}`, remove),
  onCall(`${FS}.{remove,removeSync,emptyDir,emptyDirSync,emptydir}`, deleteTree),
  onCall(
    '{rimraf,rimraf.sync,rimraf.rimraf,rimraf.rimrafSync,rimraf.native,del,del.sync,del.deleteAsync,del.deleteSync,trash,@npmcli/fs.rm,shelljs.rm,Deno.remove}',
    (site, context) => {
      const last = site.args.at(-1);
      const target = site.path === 'shelljs.rm' && site.args.length > 1 ? last : site.args[0];
      return deleteTree({ ...site, args: target === undefined ? [] : [target] }, context);
    },
  ),
  onCall(`${FS}.{readdir,readdirSync,opendir,opendirSync,glob,globSync}`, listDirectory),
  onCall(
    '{glob,glob.sync,glob.glob,glob.globSync,fast-glob,fast-glob.sync,globby,globby.sync,globby.globby,tiny-glob,readdirp,walkdir,klaw,klaw-sync,recursive-readdir,walk.walk,Deno.readDir,shelljs.ls,shelljs.find}',
    listDirectory,
  ),
  onCall(
    `${FS}.{exists,existsSync,stat,statSync,lstat,lstatSync,access,accessSync,realpath,realpathSync,pathExists,pathExistsSync}`,
    probe,
  ),
  onCall(
    `${FS}.{mkdir,mkdirSync,mkdirp,mkdirpSync,ensureDir,ensureDirSync,mkdtemp,mkdtempSync}`,
    (site, context) => {
      const callback = lastFunction(site.args, context);
      const name = /mkdtemp/.test(site.path)
        ? unknown(NONE, `${pathText(site.args[0], context) ?? ''}\ufffc`)
        : UNDEFINED;
      if (callback !== undefined) context.call(callback, [known(null), name]);
      return name;
    },
  ),
  onCall(
    '{sqlite3.Database,better-sqlite3,sqlite.open,sql.js.Database,node:sqlite.DatabaseSync,sqlite.DatabaseSync,level,classic-level.ClassicLevel,leveldown}',
    (site, context) => {
      const where = pathClass(site.args[0], context);
      const named = where.code !== undefined;
      if (named) context.emit(where.code!, { qualifiers: where.qualifiers, detail: shown(site.args[0]) });
      return ref(`${site.path}()`, named ? where.labels : NONE, site.args);
    },
  ),
  onCall(
    '{adm-zip,jszip,archiver,yazl.ZipFile,tar.c,tar.create,archiver.create,zip-lib.archiveFolder,zip-a-folder.zip,cross-zip.zipSync,7zip-min.pack,zip-local.sync.zip,bestzip}',
    (site, context) => {
      if (/adm-zip$/.test(site.path) && site.args.length > 0)
        context.emit('decompress', { detail: detailOf(site) });
      return container(`${site.path}()`, context.labelsOf(site.args[0]), site.args);
    },
  ),
  onCall(
    '{adm-zip(),jszip(),archiver(),yazl.ZipFile(),archiver.create()}.{addLocalFile,addLocalFolder,addFile,file,directory,append,glob}',
    (site, context) => {
      const where = pathClass(site.args[0], context);
      if (where.code !== undefined)
        context.emit(where.code, { qualifiers: where.qualifiers, detail: shown(site.args[0]) });
      context.emit('compress', { qualifiers: carriedBy(site.args, context), detail: detailOf(site) });
      putInto(site.receiver, union(where.labels, ...site.args.map((arg) => context.labelsOf(arg))));
      return undefined;
    },
  ),
  onCall(
    '{adm-zip().extractAllTo,adm-zip().extractAllToAsync,extract-zip,unzipper.Extract,unzipper.Open.file,tar.x,tar.extract,tar-fs.extract,decompress,zip-lib.extract,7zip-min.unpack,cross-zip.unzipSync,unzip-stream.Extract}',
    (site, context) => {
      context.emit('decompress', { qualifiers: carriedBy([site.receiver], context), detail: detailOf(site) });
      return undefined;
    },
  ),
];
