/* Waiting for other programs that a command starts. */
#ifndef ENTK_CHILD_H
#define ENTK_CHILD_H

#include "support/status.h"

#include <sys/resource.h>
#include <sys/types.h>

/* Waits for the end of `child`; `program` is its name for messages, `usage` may be NULL. After SIGINT or SIGTERM the child gets a
 * SIGTERM: one that was sent to this process alone would leave it running, and be noticed only when it ends. Then ENTK_INTERRUPTED. */
EntkStatus entk_child_wait(pid_t child, const char *program, int *status, struct rusage *usage, EntkError *error);

/* What comes out of the pipe `from` until its end, cut to size - 1 bytes. Stops when the command is interrupted. Returns the length. */
size_t entk_child_read(int from, char *text, size_t size);

#endif
