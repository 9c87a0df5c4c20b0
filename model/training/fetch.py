"""Fetch the packages the model learns from. Nothing is ever installed, built, imported or unpacked.

    python fetch.py --corpus DIR [--lists DIR] npm-resolve | npm | pypi-resolve | pypi | malicious | exact

Every step keeps its state as files under DIR and skips what is there, so it may be cut off and started again.
npm closures come from `npm install --package-lock-only --ignore-scripts`, tarballs through pacote; PyPI closures from
`uv pip compile --no-build`, one wheel and the source archive of each release through unearth (never built). Malicious samples stay in the bare repositories they come from.
`exact` takes the honest archives the manifest names, byte for byte (small ones first): what retrains the model as it was trained.
"""
from __future__ import annotations

import argparse, hashlib, json, os, re, subprocess, sys, tempfile, threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, TypeVar

Job = TypeVar("Job")

NPM_LIMIT = 12_000_000  # bytes; larger tarballs are platform binaries and tell nothing about code
PYPI_LIMIT = 30_000_000


def write_atomic(path: Path, data: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(data.encode() if isinstance(data, str) else data)
    os.replace(part, path)


def safe(name: str) -> str:
    return name.replace("/", "__")


def roots(corpus: Path, lists: Path, ecosystem: str) -> list[str]:
    """The shared roots, then this project's own additions (model/data/*-roots.txt)."""
    names: list[str] = []
    for file in (lists / f"{ecosystem}-benign-roots.txt", Path(__file__).parent.parent / "data" / f"{ecosystem}-roots.txt"):
        if file.exists():
            names += [n for n in file.read_text().split() if not n.startswith("#")]
    return list(dict.fromkeys(names))


def hard(ecosystem: str) -> list[str]:
    """Pinned releases of data/ECOSYSTEM-hard.txt: lines `kind spec`."""
    file = Path(__file__).parent.parent / "data" / f"{ecosystem}-hard.txt"
    return [line.split()[1] for line in file.read_text().splitlines() if line and not line.startswith("#")] if file.exists() else []


def configured(*command: str) -> str:
    """What a tool's configuration says, empty where it says nothing."""
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def pip_index() -> str:
    return configured(sys.executable, "-m", "pip", "config", "get", "global.index-url")


def fetch_all(work: list[Job], one: Callable[[Job], str], key: Callable[[Job], str], failures: Path, jobs: int, every: int) -> None:
    """Runs `one` on all of `work`, `jobs` at a time, and prints how many ended in which state. What fails is listed by its key."""
    def guarded(job: Job) -> str:
        try:
            return one(job)
        except Exception as error:  # one file's failure is listed and must not end the run
            with open(failures, "a") as out:
                out.write(f"{key(job)}\t{type(error).__name__}: {str(error)[:120]}\n")
            return "failed"

    states: dict[str, int] = {}
    with ThreadPoolExecutor(jobs) as pool:
        for count, state in enumerate(pool.map(guarded, work), 1):
            states[state] = states.get(state, 0) + 1
            if count % every == 0:
                print(f"{count}/{len(work)} {states}", flush=True)
    print(f"done {states}", flush=True)


# ---- npm -------------------------------------------------------------------------------------------------------------

def npm_resolve(corpus: Path, lists: Path, jobs: int) -> None:
    def one(root: str) -> str:
        out = corpus / "npm-lock" / f"{safe(root)}.json"
        if out.exists():
            return "there"
        with tempfile.TemporaryDirectory() as tmp:
            Path(tmp, "package.json").write_text('{"name":"closure","version":"0.0.0","private":true}')
            run = subprocess.run(
                ["npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps", root],
                cwd=tmp, capture_output=True, text=True, timeout=600)
            if run.returncode != 0:
                write_atomic(out.with_suffix(".failed"), run.stderr[-2000:])
                return "failed"
            write_atomic(out, Path(tmp, "package-lock.json").read_bytes())
        return "resolved"

    names = roots(corpus, lists, "npm")
    with ThreadPoolExecutor(jobs) as pool:
        for count, (root, state) in enumerate(zip(names, pool.map(one, names)), 1):
            print(f"{count}/{len(names)} {root} {state}", flush=True)


def npm_wanted(corpus: Path) -> dict[tuple[str, str], tuple[str, str]]:
    wanted: dict[tuple[str, str], tuple[str, str]] = {}
    for lock in sorted((corpus / "npm-lock").glob("*.json")):
        for where, node in json.loads(lock.read_text())["packages"].items():
            if not where or node.get("link") or node.get("inBundle") or "version" not in node:
                continue
            # one platform's binary package stands for its siblings
            if node.get("cpu") and "x64" not in node["cpu"] or node.get("os") and "linux" not in node["os"]:
                continue
            # lockfiles may leave the registry's addresses out; anything that is not from the registry is not taken
            if not node.get("resolved", "https:").startswith("https:") or not node.get("integrity"):
                continue
            name = node.get("name") or where.split("node_modules/")[-1]
            wanted[name, node["version"]] = (node.get("resolved", ""), node["integrity"])
    return wanted


def npm(corpus: Path, lists: Path, jobs: int, versions: int) -> None:
    by_name: dict[str, list[str]] = {}
    wanted = npm_wanted(corpus)
    for name, version in wanted:
        by_name.setdefault(name, []).append(version)
    lines = []
    for name, all_versions in by_name.items():
        for version in sorted(all_versions, key=lambda v: hashlib.sha1(v.encode()).hexdigest())[:versions]:
            resolved, integrity = wanted[name, version]
            lines.append("\t".join([f"{name}@{version}", resolved, integrity, str(corpus / "npm" / f"{safe(name)}-{version}.tgz")]))
    small = Path(__file__).parent.parent / "data" / "npm-small.txt"
    for spec in [*(small.read_text().split() if small.exists() else []), *hard("npm")]:
        name, version = spec.rsplit("@", 1)
        lines.append("\t".join([spec, "", "", str(corpus / "npm" / f"{safe(name)}-{version}.tgz")]))
    print(f"{len(by_name)} names, {len(wanted)} versions; {len(lines)} wanted", flush=True)
    npm_root = subprocess.run(["npm", "root", "-g"], capture_output=True, text=True, check=True).stdout.strip()
    subprocess.run(["node", str(Path(__file__).with_name("fetch-npm.mjs")), f"{npm_root}/npm/node_modules", str(corpus / "npm-failures.tsv"),
                    str(NPM_LIMIT), str(jobs)], input="\n".join(lines), text=True, check=True)


# ---- PyPI ------------------------------------------------------------------------------------------------------------

def pypi_resolve(corpus: Path, lists: Path, jobs: int) -> None:
    """Each root's closure as `name==version` lines. uv reads published metadata; `--no-build` keeps it from running anything."""
    def one(root: str) -> str:
        out = corpus / "pypi-closure" / f"{safe(root)}.txt"
        if out.exists():
            return "there"
        if out.with_suffix(".failed").exists():
            return "failed before"
        run = subprocess.run(
            [sys.executable, "-m", "uv", "pip", "compile", "-", "--no-build", "--quiet", "--no-header", "--no-annotate",
             "--python-version", "3.11"], input=root, capture_output=True, text=True, timeout=600)
        if run.returncode != 0:
            write_atomic(out.with_suffix(".failed"), run.stderr[-2000:])
            return "failed"
        write_atomic(out, run.stdout)
        return "resolved"

    names = roots(corpus, lists, "pypi")
    with ThreadPoolExecutor(jobs) as pool:
        for count, (root, state) in enumerate(zip(names, pool.map(one, names)), 1):
            print(f"{count}/{len(names)} {root} {state}", flush=True)


def pypi(corpus: Path, lists: Path, jobs: int) -> None:
    """One wheel and the source archive of every resolved release; before them the small source archives. Never builds."""
    from pip._internal.models.index import PyPI  # pip's own default index
    from unearth import PackageFinder, TargetPython  # lists and picks files as pip does

    releases: dict[str, None] = {}
    for closure in sorted((corpus / "pypi-closure").glob("*.txt")):
        for line in closure.read_text().splitlines():
            if "==" in line:
                releases[line.split(";")[0].split()[0]] = None
    small = Path(__file__).parent.parent / "data" / "pypi-small.txt"
    singles = small.read_text().split() if small.exists() else []
    stop_list = corpus / "pypi-failures.tsv"
    known_bad = {line.split("\t")[0] for line in stop_list.read_text().splitlines()} if stop_list.exists() else set()
    index = pip_index()
    local = threading.local()

    def finder(kind: str) -> PackageFinder:
        if not hasattr(local, kind):
            only = {"no_binary": [":all:"]} if kind == "sdist" else {"only_binary": [":all:"]}
            new = PackageFinder(index_urls=[index or PyPI.simple_url], target_python=TargetPython(py_ver=(3, 11)), **only)
            if os.environ.get("PIP_CERT"):
                new.session.verify = os.environ["PIP_CERT"]
            setattr(local, kind, new)
        return getattr(local, kind)

    def one(job: tuple[str, str]) -> str:
        """The mark file holds the archive's name, so a second run asks the index nothing."""
        if "/".join(job) in known_bad:
            return "failed before"
        kind, release = job
        mark = corpus / f"pypi-{kind}" / release
        if mark.exists():
            return "there"
        best = finder(kind).find_best_match(release).best
        if best is None:
            write_atomic(mark, "")
            return "none"
        link = best.link
        out = corpus / "pypi" / link.filename
        if not out.exists():
            with finder(kind).session.stream("GET", link.url_without_fragment, timeout=120, follow_redirects=True) as answer:
                answer.raise_for_status()
                data = b""
                for chunk in answer.iter_bytes(1 << 20):
                    data += chunk
                    if len(data) > PYPI_LIMIT or int(answer.headers.get("content-length", 0)) > PYPI_LIMIT:
                        write_atomic(mark, "")
                        return "too large"
            expected = (link.hashes or {}).get("sha256")
            if expected and hashlib.sha256(data).hexdigest() not in expected:
                raise ValueError("hash differs from the index's")
            write_atomic(out, data)
        write_atomic(mark, link.filename)
        return "saved"

    work = [("sdist", release) for release in singles]
    # a root that has no wheel still has a source archive
    work += [("sdist", failed.stem) for failed in sorted((corpus / "pypi-closure").glob("*.failed"))]
    work += [(kind, release) for release in hard("pypi") for kind in ("wheel", "sdist")]
    work += [(kind, release) for release in releases for kind in ("wheel", "sdist")]
    print(f"{len(releases)} releases, {len(singles)} small", flush=True)
    fetch_all(work, one, "/".join, stop_list, jobs, every=100)


# ---- exact -----------------------------------------------------------------------------------------------------------

def exact(corpus: Path, jobs: int, limit: int) -> None:
    """Honest archives of the manifest up to `limit` bytes, small ones first; one whose SHA-256 differs is refused and listed."""
    try:
        import httpx2 as httpx  # comes with unearth; earlier ones bring httpx
    except ImportError:
        import httpx
    import data

    registry = configured("npm", "config", "get", "registry").rstrip("/") or "https://registry.npmjs.org"
    index = pip_index().rstrip("/") or "https://pypi.org/simple"
    client = httpx.Client(timeout=120, follow_redirects=True, limits=httpx.Limits(max_connections=jobs), transport=httpx.HTTPTransport(retries=2, verify=os.environ.get("PIP_CERT") or True))
    listings: dict[str, dict[str, str]] = {}

    def address(row: dict[str, str]) -> str:
        if row["ecosystem"] == "npm":
            return f"{registry}/{row['name']}/-/{row['name'].rsplit('/', 1)[-1]}-{row['version']}.tgz"
        if row["name"] not in listings:
            page = client.get(f"{index}/{re.sub(r'[-_.]+', '-', row['name']).lower()}/", headers={"Accept": "application/vnd.pypi.simple.v1+json, text/html;q=0.1"})
            page.raise_for_status()
            if "json" in page.headers.get("content-type", ""):
                files = {file["filename"]: file["url"] for file in page.json()["files"]}
            else:
                files = {url.split("#")[0].rsplit("/", 1)[-1]: url for url in re.findall(r'href="([^"]+)"', page.text)}
            listings[row["name"]] = {name: str(page.url.join(url)) for name, url in files.items()}
        return listings[row["name"]][row["file"]]

    def one(row: dict[str, str]) -> str:
        out = corpus / row["ecosystem"] / row["file"]
        if out.exists():
            return "there"
        answer = client.get(address(row))
        answer.raise_for_status()
        if hashlib.sha256(answer.content).hexdigest() != row["sha256"]:
            raise ValueError("another SHA-256 than the manifest's")
        write_atomic(out, answer.content)
        return "saved"

    rows = sorted((r for r in data.manifest().values() if r["label"] == "honest" and r["use"] == "1" and int(r["size"]) <= limit), key=lambda r: int(r["size"]))
    fetch_all(rows, one, lambda row: f"{row['ecosystem']}\t{row['file']}", corpus / "exact-failures.tsv", jobs, every=500)


# ---- malicious -------------------------------------------------------------------------------------------------------

def malicious(corpus: Path, lists: Path, pypi_repo: Path, npm_repo: Path) -> None:
    """Index of the listed samples: list path, git object, size, sha256. Bytes pass through memory only."""
    out = corpus / "malicious.tsv"
    if out.exists():
        print(f"{out} is there")
        return
    lines = ["ecosystem\tpath\tadded\tcluster\toid\tsize\tsha256"]
    for ecosystem, repo, file in (("pypi", pypi_repo, "pypi-malicious-train.tsv"), ("npm", npm_repo, "npm-malicious-train.tsv")):
        rows = [line.split("\t") for line in (lists / file).read_text().splitlines()[1:]]
        git = subprocess.Popen(["git", "-C", str(repo), "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for row in rows:
            path, added, cluster = (row[0], row[1], row[2]) if ecosystem == "pypi" else (row[0], "", row[1])
            git.stdin.write(f"HEAD:{path}\n".encode())
            git.stdin.flush()
            head = git.stdout.readline().decode().split()
            if head[-1] == "missing":
                print(f"missing: {path}")
                continue
            data = git.stdout.read(int(head[2]))
            git.stdout.read(1)
            lines.append("\t".join([ecosystem, path, added, cluster, head[0], head[2], hashlib.sha256(data).hexdigest()]))
        git.stdin.close()
        git.wait()
        print(f"{ecosystem}: {len(rows)} rows", flush=True)
    write_atomic(out, "\n".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default=os.environ.get("SAFE_INSTALL_CORPUS"), type=Path)
    parser.add_argument("--lists", type=Path, help="folder of the root lists and sample lists")
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--versions", type=int, default=1, help="npm: versions a name at most")
    parser.add_argument("--limit", type=int, default=PYPI_LIMIT, help="exact: bytes an archive at most")
    parser.add_argument("--pypi-repo", type=Path)
    parser.add_argument("--npm-repo", type=Path)
    parser.add_argument("step", choices=["npm-resolve", "npm", "pypi-resolve", "pypi", "malicious", "exact"])
    args = parser.parse_args()
    if args.corpus is None:
        parser.error("name the corpus folder with --corpus or SAFE_INSTALL_CORPUS")
    if args.step == "npm-resolve":
        npm_resolve(args.corpus, args.lists, args.jobs)
    elif args.step == "npm":
        npm(args.corpus, args.lists, args.jobs, args.versions)
    elif args.step == "pypi-resolve":
        pypi_resolve(args.corpus, args.lists, args.jobs)
    elif args.step == "pypi":
        pypi(args.corpus, args.lists, args.jobs)
    elif args.step == "exact":
        exact(args.corpus, args.jobs, args.limit)
    else:
        malicious(args.corpus, args.lists, args.pypi_repo, args.npm_repo)


if __name__ == "__main__":
    main()
