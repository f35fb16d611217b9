/* See file.h. */
#include "support/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int entk_open_read(const char *path, struct stat *info)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (file < 0)
		return -1;
	if (fstat(file, info) == 0)
		return file;
	int number = errno;
	close(file);
	errno = number;
	return -1;
}

const char *entk_find_key(const char *name)
{
	char path[PATH_MAX];
	const char *last = strrchr(name, ':');
	if (!last || access(name, F_OK) == 0)
		return NULL;
	for (const char *colon = last; colon > name; colon--) {
		size_t length = (size_t)(colon - name);
		if (*colon != ':' || length >= sizeof path)
			continue;
		snprintf(path, sizeof path, "%.*s", (int)length, name);
		if (access(path, F_OK) == 0)
			return colon;
	}
	return last;
}
