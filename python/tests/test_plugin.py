"""The pytest plugin, as projects that use it see it: with and without xdist."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import haremq

USES = """
    import pika

    def test_publish(haremq_vhost):
        with pika.BlockingConnection(pika.URLParameters(haremq_vhost.uri)) as connection:
            channel = connection.channel()
            assert channel.queue_declare("orders").method.message_count == 0
            channel.basic_publish("", "orders", b"m")

    def test_again(haremq_vhost):
        test_publish(haremq_vhost)
"""
USES_NOT = "def test_nothing(): pass"
NO_FILES = ("-p", "no:cacheprovider")
WITHOUT_XDIST = (*NO_FILES, "-p", "no:xdist")
WITH_XDIST = (*NO_FILES, "-n", "2")
BOTH = pytest.mark.parametrize("options", [WITHOUT_XDIST, WITH_XDIST], ids=["plain", "xdist"])


@BOTH
def test_each_test_has_a_vhost_of_its_own(pytester: pytest.Pytester, options: tuple[str]) -> None:
    pytester.makepyfile(USES)
    pytester.runpytest_subprocess(*options).assert_outcomes(passed=2)


def test_vhost_and_user_are_gone_after_the_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pika, pytest
        seen = []

        def test_first(haremq_vhost):
            pika.BlockingConnection(pika.URLParameters(haremq_vhost.uri)).close()
            seen.append(haremq_vhost)

        def test_second(haremq):
            with pytest.raises(pika.exceptions.AMQPConnectionError):
                pika.BlockingConnection(pika.URLParameters(seen[0].uri))
            with pytest.raises(Exception, match="404"):
                haremq.contents(seen[0].name)
        """
    )
    pytester.runpytest_subprocess(*WITHOUT_XDIST).assert_outcomes(passed=2)


def test_all_workers_share_one_broker_that_ends_with_the_run(
    pytester: pytest.Pytester, tmp_path: Path
) -> None:
    pytester.makepyfile(
        f"""
        import os, pathlib, pytest
        seen = pathlib.Path({str(tmp_path)!r})

        @pytest.mark.parametrize("number", range(20))
        def test_port(haremq, haremq_vhost, number):
            worker = os.environ["PYTEST_XDIST_WORKER"]
            (seen / f"{{haremq.port}}-{{worker}}").touch()
            with pytest.raises(AttributeError):
                haremq.pid.bit_length()
        """
    )
    pytester.runpytest_subprocess(*WITH_XDIST).assert_outcomes(passed=20)
    seen = sorted(path.name for path in tmp_path.iterdir())
    assert len(seen) == 2, seen
    assert len({name.partition("-")[0] for name in seen}) == 1
    port = int(seen[0].partition("-")[0])
    with pytest.raises(haremq.BrokerError, match="Connection refused"):
        haremq.Broker.connect(f"http://127.0.0.1:{port}")


@BOTH
def test_without_a_program_only_tests_that_ask_for_a_broker_fail(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, options: tuple[str]
) -> None:
    monkeypatch.setenv("HAREMQ_BIN", "/nowhere/haremq")
    pytester.makepyfile(test_uses=USES, test_uses_not=USES_NOT)
    result = pytester.runpytest_subprocess(*options)
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(["*BrokerError: no broker at /nowhere/haremq*HAREMQ_BIN*"])


def test_a_broker_that_runs_already_is_used_and_not_ended(pytester: pytest.Pytester) -> None:
    with haremq.broker() as broker:
        pytester.makepyfile(
            USES, test_port=f"def test_port(haremq): assert {broker.port} == haremq.port"
        )
        url = broker.handle()["url"]
        for options in (WITHOUT_XDIST, WITH_XDIST):
            result = pytester.runpytest_subprocess(*options, "--haremq-url", url)
            result.assert_outcomes(passed=3)
        assert not broker.clock().frozen


def test_a_program_of_the_ini_file_is_looked_for_beside_it(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makeini("[pytest]\nharemq_binary = programs/haremq")
    programs = pytester.mkdir("programs")
    (programs / "haremq").symlink_to(haremq.find_binary())
    pytester.makepyfile("def test_it(haremq): assert haremq.pid")
    monkeypatch.setenv("HAREMQ_BIN", "/nowhere")
    options = (*WITHOUT_XDIST, f"--rootdir={pytester.path}", "-c", str(pytester.path / "tox.ini"))
    result = pytester.runpytest_subprocess(*options, str(pytester.path))
    result.assert_outcomes(passed=1)
    (programs / "haremq").unlink()
    result = pytester.runpytest_subprocess(*options, str(pytester.path))
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*no broker at {programs}/haremq*"])


@BOTH
def test_the_ini_file_configures_the_broker(pytester: pytest.Pytester, options: tuple[str]) -> None:
    pytester.makeini(
        """
        [pytest]
        haremq_config =
            # a comment
            default_user = alice
            default_pass = s = t
        """
    )
    pytester.makepyfile(
        """
        import pika

        def test_login(haremq, haremq_own):
            for broker in (haremq, haremq_own):
                assert (broker.user, broker.password) == ("alice", "s = t")
                pika.BlockingConnection(pika.URLParameters(broker.uri)).close()
            assert haremq.port != haremq_own.port
        """
    )
    pytester.runpytest_subprocess(*options).assert_outcomes(passed=1)


def test_a_wrong_line_of_the_ini_file_is_told(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nharemq_config = nothing")
    pytester.makepyfile(USES)
    for options in (WITHOUT_XDIST, WITH_XDIST):
        result = pytester.runpytest_subprocess(*options)
        result.assert_outcomes(errors=2)
        result.stdout.fnmatch_lines(["*a line of the configuration is key = value: 'nothing'*"])


def test_a_broker_that_dies_fails_the_run_with_its_last_lines(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import os\ndef test_kill(haremq): os.kill(haremq.pid, 9)")
    result = pytester.runpytest_subprocess(*WITHOUT_XDIST)
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*the broker was*ended by SIGKILL*its last lines*"])


def test_a_test_that_fails_shows_what_is_in_its_vhost(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pika

        def test_fails(haremq_vhost):
            with pika.BlockingConnection(pika.URLParameters(haremq_vhost.uri)) as connection:
                channel = connection.channel()
                channel.queue_declare("orders")
                channel.confirm_delivery()
                channel.basic_publish("", "orders", b"m")
                assert False
        """
    )
    result = pytester.runpytest_subprocess(*WITHOUT_XDIST)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*haremq: virtual host *", "queue 'orders': 1 ready, 0 unacknowledged, 0 consumers"]
    )


def test_two_hundred_tests_share_one_broker() -> None:
    project = Path(__file__).parent / "parallel"
    command = [sys.executable, "-m", "pytest", "-q", "--tb=line", "-n", "auto", *NO_FILES]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert "200 passed" in done.stdout, done.stdout[-4000:]
    assert done.returncode == 0
