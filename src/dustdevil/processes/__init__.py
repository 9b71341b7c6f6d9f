"""Processes: one loop per core, and programs that a server starts.

One loop runs on one core. A master forks a worker for each, passes signals on, and
starts another where one dies. It serves nothing itself, so that it has no reason to
fail. Workers come and go one by one: the new code is there before the old one leaves.

child         other programs: started, talked to, waited for
supervisor    who serves, who comes, who leaves: decisions without system calls
worker        what is forked, and how it and its master talk
totals        the metrics of all workers, added up in any one of them
prefork       the master
changes       which source files have changed
"""

from dustdevil import homes, lazy_names

HOMES = homes(
    child="Finished Process on_exit run_process",
    supervisor="Backoff Supervisor Worker",
    worker="Job StartError WorkerProcess reporters",
    totals="Totals",
    prefork="NoWorkerError cores serve",
    changes="Changes",
)

__all__ = sorted(HOMES)
__getattr__ = lazy_names(__name__, HOMES)
