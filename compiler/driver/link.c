#include "driver/link.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver/options.h"

extern char **environ;

#define MAX_ARGUMENTS 256

typedef struct Command {
	char *argv[MAX_ARGUMENTS + 1];
	size_t count;
	bool overflow;
} Command;

static void add(Command *command, const char *argument)
{
	if (command->count == MAX_ARGUMENTS)
		command->overflow = true;
	else
		command->argv[command->count++] = (char *)argument; /* posix_spawn does not write to it */
}

/* The words of a text, separated by blanks. */
static void add_words(Arena *arena, Command *command, const char *text)
{
	static const char blanks[] = " \t\r\n";
	for (text += strspn(text, blanks); *text; text += strspn(text, blanks)) {
		size_t length = strcspn(text, blanks);
		add(command, arena_copy(arena, text, length));
		text += length;
	}
}

static Command c_compiler(Arena *arena)
{
	Command command = {0};
	const char *cc = getenv("CC");
	if (cc)
		add_words(arena, &command, cc);
	if (command.count == 0)
		add(&command, "cc");
	return command;
}

static bool run(const Command *command)
{
	const char *name = command->argv[0];
	if (command->overflow) {
		driver_error("command line of \"%.300s\" has more than %d words", name, MAX_ARGUMENTS);
		return false;
	}
	pid_t child;
	int error = posix_spawnp(&child, name, NULL, NULL, command->argv, environ);
	if (error) {
		driver_error("cannot run \"%.300s\", which links programs: %s; install a C compiler or set CC", name,
			     strerror(error));
		return false;
	}
	int status;
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR) {
			driver_error("cannot wait for \"%.300s\": %s", name, strerror(errno));
			return false;
		}
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		driver_error("cannot run \"%.300s\", which links programs; install a C compiler or set CC", name);
	else if (WIFEXITED(status))
		driver_error("linking failed: \"%.300s\" ended with status %d", name, WEXITSTATUS(status));
	else
		driver_error("linking failed: \"%.300s\" was stopped by signal %d", name,
			     WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	return false;
}

/* ---- where the libraries are ---- */

static bool has_library(Arena *arena, const char *folder)
{
	return access(arena_printf(arena, "%s/libentk.a", folder), R_OK) == 0;
}

/* The folder that holds the running entkc; NULL if the system does not tell. */
static char *own_folder(Arena *arena)
{
	size_t size = 65536;
	char *path = arena_alloc(arena, size, 1);
	ssize_t length = readlink("/proc/self/exe", path, size - 1);
	if (length <= 0)
		return NULL;
	path[length] = 0;
	char *slash = strrchr(path, '/');
	if (slash)
		*slash = 0;
	return path;
}

const char *link_library_folder(Arena *arena)
{
	const char *given = getenv("ENTK_LIBDIR");
	if (given && given[0]) {
		if (has_library(arena, given))
			return given;
		driver_error("there is no libentk.a in ENTK_LIBDIR, \"%.300s\"", given);
		return NULL;
	}
	const char *own = own_folder(arena);
	if (own) {
		if (has_library(arena, own))
			return own;
		const char *installed = arena_printf(arena, "%s/../lib/entk", own);
		if (has_library(arena, installed))
			return installed;
	}
	driver_error("cannot find libentk.a beside entkc in \"%.300s\" nor in its ../lib/entk; set ENTK_LIBDIR",
		     own ? own : "?");
	return NULL;
}

/* Text of a small file; NULL and errno on failure. */
static const char *read_text(Arena *arena, const char *path)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		return NULL;
	size_t size = 1 << 18;
	char *text = arena_alloc(arena, size, 1);
	size_t length = fread(text, 1, size - 1, file);
	bool good = !ferror(file) && length < size - 1;
	fclose(file);
	if (!good)
		errno = EFBIG;
	return good ? text : NULL;
}

const char *link_abi_header(Arena *arena, const char *libraries)
{
	/* beside the library in a build tree, among the headers when installed */
	const char *const places[] = {"entk_abi.h", "../../include/entk/entk_abi.h"};
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		const char *text = read_text(arena, arena_printf(arena, "%s/%s", libraries, places[i]));
		if (text)
			return text;
	}
	driver_error("cannot find entk_abi.h, which belongs to libentk.a in \"%.300s\"", libraries);
	return NULL;
}

/* What the runtime itself needs is written down beside it when it is built. */
static bool add_runtime_libraries(Arena *arena, Command *command, const char *libraries)
{
	const char *path = arena_printf(arena, "%s/libentk.libs", libraries);
	const char *text = read_text(arena, path);
	if (!text) {
		driver_error("cannot read \"%.300s\": %s", path, strerror(errno));
		return false;
	}
	add_words(arena, command, text);
	return true;
}

/* ---- links ---- */

bool link_program(Arena *arena, const char *libraries, const char *object, const char *output)
{
	Command command = c_compiler(arena);
	add(&command, object);
	add(&command, "-o");
	add(&command, output);
	add(&command, arena_printf(arena, "%s/libentk.a", libraries));
	return add_runtime_libraries(arena, &command, libraries) && run(&command);
}

bool link_shared(Arena *arena, const char *object, const char *output)
{
	Command command = c_compiler(arena);
	add(&command, "-shared");
	add(&command, "-Wl,-z,defs"); /* a symbol that is missing is found here and not by the program that loads it */
	add(&command, object);
	add(&command, "-o");
	add(&command, output);
	add(&command, "-lm");
	return run(&command);
}

bool link_reference(Arena *arena, const char *libraries, const char *source, const char *output)
{
	Command command = c_compiler(arena);
	add(&command, source);
	add(&command, "-o");
	add(&command, output);
	/* main is in libentk.a and calls entk_program, which is in libentk_reference.a */
	add(&command, "-Wl,--start-group");
	add(&command, arena_printf(arena, "%s/libentk.a", libraries));
	add(&command, arena_printf(arena, "%s/libentk_reference.a", libraries));
	add(&command, "-Wl,--end-group");
	return add_runtime_libraries(arena, &command, libraries) && run(&command);
}
