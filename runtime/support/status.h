/* How runtime functions report failure: a status, and in an EntkError the one line that the user will read.
 *
 * A function that can fail takes an EntkError as its last argument, fills it exactly when it returns something else
 * than ENTK_OK, and returns error->status. The line says where, what was found, what was expected and how to fix it. */
#ifndef ENTK_SUPPORT_STATUS_H
#define ENTK_SUPPORT_STATUS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum EntkStatus {
	ENTK_OK,
	ENTK_USAGE,       /* the command line is wrong: exit 1 */
	ENTK_INPUT,       /* the data are wrong: exit 1 */
	ENTK_NUMERICAL,   /* NaN or Inf in a result, a Gram that is not positive definite: exit 2 */
	ENTK_MEMORY,      /* out of memory: exit 3 */
	ENTK_SYSTEM,      /* a file cannot be read or written, the CPU is not the one compiled for: exit 3 */
	ENTK_INTERNAL,    /* our own mistake, for example a wrong argument to LAPACK: exit 3 */
	ENTK_INTERRUPTED, /* SIGINT or SIGTERM: exit 130 */
} EntkStatus;

typedef struct EntkError {
	EntkStatus status;
	char where[512]; /* "data.npz:x_train", an option's name ..; may be empty */
	char what[512];  /* what is wrong: what was found and what was expected */
	char fix[512];   /* what the user can do; may be empty */
} EntkError;

/* Set status and `what`; clears `fix`; `where` may be NULL. Returns `status`, so that a check is one line. */
EntkStatus entk_fail(EntkError *error, EntkStatus status, const char *where, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Add how to fix it. Returns error->status. */
EntkStatus entk_fix(EntkError *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "out of memory: needs N bytes for WHAT". */
EntkStatus entk_fail_memory(EntkError *error, const char *what, size_t bytes);

/* The exit status of a program for a status. */
int entk_exit_status(EntkStatus status);
/* One line on stderr: "PROGRAM: error: WHERE: WHAT; FIX"; control characters are shown as "?". Returns the exit status. */
int entk_error_print(const char *program, const EntkError *error);

/* a * b, or false on overflow. */
bool entk_multiply(size_t a, size_t b, size_t *product);
/* calloc for count * size bytes with checks; NULL and *error set when it fails. `what` names the thing. count 0 gives
 * a pointer that may be freed. Pages are touched only when written. */
void *entk_allocate(size_t count, size_t size, const char *what, EntkError *error);
/* The same, aligned to 64 bytes, not cleared. Free with free(). */
void *entk_allocate_aligned(size_t count, size_t size, const char *what, EntkError *error);

/* Of `names`, the nearest to `name` within edit distance 2; NULL if none is near. */
const char *entk_nearest(const char *name, const char *const *names, size_t count);

#endif
