"""Measuring: numbers that a server keeps of itself, and looks at its own stack.

A number that is kept costs little and says that something is slow: how many requests,
how long they took. Where the time goes is another question. A thread that looks at
another thread's stack now and then answers it without slowing anything down; the same
look notices a callback that does not come back.

registry    counters, gauges and histograms, and the text that Prometheus reads
sampling    the profiler, and the watchdog for slow calls
"""

from dustdevil import lazy_names

HOMES = {
    "CONTENT_TYPE": "registry",
    "Counter": "registry",
    "Gauge": "registry",
    "Histogram": "registry",
    "Profiler": "sampling",
    "Reading": "registry",
    "Registry": "registry",
    "SlowCall": "sampling",
    "Watchdog": "sampling",
    "log_slow_call": "sampling",
}

__all__ = sorted(HOMES)
__getattr__ = lazy_names(__name__, HOMES)
