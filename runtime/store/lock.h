/* The lock of a gram store: one process writes, or several read. The system releases it with the process, however that ends. */
#ifndef ENTK_STORE_LOCK_H
#define ENTK_STORE_LOCK_H

#include "support/status.h"

/* Locks the folder `path` through its file ".lock"; *file is what entk_store_unlock takes (-1: a folder for reading that cannot hold
 * a lock file, for example on a read-only medium). The error names the process that is in the way. */
EntkStatus entk_store_lock(const char *path, bool write, int *file, EntkError *error);
void entk_store_unlock(int file, bool write);

#endif
