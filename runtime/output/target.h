/* Output files that are never half there: everything goes to a temporary name beside the final one, is synced and renamed. Under the
 * final name there is the old file or the new one. */
#ifndef ENTK_OUTPUT_TARGET_H
#define ENTK_OUTPUT_TARGET_H

#include "support/status.h"

typedef struct EntkTarget {
	char *final, *temporary, *folder; /* owned */
} EntkTarget;

/* Checks that `path` can be written. A link is followed, so that the file it names is replaced, not the link; a device
 * is refused, since the final rename would replace it by a file. The caller writes target->temporary. */
EntkStatus entk_target_create(const char *path, EntkTarget *target, EntkError *error);
/* Give the complete temporary file its final name. */
EntkStatus entk_target_commit(EntkTarget *target, EntkError *error);
/* "cannot write: REASON; nothing was left behind", for errno `number`. */
EntkStatus entk_target_failure(const EntkTarget *target, int number, EntkError *error);
void entk_target_destroy(EntkTarget *target); /* a zeroed one is fine */

/* Write a whole text file (JSON, SVG) this way; "-" is stdout. */
EntkStatus entk_write_text(const char *path, const char *text, size_t size, EntkError *error);

#endif
