#!/usr/bin/env python3
"""OrderHub from nothing: needs Python 3.11 to 3.13 and its standard library only.

python3 orderhub/bootstrap.py VERB [ARGUMENTS]

setup      make .venv and install the hash-pinned requirements (`setup dev`: those of the checks, too)
demo       a fresh database, the sandbox, the site, and a thousand real orders through all of it
run        the site, worker and beat on the database as it is, without sandbox and sample data
stop       end exactly what was started here
status     what is running here, and where
db         start the embedded PostgreSQL (or use DATABASE_URL) and print the address of the database
testdb     the same for the throw-away cluster of the tests
manage     a Django command with this checkout's settings
test       linters, types, import contracts, deployment and migration checks, all tests
pytest     the tests only (arguments go to pytest)
bench      measurements on a database of their own (arguments: chain, hot, …)
drill      failure drills on a database of their own (arguments: pull, oversell, push, poison, broker, token)
messages   compile the translations (.po to .mo)
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
OLDEST, NEWEST = (3, 11), (3, 13)


def right_python() -> None:
    """Go on under a Python that is supported, or say which one is needed."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return
    from shutil import which

    for minor in (11, 12, 13):
        found = which(f"python3.{minor}")
        if found and not os.environ.get("ORDERHUB_PYTHON_TRIED"):
            os.environ["ORDERHUB_PYTHON_TRIED"] = "1"
            os.execv(found, [found, os.path.abspath(__file__), *sys.argv[1:]])
    sys.exit(
        f"OrderHub needs Python 3.11, 3.12 or 3.13; this is {sys.version.split()[0]}. On Debian, Ubuntu:\n\n"
        "    sudo apt-get update && sudo apt-get install -y python3.11 python3.11-venv\n"
    )


def make_importable() -> None:
    """Import from the checkout, and never a sibling file in place of a standard module."""
    if sys.path and os.path.abspath(sys.path[0]) == HERE:
        sys.path[0] = os.path.dirname(HERE)
    else:
        sys.path.insert(0, os.path.dirname(HERE))


def setup(arguments: "list[str]") -> int:
    """Make the virtual environment and install what is pinned."""
    from orderhub.launch import environment, places, venv

    venv.setup(development="dev" in arguments)
    environment.complete()
    places.say("set up: " + venv.python())
    return 0


def db(arguments: "list[str]") -> int:
    """Start the embedded cluster and print the main database's address."""
    from orderhub.launch import house, venv

    venv.setup()
    print(house.main_database()["DATABASE_URL"])
    return 0


def testdb(arguments: "list[str]") -> int:
    """Start the cluster of the tests and print its address."""
    from orderhub.launch import checks, house, venv

    venv.setup()
    print(house.database(cluster=checks.TEST_CLUSTER)["DATABASE_URL"])
    return 0


def demo(arguments: "list[str]") -> int:
    """Fresh databases, the whole house, and the sample orders; the site stays up."""
    from orderhub.launch import house, places, venv

    venv.setup()
    ended = house.stop_children()
    if ended:
        places.say("ended the previous " + ", ".join(ended))
    house.forget_demo()
    house.take_ports("web", "sandbox")
    env = house.main_database(renew=True)
    house.prepare(env)
    house.start_sandbox(env)
    house.start_site(env)
    code = house.manage(env, "demo", *arguments)
    places.say(
        f"\nThe site stays up on {env['PUBLIC_URL']}/admin/ (user {env['ADMIN_USER']}, password in var/env)."
    )
    places.say("`make stop` ends it; `make demo` begins anew.")
    return code


def run(arguments: "list[str]") -> int:
    """The site on the database as it is."""
    from orderhub.launch import house, places, venv

    venv.setup()
    house.stop_children()
    house.take_ports("web")
    env = house.main_database()
    house.prepare(env)
    house.start_site(env)
    places.say(
        f"{env['PUBLIC_URL']}/admin/ is up; "
        "`python3 orderhub/bootstrap.py manage createsuperuser` makes a login."
    )
    places.say("`make stop` ends it.")
    return 0


def stop(arguments: "list[str]") -> int:
    """End what was started from this checkout."""
    from orderhub.launch import checks, house, places

    ended = house.stop_children()
    for name in ("postgres", checks.TEST_CLUSTER):
        word = house.stop_cluster(name)
        if word:
            ended.append(word)
    places.say("ended: " + ", ".join(ended) if ended else "nothing was running")
    return 0


def status(arguments: "list[str]") -> int:
    """One line for each part."""
    from orderhub.launch import checks, cluster, environment, house, processes

    for name in reversed(house.CHILDREN):
        child = processes.recorded(name)
        state = "ended by itself" if child else "stopped"
        if child and child.alive:
            state = f"running, pid {child.pid}" + (f" on port {child.port}" if child.port else "")
        print(f"{name:13} {state}")
    for name in ("postgres", checks.TEST_CLUSTER):
        if house.cluster_exists(name):
            server = cluster.Cluster(name)
            pid = server.pid()
            print(f"{name:13} {f'running, pid {pid} on port {server.port}' if pid else 'stopped'}")
    print(f"{'site':13} {environment.read().get('PUBLIC_URL', 'not set up yet')}")
    return 0


def manage(arguments: "list[str]") -> int:
    """A Django command with this checkout's settings and database."""
    from orderhub.launch import house, venv

    venv.setup()
    return house.manage(house.main_database(), *arguments)


def test(arguments: "list[str]") -> int:
    """All checks and tests."""
    from orderhub.launch import checks

    return checks.run(arguments)


def pytest(arguments: "list[str]") -> int:
    """The tests alone, on the tests' cluster or the server of DATABASE_URL."""
    from orderhub.launch import checks

    return checks.run(arguments, only_tests=True)


def _on_side_database(purpose: str, command: str, names: "list[str]", arguments: "list[str]") -> int:
    from orderhub.launch import house, venv

    venv.setup()
    worst = 0
    given = bool(arguments) and not arguments[0].startswith("-")
    for name in [""] if given else names:
        env = house.side_database(purpose)
        house.prepare_tables(env)
        worst = max(worst, house.manage(env, command, *([name] if name else []), *arguments))
    return worst


def bench(arguments: "list[str]") -> int:
    """Measurements, on a fresh database of the durable cluster."""
    return _on_side_database("bench", "bench", ["chain", "hot"], arguments)


def drill(arguments: "list[str]") -> int:
    """Failure drills, each on a fresh database of the durable cluster."""
    names = ["pull", "oversell", "push", "poison", "broker", "token"]
    return _on_side_database("drill", "drill", names, arguments)


def messages(arguments: "list[str]") -> int:
    """Compile every .po into the .mo that is committed beside it."""
    from orderhub.launch import house, venv

    venv.setup(development=True)
    return house.compile_messages()


VERBS = {
    verb.__name__: verb
    for verb in (setup, demo, run, stop, status, db, testdb, manage, test, pytest, bench, drill, messages)
}


def main(arguments: "list[str]") -> int:
    """Run one verb; a Stop is a sentence for the person, not a traceback."""
    if not arguments or arguments[0] not in VERBS:
        print(__doc__.strip())
        return 0 if arguments and arguments[0] in ("help", "-h", "--help") else 2
    from orderhub.launch.places import Stop, say

    try:
        return VERBS[arguments[0]](arguments[1:])
    except Stop as stopped:
        say("\n" + str(stopped))
        return 2
    except KeyboardInterrupt:
        say("\nbroken off; `make stop` ends what was started")
        return 130


if __name__ == "__main__":
    right_python()
    make_importable()
    sys.exit(main(sys.argv[1:]))
