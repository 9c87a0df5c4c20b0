"""Write model/data/manifest.tsv.gz: every archive of the corpus with its label, group, fold and split, before any training.

    python manifest.py --corpus DIR [--out FILE]

A group never straddles folds. Malicious: the cluster of the lists (one campaign). Honest: packages joined by scope, by
repository, or (PyPI) by project name, so that a monorepo, or the wheel and the source archive of a release, stay together.
Splits: `train` (folds 0 to 4), `test` (held out of every training: one honest group in seven, one npm cluster in five),
`calibration` (honest groups fetched after training, by which thresholds are set), `later` (PyPI clusters first seen 2024-08 or after). `use` marks what is extracted; of a cluster at most CAP archives train,
the rest is listed only. Existing rows of an older manifest keep their group, fold and split; a new archive that belongs to one of
their groups gets that group's; one that would join groups of different folds or splits is left out.

`tags` (honest only, comma-separated) lets the evaluation count kinds of honest packages apart: the kind given in
data/npm-hard.txt and data/pypi-hard.txt (`popular` and many of `small-random` were drawn from public lists of names, see
MODEL_CARD.md, and stand in the manifest alone), and of new archives by the text of their code files (see `text_tags`) `obfuscated`, `minified`.
"""
from __future__ import annotations

import argparse, gzip, hashlib, io, json, os, re, sys, tarfile, zipfile
from collections import defaultdict
from email.parser import HeaderParser
from pathlib import Path

FOLDS = 5
CAP = 5
LATER = "2024-08"
COLUMNS = "ecosystem name version file sha256 label group fold split use size tags".split()


def digest(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16)


def repository(text: str) -> str | None:
    found = re.search(r"(github\.com|gitlab\.com|bitbucket\.org)[/:]([\w.-]+)/([\w.-]+)", text or "")
    return "/".join(found.groups()).lower().removesuffix(".git") if found else None


def name_keys(name: str) -> list[str]:
    """What joins archives by name alone: the name, and of npm the scope."""
    return [f"name:{name}"] + ([f"scope:{name.split('/')[0]}"] if name.startswith("@") else [])


