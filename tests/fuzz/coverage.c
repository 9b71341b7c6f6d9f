/* Shows a fuzzer which ways through the extension an input took: compiled into it by
   `fuzz_speedups.py`, together with gcc's -fsanitize-coverage=trace-pc, which has every basic
   block call the function below. libFuzzer, inside of atheris, wants a table of
   counters, one byte for each place. */

#include <stdint.h>

#define PLACES 65536

void __sanitizer_cov_8bit_counters_init(uint8_t *start, uint8_t *stop);

static uint8_t counters[PLACES];

/* Ours, and not the one of that name in libFuzzer, which does nothing. */
__attribute__((visibility("hidden"), no_sanitize_coverage)) void
__sanitizer_cov_trace_pc(void)
{
    uintptr_t place = (uintptr_t)__builtin_return_address(0) % PLACES;
    if (counters[place] < 255) {
        counters[place]++;
    }
}

__attribute__((constructor, no_sanitize_coverage)) static void
announce(void)
{
    __sanitizer_cov_8bit_counters_init(counters, counters + PLACES);
}
