"""Commands as checks: real processes that fail, hang, flood, and leave children."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import secrets
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from adaptive._util import reaper
from adaptive.errors import InputError
from adaptive.types.usage import Usage
from adaptive.types.verdict import Verdict
from adaptive.verify.check_command import Command
from tests.verify.attempts import attempt


async def check(command: str, answer: str = "73", timeout: float = 30.0) -> Verdict:
    return await Command(command, timeout).verify("What is 47 + 26?", attempt(answer), [])


def sh(script: str) -> str:
    return f"sh -c {shlex.quote(script)}"


def running(marker: str) -> list[str]:
    """The command lines with `marker` of all processes there are."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue
            found += [line] if marker in line else []
    return found


@pytest.fixture
def nap() -> Iterator[str]:
    """A command that sleeps for long; afterwards none of it may be running."""
    marker = f"1000.{secrets.randbelow(10**12):012}"
    yield f"sleep {marker}"
    assert running(marker) == []


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """A pipe with a name: reading it ends when none of those that opened it for writing is running."""
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


@pytest.mark.parametrize(
    ("command", "accepted", "reason"),
    [
        ("true", True, "true ends with 0"),
        (sh("echo fine; exit 0"), True, "sh ends with 0"),
        ("false", False, "false ends with 1"),
        (sh("echo one; echo '  two  three ' >&2; echo; exit 7"), False, "sh ends with 7: two three"),
        (sh("printf 'a\\tb\\033[31mred\\n'; exit 1"), False, "sh ends with 1: a b [31mred"),
        (sh("echo OPENAI_API_KEY=sk-abc123; exit 1"), False, "sh ends with 1: OPENAI_API_KEY=***"),
        (sh("printf '\\377\\n'; exit 1"), False, "sh ends with 1: \ufffd"),
        (sh("grep -qx 73"), True, "sh ends with 0"),
        ("grep -qx 74", False, "grep ends with 1"),
        ("grep -qx 73 {file}", True, "grep ends with 0"),
        (sh("test $(cat $0) -eq 73 && test $(cat) -eq 73") + " {file}", True, "sh ends with 0"),
    ],
)
async def test_the_exit_code_decides(command: str, accepted: bool, reason: str) -> None:
    verdict = await check(command)
    assert (verdict.accepted, verdict.decided, verdict.reason) == (accepted, True, reason)
    assert (verdict.verifier, verdict.score) == ("check", float(accepted))


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("no-such-program", "no-such-program: it does not start (No such file or directory)"),
        ("/dev/null", "null: it does not start (Permission denied)"),
        (sh("kill -SEGV $$"), "sh: killed by SIGSEGV"),
        (sh("kill -40 $$"), "sh: killed by signal 40"),
        ("true 'a\0b'", "true: it cannot be run (embedded null byte)"),
    ],
)
async def test_what_cannot_tell(command: str, reason: str) -> None:
    verdict = await check(command)
    assert (verdict.accepted, verdict.decided, verdict.score) == (None, False, 0.5)
    assert verdict.reason == f"not verified: {reason}"


