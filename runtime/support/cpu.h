/* What the CPU can do, by the names of /proc/cpuinfo. */
#ifndef ENTK_SUPPORT_CPU_H
#define ENTK_SUPPORT_CPU_H

#include <stdbool.h>
#include <stddef.h>

/* Puts those of the comma-separated `features` that this CPU lacks into `missing`, comma-separated. Returns false when some are
 * missing. Where the system does not tell (no /proc), nothing is missing. */
bool entk_cpu_has(const char *features, char *missing, size_t size);
/* "AMD EPYC 9J14 96-Core Processor"; "unknown" where the system does not tell. */
const char *entk_cpu_name(char *name, size_t size);

#endif
