#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As many as Linux follows itself. */
#define MAX_LINKS 40

/* What the link says: a name of its own, or one beside the link. NULL with errno. */
static char *follow_once(const char *link)
{
	char target[PATH_MAX];
	ssize_t length = readlink(link, target, sizeof target - 1);
	if (length < 0)
		return NULL;
	target[length] = '\0';
	const char *slash = strrchr(link, '/');
	char *path;
	if (target[0] == '/' || !slash)
		return strdup(target);
	if (asprintf(&path, "%.*s/%s", (int)(slash - link), link, target) >= 0)
		return path;
	errno = ENOMEM;
	return NULL;
}

char *path_follow(const char *path)
{
	struct stat info;
	char *at = strdup(path);
	for (int i = 0; at && i < MAX_LINKS; i++) {
		if (lstat(at, &info) != 0 || !S_ISLNK(info.st_mode))
			return at;
		char *next = follow_once(at);
		free(at);
		at = next;
	}
	if (at)
		errno = ELOOP;
	free(at);
	return NULL;
}

void path_reserve_descriptors(void)
{
	for (int i = 0; i <= STDERR_FILENO; i++)
		/* The lowest free number is taken, and those below `i` are not free any more. */
		if (fcntl(i, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDONLY) < 0)
			return;
}
