/* Output files that appear complete or not at all: written under a temporary name beside the final one, synced, renamed.
 *
 * Links are followed, so that the file that they name is replaced, and made where it is not there yet. What is replaced keeps its
 * mode, so that a private result stays private. Devices, pipes and folders are refused: a rename would put a file in their place.
 *
 * The temporary name is NAME.partial-PID, and whoever writes it holds a lock on it. So the next run that writes NAME can tell what a
 * killed process left behind from what another one, of this machine or another, is writing. */
#ifndef ENTK_OUTPUT_TARGET_H
#define ENTK_OUTPUT_TARGET_H

#include "support/status.h"

#include <sys/types.h>

typedef struct EntkTarget {
	char *final, *temporary, *folder;
	bool exists; /* there is a file to be replaced; the next three are its */
	mode_t mode;
	uid_t owner;
	gid_t group;
	int lock; /* of the temporary file, from entk_target_begin on; else -1 */
} EntkTarget;

/* Checks that `path` can be written, and removes what killed processes left of it. On failure *target is empty. */
EntkStatus entk_target_create(const char *path, EntkTarget *target, EntkError *error);
/* Makes the temporary file, empty and locked, for the caller to write to by its name. */
EntkStatus entk_target_begin(EntkTarget *target, EntkError *error);
/* Gives the complete temporary file its final name. On failure it is removed. */
EntkStatus entk_target_commit(EntkTarget *target, EntkError *error);
/* Removes the temporary file; `number` is the errno that says why. Returns the error's status. */
EntkStatus entk_target_fail(EntkTarget *target, int number, EntkError *error);
/* Empty targets are fine. A temporary file that was begun is removed. */
void entk_target_destroy(EntkTarget *target);

/* Write a whole text file (JSON, SVG) this way; "-" is stdout. */
EntkStatus entk_write_text(const char *path, const char *text, size_t size, EntkError *error);

#endif
