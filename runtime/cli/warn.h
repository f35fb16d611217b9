/* Warnings of the commands, on stderr. */
#ifndef ENTK_CLI_WARN_H
#define ENTK_CLI_WARN_H

#include "support/status.h"

/* "PROGRAM: warning: NET: ...". */
void entk_warn(const char *program, const char *where, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* An error that the command survives, as a warning. */
void entk_warn_error(const char *program, const EntkError *error);

#endif
