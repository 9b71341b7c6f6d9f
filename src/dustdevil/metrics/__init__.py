"""Measuring: numbers that a server keeps of itself, and looks at its own stack.

A number that is kept costs little and says that something is slow: how many requests,
how long they took. Where the time goes is another question. A thread that looks at
another thread's stack now and then answers it without slowing anything down; the same
look notices a callback that does not come back.

registry    counters, gauges and histograms, and the text that Prometheus reads
sampling    the profiler, and the watchdog for slow calls
"""

from dustdevil import homes, lazy_names

HOMES = homes(
    registry="CONTENT_TYPE Counter Gauge Histogram Reading Registry",
    sampling="Profiler SlowCall Watchdog log_slow_call",
)

__all__ = sorted(HOMES)
__getattr__ = lazy_names(__name__, HOMES)
