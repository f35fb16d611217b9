/* Output files: written beside their final place under a temporary name and renamed when they are complete, so that
 * nothing half-written ever bears the final name. Temporary files vanish when the compiler ends, also by a signal. */
#ifndef ENTK_OUTPUT_H
#define ENTK_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"

typedef struct Output {
	const char *path;      /* the final name, links followed */
	const char *temporary; /* write here */
	bool is_device;        /* a pipe or device: the bytes are copied into it */
} Output;

/* Unlink temporary files at exit and on SIGINT, SIGTERM, SIGHUP. Call once. */
void output_clean_up_at_exit(void);

/* All report a failure to stderr and return false. */
bool output_begin(Arena *arena, const char *path, Output *output); /* makes the temporary file, empty */
bool output_finish(Output *output);                                /* puts it in place */
void output_drop(Output *output);                                  /* removes it */
/* A file of our own in the folder for temporary files, removed at exit; empty. */
const char *output_scratch(Arena *arena, const char *suffix);
/* Flush stdout; did everything get there? */
bool output_check_stdout(void);

#endif