def npm_facts(data: bytes) -> tuple[str, str, list[str]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            if re.fullmatch(r"(\./)?[^/]+/package\.json", member.name) and member.isfile():
                manifest = json.loads(tar.extractfile(member).read().decode("utf-8-sig"))
                repo = manifest.get("repository")
                repo = repository(repo.get("url") or "" if isinstance(repo, dict) else str(repo or ""))
                if not repo and isinstance(manifest.get("repository"), str) and re.fullmatch(r"[\w.-]+/[\w.-]+", manifest["repository"]):
                    repo = "github.com/" + manifest["repository"].lower()
                repo = repo or repository(str(manifest.get("homepage") or ""))
                name = str(manifest.get("name") or "")
                keys = name_keys(name) + ([f"repo:{repo}"] if repo else [])
                return name, str(manifest.get("version") or ""), keys
    raise ValueError("no package.json")


def pypi_facts(file: str, data: bytes) -> tuple[str, str, list[str]]:
    text = ""
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.namelist():
                if re.fullmatch(r"[^/]+\.dist-info/METADATA|[^/]+/PKG-INFO|PKG-INFO", entry):
                    text = archive.read(entry).decode("utf-8", "replace")
                    break
    else:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in tar:
                if re.fullmatch(r"(\./)?[^/]+/PKG-INFO", member.name) and member.isfile():
                    text = tar.extractfile(member).read().decode("utf-8", "replace")
                    break
    head = HeaderParser().parsestr(text)
    name = (head.get("Name") or re.split(r"-\d", file)[0]).lower().replace("_", "-").replace(".", "-")
    repo = repository(" ".join([str(head.get("Home-page") or "")] + [str(u) for u in head.get_all("Project-URL", [])]))
    return name, str(head.get("Version") or ""), [f"name:{name}"] + ([f"repo:{repo}"] if repo else [])


OBFUSCATED = re.compile(rb"eval\(function\(p,a,c,k,e,[dr]\)|__pyarmor__|"
                        rb"exec\((?:zlib\.decompress|marshal\.loads|base64\.b64decode|__import__\(.(?:zlib|marshal|base64))")
HEX_NAME = re.compile(rb"\b_0x[0-9a-f]{4,}\b")
HEAD = 200_000  # bytes of a file that are looked at


def text_tags(data: bytes) -> list[str]:
    """`obfuscated`: a .js/.cjs/.mjs/.py file with eight different `_0x1234` names, a packed `eval(function(p,a,c,k,e,d)`, PyArmor's mark, or `exec`
    of decompressed or decoded text. `minified`: more than half of the JavaScript bytes stand in files of over 2 kB
    whose lines are longer than 300 characters on average. Each file's first 200 kB are read."""
    long = total = 0
    tags = set()

    def look(name: str, code: bytes) -> None:
        nonlocal long, total
        if OBFUSCATED.search(code) or len(set(HEX_NAME.findall(code))) >= 8:
            tags.add("obfuscated")
        if not name.endswith(".py"):
            total += len(code)
            if len(code) > 2000 and len(code) / (code.count(b"\n") + 1) > 300:
                long += len(code)

    wanted = (".js", ".cjs", ".mjs", ".py")
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                if entry.filename.endswith(wanted):
                    with archive.open(entry) as file:
                        look(entry.filename, file.read(HEAD))
    else:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in tar:
                if member.isfile() and member.name.endswith(wanted):
                    look(member.name, tar.extractfile(member).read(HEAD))
    if total and long / total > 0.5:
        tags.add("minified")
    return sorted(tags)


def kinds() -> dict[tuple[str, str, str], str]:
    """(ecosystem, name, version) → kind, from data/*-hard.txt (`kind spec` lines)."""
    out = {}
    for ecosystem, mark in (("npm", "@"), ("pypi", "==")):
        file = Path(__file__).parent.parent / "data" / f"{ecosystem}-hard.txt"
        for line in file.read_text().splitlines() if file.exists() else []:
            if line and not line.startswith("#"):
                kind, spec = line.split()
                name, version = spec.rsplit(mark, 1)
                out[ecosystem, name, version] = kind
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default=os.environ.get("SAFE_INSTALL_CORPUS"), type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "data" / "manifest.tsv.gz")
    parser.add_argument("--fresh-split", choices=["calibration", "test"], help="split of all honest groups that are new in this run")
    parser.add_argument("--calibration-trains", action="store_true", help="archives that were drawn for the calibration split so far train from now on")
    parser.add_argument("--drawn", type=Path, help="lines ECOSYSTEM<TAB>TAG<TAB>FILE: how new archives were come by")
    args = parser.parse_args()
    drawn = {(e, file): tag for e, tag, file in (line.split("\t") for line in args.drawn.read_text().splitlines())} if args.drawn else {}
    old: dict[str, dict[str, str]] = {}
    if args.out.exists():
        with gzip.open(args.out, "rt") as lines:
            columns = next(lines).rstrip("\n").split("\t")
            for line in lines:
                row = dict(zip(columns, line.rstrip("\n").split("\t")))
                if args.calibration_trains and row["split"] == "calibration":
                    row["split"] = "train"
                old[row["sha256"]] = row

    # honest archives: facts are cached by file name so that a second run reads only what is new
    cache_file = args.corpus / "facts.jsonl"
    cache = {}
    if cache_file.exists():
        for line in cache_file.read_text().splitlines():
            item = json.loads(line)
            cache[item["ecosystem"], item["file"]] = item
    items = []
    with open(cache_file, "a") as out:
        for ecosystem in ("npm", "pypi"):
            for path in sorted((args.corpus / ecosystem).iterdir()):
                if path.suffix == ".part":
                    continue
                if (ecosystem, path.name) not in cache:
                    data = path.read_bytes()
                    item = {"ecosystem": ecosystem, "file": path.name, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
                    try:
                        item["name"], item["version"], item["keys"] = npm_facts(data) if ecosystem == "npm" else pypi_facts(path.name, data)
                    except Exception as error:
                        print(f"{path.name}: {error}", file=sys.stderr)
                        item["name"], item["version"], item["keys"] = path.name, "", [f"name:{path.name}"]
                    try:
                        item["tags"] = text_tags(data)
                    except Exception as error:
                        print(f"{path.name}: no tags: {error}", file=sys.stderr)
                    cache[ecosystem, path.name] = item
                    out.write(json.dumps(item) + "\n")
                items.append(cache[ecosystem, path.name])

    parent: dict[str, str] = {}

    def find(key: str) -> str:
        while parent.setdefault(key, key) != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    def keys_of(item: dict) -> list[str]:
        return [k if k.startswith("repo:") else f"{item['ecosystem']}:{k}" for k in item["keys"]]

    # components of the old rows first: their folds stand
    placed: dict[str, dict[str, str]] = {}
    for item in items:
        before = old.get(item["sha256"])
        if before:
            for key in [*keys_of(item), before["group"]]:
                parent[find(key)] = find(before["group"])
            placed[find(before["group"])] = before
    # of an archive that is not here only its name and its group are known
    here = {item["sha256"] for item in items}
    for before in old.values():
        if before["label"] == "honest" and before["sha256"] not in here:
            for key in keys_of({"ecosystem": before["ecosystem"], "keys": name_keys(before["name"])}):
                parent[find(key)] = find(before["group"])
            placed[find(before["group"])] = before
    fresh, left_out = [], []
    for item in sorted((i for i in items if i["sha256"] not in old), key=lambda i: i["sha256"]):
        roots = {find(k) for k in keys_of(item)}
        homes = [placed[r] for r in roots if r in placed]
        if len({(h["fold"], h["split"]) for h in homes}) > 1:
            left_out.append(item["sha256"])
            continue
        for root in roots:
            parent[find(root)] = find(keys_of(item)[0])
        if homes:
            placed[find(keys_of(item)[0])] = min(homes, key=lambda h: h["group"])
        fresh.append(item)
    names: dict[str, str] = {}  # a new component is called by its least key, whatever order it was joined in
    for key in parent:
        names[find(key)] = min(key, names.get(find(key), key))
    # what nothing may be learned from as honest: a name that is on the list of samples
    listed_names = {(line.split("\t")[0], re.sub(r"[-_.]+", "-", line.split("\t")[1].split("/")[0]).lower())
                    for line in (args.corpus / "malicious.tsv").read_text().splitlines()[1:]}

    kind = kinds()
    rows, seen = [], set(left_out)
    for item in items:
        if item["sha256"] in seen:
            continue
        seen.add(item["sha256"])
        before = old.get(item["sha256"])
        if not before and item["ecosystem"] == "pypi" and ("pypi", item["name"]) in listed_names:
            continue
        root = find(keys_of(item)[0])
        home = before or placed.get(root)
        group = home["group"] if home else names[root]
        split = home["split"] if home else args.fresh_split or ("test" if digest("test " + group) % 7 == 0 else "train")
        fold = home["fold"] if home else digest("fold " + group) % FOLDS
        own = kind.get((item["ecosystem"], item["name"], item["version"])) or drawn.get((item["ecosystem"], item["file"]))
        tags = before["tags"].split(",") if before and not own else [t for t in [own] if t] + item.get("tags", [])
        rows.append([item["ecosystem"], item["name"], item["version"], item["file"], item["sha256"], "honest", group,
                     fold, split, before["use"] if before else 1, item["size"], ",".join(tags)])
    # a row stands even where its archive could not be fetched again
    rows += [[*before.values()] for sha, before in old.items() if before["label"] == "honest" and sha not in seen]
    seen |= {row[4] for row in rows}
    print(f"{len(fresh)} new honest archives, {len(left_out)} left out: they join groups of different folds")

    listed = [line.split("\t") for line in (args.corpus / "malicious.tsv").read_text().splitlines()[1:]]
    first: dict[tuple[str, str], str] = defaultdict(lambda: "9999")
    for ecosystem, path, added, cluster, oid, size, sha in listed:
        first[ecosystem, cluster] = min(first[ecosystem, cluster], added)
    kept: dict[tuple[str, str], int] = defaultdict(int)
    for ecosystem, path, added, cluster, oid, size, sha in sorted(listed, key=lambda r: r[6]):
        if sha in seen:
            continue
        seen.add(sha)
        group = f"{ecosystem}:cluster:{cluster}"
        if ecosystem == "pypi":
            split = "later" if first[ecosystem, cluster] >= LATER else "train"
            name, version = path.split("/")[0], path.split("/")[1]
        else:
            split = "test" if digest("test " + group) % 5 == 0 else "train"
            stem = path.split("/")[1].removesuffix(".tgz")
            found = re.match(r"(.+?)-(\d.*)$", stem)
            name, version = (found.group(1), found.group(2)) if found else (stem, "")
        kept[ecosystem, cluster] += 1
        rows.append([ecosystem, name, version, path, sha, "malicious", group, digest("fold " + group) % FOLDS, split,
                     int(kept[ecosystem, cluster] <= CAP), size, ""])

    for row in rows:
        before = old.get(row[4])
        if before:
            row[6], row[7], row[8] = before["group"], before["fold"], before["split"]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with open(args.out, "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as out:
        out.write(("\t".join(COLUMNS) + "\n").encode())
        for row in rows:
            out.write(("\t".join(map(str, row)) + "\n").encode())
    counts: dict[tuple, int] = defaultdict(int)
    for row in rows:
        counts[row[0], row[5], row[8], row[9]] += 1
    for key, count in sorted(counts.items(), key=str):
        print(*key, count)


if __name__ == "__main__":
    main()
