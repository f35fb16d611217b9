/* Files that are complete or not there: see target.h. */
#include "output/target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void entk_target_destroy(EntkTarget *target)
{
	free(target->final);
	free(target->temporary);
	free(target->folder);
	memset(target, 0, sizeof *target);
}

EntkStatus entk_target_create(const char *path, EntkTarget *target, EntkError *error)
{
	struct stat info;
	memset(target, 0, sizeof *target);
	bool exists = stat(path, &info) == 0;
	if (exists && !S_ISREG(info.st_mode)) {
		entk_fail(error, ENTK_SYSTEM, path, "cannot write: it is %s, expected a regular file",
			  S_ISDIR(info.st_mode) ? "a folder" : "a device or pipe");
		return error->status;
	}
	if (!*path)
		return entk_fail(error, ENTK_USAGE, NULL, "the output's name is empty");
	if (exists && access(path, W_OK) != 0)
		return entk_fail(error, ENTK_SYSTEM, path, "cannot write: %s", strerror(errno));
	target->final = exists ? realpath(path, NULL) : strdup(path);
	const char *slash = target->final ? strrchr(target->final, '/') : NULL;
	if (!slash)
		target->folder = strdup(".");
	else
		target->folder = strndup(target->final, slash == target->final ? 1 : (size_t)(slash - target->final));
	size_t size = strlen(path) + PATH_MAX + 32;
	target->temporary = malloc(size);
	if (!target->final || !target->folder || !target->temporary) {
		entk_target_destroy(target);
		return entk_fail_memory(error, "a file's name", size);
	}
	snprintf(target->temporary, size, "%s.partial-%ld", target->final, (long)getpid());
	if (access(target->folder, W_OK | X_OK) != 0) {
		entk_fail(error, ENTK_SYSTEM, path, "cannot write: %s", strerror(errno));
		entk_fix(error, "the folder %s must exist and be writable", target->folder);
		entk_target_destroy(target);
		return error->status;
	}
	return ENTK_OK;
}

EntkStatus entk_target_failure(const EntkTarget *target, int number, EntkError *error)
{
	return entk_fail(error, ENTK_SYSTEM, target->final, "cannot write: %s; nothing was left behind",
			 strerror(number));
}

static int sync_path(const char *path, int flags)
{
	int file = open(path, flags);
	if (file < 0)
		return -1;
	int result = fsync(file);
	int number = errno;
	close(file);
	errno = number;
	return result;
}

EntkStatus entk_target_commit(EntkTarget *target, EntkError *error)
{
	if (sync_path(target->temporary, O_RDONLY) != 0 || rename(target->temporary, target->final) != 0) {
		int number = errno;
		unlink(target->temporary);
		return entk_target_failure(target, number, error);
	}
	/* Some file systems cannot sync folders; the file itself is safe. */
	(void)sync_path(target->folder, O_RDONLY | O_DIRECTORY);
	return ENTK_OK;
}

EntkStatus entk_write_text(const char *path, const char *text, size_t size, EntkError *error)
{
	EntkTarget target;
	if (strcmp(path, "-") == 0) {
		if (fwrite(text, 1, size, stdout) != size || fflush(stdout) != 0)
			return entk_fail(error, ENTK_SYSTEM, "stdout", "cannot write: %s", strerror(errno));
		return ENTK_OK;
	}
	EntkStatus status = entk_target_create(path, &target, error);
	if (status != ENTK_OK)
		return status;
	FILE *file = fopen(target.temporary, "wb");
	bool good = file && fwrite(text, 1, size, file) == size && fflush(file) == 0;
	int number = errno;
	if (file && fclose(file) != 0 && good) {
		good = false;
		number = errno;
	}
	if (!good) {
		status = entk_target_failure(&target, number, error);
		unlink(target.temporary);
	} else {
		status = entk_target_commit(&target, error);
	}
	entk_target_destroy(&target);
	return status;
}
