#include "driver/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/path.h"
#include "driver/options.h"

/* The one piece of global state: a signal handler has nothing else to look at. A path stays valid until the process
 * ends, for its slot is emptied before its arena goes. */
#define MAX_TEMPORARY 8
static const char *volatile temporaries[MAX_TEMPORARY];

static void remember(const char *path)
{
	for (int i = 0; i < MAX_TEMPORARY; i++) {
		if (!temporaries[i]) {
			temporaries[i] = path;
			return;
		}
	}
}

static void forget(const char *path)
{
	for (int i = 0; i < MAX_TEMPORARY; i++)
		if (temporaries[i] == path)
			temporaries[i] = NULL;
}

static void unlink_all(void)
{
	for (int i = 0; i < MAX_TEMPORARY; i++) {
		const char *path = temporaries[i];
		if (path)
			unlink(path);
		temporaries[i] = NULL;
	}
}

static void on_signal(int number)
{
	unlink_all();
	signal(number, SIG_DFL); /* async-signal-safe, as unlink and raise are */
	raise(number);
}

void output_clean_up_at_exit(void)
{
	atexit(unlink_all);
	const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		struct sigaction action = {.sa_handler = on_signal}, old;
		/* nohup asks for SIGHUP to be ignored: leave it so */
		if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
	}
}

static bool cannot_write(const char *path)
{
	driver_error("cannot write \"%.300s\": %s", path, strerror(errno));
	return false;
}

static const char *temporary_folder(void)
{
	const char *folder = getenv("TMPDIR");
	return folder && folder[0] ? folder : "/tmp";
}

/* The kernel reuses process numbers, and other machines may share the folder: only what nobody has written to for so long is left over. */
#define STALE_SECONDS 3600

/* Removes files of our own "FOLDER/.entkc-PID-N.SUFFIX" whose process was killed. */
static void remove_stale(Arena *arena, const char *folder)
{
	DIR *list = opendir(folder);
	struct dirent *entry;
	while (list && (entry = readdir(list)) != NULL) {
		long pid;
		unsigned number;
		char dot;
		struct stat info;
		if (strncmp(entry->d_name, ".entkc-", 7) != 0 ||
		    sscanf(entry->d_name, ".entkc-%ld-%u%c", &pid, &number, &dot) != 3 || dot != '.' || pid <= 0 ||
		    pid > INT_MAX)
			continue;
		const char *path = arena_printf(arena, "%s/%s", folder, entry->d_name);
		if (lstat(path, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid() &&
		    kill((pid_t)pid, 0) != 0 && errno == ESRCH && time(NULL) - info.st_mtime > STALE_SECONDS)
			unlink(path);
	}
	if (list)
		closedir(list);
}

/* An empty file "FOLDER/.entkc-PID-N.SUFFIX" of our own; NULL and errno on failure. */
static const char *create_file(Arena *arena, const char *folder, const char *suffix, mode_t mode)
{
	remove_stale(arena, folder);
	for (unsigned i = 0; i < 10000; i++) {
		const char *path = arena_printf(arena, "%s/.entkc-%ld-%u%s", folder, (long)getpid(), i, suffix);
		int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
		if (fd >= 0) {
			close(fd);
			remember(path);
			return path;
		}
		if (errno != EEXIST)
			return NULL;
	}
	return NULL;
}

bool output_begin(Arena *arena, const char *path, Output *output)
{
	*output = (Output){.path = path};
	struct stat info;
	bool exists = stat(path, &info) == 0;
	if (!exists && errno != ENOENT)
		return cannot_write(path);
	if (exists && S_ISDIR(info.st_mode)) {
		errno = EISDIR;
		return cannot_write(path);
	}
	output->is_device = exists && !S_ISREG(info.st_mode);
	if (!output->is_device) {
		/* what a symbolic link points to is replaced, or made, not the link */
		char *real = exists ? realpath(path, NULL) : path_follow(path);
		if (!real)
			return cannot_write(path);
		output->path = arena_copy(arena, real, strlen(real));
		free(real);
	}
	const char *folder = temporary_folder();
	if (!output->is_device) {
		const char *slash = strrchr(output->path, '/');
		folder = !slash                  ? "."
			 : slash == output->path ? "/"
						 : arena_copy(arena, output->path, (size_t)(slash - output->path));
	}
	output->temporary = create_file(arena, folder, ".tmp", 0666);
	if (!output->temporary)
		return cannot_write(path);
	if (exists && !output->is_device)
		chmod(output->temporary, info.st_mode & 07777);
	return true;
}

/* Into a pipe or device, which cannot be replaced. */
static bool copy_into(const char *from, const char *to)
{
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	bool good = in && out;
	char buffer[65536];
	for (size_t n; good && (n = fread(buffer, 1, sizeof buffer, in)) > 0;)
		good = fwrite(buffer, 1, n, out) == n;
	if (in) {
		good = good && !ferror(in);
		fclose(in);
	}
	if (out && fclose(out) != 0)
		good = false;
	return good;
}

bool output_finish(Output *output)
{
	bool good = output->is_device ? copy_into(output->temporary, output->path)
				      : rename(output->temporary, output->path) == 0;
	if (!good)
		cannot_write(output->path);
	if (!good || output->is_device)
		unlink(output->temporary);
	forget(output->temporary);
	return good;
}

void output_drop(Output *output)
{
	unlink(output->temporary);
	forget(output->temporary);
}

const char *output_scratch(Arena *arena, const char *suffix)
{
	const char *folder = temporary_folder();
	const char *path = create_file(arena, folder, suffix, 0600);
	if (!path)
		cannot_write(folder);
	return path;
}

bool output_check_stdout(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return true;
	return cannot_write("stdout");
}
