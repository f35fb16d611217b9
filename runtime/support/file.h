/* Opening files for reading. */
#ifndef ENTK_FILE_H
#define ENTK_FILE_H

#include <sys/stat.h>

/* A descriptor for reading `path`, with what it is in *info; -1 and errno where it cannot be opened. Does not wait: a named pipe
 * without a writer is opened at once, for the caller to refuse (it looks at S_ISREG). */
int entk_open_read(const char *path, struct stat *info);

/* The ':' at which "FILE:KEY" is to be cut, or NULL where `name` is a file as a whole. Keys may have colons, as may names of files: it is
 * the last one before which there is a file's name, or, where there is no such file, the last of all. */
const char *entk_find_key(const char *name);

#endif
