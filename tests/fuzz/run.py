"""Coverage-guided fuzzing with atheris: `make fuzz`, ten minutes a target.

    make fuzz                               all targets, one after another
    make fuzz FUZZ="http1 --seconds 60"     one of them

A target is a file `fuzz_NAME.py` with a function `check(data)` that raises for what
must not be. It may have `seeds()`, inputs to begin with, and `WORDS`, bits of text
worth trying. What is found is kept in build/fuzz/NAME, so that the next run begins
where this one ended. An input that fails is written there too, and printed.

atheris has an environment of its own, build/fuzz/env, which make sets up: what the
fuzzer does not need, the tests' packages among it, would only be in its way.
"""

import argparse
import importlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "fuzz"
PYTHON = BUILD / "env" / "bin" / "python"
TARGETS = sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.py"))


def fuzz(name: str) -> None:
    """Run one target in this process; libFuzzer's options are the command line's."""
    sys.setdlopenflags(sys.getdlopenflags() | os.RTLD_GLOBAL)  # for fuzz_speedups
    import atheris

    sys.path[:0] = [str(ROOT / "src"), str(HERE), str(HERE.parent)]
    with atheris.instrument_imports(include=["dustdevil"]):
        target = importlib.import_module(f"fuzz_{name}")
    atheris.Setup(sys.argv, target.check)
    atheris.Fuzz()


def prepare(name: str) -> list[str]:
    """Write a target's seeds and words; return libFuzzer's options to use them."""
    sys.path[:0] = [str(ROOT / "src"), str(HERE), str(HERE.parent)]
    target = importlib.import_module(f"fuzz_{name}")
    corpus = BUILD / name / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for i, seed in enumerate(getattr(target, "seeds", list)()):
        (corpus / f"seed-{i}").write_bytes(seed)
    words = BUILD / name / "words"
    lines = [quote(word.encode("latin-1")) for word in getattr(target, "WORDS", [])]
    words.write_text("".join(f"{line}\n" for line in lines))
    return [f"-dict={words}", f"-artifact_prefix={BUILD / name}/", str(corpus)]


def quote(word: bytes) -> str:
    """A word as libFuzzer's dictionaries have it."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"'


def run(name: str, seconds: int) -> bool:
    """Fuzz one target in a process of its own; whether nothing was found."""
    print(f"{name}: {seconds} s ...", flush=True)
    limits = [f"-max_total_time={seconds}", "-max_len=1000", "-timeout=10"]
    command = [str(PYTHON), __file__, "--inside", name]
    log = BUILD / name / "log"
    options = [*limits, "-print_final_stats=1", *prepare(name)]
    pure = os.environ | {"DUSTDEVIL_PURE": "1"}  # coverage is seen in Python only
    with log.open("wb") as file:
        done = subprocess.run([*command, *options], stdout=file, stderr=file, env=pure)
    text = log.read_text("utf-8", "replace")
    for line in text.splitlines():
        if "number_of_executed_units" in line or "peak_rss_mb" in line:
            print(f"  {line.removeprefix('stat::')}")
    if done.returncode:
        print(f"  FAILED, the whole of it in {log}:")
        print("".join(f"  | {line}\n" for line in text.splitlines()[-30:]))
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--seconds", type=int, default=600, help="for each target")
    options = parser.parse_args()
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"no target {', '.join(unknown)}; there is {', '.join(TARGETS)}")
    verdicts = [run(name, options.seconds) for name in options.targets or TARGETS]
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        name = sys.argv.pop(2)
        del sys.argv[1]
        fuzz(name)
    else:
        sys.exit(main())