@pytest.mark.parametrize("answer", [None, "", " \n"])
async def test_without_an_answer_nothing_is_run(answer: str | None, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    verdict = await Command(f"touch {trace}").verify("?", attempt(answer), [])
    assert verdict == Verdict(False, 0.0, "check", "there is no final answer")
    assert not trace.exists()


async def test_it_costs_time_and_no_money() -> None:
    verdict = await check("true")
    assert verdict.usage is not None
    assert verdict.usage.seconds > 0
    assert verdict.usage.total == 0
    assert attempt(usage=Usage(cost=0.25)).with_verdict(verdict).usage.cost == 0.25
    assert attempt(usage=Usage(cost=None)).with_verdict(verdict).usage.cost is None


async def test_the_answer_is_text_and_never_a_command(tmp_path: Path) -> None:
    evil = f"'; touch {tmp_path}/owned; $(touch {tmp_path}/owned) `touch {tmp_path}/owned` {{file}} \\ \"\n-rf"
    same = shlex.join([sys.executable, "-c", "import sys; sys.exit(open(sys.argv[1]).read() != sys.stdin.read())"])
    assert (await check(f"{same} {{file}}", evil)).accepted
    assert list(tmp_path.iterdir()) == []


async def test_the_file_may_have_an_ending_and_is_gone_afterwards(tmp_path: Path) -> None:
    verdict = await check(sh('cp "$0" "$1"; echo "$0"; exit 1') + f" {{file.py}} {tmp_path}/copy", "print('é')")
    assert (tmp_path / "copy").read_text() == "print('é')"
    path = Path(verdict.reason.rpartition(": ")[2])
    assert path.name == "answer.py"
    assert not path.parent.exists()


async def test_the_file_is_found_where_its_folder_has_a_blank(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a b'c").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "a b'c"))
    assert (await check("grep -qx 73 {file}")).accepted


@pytest.mark.parametrize("answer", ["x\0y", "\ud800", "x" * 10_000_000], ids=["zero", "surrogate", "10 MB"])
@pytest.mark.parametrize("reads", ["cat > /dev/null", "exit 0", "exec <&-; exit 0", "cat {file} > /dev/null"])
async def test_any_answer_is_given_to_those_who_read_and_who_do_not(answer: str, reads: str) -> None:
    assert (await check(sh(reads), answer)).accepted


async def test_a_folder_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/no/such/folder")
    verdict = await check("true {file}")
    assert verdict.reason == "not verified: the answer's file cannot be written (No such file or directory)"


@pytest.mark.parametrize(
    "script",
    [
        "{nap}",
        "trap '' TERM INT HUP; {nap}; {nap}",
        "{nap} & {nap} & wait",
        "setsid {nap} & wait",
        "exec > /dev/null 2>&1 < /dev/null; {nap}",
        "(setsid sh -c '{nap} & {nap}' &) ; setsid env -i {nap} & wait; {nap}",
    ],
)
async def test_what_hangs_is_killed_with_all_that_it_started(script: str, nap: str) -> None:
    verdict = await check(sh(script.format(nap=nap)), timeout=1)
    assert verdict.reason == "not verified: sh: it took more than 1 s"
    assert not verdict.decided


@pytest.mark.parametrize("code", [0, 3])
@pytest.mark.parametrize(
    "script",
    [
        "{nap} &",
        "setsid {nap} &",
        "(setsid {nap} &)",
        "setsid env -i sh -c '{nap} & {nap}' > /dev/null 2>&1 < /dev/null &",
        "for i in 1 2 3 4 5 6 7 8; do (setsid {nap} &) ; done",
    ],
)
async def test_what_is_left_behind_is_killed_and_the_verdict_stands(script: str, code: int, nap: str) -> None:
    verdict = await check(sh(f"{script.format(nap=nap)}\nexit {code}"))
    assert (verdict.decided, verdict.accepted) == (True, code == 0)


async def test_a_kill_of_its_own_group_is_survived(nap: str) -> None:
    assert (await check(sh(f"{nap} & kill 0"))).reason == "not verified: sh: killed by SIGTERM"


async def test_one_that_is_cancelled_leaves_nothing(fifo: Path, nap: str) -> None:
    script = sh(f"exec 3> {fifo}; setsid {nap} & echo started >&3; {nap}")
    task = asyncio.create_task(check(script))
    with await asyncio.to_thread(fifo.open) as reading:
        assert await asyncio.to_thread(reading.readline) == "started\n"
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        os.set_blocking(reading.fileno(), False)
        assert os.read(reading.fileno(), 1) == b""  # the end: with one left there would be nothing to read yet


async def test_one_that_is_cancelled_at_any_moment_leaves_nothing(nap: str) -> None:
    for turns in range(12):
        task = asyncio.create_task(check(sh(f"setsid {nap} & {nap}")))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


ATTACKS = [
    *(f"kill -{signal.Signals(number).name[3:]} $PPID; {{nap}}" for number in (*reaper.CAUGHT, 13, 17, 18)),
    "kill -STOP $PPID; {nap}",
    "kill -STOP $PPID; kill -HUP $PPID; setsid {nap} & wait; {nap}",
    "trap '' TERM HUP INT; while :; do kill -STOP $PPID; done & {nap}",
    "(setsid sh -c 'while kill -STOP '$PPID'; do :; done; {nap}' &); {nap}",
    "kill -INT $PPID; kill -INT $PPID; kill -TERM $PPID; (setsid {nap} &); {nap}",
    "trap '' TERM; kill -TERM 0; {nap}",
]
"""What attacks the process that watches over it, by signals that cannot kill it, and stays."""
KILLS = [
    "kill -KILL $PPID; {nap}",
    "(setsid env -i sh -c '{nap} & {nap}' &); kill -KILL $PPID; {nap}",
    "(setsid {nap} &); [ $PPID = 1 ] && kill -KILL -1; {nap}",
    "for one in $(ls /proc | grep '^[0-9]*$'); do [ $PPID = 1 ] && kill -STOP $one; done; {nap}",
]


@pytest.fixture
def subreaper(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which no namespace can be made."""
    monkeypatch.setattr("adaptive._util.process.reaper.__file__", str(Path(__file__).with_name("subreaper.py")))


async def attacks_that_end(attacks: list[str], nap: str) -> list[str]:
    """Those of the attacks, all made at once, whose check was not cut at its limit."""
    verdicts = await asyncio.gather(*(check(sh(attack.format(nap=nap)), timeout=2) for attack in attacks))
    late = "not verified: sh: it took more than 2 s"
    return [
        f"{attack}: {verdict.reason}"
        for attack, verdict in zip(attacks, verdicts, strict=True)
        if verdict.reason != late
    ]


async def test_in_a_namespace_the_program_is_among_its_own() -> None:
    assert (await check(sh("test $PPID = 1 && test -d /proc/$$ && test ! -d /proc/1000000"))).accepted


async def test_nothing_gets_out_of_a_namespace(nap: str) -> None:
    assert await attacks_that_end([*ATTACKS, *KILLS], nap) == []


@pytest.mark.usefixtures("subreaper")
async def test_a_subreaper_that_is_attacked_leaves_nothing(nap: str) -> None:
    assert await attacks_that_end(ATTACKS, nap) == []


@pytest.mark.usefixtures("subreaper")
@pytest.mark.parametrize("attack", ["kill -9 $PPID; {nap}", "(setsid {nap} &); {nap} & kill -9 $PPID; {nap}"])
async def test_a_subreaper_that_is_killed_is_told_and_leaves_nothing(attack: str, nap: str) -> None:
    """Only what cleans its environment as well gets away."""
    verdict = await check(sh(attack.format(nap=nap)))
    assert verdict.reason == "not verified: sh: what watches over it was killed"


PROGRAM = """
import asyncio, json, sys
from adaptive.types.attempt import Attempt
from adaptive.verify.check_command import Command
asyncio.run(Command(sys.argv[1]).verify("?", Attempt.from_json(json.loads(sys.argv[2])), []))
"""


def test_nothing_is_left_where_the_program_itself_is_killed(fifo: Path) -> None:
    script = sh(f"exec 3> {fifo}; setsid sleep 1000 & echo started >&3; sleep 1000")
    words = [sys.executable, "-c", PROGRAM, script, json.dumps(attempt().to_json())]
    with subprocess.Popen(words) as program, fifo.open() as reading:
        assert reading.readline() == "started\n"
        program.send_signal(signal.SIGKILL)
        assert reading.read() == ""  # the end: all that had it open are gone


async def test_a_flood_is_read_and_dropped() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    verdict = await check("yes", timeout=1)
    assert verdict.reason == "not verified: yes: it took more than 1 s"
    verdict = await check(sh("head -c 300000000 /dev/zero; echo; echo the end; exit 1"))
    assert verdict.reason == "sh ends with 1: the end"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


async def test_one_endless_line_is_shortened() -> None:
    verdict = await check(sh("yes word | head -c 1000000 | tr '\\n' ' '; exit 1"))
    assert len(verdict.reason) < 200
    assert verdict.reason.startswith("sh ends with 1: ")


async def test_many_at_once() -> None:
    verdicts = await asyncio.gather(*(check(sh(f"exit {n % 2}")) for n in range(8)))
    assert [v.accepted for v in verdicts] == [n % 2 == 0 for n in range(8)]


@pytest.mark.parametrize(
    ("command", "timeout", "said"),
    [
        ("", 1, "the check's command is empty"),
        ("  ", 1, "the check's command is empty"),
        ("grep 'x", 1, "cannot be split"),
        ("true", 0, "a time limit of 0 s cannot be"),
        ("true", float("nan"), "a time limit of nan s cannot be"),
        ("true", float("inf"), "a time limit of inf s cannot be"),
    ],
)
def test_commands_that_cannot_be(command: str, timeout: float, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Command(command, timeout)
